//! Devices with an interactive command line over SSH, by the definition of their platform.

pub(crate) mod file;
mod fuzz;
mod reader;
mod screen;
mod script;
mod session;
mod shell;
mod template;
#[cfg(test)]
pub(super) mod tests;
mod typing;
mod unshown;
mod way_back;
mod wire;
mod writing;

use super::Failure;
use super::device::{Driver, Job, Session};
use super::ssh::Door;
use crate::platform::{Platform, Platforms};
use futures_util::future::BoxFuture;
pub use fuzz::fuzz;
use reader::Prompt;
pub(super) use script::{Carrier, Names, Refusal, Script};
use session::CliSession;
use shell::{Broken, Line, Shell, TOO_MUCH};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Phase};
pub(super) use unshown::Unshown;
pub(super) use way_back::{Carries, restore};
use wire::SshWire;

/// Opens sessions with command lines.
pub struct CliDriver {
    door: Arc<Door>,
    platforms: Platforms,
}

impl CliDriver {
    /// A driver for the devices of these platforms.
    pub fn new(door: Arc<Door>, platforms: Platforms) -> Self {
        Self { door, platforms }
    }

    async fn open(&self, job: &Job<'_>) -> Result<Box<dyn Session>, Failure> {
        if let Some(platform) = self.platforms.file(&job.procedure.platform) {
            return file::open(&self.door, platform, job).await;
        }
        let platform = self.platform(&job.procedure.platform)?;
        let names = Names::of(job);
        let session = self.door.open(job.task, job.context).await?;
        let password = match &platform.escalation {
            Some(_) => self.door.password(job.task).await,
            None => None,
        };
        let wire = SshWire::open(session, &platform.terminal, &names.device).await?;
        let mut shell = Shell::new(Box::new(wire), platform.clone(), password);
        match begin(&mut shell, &platform, &names.device).await {
            Ok(()) => Ok(Box::new(CliSession::new(shell, platform, names))),
            Err(failure) => {
                shell.close().await;
                Err(failure)
            }
        }
    }

    fn platform(&self, name: &str) -> Result<Arc<Platform>, Failure> {
        self.platforms.get(name).ok_or_else(|| {
            let known = self.platforms.names().join(", ");
            let message = format!("this agent knows no platform called {name:?}");
            Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(format!(
                "it knows {known}; put a definition into its folder of platforms to add one"
            ))
        })
    }
}

impl Driver for CliDriver {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(self.open(job))
    }

    fn lost_way<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Option<String>> {
        Box::pin(self.door.lost_way(job.task))
    }
}

/// From an open shell to the prompt that takes commands.
async fn begin(shell: &mut Shell, platform: &Platform, device: &str) -> Result<(), Failure> {
    let lost = |broken| broken_before(broken, Phase::Connect, device);
    let mut prompt = match shell.greeting().await {
        Ok(answer) => answer.prompt,
        Err(broken) => {
            return Err(match shell.turned_away() {
                Some(said) => {
                    let message = format!("{device} turned the session away: {said}");
                    Failure::new(Class::Overloaded, Phase::Connect, message).with_hint(
                        "it has too many sessions: close idle ones, or lower max_parallel_per_site",
                    )
                }
                None => lost(broken),
            });
        }
    };
    if let (Prompt::User, Some(escalation)) = (prompt, &platform.escalation) {
        let answer = shell.say(Line::Looks(&escalation.command), false).await.map_err(lost)?;
        prompt = answer.prompt;
        if prompt == Prompt::User {
            let message = format!("{device} lets this user in and refuses `{}`", escalation.command);
            return Err(Failure::new(Class::AuthFailed, Phase::Authenticate, message)
                .with_hint("give the user the right to configure, or correct its password"));
        }
    }
    shell.forget();
    if prompt != Prompt::Ready {
        let message = format!("{device} shows a prompt that does not take commands");
        return Err(Failure::new(Class::PrecheckFailed, Phase::Connect, message)
            .with_hint("log in by hand: is a configuration open, or is the platform another one?"));
    }
    for line in &platform.setup {
        // A device without the command is read with its pager.
        shell.say(Line::Looks(line), false).await.map_err(lost)?;
    }
    Ok(())
}

/// What a broken shell means before anything was written.
fn broken_before(broken: Broken, phase: Phase, device: &str) -> Failure {
    match broken {
        Broken::NotSaid(why) => Failure::new(Class::PrecheckFailed, phase, format!("{device}: {why}"))
            .with_hint("add it to looks.beginnings of the platform if it can change nothing"),
        Broken::NoRights(why) => {
            Failure::new(Class::AuthFailed, Phase::Authenticate, format!("{device}: {why}"))
                .with_hint("log in as a user that may configure, or with the password that gives the right")
        }
        Broken::TooMuch => Failure::new(Class::PrecheckFailed, phase, format!("{device}: {TOO_MUCH}"))
            .with_hint("nothing was written; log in by hand and look at what it shows"),
        Broken::Lost(why) => {
            Failure::new(Class::Unreachable, phase, format!("{device}: session lost: {why}"))
                .with_hint("nothing was written; log in by hand and look at its sessions")
        }
    }
}
