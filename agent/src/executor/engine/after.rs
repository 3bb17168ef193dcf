//! After an accepted write: is it there, does the device still answer over a new session, make it last or take it back.

use super::apply::Begun;
use super::limits::{after_write, goodbye};
use super::trouble::Trouble;
use super::way_back::BY_HAND;
use super::{Ended, Run};
use crate::executor::Failure;
use crate::executor::device::{Running, Session, WriteEnd, Written};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::LOOKS_AFTER_PATIENCE;
use switchyard_shared::time::Timestamp;

/// Rest between two tries to reach a device after a change, or to see the change on it.
pub(super) const REST: Duration = Duration::from_secs(1);
/// How long after the end of its patience a device has surely begun to take the change back.
const MARGIN: Duration = Duration::from_secs(2);
/// What is said of a device that shows what was wanted with its entries in another order.
pub(super) const IN_ANOTHER_ORDER: &str = "; it shows entries of a list in another order than was asked for: if that order \
                                           counts, look at the device; if it sorts them, write them so in the template";
/// What to do about a device that nobody could look at.
pub(super) const READ_IT: &str = "it is read before anything else; if it stays unknown, look at the device";

/// A device that has what is wanted.
struct Seen {
    /// The digest of all that it has.
    digest: String,
    /// What is to be said of the order of it.
    order: &'static str,
}

