//! Works on a device with programs of the agent's own machine: only those that its configuration allows, never a shell.

mod allowed;
mod program;
#[cfg(test)]
mod tests;

pub use allowed::{Allowed, AllowedError, FILE, FILE_BYTES_MAX, Programs};

use super::device::{Difference, Driver, Job, Restored, Running, Session, WriteEnd, Written};
use super::wanted::{Redactor, Wanted};
use super::{Failure, WritePass, json_secrecy};
use crate::platform::Platforms;
use futures_util::future::BoxFuture;
use program::{End, Program, QUOTED_BYTES_MAX};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::unified;
use switchyard_shared::outcome::{Class, LeftAs, Phase, printable};
use switchyard_shared::procedure::{Mode, Probe};
use switchyard_shared::task::Purpose;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Sessions with programs instead of connections.
pub struct LocalExec {
    allowed: Arc<Allowed>,
    platforms: Platforms,
}

impl LocalExec {
    /// Runs nothing but what `allowed` names, and hides what any of `platforms` does.
    pub fn new(allowed: Arc<Allowed>, platforms: Platforms) -> Self {
        Self { allowed, platforms }
    }
}

struct Local {
    programs: Arc<Programs>,
    device: String,
    redactor: Redactor,
    platforms: Platforms,
    /// Whether this attempt may write at all.
    writes: bool,
    /// Longest time for one program that writes.
    limit: Duration,
}

impl Driver for LocalExec {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async move {
            let device = &job.task.op.device;
            let restores = matches!(job.task.purpose, Purpose::Restore { .. });
            if job.procedure.mode == Mode::Merge && !restores {
                let message = format!(
                    "{device}: what a local program shows and takes is the whole configuration: a merge cannot be made"
                );
                return Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(
                    "write change: {mode: replace} into the spec, with a template of all that it shows",
                ));
            }
            let found = self.allowed.find(&job.procedure.platform, device.as_str());
            let programs = found.map_err(|why| {
                Failure::new(Class::PrecheckFailed, Phase::Connect, format!("{device}: {why}")).with_hint(
                    format!("allow it in {FILE} in the agent's data folder, and start the agent again"),
                )
            })?;
            // What a program of this machine does says nothing about the site's network: its time is no silence.
            job.context.answered(true);
            let (device, redactor) = (device.to_string(), job.redactor.clone());
            let (writes, limit) = (job.task.purpose.writes(), job.task.timeouts.command);
            let platforms = self.platforms.clone();
            Ok(Box::new(Local { programs, device, redactor, platforms, writes, limit }) as Box<dyn Session>)
        })
    }
}

impl Local {
    /// What a program said, for a message: without secrets, then short.
    fn quoted(&self, said: &[u8]) -> String {
        let text = self.redactor.redact(&String::from_utf8_lossy(said));
        printable(self.redact(text.trim()).as_bytes(), QUOTED_BYTES_MAX)
    }

    async fn reading(&self) -> Result<Running, Failure> {
        let program = Program::reading(&self.programs, &self.device);
        let failed = |class, message: String| {
            let message = format!("{}: {} {message}", self.device, program.name());
            let hint =
                format!("nothing was written; run it by hand as the agent's user: {}", program.shown());
            Err(Failure::new(class, Phase::Read, message).with_hint(hint))
        };
        match program.run(None).await {
            End::Done(mut output) => match String::from_utf8(std::mem::take(&mut *output)) {
                Ok(text) => Ok(Running(Zeroizing::new(text))),
                Err(_) => failed(Class::PrecheckFailed, "printed what is not UTF-8".into()),
            },
            End::Failed { why, said } => {
                failed(Class::PrecheckFailed, format!("{why}: {}", self.quoted(&said)))
            }
            End::TooLong => failed(Class::PrecheckFailed, "printed more than fits".into()),
            End::NotStarted(why) => failed(Class::AgentError, format!("cannot be started: {why}")),
        }
    }

    async fn writing(&self, pass: &WritePass, text: &str) -> Result<(), WriteEnd> {
        if !self.writes {
            return Err(WriteEnd::NotSent("this attempt only reads".into()));
        }
        let program = Program::writing(&self.programs, &self.device, pass);
        let Ok(end) = timeout(self.limit, program.run(Some(text))).await else {
            let why = format!("{} did not end within {:?} and was killed", program.name(), self.limit);
            return Err(WriteEnd::Lost(why));
        };
        match end {
            End::Done(_) | End::TooLong => Ok(()),
            End::Failed { why, said } => {
                let message = format!("{} {why}: {}", program.name(), self.quoted(&said));
                Err(WriteEnd::Rejected { message, left_as: LeftAs::Unknown })
            }
            // What fails at the agent says nothing about the device or its site.
            End::NotStarted(why) => {
                let message = format!("{}: {} cannot be started: {why}", self.device, program.name());
                let failure = Failure::new(Class::AgentError, Phase::Write, message)
                    .with_hint(format!("run it by hand as the agent's user: {}", program.shown()));
                Err(WriteEnd::NoWay(Box::new(failure)))
            }
        }
    }
}

fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

impl Session for Local {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.reading())
    }

    /// What the reading program prints is compared as a whole: it prints what the writing one takes.
    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        if wanted.reveal().trim().is_empty() {
            let message = format!("{}: an empty configuration would take everything away", self.device);
            return Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("correct the template, then plan again"));
        }
        let difference = Zeroizing::new(unified(&trimmed(&running.0), &trimmed(wanted.reveal())));
        Ok(Difference { text: self.redact(&difference).into() })
    }

    /// What a program prints is of no platform that is known here: what any of them hides is hidden.
    fn redact(&self, text: &str) -> String {
        self.platforms.redact(&json_secrecy::redact(text))
    }

    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let message = format!("a local program cannot look at {probe:?}");
            Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message))
        })
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        _: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(async move {
            self.writing(pass, wanted.reveal()).await?;
            Ok(Written::ForGood)
        })
    }

    fn confirm<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn cancel<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Err(WriteEnd::NotSent("a local program confirms nothing".into())) })
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        _: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(async move {
            match before.0.trim().is_empty() {
                true => Err(WriteEnd::Rejected {
                    message: "nothing was shown of it before the change".into(),
                    left_as: LeftAs::Changed,
                }),
                false => self.writing(pass, &before.0).await.map(|()| Restored::Whole),
            }
        })
    }

    fn save<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn save_remark(&self) -> &'static str {
        "; no program is named that saves: whether its device boots with this is for the one that writes to see to"
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
