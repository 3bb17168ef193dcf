//! After an accepted write: is it there, does the device still answer over a new session, make it last or take it back.

use super::apply::Begun;
use super::limits::{after_write, goodbye};
use super::{Ended, Run};
use crate::executor::Failure;
use crate::executor::device::{Running, Session, WriteEnd, Written};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::time::Timestamp;

/// Rest between two tries to reach a device after a change.
const REST: Duration = Duration::from_secs(1);
/// How long after the end of its patience a device has surely begun to take the change back.
const MARGIN: Duration = Duration::from_secs(2);
/// Looks at a device that takes a change back by itself.
const LOOKS_MAX: u32 = 30;

impl Run<'_> {
    pub(super) async fn after(
        &self,
        mut session: Box<dyn Session>,
        begun: &Begun,
        written: Written,
    ) -> Result<Outcome, Ended> {
        let written_at = self.engine.clock.now();
        self.job.context.progress(Phase::Verify);
        let has_it = self.has_it(&mut *session).await;
        goodbye(session).await;
        if let Err(why) = has_it {
            return Ok(self.take_back(begun, written, written_at, &why).await);
        }
        let mut session = match self.reconnect().await {
            Ok(session) => session,
            Err(failure) => {
                let why = format!("it cannot be reached over a new session: {}", failure.message);
                return Ok(self.take_back(begun, written, written_at, &why).await);
            }
        };
        let checked = match self.has_it(&mut *session).await {
            Ok(()) => self.post_checks(&mut session, &begun.saved).await,
            Err(why) => Err(why),
        };
        if let Err(why) = checked {
            goodbye(session).await;
            return Ok(self.take_back(begun, written, written_at, &why).await);
        }
        let made = self.make_last(&mut *session, begun, written).await;
        goodbye(session).await;
        Ok(made)
    }

    async fn has_it(&self, session: &mut dyn Session) -> Result<(), String> {
        let running = self
            .read_after(session)
            .await
            .map_err(|end| format!("it could not be read after the change: {end}"))?;
        let difference = session.compare(&running, &self.wanted).map_err(|failure| failure.message)?;
        if difference.is_nothing() {
            return Ok(());
        }
        Err("it took the change and does not have it".into())
    }

    async fn make_last(&self, session: &mut dyn Session, begun: &Begun, written: Written) -> Outcome {
        let (device, limit) = (self.device(), self.job.task.timeouts.command);
        if written.awaits_confirmation {
            self.job.context.progress(Phase::Confirm);
            if let Err(end) = after_write(limit, session.confirm(&begun.pass)).await {
                let message = format!("{device} has the change and its confirmation is not known: {end}");
                return self.ended(Class::LostAfterWrite, Phase::Confirm, LeftAs::Unknown, &message);
            }
        }
        let mut message = match session.remark() {
            "" => format!("{device} has the change"),
            remark => format!("{device} has the change; {remark}"),
        };
        if self.job.procedure.commit.save
            && let Err(end) = after_write(limit, session.save(&begun.pass)).await
        {
            message.push_str(&format!("; it is not saved for the next boot: {end}"));
        }
        self.ended(Class::Ok, Phase::Verify, LeftAs::Changed, &message)
    }

    pub(super) async fn reconnect(&self) -> Result<Box<dyn Session>, Failure> {
        let limit = self.job.task.timeouts.connect;
        super::within(Phase::Verify, limit, self.device(), self.driver.connect(&self.job)).await
    }

    /// The change is there and must not stay: by the device's own means, else by what it had.
    async fn take_back(&self, begun: &Begun, written: Written, written_at: Timestamp, why: &str) -> Outcome {
        let left_as = match (written.awaits_confirmation, self.job.procedure.revert) {
            (true, _) => self.by_itself(begun, written_at).await,
            (false, true) => match self.reconnect().await {
                Ok(mut session) => {
                    let left_as = self.put_back(&mut *session, begun).await;
                    goodbye(session).await;
                    left_as
                }
                Err(_) => LeftAs::Changed,
            },
            (false, false) => LeftAs::Changed,
        };
        let device = self.device();
        match left_as {
            LeftAs::Unchanged | LeftAs::Reverted => {
                let message = format!("{device}: {why}; it is as it was before the change");
                self.ended(Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted, &message)
                    .with_hint("correct the change, then plan again")
            }
            LeftAs::Changed => {
                let message = format!("{device}: {why}; the change stays on it");
                self.ended(Class::PostcheckFailed, Phase::Verify, LeftAs::Changed, &message)
                    .with_hint("look at the device; switchyard rollback puts back what it had")
            }
            LeftAs::Unknown => {
                let message = format!("{device}: {why}; it could not be put back");
                self.ended(Class::RollbackFailed, Phase::Revert, LeftAs::Unknown, &message)
                    .with_hint("look at the device; the configuration it had is kept at its agent")
            }
        }
    }

    /// Has the device take back what it waits to have confirmed, at once if it can be told, and looks whether it did.
    async fn by_itself(&self, begun: &Begun, written_at: Timestamp) -> LeftAs {
        self.job.context.progress(Phase::Revert);
        if let Ok(mut session) = self.reconnect().await {
            let told = after_write(self.job.task.timeouts.command, session.cancel(&begun.pass)).await;
            let now = self.read_after(&mut *session).await;
            goodbye(session).await;
            if told.is_ok() && is(&now, &begun.before) {
                return LeftAs::Reverted;
            }
        }
        let over = written_at.plus(self.job.procedure.commit.confirm_timeout + MARGIN);
        tokio::time::sleep(over.since(self.engine.clock.now())).await;
        for _ in 0..LOOKS_MAX {
            if let Ok(mut session) = self.reconnect().await {
                let now = self.read_after(&mut *session).await;
                goodbye(session).await;
                if is(&now, &begun.before) {
                    return LeftAs::Reverted;
                }
            }
            tokio::time::sleep(REST).await;
        }
        LeftAs::Unknown
    }
}

fn is(now: &Result<Running, WriteEnd>, before: &Running) -> bool {
    now.as_ref().is_ok_and(|now| now == before)
}