impl Run<'_> {
    /// What becomes of an accepted write that was begun at `written.1`.
    pub(super) async fn after(
        &self,
        mut session: Box<dyn Session>,
        begun: &Begun,
        written: (Written, Timestamp),
    ) -> Result<Outcome, Ended> {
        self.job.context.progress(Phase::Verify);
        let mut has_it = self.has_it(&mut *session).await;
        if matches!(has_it, Err(Trouble::Bad(_))) {
            tokio::time::sleep(REST).await;
            has_it = self.has_it(&mut *session).await;
        }
        goodbye(session).await;
        if let Err(trouble) = has_it {
            return Ok(self.take_back(begun, written, trouble).await);
        }
        let mut session = match self.reconnect().await {
            Ok(session) => session,
            Err(failure) => {
                let trouble = self.no_session(&failure).await;
                return Ok(self.take_back(begun, written, trouble).await);
            }
        };
        let checked = match self.has_it(&mut *session).await {
            Ok(seen) => {
                let post = self.job.procedure.post.iter();
                let checked = self.post_checks(&mut session, post, &begun.saved).await;
                checked.map(|()| seen)
            }
            Err(trouble) => Err(trouble),
        };
        let in_time =
            !written.0.awaits_confirmation || self.engine.clock.now() < self.confirm_until(written.1);
        let checked = match in_time {
            true => checked,
            false => checked.and(Err(Trouble::Bad(
                "its checks took longer than the device waits for its confirmation".into(),
            ))),
        };
        let seen = match checked {
            Ok(seen) => seen,
            Err(trouble) => {
                goodbye(session).await;
                return Ok(self.take_back(begun, written, trouble).await);
            }
        };
        let made = self.make_last(&mut session, begun, written.0, seen).await;
        goodbye(session).await;
        Ok(made)
    }

    /// Until when a change that was begun at `at` may be confirmed or cancelled: a word that comes as the device takes
    /// it back by itself could do the opposite.
    fn confirm_until(&self, at: Timestamp) -> Timestamp {
        at.plus(self.job.procedure.commit.confirm_within())
    }

    /// Whether the device has what is wanted.
    async fn has_it(&self, session: &mut dyn Session) -> Result<Seen, Trouble> {
        let running = match self.read_after(session).await {
            Ok(running) => running,
            Err(end) => {
                return Err(self.unseen(format!("it could not be read after the change: {end}")).await);
            }
        };
        let difference =
            session.compare(&running, &self.wanted).map_err(|failure| Trouble::Bad(failure.message))?;
        let digest = self.digest(&running);
        if difference.is_nothing() {
            return Ok(Seen { digest, order: "" });
        }
        if session.differs_in_order_alone(&running, &self.wanted) {
            return Ok(Seen { digest, order: IN_ANOTHER_ORDER });
        }
        Err(Trouble::Bad("it took the change and does not have it".into()))
    }

    async fn make_last(
        &self,
        session: &mut Box<dyn Session>,
        begun: &Begun,
        written: Written,
        mut seen: Seen,
    ) -> Outcome {
        let (device, limit) = (self.device(), self.job.task.timeouts.command);
        if written.awaits_confirmation {
            self.job.context.progress(Phase::Confirm);
            let unknown = |why: &str| {
                let message = format!("{device} had the change and whether it stays is not known: {why}");
                self.ended(Class::LostAfterWrite, Phase::Confirm, LeftAs::Unknown, &message)
                    .with_hint(READ_IT)
            };
            if let Err(end) = after_write(limit, session.confirm(&begun.pass)).await {
                return unknown(&format!("its confirmation: {end}"));
            }
            seen = match self.has_it(&mut **session).await {
                Ok(seen) => seen,
                Err(trouble) => return unknown(&format!("after its confirmation {}", trouble.why())),
            };
        }
        let has = format!("{device} has the change");
        let rest = match session.remark() {
            "" => seen.order.to_owned(),
            remark => format!("; {remark}{}", seen.order),
        };
        self.engine.snapshots.note_left(&self.job.task.op, seen.digest).await;
        if self.job.procedure.commit.save
            && let Err(trouble) = self.save(session, &begun.pass).await
        {
            // It was verified, so it stays.
            return self.not_saved(&has, &trouble, &rest);
        }
        self.ended(Class::Ok, Phase::Verify, LeftAs::Changed, &format!("{has}{rest}"))
    }

    pub(super) async fn reconnect(&self) -> Result<Box<dyn Session>, Failure> {
        let limit = self.job.task.timeouts.connect;
        super::within(Phase::Verify, limit, self.device(), self.driver.connect(&self.job)).await
    }

    /// The change must not stay: by the device's own means, else by what it had.
    async fn take_back(
        &self,
        begun: &Begun,
        (written, at): (Written, Timestamp),
        trouble: Trouble,
    ) -> Outcome {
        let mut note = String::new();
        let left_as = match (written.awaits_confirmation, &trouble) {
            (true, _) => self.by_itself(begun, at).await,
            // Nothing speaks against it: whoever reads the device back judges it.
            (false, Trouble::NoWay(_)) => None,
            (false, Trouble::Bad(_) | Trouble::Unseen(_)) if self.job.procedure.revert => {
                let back = match self.reconnect().await {
                    Ok(mut session) => {
                        let back = self.put_back(&mut session, begun).await;
                        goodbye(session).await;
                        back
                    }
                    Err(_) => None,
                };
                back.map(|(left_as, said)| {
                    note = said;
                    left_as
                })
            }
            (false, Trouble::Bad(_)) => Some(LeftAs::Changed),
            (false, Trouble::Unseen(_)) => None,
        };
        self.taken_back(&trouble, left_as, &note)
    }

    /// The end of a change that was not to stay, or could not be judged.
    fn taken_back(&self, trouble: &Trouble, left_as: Option<LeftAs>, note: &str) -> Outcome {
        let why = trouble.why();
        let device = self.device();
        match left_as {
            Some(LeftAs::Unchanged | LeftAs::Reverted) => {
                let message = format!("{device}: {why}; it is as it was before the change{note}");
                let (class, hint) = match trouble {
                    Trouble::Bad(_) | Trouble::Unseen(_) => {
                        (Class::PostcheckFailed, "correct the change, then plan again")
                    }
                    Trouble::NoWay(_) => (Class::Inconclusive, READ_IT),
                };
                self.ended(class, Phase::Verify, LeftAs::Reverted, &message).with_hint(hint)
            }
            Some(LeftAs::Changed) => {
                let message = format!("{device}: {why}; what it has of the change stays on it{note}");
                let ask = self.ask_for_it_back();
                self.ended(Class::PostcheckFailed, Phase::Verify, LeftAs::Changed, &message).with_hint(
                    match note.is_empty() {
                        true => &ask,
                        false => BY_HAND,
                    },
                )
            }
            Some(LeftAs::Unknown) => {
                let message = format!("{device}: {why}; it could not be put back{note}");
                self.ended(Class::RollbackFailed, Phase::Revert, LeftAs::Unknown, &message)
                    .with_hint(&self.ask_for_it_back())
            }
            None => {
                let message = format!("{device}: {why}; nobody could look at it since");
                let class = match trouble {
                    Trouble::Bad(_) | Trouble::Unseen(_) => Class::LostAfterWrite,
                    Trouble::NoWay(_) => Class::Inconclusive,
                };
                self.ended(class, Phase::Verify, LeftAs::Unknown, &message).with_hint(READ_IT)
            }
        }
    }

    /// Has the device take back what it waits to have confirmed, at once if it can still be told, and looks whether it
    /// did; `None` when nobody could look.
    async fn by_itself(&self, begun: &Begun, at: Timestamp) -> Option<LeftAs> {
        self.job.context.progress(Phase::Revert);
        let mut seen = None;
        if let Ok(mut session) = self.reconnect().await {
            // One that has taken it back already must not be told to: that could bring it back.
            let mut now = self.read_after(&mut *session).await;
            let mut is_back = is(&now, &begun.before);
            if !is_back && now.is_ok() && self.engine.clock.now() < self.confirm_until(at) {
                let told = after_write(self.job.task.timeouts.command, session.cancel(&begun.pass)).await;
                if told.is_ok() {
                    now = self.read_after(&mut *session).await;
                    is_back = now.is_ok_and(|now| session.alike(&now, &begun.before));
                }
            }
            goodbye(session).await;
            if is_back {
                return Some(LeftAs::Reverted);
            }
        }
        let commit = &self.job.procedure.commit;
        let over = at.plus(commit.confirm_timeout + MARGIN);
        tokio::time::sleep(over.since(self.engine.clock.now())).await;
        let last = at.plus(commit.patience() + LOOKS_AFTER_PATIENCE);
        loop {
            if let Ok(mut session) = self.reconnect().await {
                let now = self.read_after(&mut *session).await;
                goodbye(session).await;
                if is(&now, &begun.before) {
                    return Some(LeftAs::Reverted);
                }
                seen = now.is_ok().then_some(LeftAs::Unknown);
            }
            if self.engine.clock.now() >= last {
                return seen;
            }
            tokio::time::sleep(REST).await;
        }
    }
}

fn is(now: &Result<Running, WriteEnd>, before: &Running) -> bool {
    now.as_ref().is_ok_and(|now| now == before)
}
