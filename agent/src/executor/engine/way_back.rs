//! Putting a device back: after a write that must not stay, and when a person asks for it.

use super::after::{READ_IT, REST};
use super::apply::Begun;
use super::limits::{after_write, goodbye};
use super::sessions::another_session;
use super::{Ended, Run};
use crate::executor::Failure;
use crate::executor::device::{Restored, Running, Session, WriteEnd};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{LOCK_WAIT, LOCK_WAITS, LOOKS_AFTER_WAY_BACK};

/// What a person wants to have back.
#[derive(Debug, Clone, Copy)]
pub(super) struct WayBack<'a> {
    /// What the device had before the write of this attempt.
    pub(super) attempt: u32,
    /// The digest of that, where it is known.
    pub(super) digest: Option<&'a str>,
    /// Whether what the device got since that write is taken away, too.
    pub(super) overwrite: bool,
}

/// What to do about a device that was not put back.
pub(super) const BY_HAND: &str =
    "look at the device, and put it back by hand: what it had is kept at its agent";
/// What is said of a device that has somebody else's work besides the change.
pub(super) const CHANGED_SINCE: &str = "somebody has changed it since";
/// What is said of a device on which the order that was changed stays.
const ORDER_STAYS: &str = "; the order of entries is the change, and the device did not take the other one";
/// What is said of one of which nobody knows whether that order was the change.
const ORDER_UNKNOWN: &str = "; the order of entries is another one and did not change, and nobody can tell whether that is the \
                             change while its secret cannot be had";
/// What is said of a device that has what it had, with its entries in another order.
const BACK_IN_ANOTHER_ORDER: &str = "; it shows entries of a list in another order than then: look at the device if that \
                                     order counts";

const NOTHING_SAVED: &str =
    "; nothing more went back, so nothing was saved: look what it has for its next boot";

/// Why nobody knows how a device is that was to go back; it goes on after a sentence.
pub(super) const UNSEEN: &str = "nobody could look at it since";

/// How a device was left by a way back.
pub(super) struct Back {
    pub(super) left_as: LeftAs,
    /// What is to be said of it: it goes on after a sentence and may be empty.
    pub(super) note: String,
    /// Whether a way back was gone to its end, and something that no way back can have stays. One that was not begun leaves
    /// a device [`LeftAs::Changed`], too.
    pub(super) is_short: bool,
    /// Whether the device has something else since.
    pub(super) has_moved: bool,
}

impl Back {
    pub(super) fn new(left_as: LeftAs, note: impl Into<String>) -> Self {
        Self { left_as, note: note.into(), is_short: false, has_moved: false }
    }
}

/// Why not one byte of a way back was sent.
enum NotBegun {
    /// The driver says why.
    Kept {
        why: WriteEnd,
        /// The digest of what the device had then.
        has: String,
    },
    /// The device has somebody else's work since.
    ChangedSince,
}

