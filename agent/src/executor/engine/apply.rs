//! From an open session through the gate to the end of the write.

use super::after::READ_IT;
use super::limits::{after_write, goodbye};
use super::way_back::{BY_HAND, Back, UNSEEN};
use super::{Ended, Run};
use crate::executor::WritePass;
use crate::executor::device::{Running, Session, WriteEnd};
use crate::executor::snapshots::Held;
use std::time::Duration;
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::Saved;
use switchyard_shared::task::Purpose;

/// What was done before the write, for whoever must take it back.
pub(super) struct Begun {
    pub(super) pass: WritePass,
    pub(super) before: Running,
    /// That stays at the site as long as the attempt runs.
    pub(super) _held: Held,
    /// What the checks before the write saved.
    pub(super) saved: Saved,
}

impl Run<'_> {
    pub(super) async fn apply(&self, mut session: Box<dyn Session>) -> Result<Outcome, Ended> {
        let begun = match self.begin(&mut session).await {
            Ok(begun) => begun,
            Err(ended) => {
                goodbye(session).await;
                return Err(ended);
            }
        };
        self.job.context.progress(Phase::Write);
        let written =
            after_write(self.writing(), session.write(&begun.pass, &begun.before, &self.wanted)).await;
        match written {
            // On the heap: most of an attempt's time passes before, in hundreds of devices at once.
            Ok(written) => {
                let accepted = (written, self.engine.clock.now());
                Box::pin(self.after(session, &begun, accepted)).await
            }
            Err(end) => Ok(Box::pin(self.not_written(session, &begun, end)).await),
        }
    }

    /// Everything before the first byte that can change the device. A save that is still to be made is such a byte.
    async fn begin(&self, session: &mut Box<dyn Session>) -> Result<Begun, Ended> {
        let (first, difference) = self.read_and_compare(session).await?;
        if difference.is_nothing() {
            self.must_come_twice(&mut **session, &first).await?;
            if let Some(ended) = self.nothing_to_do(&mut **session).await {
                return Err(Box::new(ended));
            }
        }
        self.job.context.progress(Phase::Validate);
        let saved = self.pre_checks(session).await?;
        let limit = self.job.task.timeouts.command;
        let prepared = self.before_write(Phase::Validate, limit, session.prepare()).await;
        prepared.map_err(|failure| self.failed(&failure))?;
        // What was changed meanwhile by somebody else is what the device must be put back to.
        let (before, difference) = self.read_and_compare(session).await?;
        self.must_be_alike(&**session, &first, &before)?;
        if difference.is_nothing() {
            return Err(Box::new(self.had_it(session, before).await?));
        }
        Ok(Begun { saved, ..self.open_gate(before).await? })
    }

    /// The attempt whose write this one takes back, if it is made for that.
    pub(super) fn goes_back_from(&self) -> Option<OpId> {
        match self.job.task.purpose {
            Purpose::Restore { attempt, .. } => Some(OpId { attempt, ..self.job.task.op.clone() }),
            Purpose::Apply | Purpose::Settle { .. } | Purpose::Compare => None,
        }
    }

    /// Keeps what the device has and opens the gate.
    pub(super) async fn open_gate(&self, before: Running) -> Result<Begun, Ended> {
        let kept = self.engine.snapshots.keep(&self.job.task.op, &before, self.goes_back_from()).await;
        let held = kept.map_err(|failure| self.failed(&failure))?;
        match WritePass::ask(self.job.context, self.engine.clock.clone(), Some(self.digest(&before))).await {
            Ok(pass) => Ok(Begun { pass, before, _held: held, saved: Saved::new() }),
            Err(refused) => {
                Err(Box::new(self.ended(refused.class, Phase::Validate, LeftAs::Unchanged, &refused.message)))
            }
        }
    }

    /// The end of a write that was not accepted.
    pub(super) async fn not_written(
        &self,
        mut session: Box<dyn Session>,
        begun: &Begun,
        end: WriteEnd,
    ) -> Outcome {
        match end {
            WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Lost(_) => self.ended_by(end, Phase::Write),
            WriteEnd::Busy(_) => {
                goodbye(session).await;
                self.ended_by(end, Phase::Write)
            }
            WriteEnd::Rejected { message, left_as } => {
                let back = match left_as {
                    LeftAs::Unchanged | LeftAs::Reverted => Ok(Back::new(left_as, "")),
                    LeftAs::Changed | LeftAs::Unknown if self.job.procedure.revert => {
                        self.put_back(&mut session, begun, None).await
                    }
                    LeftAs::Changed | LeftAs::Unknown => {
                        self.left_alone(&mut session, begun).await.ok_or_else(|| UNSEEN.to_owned())
                    }
                };
                goodbye(session).await;
                self.refused(&message, back)
            }
        }
    }

    /// The end of a write or a way back of which `end` says all that there is to say.
    pub(super) fn ended_by(&self, end: WriteEnd, phase: Phase) -> Outcome {
        let device = self.device();
        match end {
            WriteEnd::NotSent(why) => {
                let message = format!("{device}: session lost before the change was sent: {why}");
                self.ended(Class::Unreachable, phase, LeftAs::Unchanged, &message).with_hint(
                    "nothing was changed; look at the device's log and its sessions, then try again",
                )
            }
            WriteEnd::NoWay(failure) => {
                let message = format!("{}; nothing was written", failure.message);
                self.ended(failure.class, failure.phase, LeftAs::Unchanged, &message)
                    .with_hint(&self.wanted.redact(&failure.hint))
            }
            WriteEnd::Busy(why) => {
                let message = format!("{device} is in use: {why}");
                self.ended(Class::Overloaded, phase, LeftAs::Unchanged, &message)
                    .with_hint(
                        "nothing was written; wait for the other session, or end it, and try again; where there is \
                         no room, close idle sessions or lower max_parallel_per_site",
                    )
            }
            WriteEnd::Lost(why) => {
                let message = format!("{device}: the end of the write is not known: {why}");
                self.ended(Class::LostAfterWrite, phase, LeftAs::Unknown, &message).with_hint(
                    "read the device before anything else: it may have the change, a part of it, or nothing",
                )
            }
            WriteEnd::Rejected { message, left_as } => self.refused(&message, Ok(Back::new(left_as, ""))),
        }
    }

    /// What the device has of a write that it did not take whole and that nobody wants taken back; `None` when nobody could
    /// look. It is noted, so that a person can have it taken back.
    pub(super) async fn left_alone(&self, session: &mut Box<dyn Session>, begun: &Begun) -> Option<Back> {
        let now = self.read_anew(session).await?;
        if now == begun.before {
            return Some(Back::new(LeftAs::Unchanged, ""));
        }
        self.engine.snapshots.note_left(&self.job.task.op, self.digest(&now)).await;
        Some(Back::new(LeftAs::Changed, ""))
    }

    /// The end of a write that the device refused, and what its way back came to; the error says why nobody knows that.
    fn refused(&self, said: &str, back: Result<Back, String>) -> Outcome {
        let message = format!("{} refused the change: {said}", self.device());
        let Back { left_as, note, is_short, .. } = match back {
            Ok(back) => back,
            Err(unknown) => {
                let message = format!("{message}; {unknown}");
                return self
                    .ended(Class::LostAfterWrite, Phase::Revert, LeftAs::Unknown, &message)
                    .with_hint(READ_IT);
            }
        };
        let ask = self.ask_for_it_back();
        let by_hand = if note.is_empty() { ask.as_str() } else { BY_HAND };
        let (class, part, hint) = match left_as {
            LeftAs::Unknown => (Class::RollbackFailed, "", ask.as_str()),
            LeftAs::Changed if is_short => (Class::RollbackFailed, "", by_hand),
            LeftAs::Changed if note.is_empty() => {
                (Class::Rejected, "; it has a part of it, which stays", by_hand)
            }
            LeftAs::Changed => (Class::Rejected, "; it has a part of it", by_hand),
            LeftAs::Unchanged | LeftAs::Reverted => {
                (Class::Rejected, "", "correct the template, then plan again")
            }
        };
        self.ended(class, Phase::Write, left_as, &format!("{message}{part}{note}")).with_hint(hint)
    }

    /// The longest that one write or one way back may take; drivers bound each answer on its way.
    pub(super) fn writing(&self) -> Duration {
        self.job.procedure.writing(&self.job.task.timeouts, self.job.task.lines())
    }

    /// Reads the device after a write: it cannot be called off any more.
    pub(super) async fn read_after(&self, session: &mut dyn Session) -> Result<Running, WriteEnd> {
        let reading = async { session.read().await.map_err(|failure| WriteEnd::Lost(failure.message)) };
        after_write(self.job.task.timeouts.command, reading).await
    }
}
