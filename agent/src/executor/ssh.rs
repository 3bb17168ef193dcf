//! Configures a device over SSH: one session; the device is read first when it can be, then one command takes
//! the configuration on its standard input.

mod algorithms;
mod answer;
mod auth;
mod capture;
mod certificate;
mod certificate_names;
mod collect;
mod connect;
pub(crate) mod cut;
mod exchange;
mod explain;
mod heard;
mod jump;
mod peer;
mod reading;
mod run;
mod socket;
mod ssh_agent;
mod verdict;

#[cfg(test)]
mod tests;

/// A task for nobody, for the tests of other transports.
#[cfg(test)]
pub(in crate::executor) fn played_task() -> Task {
    tests::task()
}

use super::{AttemptContext, Executor, Failure, WritePass, json_secrecy};
use crate::clock::Clock;
use crate::platform::Platforms;
use crate::secrets::{Credential, Secret, Secrets, SiteKey};
use capture::Capture;
pub(super) use connect::{Session, dial};
use connect::{Stage, StageCell};
pub(super) use explain::is_too_much;
use futures_util::future::BoxFuture;
use reading::Heard;
pub(super) use run::{NotRun, Ran};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::cut;
use switchyard_shared::outcome::{LeftAs, Outcome, Phase};
use switchyard_shared::readback;
use switchyard_shared::ssh::{Algorithms, SshSettings};
use switchyard_shared::task::{Purpose, Task, Work};
use tokio_util::sync::CancellationToken;

/// Longest goodbye to a device whose answer is already known.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Resolves the task's credential, for transports without SSH as well.
pub(super) async fn credential(secrets: &Secrets, task: &Task) -> Result<Credential, Failure> {
    auth::credential(secrets, task).await
}

/// The way to an open SSH session, for every transport that runs over SSH. Cheap to share.
pub struct Door {
    secrets: Secrets,
    key: Arc<SiteKey>,
    clock: Arc<dyn Clock>,
    /// By profile, and whether certificates are asked for.
    configs: BTreeMap<(Algorithms, bool), Arc<russh::client::Config>>,
    jumps: jump::Jumps,
}

impl Door {
    /// Takes credentials from `secrets`.
    pub fn new(secrets: Secrets, key: Arc<SiteKey>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let kinds = Algorithms::ALL.iter().flat_map(|profile| [(*profile, false), (*profile, true)]);
        let configs = kinds.map(|kind| (kind, Arc::new(connect::config(kind.0, kind.1))));
        Arc::new(Self { secrets, key, clock, configs: configs.collect(), jumps: jump::Jumps::default() })
    }

    fn config(&self, settings: &SshSettings) -> Arc<russh::client::Config> {
        let kind = (settings.algorithms, !settings.host_ca.is_empty());
        self.configs.get(&kind).cloned().unwrap_or_else(|| Arc::new(connect::config(kind.0, kind.1)))
    }

    /// An authenticated session with one open channel; the caller bounds the time that all of it may take.
    pub(super) async fn open(
        self: &Arc<Self>,
        task: &Task,
        context: &dyn AttemptContext,
    ) -> Result<Session, Failure> {
        connect::open(self, task, context, &StageCell::default()).await
    }
}

impl Door {
    /// The password of `task`, when its credential is one: for devices that ask for it once more.
    pub(super) async fn password(&self, task: &Task) -> Option<Secret> {
        match auth::credential(&self.secrets, task).await {
            Ok(Credential::Password(password)) => Some(password),
            Ok(Credential::PrivateKey(_) | Credential::SshAgent { .. }) | Err(_) => None,
        }
    }
}

impl Session {
    /// Why the session ended.
    pub(super) fn lost(&self) -> String {
        exchange::reason(&self.record)
    }
}

/// Makes attempts with one command over SSH. Cheap to share; each attempt is one session of its own.
pub struct SshExecutor {
    door: Arc<Door>,
    platforms: Platforms,
    clock: Arc<dyn Clock>,
}

impl SshExecutor {
    /// An executor that resolves relative credential references in `data`, the agent's data folder.
    pub fn new(data: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        let data = data.into();
        let key = SiteKey::of(data.clone());
        Self::through(Door::new(Secrets::new(data), key, clock.clone()), Platforms::built_in(), clock)
    }

    /// An executor that opens its sessions through `door`, and hides what any of `platforms` does.
    pub fn through(door: Arc<Door>, platforms: Platforms, clock: Arc<dyn Clock>) -> Self {
        Self { door, platforms, clock }
    }