impl Run<'_> {
    /// What to do about a device that keeps what it should not have, or may.
    pub(super) fn ask_for_it_back(&self) -> String {
        let OpId { rollout, device, .. } = &self.job.task.op;
        format!(
            "look at the device; to put back what it had: switchyard rollback {rollout} --device {device}"
        )
    }

    /// Puts the device back to what it had, and reads whether it is; the error says why nobody knows: the way back itself
    /// may be what ended the session. [`LeftAs::Changed`]: nothing of it went back, for there is no way that is safe or the
    /// device took none; unless it is [`Back::is_short`]. `left` is the digest of what it had when it was last seen to have
    /// the change: what came since stays.
    pub(super) async fn put_back(
        &self,
        session: &mut Box<dyn Session>,
        begun: &Begun,
        left: Option<&str>,
    ) -> Result<Back, String> {
        let back = self.go_back(session, begun, left).await?;
        Ok(back.unwrap_or_else(|not_begun| match not_begun {
            NotBegun::Kept { why, .. } => Back::new(LeftAs::Changed, format!("; it was not put back: {why}")),
            NotBegun::ChangedSince => {
                Back::new(LeftAs::Changed, format!("; {CHANGED_SINCE}, so it was not put back"))
            }
        }))
    }

    /// The same; the inner error says why not one byte of it was sent, however often that was tried.
    async fn go_back(
        &self,
        session: &mut Box<dyn Session>,
        begun: &Begun,
        left: Option<&str>,
    ) -> Result<Result<Back, NotBegun>, String> {
        let mut left = left.map(str::to_owned);
        for _ in 0..LOCK_WAITS {
            match self.go_back_once(session, begun, left.as_deref()).await? {
                // What comes while it is waited for is the work of who holds the lock.
                Err(NotBegun::Kept { has, .. }) => left = Some(has),
                back => return Ok(back),
            }
            tokio::time::sleep(LOCK_WAIT).await;
        }
        self.go_back_once(session, begun, left.as_deref()).await
    }

    async fn go_back_once(
        &self,
        session: &mut Box<dyn Session>,
        begun: &Begun,
        left: Option<&str>,
    ) -> Result<Result<Back, NotBegun>, String> {
        let now = self.read_anew(session).await.ok_or(UNSEEN)?;
        if now == begun.before {
            return Ok(Ok(Back::new(LeftAs::Unchanged, "")));
        }
        if self.is_changed_since(&now, left) {
            return Ok(Err(NotBegun::ChangedSince));
        }
        self.job.context.progress(Phase::Revert);
        let restored = after_write(self.writing(), session.restore(&begun.pass, &now, &begun.before)).await;
        if let Err(end) = &restored {
            let said = self.wanted.redact(&end.to_string());
            tracing::warn!(device = %self.job.task.op.device, said, "the way back was refused");
        }
        let after = self.read_anew(session).await.ok_or(UNSEEN)?;
        let left_by_change = self.left_by_change().await;
        let stayed = self.digest(&after) == self.digest(&now);
        let is_same = after == begun.before && (restored.is_ok() || session.is_shown_whole());
        let back = match restored {
            _ if is_same => Back::new(LeftAs::Reverted, ""),
            Ok(_) if session.alike(&after, &begun.before) => {
                let stays =
                    |note| Back { is_short: true, has_moved: !stayed, ..Back::new(LeftAs::Changed, note) };
                match self.has_what_was_wanted(&**session, &after, left_by_change.as_deref()) {
                    Some(true) => stays(ORDER_STAYS),
                    None if after == now => stays(ORDER_UNKNOWN),
                    Some(false) | None => Back::new(LeftAs::Reverted, BACK_IN_ANOTHER_ORDER),
                }
            }
            Ok(Restored::Except(stays)) => {
                let note = format!("; all is back, except that {stays}");
                Back { is_short: true, has_moved: !stayed, ..Back::new(LeftAs::Changed, note) }
            }
            // The device may still be at it.
            Err(WriteEnd::Lost(why)) => return Err(format!("the end of its way back is not known: {why}")),
            Err(WriteEnd::Rejected { message, left_as: LeftAs::Changed }) if stayed => {
                Back::new(LeftAs::Changed, format!("; it was not put back: {message}"))
            }
            Ok(Restored::Whole) => Back::new(LeftAs::Unknown, "; after the way back it has something else"),
            Err(why @ (WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Busy(_))) => {
                // Nothing was sent, so what it has now and had not then is somebody else's.
                return Ok(Err(match stayed {
                    true => NotBegun::Kept { why, has: self.digest(&now) },
                    false => NotBegun::ChangedSince,
                }));
            }
            Err(end @ WriteEnd::Rejected { .. }) => {
                Back::new(LeftAs::Unknown, format!("; on the way back: {end}"))
            }
        };
        // The next try must not take what this one left for somebody's change; what stayed may be just that.
        let of = match self.goes_back_from() {
            Some(of) => (!stayed).then_some(of),
            None => Some(self.job.task.op.clone()),
        };
        if let Some(of) = of.filter(|_| !is_same) {
            self.engine.snapshots.note_way_back(&of, self.digest(&after)).await;
        }
        Ok(Ok(back))
    }

    /// Whether the device has something else than when it was last seen to have the change, whose digest is `left`.
    pub(super) fn is_changed_since(&self, now: &Running, left: Option<&str>) -> bool {
        left.is_some_and(|left| left != self.digest(now))
    }

    /// What is to be said of the order of what a device has that went back; `None` where it did not. What differs from
    /// `before` in the order of entries alone may be the change: then it is what was wanted.
    pub(super) fn is_back(
        &self,
        session: &dyn Session,
        now: &Running,
        before: &Running,
        left_by_change: Option<&str>,
    ) -> Option<&'static str> {
        if now == before {
            return Some("");
        }
        let is_alike = self.digest(now) == self.digest(before);
        let has_it = self.has_what_was_wanted(session, now, left_by_change);
        (is_alike && has_it == Some(false)).then_some(BACK_IN_ANOTHER_ORDER)
    }

    /// Where the change names a secret that cannot be had, nobody knows of what is alike to what it left.
    fn has_what_was_wanted(
        &self,
        session: &dyn Session,
        now: &Running,
        left_by_change: Option<&str>,
    ) -> Option<bool> {
        if self.wanted.is_known {
            return Some(session.compare(now, &self.wanted).is_ok_and(|change| change.is_nothing()));
        }
        left_by_change.filter(|left| *left != self.digest(now)).map(|_| false)
    }

    /// The digest of what the change left that this takes back, where what it wanted is not known.
    async fn left_by_change(&self) -> Option<String> {
        let of = self.goes_back_from().filter(|_| !self.wanted.is_known)?;
        let since = self.engine.snapshots.since(&of).await.ok()?;
        since.left.into_iter().next().map(|left| left.digest)
    }

    /// What the device has, over a new session where this one has ended.
    pub(super) async fn read_anew(&self, session: &mut Box<dyn Session>) -> Option<Running> {
        if let Ok(now) = self.read_after(&mut **session).await {
            return Some(now);
        }
        for _ in 0..LOOKS_AFTER_WAY_BACK {
            tokio::time::sleep(REST).await;
            if another_session(session, self.reconnect()).await.is_ok()
                && let Ok(now) = self.read_after(&mut **session).await
            {
                return Some(now);
            }
        }
        None
    }

    /// Puts a device back to what it had before an earlier write.
    pub(super) async fn restore(
        &self,
        mut session: Box<dyn Session>,
        wanted: WayBack<'_>,
    ) -> Result<Outcome, Ended> {
        let (begun, has) = match self.begin_restore(&mut session, wanted).await {
            Ok(begun) => begun,
            Err(ended) => {
                goodbye(session).await;
                return Err(ended);
            }
        };
        self.job.context.progress(Phase::Revert);
        let back = self.go_back(&mut session, &begun, Some(&has)).await;
        let device = self.device();
        let outcome = match back {
            // It has what it had when this was begun.
            Ok(Err(NotBegun::Kept { why, .. })) => {
                Outcome { left_as: LeftAs::Changed, ..self.ended_by(why, Phase::Revert) }
            }
            Ok(Err(NotBegun::ChangedSince)) => {
                let since = "somebody has changed it since this way back was begun";
                let failure = self.leaves_it(since, Phase::Revert);
                Outcome { left_as: LeftAs::Changed, ..*self.failed(&failure) }
            }
            Ok(Ok(Back { left_as: LeftAs::Reverted | LeftAs::Unchanged, note, .. })) => {
                let is_back = format!("{device} is as it was before the change{note}");
                self.save_back(&mut session, &begun.pass, &is_back).await
            }
            Ok(Ok(Back {
                left_as: left_as @ (LeftAs::Changed | LeftAs::Unknown),
                note,
                is_short,
                has_moved,
            })) => {
                let message =
                    format!("{device} could not be put back to what it had before the change{note}");
                match is_short && has_moved {
                    true => self.save_part_back(&mut session, &begun.pass, &message).await,
                    // What it boots with may be what it had before the change: a part of the change is not laid over it.
                    false => {
                        let saves = is_short && self.job.procedure.commit.save;
                        let unsaved = if saves { NOTHING_SAVED } else { "" };
                        let message = format!("{message}{unsaved}");
                        self.ended(Class::RollbackFailed, Phase::Revert, left_as, &message).with_hint(BY_HAND)
                    }
                }
            }
            Err(why) => {
                let message = format!("{device} is not known to be as it was before the change: {why}");
                self.ended(Class::LostAfterWrite, Phase::Revert, LeftAs::Unknown, &message).with_hint(READ_IT)
            }
        };
        goodbye(session).await;
        Ok(outcome)
    }

    /// Everything before the first byte of a way back, and the digest of what the device has then.
    async fn begin_restore(
        &self,
        session: &mut Box<dyn Session>,
        wanted: WayBack<'_>,
    ) -> Result<(Begun, String), Ended> {
        let of = OpId { attempt: wanted.attempt, ..self.job.task.op.clone() };
        let is_it = |kept: &Running| wanted.digest.is_none_or(|digest| self.digest(kept) == digest);
        let before = self.engine.snapshots.read(&of, is_it).await.map_err(|failure| self.failed(&failure))?;
        let first = self.must_not_be(session, &before).await?;
        self.prepare_patiently(&mut **session).await.map_err(|failure| self.failed(&failure))?;
        // What was changed meanwhile by somebody else is kept, too, before it is overwritten.
        let now = self.must_not_be(session, &before).await?;
        self.must_be_alike(&**session, &first, &now)?;
        if !wanted.overwrite && now != before {
            self.must_be_as_left(&of, &now).await?;
        }
        // What comes after this look is kept nowhere, so it stays whatever was asked.
        let has = self.digest(&now);
        Ok((Begun { before, ..self.open_gate(now).await? }, has))
    }

    /// A lock that somebody else holds is waited for: who wants a device put back does not come later.
    async fn prepare_patiently(&self, session: &mut dyn Session) -> Result<(), Failure> {
        let limit = self.job.task.timeouts.command;
        let mut prepared = self.before_write(Phase::Validate, limit, session.prepare()).await;
        for _ in 0..LOCK_WAITS {
            if !prepared.as_ref().is_err_and(|failure| failure.class == Class::Overloaded) {
                break;
            }
            let again = async {
                tokio::time::sleep(LOCK_WAIT).await;
                session.prepare().await
            };
            prepared = self.before_write(Phase::Validate, LOCK_WAIT.saturating_add(limit), again).await;
        }
        prepared
    }

    /// What came after the write of `of` is not lost by mistake.
    async fn must_be_as_left(&self, of: &OpId, now: &Running) -> Result<(), Ended> {
        let since = self.engine.snapshots.since(of).await.map_err(|failure| self.failed(&failure))?;
        let rollout = &of.rollout;
        let now = self.digest(now);
        // A change that had gone when another rollout came, and is there again, is that one's or a later one's.
        if since.left.iter().any(|left| left.stands(&now, |met| self.digest(met))) {
            return Ok(());
        }
        let why = match (since.left.first(), since.written_by) {
            (_, Some(other)) => format!("rollout {other} has written to it since rollout {rollout} wrote"),
            (Some(_), None) if since.was_tried => format!(
                "it has something else than rollout {rollout} left: an attempt to put it back whose end is not known, or somebody, \
                 has changed it since"
            ),
            (Some(_), None) => format!("somebody has changed it since rollout {rollout} wrote"),
            (None, None) => {
                format!(
                    "nobody knows what it had when rollout {rollout} had written, so it may have been changed since"
                )
            }
        };
        Err(self.failed(&self.leaves_it(&why, Phase::Validate)))
    }

    /// Why a device with somebody else's work is not put back.
    fn leaves_it(&self, why: &str, phase: Phase) -> Failure {
        let OpId { rollout, device, .. } = &self.job.task.op;
        let message = format!("{}: {why}; nothing was written", self.device());
        let hint = format!(
            "look at it first; to take that away, too: switchyard rollback {rollout} --device {device} --overwrite"
        );
        Failure::new(Class::PrecheckFailed, phase, message).with_hint(hint)
    }

    /// What the device has, unless that is `before` already and nothing is to be saved.
    async fn must_not_be(&self, session: &mut Box<dyn Session>, before: &Running) -> Result<Running, Ended> {
        let now = self.read(&mut **session).await?;
        let left_by_change = self.left_by_change().await;
        if let Some(note) = self.is_back(&**session, &now, before, left_by_change.as_deref())
            && !self.must_save_back(&mut **session).await
        {
            let rest = self.saves_itself(&**session);
            let message =
                format!("{} is as it was before the change; nothing was written{note}{rest}", self.device());
            return Err(Box::new(self.ended(Class::Unchanged, Phase::Read, LeftAs::Reverted, &message)));
        }
        Ok(now)
    }
}
