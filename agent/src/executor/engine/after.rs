//! After an accepted write: is it there, does the device still answer over a new session, make it last or take it back.

use super::apply::Begun;
use super::limits::{after_write, goodbye};
use super::trouble::Trouble;
use super::{Ended, Run};
use crate::executor::device::{Session, Written};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::time::Timestamp;

/// Rest between two tries to reach a device after a change, or to see the change on it.
pub(super) const REST: Duration = Duration::from_secs(1);
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
    /// What becomes of a write that was accepted at `written.1`.
    pub(super) async fn after(
        &self,
        mut session: Box<dyn Session>,
        begun: &Begun,
        written: (Written, Timestamp),
    ) -> Result<Outcome, Ended> {
        self.job.context.progress(Phase::Verify);
        let has_it = self.has_it_by_now(&mut *session).await;
        goodbye(session).await;
        let mut left = match has_it {
            Ok(seen) => Some(seen.digest),
            // A session that has ended or is slow says nothing: a new one is looked over all the same.
            Err(Trouble::Unseen(..) | Trouble::NoWay(..)) => None,
            Err(trouble @ Trouble::Bad(_)) => {
                return Ok(self.take_back(begun, written, trouble, None).await);
            }
        };
        let mut session = match self.reconnect().await {
            Ok(session) => session,
            Err(failure) => {
                let trouble = self.no_session(&failure).await;
                return Ok(self.take_back(begun, written, trouble, left).await);
            }
        };
        let checked = match self.has_it_by_now(&mut *session).await {
            Ok(seen) => {
                left = Some(seen.digest.clone());
                let post = self.job.procedure.post.iter();
                let checked = self.post_checks(&mut session, post, &begun.saved).await;
                checked.map(|()| seen)
            }
            Err(trouble) => Err(trouble),
        };
        let in_time = match written.0 {
            Written::ForGood => true,
            Written::UntilConfirmed { since } => self.engine.clock.now() < self.confirm_until(since),
        };
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
                return Ok(self.take_back(begun, written, trouble, left).await);
            }
        };
        let made = self.make_last(&mut session, begun, written.0, seen).await;
        goodbye(session).await;
        Ok(made)
    }

    /// Until when a change that was committed at `since` may be confirmed or cancelled: a word that comes as the device
    /// takes it back by itself could do the opposite.
    pub(super) fn confirm_until(&self, since: Timestamp) -> Timestamp {
        since.plus(self.job.procedure.commit.confirm_within())
    }

    /// Whether the device has what is wanted, now or a moment later.
    async fn has_it_by_now(&self, session: &mut dyn Session) -> Result<Seen, Trouble> {
        match self.has_it(session).await {
            Err(Trouble::Bad(_)) => {
                tokio::time::sleep(REST).await;
                self.has_it(session).await
            }
            seen => seen,
        }
    }

    async fn has_it(&self, session: &mut dyn Session) -> Result<Seen, Trouble> {
        let running = match self.read_after(session).await {
            Ok(running) => running,
            Err(end) => {
                let why = format!("it could not be read after the change: {end}");
                return Err(self.unseen(Class::Unreachable, why).await);
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
        if written != Written::ForGood {
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
        let mut rest = match session.remark() {
            "" => seen.order.to_owned(),
            remark => format!("; {remark}{}", seen.order),
        } + &session.not_shown();
        self.engine.snapshots.note_left(&self.job.task.op, seen.digest).await;
        if self.job.procedure.commit.save {
            if let Err(trouble) = self.save(session, &begun.pass).await {
                // It was verified, so it stays.
                return self.not_saved(&has, &trouble, &rest);
            }
            rest.push_str(session.save_remark());
        }
        self.ended(Class::Ok, Phase::Verify, LeftAs::Changed, &format!("{has}{rest}"))
    }
}
