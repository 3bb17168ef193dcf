//! Carries out an attempt with a driver: read, compare, check, write, verify over a new session, confirm.

mod after;
mod apply;
mod checks;
mod limits;
mod saving;
mod sessions;
mod settle;
mod take_back;
#[cfg(test)]
mod tests;
mod trouble;
mod way_back;
mod web;

use super::device::{Difference, Driver, Job, Running, Session};
use super::snapshots::Snapshots;
use super::wanted::Wanted;
use super::{AttemptContext, Failure};
use crate::clock::Clock;
use crate::secrets::{Secrets, SiteKey};
use limits::{unless_called_off, within};
use sessions::another_session;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Procedure, Transport};
use switchyard_shared::task::{Purpose, Task};
use tokio_util::sync::CancellationToken;
use way_back::WayBack;

/// Drivers by the transport they speak, and what an attempt with any of them needs.
pub struct Engine {
    drivers: BTreeMap<Transport, Arc<dyn Driver>>,
    snapshots: Snapshots,
    secrets: Secrets,
    key: Arc<SiteKey>,
    clock: Arc<dyn Clock>,
    prometheus: Option<String>,
}

/// One attempt on its way.
struct Run<'a> {
    engine: &'a Engine,
    driver: &'a dyn Driver,
    job: Job<'a>,
    wanted: Wanted,
    cancel: CancellationToken,
    /// Why a session after the write was refused in a way that trying again makes worse.
    refused: OnceLock<Failure>,
}

/// The end of an attempt, reached early or at last.
type Ended = Box<Outcome>;

impl Engine {
    /// An engine with these drivers, which keeps snapshots in the agent's data folder.
    pub fn new(
        drivers: BTreeMap<Transport, Arc<dyn Driver>>,
        snapshots: Snapshots,
        secrets: Secrets,
        key: Arc<SiteKey>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { drivers, snapshots, secrets, key, clock, prometheus: None }
    }

    /// The same with a Prometheus at this address, for checks that name none.
    pub fn with_prometheus(self, url: Option<String>) -> Self {
        Self { prometheus: url, ..self }
    }

    /// Carries `task` out; see [`super::Executor::attempt`].
    pub async fn carry_out(
        &self,
        task: &Task,
        procedure: &Procedure,
        context: &dyn AttemptContext,
        cancel: CancellationToken,
    ) -> Outcome {
        let Some(driver) = self.drivers.get(&procedure.transport) else {
            let message = format!("this agent has no driver for {}", procedure.transport);
            let failure = Failure::new(Class::AgentError, Phase::Queue, message);
            return failure.with_hint("update the agent, or choose another transport").outcome(&*self.clock);
        };
        let filling = Wanted::fill(task, procedure, &self.secrets);
        let wanted = match unless_called_off(&cancel, Phase::Queue, device(task), filling).await {
            Ok(wanted) => wanted,
            Err(failure) => return failure.outcome(&*self.clock),
        };
        if !procedure.secrets.is_empty() {
            context.connects();
        }
        let job = Job { task, procedure, context, redactor: wanted.redactor(), unshown: Default::default() };
        let run = Run { engine: self, driver: &**driver, job, wanted, cancel, refused: OnceLock::new() };
        let outcome = run.run().await.unwrap_or_else(|ended| *ended);
        run.redacted(outcome)
    }
}

impl<'a> Run<'a> {
    async fn run(&self) -> Result<Outcome, Ended> {
        let mut session = self.connect().await.map_err(|failure| self.failed(&failure))?;
        let ended = match &self.job.task.purpose {
            Purpose::Apply => return self.apply(session).await,
            Purpose::Restore { attempt, before, overwrite } => {
                let wanted = WayBack { attempt: *attempt, digest: before.as_deref(), overwrite: *overwrite };
                return Box::pin(self.restore(session, wanted)).await;
            }
            Purpose::Settle { before } => self.settle(&mut session, before.as_deref()).await,
            Purpose::Compare => self.tell_difference(&mut session).await,
        };
        limits::goodbye(session).await;
        ended
    }

    /// Tells how the device differs; nothing is written.
    async fn tell_difference(&self, session: &mut Box<dyn Session>) -> Result<Outcome, Ended> {
        let (running, difference) = self.read_and_compare(session).await?;
        if difference.is_nothing() {
            self.must_come_twice(&mut **session, &running).await?;
            let open = session.not_shown() + &session.forewarns(&running, &self.wanted);
            return Ok(self.would_be_saved(&mut **session, &open).await);
        }
        self.job
            .context
            .differs(switchyard_shared::configuration::cut(&self.wanted.redact(&difference.text)));
        let open = session.not_shown() + &session.forewarns(&running, &self.wanted);
        let message = format!("{} would be changed{open}", self.device());
        Ok(self.ended(Class::Ok, Phase::Read, LeftAs::Unchanged, &message).with_hint(&self.left_open(&open)))
    }

