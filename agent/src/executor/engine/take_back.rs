//! A change that must not stay, or that nobody could judge: by the device's own means, else by what it had.

use super::Run;
use super::after::{READ_IT, REST};
use super::apply::Begun;
use super::limits::{after_write, goodbye};
use super::trouble::Trouble;
use super::way_back::{BY_HAND, Back, CHANGED_SINCE, UNSEEN};
use crate::executor::device::{Running, Session, Written};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::LOOKS_AFTER_PATIENCE;
use switchyard_shared::time::Timestamp;

/// How long after the end of its patience a device has surely begun to take the change back.
const MARGIN: Duration = Duration::from_secs(2);

impl Run<'_> {
    /// The end of a write that was accepted at `at` and is in trouble. `left` is the digest of what the device had when
    /// it was last seen to have the change: what came since is not ours to take away.
    pub(super) async fn take_back(
        &self,
        begun: &Begun,
        (written, at): (Written, Timestamp),
        trouble: Trouble,
        left: Option<String>,
    ) -> Outcome {
        self.ask_for_the_link(&trouble);
        let known = left.as_deref();
        if let Some(left) = known {
            self.engine.snapshots.note_left(&self.job.task.op, left.to_owned()).await;
        }
        let unseen = || UNSEEN.to_owned();
        let back = match (written, &trouble) {
            (Written::UntilConfirmed { since }, _) => {
                self.by_itself(begun, (since, at), known).await.ok_or_else(unseen)
            }
            // It was seen with the change, which stays.
            (Written::ForGood, Trouble::Bad(_)) if !self.job.procedure.revert && known.is_some() => {
                Ok(Back::new(LeftAs::Changed, ""))
            }
            (Written::ForGood, Trouble::Bad(_)) => match self.reconnect().await {
                Ok(mut session) => {
                    let back = match self.job.procedure.revert {
                        true => self.put_back(&mut session, begun, known).await,
                        false => self.left_alone(&mut session, begun).await.ok_or_else(unseen),
                    };
                    goodbye(session).await;
                    back
                }
                Err(_) => Err(unseen()),
            },
            // Nothing speaks against it: whoever reads the device back judges it.
            (Written::ForGood, Trouble::Unseen(..) | Trouble::NoWay(..)) => Err(unseen()),
        };
        self.taken_back(&trouble, back)
    }

    /// The end of a change that was not to stay, or could not be judged; the error says why nobody knows what it has.
    fn taken_back(&self, trouble: &Trouble, back: Result<Back, String>) -> Outcome {
        let (device, why) = (self.device(), trouble.why());
        match back {
            Ok(Back { left_as: LeftAs::Unchanged | LeftAs::Reverted, note, .. }) => {
                let message = format!("{device}: {why}; it is as it was before the change{note}");
                let (class, hint) = match trouble {
                    Trouble::Bad(_) | Trouble::Unseen(..) => {
                        (Class::PostcheckFailed, "correct the change, then plan again")
                    }
                    Trouble::NoWay(..) => (Class::Inconclusive, READ_IT),
                };
                self.ended(class, Phase::Verify, LeftAs::Reverted, &message).with_hint(hint)
            }
            Ok(Back { left_as: LeftAs::Changed, note, is_short: false, .. }) => {
                let message = format!("{device}: {why}; what it has of the change stays on it{note}");
                let ask = self.ask_for_it_back();
                self.ended(Class::PostcheckFailed, Phase::Verify, LeftAs::Changed, &message).with_hint(
                    match note.is_empty() {
                        true => &ask,
                        false => BY_HAND,
                    },
                )
            }
            Ok(Back { left_as: left_as @ (LeftAs::Changed | LeftAs::Unknown), note, is_short, .. }) => {
                let message = format!("{device}: {why}; it could not be put back{note}");
                let hint = if is_short { BY_HAND.to_owned() } else { self.ask_for_it_back() };
                self.ended(Class::RollbackFailed, Phase::Revert, left_as, &message).with_hint(&hint)
            }
            Err(unknown) => {
                let message = format!("{device}: {why}; {unknown}");
                let class = match trouble {
                    Trouble::Bad(_) | Trouble::Unseen(..) => Class::LostAfterWrite,
                    Trouble::NoWay(..) => Class::Inconclusive,
                };
                self.ended(class, Phase::Verify, LeftAs::Unknown, &message).with_hint(READ_IT)
            }
        }
    }

    /// Has the device take back what it waits to have confirmed, at once if it can still be told, and looks whether it
    /// did; `None` when nobody could look. It was told to commit at `since`, and had done so at `accepted`.
    async fn by_itself(
        &self,
        begun: &Begun,
        (since, accepted): (Timestamp, Timestamp),
        left: Option<&str>,
    ) -> Option<Back> {
        self.job.context.progress(Phase::Revert);
        if let Ok(mut session) = self.reconnect().await {
            let back = self.cancelled(&mut *session, begun, since, left).await;
            goodbye(session).await;
            if back.is_some() {
                return back;
            }
        }
        let (clock, commit) = (&self.engine.clock, &self.job.procedure.commit);
        let last = accepted.plus(commit.patience() + LOOKS_AFTER_PATIENCE);
        let over = accepted.plus(commit.confirm_timeout + MARGIN);
        tokio::time::sleep(over.since(clock.now())).await;
        let mut seen = None;
        loop {
            let connected = match self.refused.get() {
                None => self.reconnect().await,
                // Once more, when it has surely gone back to what let us in.
                Some(_) => {
                    tokio::time::sleep(last.since(clock.now())).await;
                    self.connect_anew().await
                }
            };
            if let Ok(mut session) = connected {
                let now = self.read_after(&mut *session).await;
                seen = now.ok().map(|now| self.seen_back(&*session, begun, &now, left));
                goodbye(session).await;
                if seen.as_ref().is_some_and(|back| back.left_as == LeftAs::Reverted) {
                    return seen;
                }
            }
            if clock.now() >= last {
                return seen;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// How the device is as it was before, told to take the change back if it may be; `None` where it is not. One that has done so already
    /// must not be told: that could bring the change back. Nor one that has somebody's work since: that could go, too.
    async fn cancelled(
        &self,
        session: &mut dyn Session,
        begun: &Begun,
        since: Timestamp,
        left: Option<&str>,
    ) -> Option<Back> {
        let now = self.read_after(session).await.ok()?;
        let back = self.seen_back(session, begun, &now, left);
        if back.left_as == LeftAs::Reverted {
            return Some(back);
        }
        if back.left_as == LeftAs::Changed || self.engine.clock.now() >= self.confirm_until(since) {
            return None;
        }
        // Its last word, too, is said before that: it is cut off, and the device goes back by itself.
        let by_itself_at = since.plus(self.job.procedure.commit.confirm_timeout);
        let limit = self.job.task.timeouts.command.min(by_itself_at.since(self.engine.clock.now()));
        let told = after_write(limit, session.cancel(&begun.pass)).await;
        let now = if told.is_ok() { self.read_after(session).await.ok()? } else { return None };
        let back = self.seen_back(session, begun, &now, None);
        (back.left_as == LeftAs::Reverted).then_some(back)
    }

    /// How a device was left that may have taken the change back, and has `now`.
    fn seen_back(&self, session: &dyn Session, begun: &Begun, now: &Running, left: Option<&str>) -> Back {
        match self.is_back(session, now, &begun.before, None) {
            Some(note) => Back::new(LeftAs::Reverted, note),
            None if self.is_changed_since(now, left) => {
                Back::new(LeftAs::Changed, format!("; {CHANGED_SINCE}"))
            }
            None => Back::new(LeftAs::Unknown, ""),
        }
    }
}
