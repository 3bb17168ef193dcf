//! What a device in doubt has, and whether it works with it.

use super::after::{IN_ANOTHER_ORDER, READ_IT};
use super::checks::NO_BLAME;
use super::trouble::Trouble;
use super::{Ended, Run};
use crate::executor::Failure;
use crate::executor::device::{Running, Session};
use std::collections::BTreeMap;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::Check;

impl Run<'_> {
    /// Reads the device after a doubt; `before` is the digest of what it had before the doubtful write. One that has
    /// the change must pass the checks after the write: nobody has made them.
    pub(super) async fn settle(
        &self,
        session: &mut Box<dyn Session>,
        before: Option<&str>,
    ) -> Result<Outcome, Ended> {
        let running = self.read(&mut **session).await?;
        let difference = self.compare(&**session, &running)?;
        let device = self.device();
        self.must_come_twice(&mut **session, &running).await?;
        let is_as_before = before == Some(self.digest(&running).as_str());
        // Of a change that does not show nobody knows that it was said at all.
        let is_untold = is_as_before && !session.not_shown().is_empty();
        if difference.is_nothing() && !is_untold {
            self.note_left_after(before, &running).await;
            return self.has_the_change(session, "").await;
        }
        if is_as_before {
            let is_back = format!("{device} was read and is as it was before the write");
            let outcome = self.found_back(&mut **session, &is_back).await;
            return Ok(Outcome { found: Some(Found::NotApplied), ..outcome });
        }
        if session.differs_in_order_alone(&running, &self.wanted) {
            self.note_left_after(before, &running).await;
            return self.has_the_change(session, IN_ANOTHER_ORDER).await;
        }
        let why = session.unfinished(&running).map_or(String::new(), |why| format!(": {why}"));
        let message =
            format!("{device} was read and is neither as it was before the write nor as it should be{why}");
        let outcome = self
            .ended(Class::Ok, Phase::Read, LeftAs::Unknown, &message)
            .with_hint("look at the device: it may hold a part of the change, or somebody else's");
        Ok(Outcome { found: Some(Found::Different), ..outcome })
    }

    /// Notes what the device has after the doubtful write, for a way back to know what came since.
    async fn note_left_after(&self, before: Option<&str>, running: &Running) {
        let Some(before) = before else { return };
        let is_it = |kept: &Running| self.digest(kept) == before;
        self.engine.snapshots.note_left_after(&self.job.task.op, self.digest(running), is_it).await;
    }

    async fn has_the_change(&self, session: &mut Box<dyn Session>, order: &str) -> Result<Outcome, Ended> {
        let device = self.device();
        let (judged, unjudged): (Vec<&Check>, Vec<&Check>) =
            self.job.procedure.post.iter().partition(|check| check.needs().is_none());
        let outcome = match self.post_checks(session, judged.into_iter(), &BTreeMap::new()).await {
            Err(Trouble::NoWay(class, why)) => {
                let hint = if class == Class::AgentError { NO_BLAME } else { READ_IT };
                return Err(self.not_judged(class, &why, hint));
            }
            Err(Trouble::Unseen(_, why)) => {
                let class = self.refused.get().map_or(Class::Unreachable, |failure| failure.class);
                return Err(self.not_judged(class, &why, READ_IT));
            }
            Err(Trouble::Bad(why)) => {
                let message = format!("{device} was read and has the change: {why}; what it has stays on it");
                self.ended(Class::PostcheckFailed, Phase::Verify, LeftAs::Changed, &message)
                    .with_hint(&self.ask_for_it_back())
            }
            Ok(()) => {
                let mut message = format!("{device} was read and has the change{order}");
                if let Some(check) = unjudged.first() {
                    let needs = check.needs().unwrap_or_default();
                    message.push_str(&format!(
                        "; the check {} was not made: what {needs} was before the write is not known any more",
                        check.name
                    ));
                }
                message.push_str(&session.not_shown());
                self.found(&mut **session, &message).await
            }
        };
        Ok(Outcome { found: Some(Found::Applied), ..outcome })
    }

    /// The end of a reading after which nobody could check the change: it stays in doubt, and is read again.
    fn not_judged(&self, class: Class, why: &str, hint: &str) -> Ended {
        let message = format!("{} was read and has the change: {why}", self.device());
        self.failed(&Failure::new(class, Phase::Verify, message).with_hint(hint))
    }
}