    /// What goes on after a sentence, as the hint of a reading: a plan shows it beside the device.
    fn left_open(&self, rest: &str) -> String {
        self.wanted.redact(rest.trim_start_matches("; "))
    }

    /// Everything that a device tells before a write, and what of the change it lacks.
    async fn read_and_compare(&self, session: &mut Box<dyn Session>) -> Result<(Running, Difference), Ended> {
        let running = self.read(&mut **session).await?;
        self.ask_defaults(session, &running).await?;
        let difference = self.compare(&**session, &running)?;
        Ok((running, difference))
    }

    fn compare(&self, session: &dyn Session, running: &Running) -> Result<Difference, Ended> {
        session.compare(running, &self.wanted).map_err(|failure| self.failed(&failure))
    }

    /// That a device does not show its defaults, or not in time, leaves them unknown and is no failure. What is left of
    /// such an answer would stand in the next one, so that is asked over a new session.
    async fn ask_defaults(&self, session: &mut Box<dyn Session>, running: &Running) -> Result<(), Ended> {
        let limit = self.job.task.timeouts.command;
        if self.before_write(Phase::Read, limit, session.ask_defaults(running)).await.is_err() {
            let asked = another_session(session, self.connect()).await;
            asked.map_err(|failure| self.failed(&failure))?;
        }
        Ok(())
    }

    async fn read(&self, session: &mut dyn Session) -> Result<Running, Ended> {
        self.job.context.progress(Phase::Read);
        let limit = self.job.task.timeouts.command;
        let running = self.before_write(Phase::Read, limit, session.read()).await;
        running.map_err(|failure| self.failed(&failure))
    }

    /// Half a configuration ends with a prompt, too, where a device has cut it short: what is kept for the way back, and
    /// what a write is judged by, was shown twice alike where nothing in it tells that it is whole.
    fn must_be_alike(&self, session: &dyn Session, one: &Running, other: &Running) -> Result<(), Ended> {
        if session.tells_its_end() || one == other {
            return Ok(());
        }
        let message = format!("{} showed another configuration when it was read once more", self.device());
        let failure = Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(
            "nothing was written; somebody is changing it, or it does not show all of it each time: look at its log, \
             then try again",
        );
        Err(self.failed(&failure))
    }

    /// The same of a reading by which nothing is to be done: half of it may hide what a change takes away.
    async fn must_come_twice(&self, session: &mut dyn Session, running: &Running) -> Result<(), Ended> {
        if session.tells_its_end() {
            return Ok(());
        }
        let again = self.read(session).await?;
        self.must_be_alike(session, running, &again)
    }

    /// Waits for `work`, which comes before any write: within `limit`, unless the attempt is called off.
    async fn before_write<T>(
        &self,
        phase: Phase,
        limit: std::time::Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let work = within(phase, limit, self.device(), work);
        unless_called_off(&self.cancel, phase, self.device(), work).await
    }

    fn failed(&self, failure: &Failure) -> Ended {
        let ended = self.ended(failure.class, failure.phase, LeftAs::Unchanged, &failure.message);
        Box::new(ended.with_hint(&self.wanted.redact(&failure.hint)))
    }

    /// The end of the attempt, redacted before it is cut.
    fn ended(&self, class: Class, phase: Phase, left_as: LeftAs, message: &str) -> Outcome {
        Outcome::new(class, phase, left_as, &self.wanted.redact(message), self.engine.clock.now())
    }

    /// The same for readings that tell of one configuration. What is kept stays what was read, to the byte.
    fn digest(&self, running: &Running) -> String {
        let text = self.driver.in_one_order(self.job.procedure, &running.0);
        self.engine.key.digest(text.as_ref().unwrap_or(&running.0).as_bytes())
    }

    /// How messages name the device.
    fn device(&self) -> String {
        device(self.job.task)
    }

    fn redacted(&self, mut outcome: Outcome) -> Outcome {
        outcome.message = self.wanted.redact(&outcome.message);
        outcome.hint = self.wanted.redact(&outcome.hint);
        outcome.output = self.wanted.redact(&outcome.output);
        outcome
    }
}

fn device(task: &Task) -> String {
    format!("{}:{}", task.endpoint.hostname, task.endpoint.port)
}