    async fn carry_out(
        &self,
        task: &Task,
        context: &dyn AttemptContext,
        cancel: CancellationToken,
    ) -> Outcome {
        if task.work == Work::HostKeys {
            return Box::pin(collect::collect(&self.door, task, context, cancel)).await;
        }
        if task.purpose == Purpose::Compare && !task.work.is_readable() {
            return explain::cannot_compare(task).outcome(&*self.clock);
        }
        let stage = StageCell::default();
        // Boxed: it takes most of what an attempt needs, and is over when the device begins its work.
        let opening = Box::pin(connect::open(&self.door, task, context, &stage));
        let opened = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(explain::cancelled(task, stage.get())),
            opened = tokio::time::timeout(task.timeouts.connect, opening) => {
                opened.unwrap_or_else(|_| Err(explain::silence(task, stage.get())))
            }
        };
        let mut session = match opened {
            Ok(session) => session,
            Err(failure) => return failure.outcome(&*self.clock),
        };
        let outcome = self.work(&mut session, task, context, &cancel).await.unwrap_or_else(|ended| *ended);
        session.close().await;
        outcome
    }

    /// What is done in an open session. An error is an end as well, before the write.
    async fn work(
        &self,
        session: &mut Session,
        task: &Task,
        context: &dyn AttemptContext,
        cancel: &CancellationToken,
    ) -> Result<Outcome, Box<Outcome>> {
        let answer = match task.work.read_command() {
            Some(command) => Some(self.read(session, task, command, cancel).await?),
            None => None,
        };
        if let Purpose::Settle { before } = &task.purpose {
            return match answer {
                Some(answer) => {
                    let has = self.door.key.digest(&readback::said(&answer));
                    Ok(answer::settled(
                        task,
                        &answer,
                        before.as_ref().map(|before| *before == has),
                        self.clock.now(),
                    ))
                }
                None => Err(Box::new(explain::unreadable(task).outcome(&*self.clock))),
            };
        }
        if let (Purpose::Compare, Some(answer)) = (&task.purpose, &answer) {
            context.differs(self.shown(&readback::difference(answer, &task.configuration)));
            return Ok(answer::compared(task, answer, self.clock.now()));
        }
        if let (Some(answer), Some(command)) = (&answer, task.work.read_command()) {
            if readback::says_the_same(answer, &task.configuration) {
                return Ok(answer::unchanged(task, command, self.clock.now()));
            }
            self.open_another(session, task, cancel).await?;
        }
        // It goes to the coordinator: under the site's key, so that nobody can try what passwords it was made of.
        let before = answer.map(|answer| self.door.key.digest(&readback::said(&answer)));
        let pass = WritePass::ask(context, self.clock.clone(), before).await.map_err(|refused| {
            let (phase, now) = (Stage::Open.phase(), self.clock.now());
            Box::new(Outcome::new(refused.class, phase, LeftAs::Unchanged, &refused.message, now))
        })?;
        context.progress(Phase::Write);
        let mut capture = Capture::default();
        let ending = exchange::exchange(session, &pass, task, &mut capture).await;
        Ok(verdict::outcome(task, ending, &capture, self.clock.now()))
    }

    async fn read(
        &self,
        session: &mut Session,
        task: &Task,
        command: &str,
        cancel: &CancellationToken,
    ) -> Result<Vec<u8>, Box<Outcome>> {
        let mut heard = Heard::default();
        let read = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(self.called_off(task)),
            read = reading::read(session, task, command, &mut heard) => read,
        };
        read.map_err(|why| Box::new(answer::unread(task, command, why, &heard, self.clock.now())))
    }

    /// Opens the channel of the write: that of the reading is used up.
    async fn open_another(
        &self,
        session: &mut Session,
        task: &Task,
        cancel: &CancellationToken,
    ) -> Result<(), Box<Outcome>> {
        let opening = tokio::time::timeout(task.timeouts.connect, connect::open_again(&session.handle));
        let opened = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(self.called_off(task)),
            opened = opening => opened,
        };
        let failure = match opened {
            Ok(Ok(channel)) => {
                session.channel = Some(channel);
                return Ok(());
            }
            Ok(Err(error @ russh::Error::ChannelOpenFailure(_))) => {
                let hint = "it opens no second channel after the reading: raise its session limit, or leave out \
                            change.ssh.read if it has room for one command only";
                Failure { hint: hint.into(), ..explain::ssh(task, Stage::OpenChannel, &error) }
            }
            Ok(Err(error)) => explain::ssh(task, Stage::OpenChannel, &error),
            Err(_) => explain::silence(task, Stage::OpenChannel),
        };
        Err(Box::new(failure.outcome(&*self.clock)))
    }

    /// A difference as it may be seen: the device's platform is not known here, so what any platform hides is hidden.
    fn shown(&self, difference: &str) -> String {
        cut(&self.platforms.redact(&json_secrecy::redact(difference)))
    }

    fn called_off(&self, task: &Task) -> Box<Outcome> {
        Box::new(explain::cancelled(task, Stage::Open).outcome(&*self.clock))
    }
}

impl Session {
    /// Says goodbye within [`CLOSE_WAIT`]; dropping the session cuts what is left of it.
    pub(super) async fn close(self) {
        let Self { handle, channel, cut, lease, .. } = self;
        drop(channel);
        let goodbye = async {
            if handle.disconnect(russh::Disconnect::ByApplication, "done", "en").await.is_ok() {
                let _ = handle.await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_WAIT, goodbye).await;
        drop((cut, lease));
    }
}

impl Executor for SshExecutor {
    fn attempt<'a>(
        &'a self,
        task: &'a Task,
        context: &'a dyn AttemptContext,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let started_at = self.clock.now();
            let way = self.door.way(task);
            let outcome = self.carry_out(task, context, cancel).await;
            let mut outcome = self.door.judged(way, task, context, outcome).await;
            if matches!(task.purpose, Purpose::Settle { .. }) && outcome.found.is_none() {
                // The doubt about an earlier write stands.
                outcome.left_as = LeftAs::Unknown;
            }
            outcome.started_at = started_at;
            outcome.finished_at = self.clock.now();
            outcome
        })
    }

    fn fingerprint(&self, reference: String) -> BoxFuture<'static, Option<u64>> {
        let door = self.door.clone();
        Box::pin(async move {
            let credential = door.secrets.resolve(&reference).await.ok()?;
            let Credential::SshAgent { socket, fingerprint } = &credential else {
                return Some(door.key.fingerprint(&credential));
            };
            // What it holds now: another key closes what the one before it opened, and one that hangs closes nothing.
            let held = ssh_agent::find(socket, fingerprint.as_deref(), Duration::MAX).await.ok()?;
            Some(door.key.fingerprint_of(&held.mark()))
        })
    }
}
