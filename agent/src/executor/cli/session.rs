//! One session with a device's command line: read, compare, look; what writes stands in `writing`.

use super::broken_before;
use super::shell::{Line, Shell, untypable};
use super::writing;
use crate::executor::device::{Difference, Job, Running, Session, WriteEnd, Written};
use crate::executor::wanted::{Redactor, Wanted};
use crate::executor::{Failure, WritePass};
use crate::platform::Platform;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::{
    Block, Index, after, commands, contradiction, missing, parse, print, unified, way,
};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::{Mode, Probe};
use switchyard_shared::task::Purpose;
use tokio::time::Sleep;
use zeroize::Zeroizing;

/// Longest comment of a commit that is typed, in bytes.
const COMMENT_BYTES_MAX: usize = 120;

/// What stands in a platform's lines for this attempt.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// How messages name the device.
    pub(super) device: String,
    /// A short name of the attempt that is undone: itself, or the one that a restoration is about.
    id: String,
    comment: String,
    confirm_timeout: Duration,
    /// Longest wait for one answer.
    pub(super) answer: Duration,
    /// Longest wait for all lines of one write, or of one way back.
    pub(super) typing: Duration,
    redactor: Redactor,
    /// Whether a commit is to be confirmed, where the platform can.
    pub(super) confirmed: bool,
}

impl Names {
    pub(super) fn of(job: &Job<'_>) -> Self {
        let (task, commit) = (job.task, &job.procedure.commit);
        let attempt = match &task.purpose {
            Purpose::Restore { attempt, .. } => *attempt,
            Purpose::Apply | Purpose::Settle { .. } | Purpose::Compare => task.op.attempt,
        };
        let plain = |c: &char| c.is_ascii_alphanumeric() || " ._-:/#,".contains(*c);
        Self {
            device: format!("{} ({}:{})", task.op.device, task.endpoint.hostname, task.endpoint.port),
            id: format!("sw{:08x}", crc32c::crc32c(format!("{}@{attempt}", task.op.rollout).as_bytes())),
            comment: match commit.comment.is_empty() {
                true => format!("rollout {}", task.op.rollout),
                false => commit.comment.chars().filter(plain).take(COMMENT_BYTES_MAX).collect(),
            },
            confirm_timeout: commit.confirm_timeout,
            answer: task.timeouts.command,
            typing: job.procedure.typing(task.lines()),
            redactor: job.redactor.clone(),
            confirmed: commit.confirmed,
        }
    }

    /// A line of a definition with everything in it.
    pub(super) fn fill(&self, line: &str) -> String {
        let seconds = self.confirm_timeout.as_secs().max(1);
        let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        line.replace("{id}", &self.id)
            .replace("{comment}", &self.comment)
            .replace("{seconds}", &seconds.to_string())
            .replace("{minutes}", &seconds.div_ceil(60).to_string())
            .replace("{clock}", &clock)
    }
}

/// A session that is ready for commands.
pub(super) struct CliSession {
    pub(super) shell: Shell,
    pub(super) platform: Arc<Platform>,
    pub(super) names: Names,
    /// When nothing more is typed.
    late: Option<Pin<Box<Sleep>>>,
}

impl CliSession {
    pub(super) fn new(mut shell: Shell, platform: Arc<Platform>, names: Names) -> Self {
        shell.prepare(names.answer, names.redactor.clone());
        Self { shell, platform, names, late: None }
    }

    /// From now on there is so much time to type lines.
    pub(super) fn begin_to_type(&mut self) {
        self.late = Some(Box::pin(tokio::time::sleep(self.names.typing)));
    }

    /// Whether that time is over.
    pub(super) fn is_late(&mut self) -> bool {
        self.late.as_mut().is_some_and(|late| late.as_mut().now_or_never().is_some())
    }

    pub(super) fn blocks(&self, text: &str) -> Vec<Block> {
        parse(text, &self.platform.dialect)
    }

