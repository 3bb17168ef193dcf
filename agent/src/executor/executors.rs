//! Every way an agent has to work on a device, behind the one seam.

#[cfg(test)]
mod tests;

use super::cli::CliDriver;
use super::device::Driver;
use super::engine::Engine;
use super::gnmi::Gnmi;
use super::http::Http;
use super::local_exec::{Allowed, AllowedError, LocalExec};
use super::netconf::Netconf;
use super::snapshots::Snapshots;
use super::ssh::{Door, SshExecutor};
use super::{AttemptContext, Executor};
use crate::clock::Clock;
use crate::fs::RealFs;
use crate::platform::Platforms;
use crate::secrets::{KeyError, Secrets, SiteKey};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use switchyard_shared::outcome::{LeftAs, Outcome};
use switchyard_shared::procedure::Transport;
use switchyard_shared::task::{Purpose, Task, Work};
use tokio_util::sync::CancellationToken;

/// Commands over SSH and the drivers.
pub struct Executors {
    command: SshExecutor,
    engine: Engine,
    door: Arc<Door>,
    clock: Arc<dyn Clock>,
}

/// Why an agent cannot work with its data folder.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorsError {
    /// What local programs it allows cannot be read.
    #[error(transparent)]
    Allowed(#[from] AllowedError),
    /// The key of its digests cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Executors {
    /// Everything that works with the agent's data folder, for the platforms that come with the agent; fails when a
    /// file of its own in there says what cannot be.
    pub fn new(data: &Path, secrets: Secrets, clock: Arc<dyn Clock>) -> Result<Self, ExecutorsError> {
        Self::with_platforms(data, secrets, Platforms::built_in(), clock)
    }

    /// The same for these platforms.
    pub fn with_platforms(
        data: &Path,
        secrets: Secrets,
        platforms: Platforms,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ExecutorsError> {
        let key = SiteKey::open(data)?;
        let door = Door::new(secrets.clone(), key.clone(), clock.clone());
        let snapshots = Snapshots::new(data, Arc::new(RealFs));
        let allowed = Arc::new(Allowed::open(&RealFs, data)?);
        let local_exec: Arc<dyn Driver> = Arc::new(LocalExec::new(allowed, platforms.clone()));
        let http: Arc<dyn Driver> = Arc::new(Http::new(secrets.clone(), key.clone(), platforms.clone()));
        let netconf: Arc<dyn Driver> = Arc::new(Netconf::through(door.clone()));
        let gnmi: Arc<dyn Driver> = Arc::new(Gnmi::new(secrets.clone(), key.clone()));
        let cli: Arc<dyn Driver> = Arc::new(CliDriver::new(door.clone(), platforms.clone()));
        let drivers = BTreeMap::from([
            (Transport::Gnmi, gnmi),
            (Transport::Http, http),
            (Transport::LocalExec, local_exec),
            (Transport::Netconf, netconf),
            (Transport::SshCli, cli),
        ]);
        let engine = Engine::new(drivers, snapshots, secrets, key, clock.clone());
        let command = SshExecutor::through(door.clone(), platforms, clock.clone());
        Ok(Self { command, engine, door, clock })
    }

    /// The same with a Prometheus at this address, for checks that name none.
    pub fn with_prometheus(self, url: Option<String>) -> Self {
        Self { engine: self.engine.with_prometheus(url), ..self }
    }
}

impl Executor for Executors {
    fn attempt<'a>(
        &'a self,
        task: &'a Task,
        context: &'a dyn AttemptContext,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        match &task.work {
            Work::Command { .. } | Work::HostKeys => self.command.attempt(task, context, cancel),
            Work::Driver(procedure) => Box::pin(async move {
                let started_at = self.clock.now();
                let way = self.door.way(task);
                let outcome = self.engine.carry_out(task, procedure, context, cancel).await;
                let mut outcome = self.door.judged(way, task, context, outcome).await;
                if matches!(task.purpose, Purpose::Settle { .. }) && outcome.found.is_none() {
                    // The doubt about an earlier write stands.
                    outcome.left_as = LeftAs::Unknown;
                }
                Outcome { started_at, finished_at: self.clock.now(), ..outcome }
            }),
        }
    }

    fn fingerprint(&self, reference: String) -> BoxFuture<'static, Option<u64>> {
        self.command.fingerprint(reference)
    }
}