    pub(super) async fn read_running(&mut self) -> Result<Running, Failure> {
        let platform = self.platform.clone();
        let command = &platform.running.command;
        let text = self.ask(command, Phase::Read).await?;
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if let Some(whole) = &platform.running.whole
            && !whole.is_match(last)
        {
            let message =
                format!("{}: `{command}` did not show the configuration to its end", self.names.device);
            return Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("nothing was written; run the command by hand: may this user see all of it?"));
        }
        let stays = |line: &&str| !platform.running.leave_out.iter().any(|pattern| pattern.is_match(line));
        let kept: String = text.lines().filter(stays).flat_map(|line| [line, "\n"]).collect();
        let text = Zeroizing::new(text);
        let running = Running(Zeroizing::new(print(&self.blocks(&Zeroizing::new(kept)))));
        drop(text);
        Ok(running)
    }

    /// The answer to a command that only looks.
    async fn ask(&mut self, command: &str, phase: Phase) -> Result<String, Failure> {
        let answer = self.shell.say(Line::Looks(command), true).await;
        let answer = answer.map_err(|broken| broken_before(broken, phase, &self.names.device))?;
        if let Some(refusal) = self.shell.refusal(&answer) {
            let message = format!("{} refuses `{command}`: {}", self.names.device, refusal.words());
            return Err(Failure::new(Class::PrecheckFailed, phase, message)
                .with_hint("nothing was written; try the command by hand: may this user run it?"));
        }
        Ok(answer.text)
    }

    /// What is to be said to a device that has `running`.
    pub(super) fn steps(&self, running: &[Block], wanted: &Wanted) -> Vec<Block> {
        let dialect = &self.platform.dialect;
        let blocks = self.blocks(wanted.reveal());
        match wanted.mode {
            Mode::Merge => missing(running, &blocks, dialect),
            Mode::Replace => way(&self.given_up(running, &blocks), &blocks, dialect),
        }
    }

    /// Everything that a device with `running` shall have after a replacement.
    pub(super) fn whole(&self, running: &[Block], wanted: &Wanted) -> Vec<Block> {
        let blocks = self.blocks(wanted.reveal());
        let named = Index::of(&blocks, &self.platform.dialect);
        let kept = running.iter().filter(|block| self.stays(block, &named));
        kept.chain(&blocks).cloned().collect()
    }

    /// `running` without what a replacement leaves alone.
    fn given_up(&self, running: &[Block], wanted: &[Block]) -> Vec<Block> {
        let named = Index::of(wanted, &self.platform.dialect);
        running.iter().filter(|block| !self.stays(block, &named)).cloned().collect()
    }

    fn stays(&self, block: &Block, named: &Index<'_>) -> bool {
        named.find(&block.line).is_none()
            && self.platform.keeps.iter().any(|keeps| keeps.is_match(&block.line))
    }

    fn difference(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let dialect = &self.platform.dialect;
        let before = self.blocks(&running.0);
        let blocks = self.blocks(wanted.reveal());
        if wanted.mode == Mode::Merge
            && let Some((back, again)) = contradiction(&blocks, dialect)
        {
            let (back, again) = (self.shell.quoted(back), self.shell.quoted(again));
            let message = format!(
                "{}: the template says {back} and then {again}: a merge cannot do both",
                self.names.device
            );
            return Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("leave out the line that takes it back, or use mode: replace"));
        }
        let steps = self.steps(&before, wanted);
        if steps.is_empty() {
            return Ok(Difference { text: String::new() });
        }
        let refused = |message: String, hint: &str| {
            Err(Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(hint))
        };
        if wanted.mode == Mode::Replace && self.blocks(wanted.reveal()).is_empty() {
            let message = format!("{}: an empty configuration would take everything away", self.names.device);
            return refused(message, "correct the template, or use mode: merge");
        }
        let lines = commands(&steps, dialect);
        let literal = self.platform.configure.literal.is_some();
        for line in &lines {
            if let Some(why) = untypable(line, literal) {
                let message = format!(
                    "{}: a line cannot be typed: {why}: {}",
                    self.names.device,
                    self.shell.quoted(line)
                );
                return refused(message, "correct the template, then plan again");
            }
        }
        let diff = unified(&running.0, &print(&after(&before, &steps, dialect)));
        let diff = match diff.is_empty() {
            // What is said changes nothing that shows: it is shown itself.
            true => lines.iter().flat_map(|line| ["+", line, "\n"]).collect(),
            false => diff,
        };
        Ok(Difference { text: self.platform.redact(&diff) })
    }
}

impl Session for CliSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_running())
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        self.difference(running, wanted)
    }

    fn redact(&self, text: &str) -> String {
        self.platform.redact(text)
    }

    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            match probe {
                Probe::Command { command } => self.ask(command, Phase::Validate).await,
                Probe::Tcp { .. }
                | Probe::NetconfGet { .. }
                | Probe::GnmiGet { .. }
                | Probe::Http { .. }
                | Probe::Prometheus { .. } => {
                    let message =
                        format!("{}: this check cannot be made over a command line", self.names.device);
                    Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message)
                        .with_hint("use command, or another transport"))
                }
            }
        })
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(writing::write(self, pass, running, wanted))
    }

    fn confirm<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(writing::confirm(self, pass))
    }

    fn cancel<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(writing::cancel(self, pass))
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(writing::restore(self, pass, running, before))
    }

    fn save<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(writing::save(self, pass))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.shell.close())
    }
}
