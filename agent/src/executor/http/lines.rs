//! A command line behind JSON-RPC: the words are those of its platform, and each request is carried out on its own.

use super::rpc::{Heard, heard};
use super::trouble::{self, lost};
use super::wire::{Ask, CallError, Lines, Place, Wire};
use crate::executor::cli::{Refusal, Script};
use crate::executor::device::{Difference, Job, Running, Session, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use crate::http_client::Reply;
use crate::platform::{Confirmed, HttpApi};
use futures_util::future::BoxFuture;
use switchyard_shared::configuration::{Block, commands, reordered, way};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::{LINE_TIME, Mode, Probe};

/// Requests in which a device is brought back, each after a look at what it has.
const ROUNDS_MAX: u32 = 3;

/// A session that is ready for lines.
pub(super) struct LinesSession {
    wire: Wire,
    script: Script,
    /// What the device showed when the session began.
    first: Option<String>,
}

/// Why lines were not all taken.
enum Unsaid {
    /// The device refused one of them; it is not known which when there is no number.
    Refused(Option<usize>, Refusal),
    /// Nobody heard the whole answer, or nothing was said.
    Not(CallError),
    /// An answer of HTTP that is none of JSON-RPC.
    Strange(Reply),
}

/// Proves that the device takes lines from us, by one that only looks.
pub(super) async fn begin(wire: Wire, script: Script, job: &Job<'_>) -> Result<LinesSession, Failure> {
    let mut session = LinesSession { wire, script, first: None };
    let known = session.look_at(&[], Phase::Connect).await;
    match &known {
        Ok(_) => job.context.answered(true),
        Err(failure) if failure.class == Class::AuthFailed => job.context.answered(false),
        Err(_) => {}
    }
    session.first = known?.pop();
    Ok(session)
}

impl LinesSession {
    fn api(&self) -> &HttpApi {
        self.script.platform.http.as_ref().expect("only platforms with an API get here")
    }

    /// Says `lines`, after what gives the right to configure.
    async fn say(&mut self, lines: &[String], pass: Option<&WritePass>) -> Result<Vec<String>, Unsaid> {
        let platform = self.script.platform.clone();
        let Some(api) = &platform.http else { return Ok(Vec::new()) };
        let before: Vec<String> =
            platform.escalation.iter().map(|escalation| escalation.command.clone()).collect();
        let all = [before.as_slice(), lines].concat();
        let asked = Lines { platform: &platform, api, lines: &all, change: pass.is_some() };
        let place = Place { path: &api.path, accept: &api.kind, only_if: None };
        let reply = self.wire.send(&Ask::Lines(asked), place, pass).await.map_err(Unsaid::Not)?;
        if trouble::ends_a_login(reply.status) {
            return Err(Unsaid::Strange(reply));
        }
        match heard(api, all.len(), pass.is_some(), &reply.body) {
            Some(Heard::All(texts)) if reply.status == 200 => {
                let texts: Vec<String> = texts.into_iter().skip(before.len()).collect();
                let mut refused = texts.iter().enumerate();
                let refused = refused.find_map(|(at, text)| Some((at, self.script.refusal(text)?)));
                match refused {
                    Some((at, refusal)) => Err(Unsaid::Refused(Some(at), refusal)),
                    None => Ok(texts),
                }
            }
            Some(Heard::Refused { at, words }) => {
                let quoted = || {
                    let words: Vec<&str> =
                        words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                    self.script.quoted(&words.join(" "))
                };
                let refusal = match self.script.refusal(&words) {
                    Some(Refusal::Busy(words)) => Refusal::Busy(words),
                    Some(Refusal::Refused(_)) | None => Refusal::Refused(quoted()),
                };
                Err(Unsaid::Refused(at.and_then(|at| at.checked_sub(before.len())), refusal))
            }
            Some(Heard::All(_)) | None => Err(Unsaid::Strange(reply)),
        }
    }

    /// The answers to `lines`, which only look.
    async fn look_at(&mut self, lines: &[String], phase: Phase) -> Result<Vec<String>, Failure> {
        let probe = [self.script.platform.running.command.clone()];
        let lines = if lines.is_empty() { &probe } else { lines };
        let place = self.wire.place().to_owned();
        self.say(lines, None).await.map_err(|unsaid| match unsaid {
            Unsaid::Not(CallError::NotAllowed(_)) => {
                let message = format!("{place}: a line is not known to only look: `{}`", lines.join("`, `"));
                Failure::new(Class::PrecheckFailed, phase, message)
                    .with_hint("add it to looks.beginnings of the platform if it can change nothing")
            }
            Unsaid::Not(error) => self.wire.failed(&error, phase),
            Unsaid::Refused(_, refusal) => {
                let class = match refusal {
                    Refusal::Busy(_) => Class::Overloaded,
                    Refusal::Refused(_) => Class::PrecheckFailed,
                };
                let message = format!("{place} refuses `{}`: {}", lines.join("`, `"), refusal.words());
                Failure::new(class, phase, message)
                    .with_hint("nothing was written; try it by hand: may this user run it?")
            }
            Unsaid::Strange(reply) if reply.status == 200 => {
                let message = format!("{place} does not answer as JSON-RPC at {}", self.api().path);
                Failure::new(Class::PrecheckFailed, phase, message)
                    .with_hint("nothing was written; compare the platform's http with the device's manual")
            }
            Unsaid::Strange(reply) => self.wire.refused(&reply, phase, &self.api().path),
        })
    }

    async fn read_now(&mut self) -> Result<Running, Failure> {
        let text = match self.first.take() {
            Some(text) => text,
            None => self.look_at(&[], Phase::Read).await?.pop().unwrap_or_default(),
        };
        self.script.running(text)
    }

    /// Says the platform's own `lines`.
    async fn all(&mut self, pass: &WritePass, lines: &[String]) -> Result<(), Unsaid> {
        if lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = lines.iter().map(|line| self.script.names.fill(line)).collect();
        self.say(&lines, Some(pass)).await.map(|_| ())
    }

    async fn write_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        wanted: &Wanted,
    ) -> Result<Written, WriteEnd> {
        let configure = &self.script.platform.clone().configure;
        let (steps, whole) = self.steps(running, wanted);
        if let Err(unsaid @ (Unsaid::Not(_) | Unsaid::Strange(_))) =
            self.all(pass, &configure.checkpoint).await
        {
            // A device without room for another checkpoint is put back by its lines.
            return Err(match self.end(unsaid, None) {
                WriteEnd::Lost(why) => WriteEnd::NotSent(why),
                end @ (WriteEnd::NotSent(_) | WriteEnd::Busy(_) | WriteEnd::Rejected { .. }) => end,
            });
        }
        self.configure(pass, &steps, whole, self.script.names.confirmed).await
    }

    /// What is said to a device that has `running`, and whether it is all that shall stay.
    fn steps(&self, running: &Running, wanted: &Wanted) -> (Vec<Block>, bool) {
        let before = self.script.blocks(&running.0);
        match wanted.mode == Mode::Replace && !self.script.platform.configure.clear.is_empty() {
            true => (self.script.whole(&before, wanted), true),
            false => (self.script.steps(&before, wanted), false),
        }
    }

    /// A device gets all lines at once, and a doubt about them is settled when the time that the whole rollout knows
    /// of is over: more than that are not sent.
    fn must_fit(&self, running: &Running, wanted: &Wanted) -> Result<(), Failure> {
        let lines = commands(&self.steps(running, wanted).0, &self.script.platform.dialect).len();
        let max = self.script.names.typing.as_millis() / LINE_TIME.as_millis();
        if lines as u128 <= max {
            return Ok(());
        }
        let message = format!(
            "{}: the change takes {lines} lines in one request, and a configuration of this size may take {max}",
            self.wire.place()
        );
        Err(Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(
            "nothing was written; use transport: ssh_cli, which says one line at a time, or take away less at once",
        ))
    }

    /// Says `steps` in one request, with the way in and the commit.
    async fn configure(
        &mut self,
        pass: &WritePass,
        steps: &[Block],
        clear: bool,
        confirmed: bool,
    ) -> Result<Written, WriteEnd> {
        let platform = self.script.platform.clone();
        let configure = &platform.configure;
        let awaiting = awaits(&platform.configure).filter(|_| confirmed);
        let last = match (&configure.candidate, awaiting) {
            (_, Some(awaiting)) => &awaiting.commit,
            (Some(candidate), None) => &candidate.commit,
            (None, None) => &configure.leave,
        };
        let fill =
            |lines: &[String]| lines.iter().map(|line| self.script.names.fill(line)).collect::<Vec<_>>();
        let mut lines = fill(&configure.enter);
        let entered = lines.len();
        if clear {
            lines.extend(fill(&configure.clear));
        }
        lines.extend(commands(steps, &platform.dialect));
        lines.extend(fill(last));
        let Err(unsaid) = self.say(&lines, Some(pass)).await else {
            return Ok(Written { awaits_confirmation: awaiting.is_some() });
        };
        if let (Unsaid::Refused(at, _), Some(candidate)) = (&unsaid, &configure.candidate)
            && at.is_none_or(|at| at >= entered)
        {
            let abort = [configure.enter.as_slice(), &candidate.abort].concat();
            // What stays of it is a draft that nobody has put in force.
            let _ = self.all(pass, &abort).await;
        }
        let end = self.end(unsaid, Some(entered));
        Err(end)
    }

    /// The end of lines that were not all taken, the first `entered` of which change nothing.
    fn end(&self, unsaid: Unsaid, entered: Option<usize>) -> WriteEnd {
        match unsaid {
            Unsaid::Refused(at, refusal) => {
                let untouched = matches!((at, entered), (Some(at), Some(entered)) if at < entered);
                match (refusal, untouched) {
                    (Refusal::Busy(words), true) => WriteEnd::Busy(words),
                    (Refusal::Busy(message) | Refusal::Refused(message), untouched) => WriteEnd::Rejected {
                        message,
                        left_as: if untouched { LeftAs::Unchanged } else { LeftAs::Unknown },
                    },
                }
            }
            Unsaid::Not(error) => lost(error),
            Unsaid::Strange(reply) if reply.status == 200 => {
                WriteEnd::Lost("its answer is none of JSON-RPC".into())
            }
            Unsaid::Strange(reply) => match self.wire.end_of("POST", &reply) {
                Err(end) => end,
                Ok(()) => WriteEnd::Lost(format!("its answer has status {} and says nothing", reply.status)),
            },
        }
    }

    /// Back to `before`: by the device's own checkpoint, then by lines until it is the same to the byte.
    async fn restore_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        before: &Running,
    ) -> Result<(), WriteEnd> {
        let platform = self.script.platform.clone();
        let (mut now, then) = (running.clone(), self.script.blocks(&before.0));
        let mut said = String::new();
        if !platform.configure.rollback.is_empty() {
            match self.all(pass, &platform.configure.rollback).await {
                Ok(()) => {}
                Err(Unsaid::Refused(_, refusal)) => said = format!("; it said: {}", refusal.words()),
                Err(unsaid) => return Err(self.end(unsaid, None)),
            }
            now = self.reread().await?;
        }
        for round in 0..ROUNDS_MAX {
            if now == *before {
                return Ok(());
            }
            let blocks = self.script.blocks(&now.0);
            let clear = round > 0 && !platform.configure.clear.is_empty();
            let mut steps = if clear { then.clone() } else { way(&blocks, &then, &platform.dialect) };
            if steps.is_empty() {
                steps = reordered(&blocks, &then, &platform.dialect);
            }
            match self.configure(pass, &steps, clear, false).await {
                Ok(_) => {}
                Err(WriteEnd::Rejected { message, .. }) => said = format!("; it said: {message}"),
                Err(end @ (WriteEnd::NotSent(_) | WriteEnd::Busy(_) | WriteEnd::Lost(_))) => return Err(end),
            }
            now = self.reread().await?;
        }
        if now == *before {
            return Ok(());
        }
        let message = format!("it still has another configuration than before the change{said}");
        Err(WriteEnd::Rejected { message, left_as: LeftAs::Unknown })
    }

    async fn reread(&mut self) -> Result<Running, WriteEnd> {
        let answer = self.script.names.answer;
        match tokio::time::timeout(answer, self.read_now()).await {
            Ok(read) => read.map_err(|failure| WriteEnd::Lost(failure.message)),
            Err(_) => Err(WriteEnd::Lost("it could not be read in time".into())),
        }
    }

    /// Says what concerns a commit that awaits its confirmation.
    async fn settle(
        &mut self,
        pass: &WritePass,
        of: impl Fn(&Confirmed) -> &[String],
    ) -> Result<(), WriteEnd> {
        let platform = self.script.platform.clone();
        let Some(confirmed) = awaits(&platform.configure) else {
            return Err(WriteEnd::NotSent("this platform takes nothing back by itself".into()));
        };
        let said = self.all(pass, of(confirmed)).await;
        said.map_err(|unsaid| self.end(unsaid, None))
    }
}

fn awaits(configure: &crate::platform::Configure) -> Option<&Confirmed> {
    configure.candidate.as_ref().and_then(|candidate| candidate.confirmed.as_ref())
}

impl Session for LinesSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_now())
    }

    /// A question mark asks nothing here, so it stands for itself.
    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let difference = self.script.difference(running, wanted, true)?;
        if !difference.is_nothing() {
            self.must_fit(running, wanted)?;
        }
        Ok(difference)
    }

    fn redact(&self, text: &str) -> String {
        self.script.platform.redact(text)
    }

    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let Probe::Command { command } = probe else {
                let message =
                    format!("{}: this check cannot be made over an API of lines", self.wire.place());
                return Err(Failure::new(Class::PrecheckFailed, Phase::Validate, message)
                    .with_hint("use command, http or tcp, or another transport"));
            };
            let texts = self.look_at(std::slice::from_ref(command), Phase::Validate).await?;
            Ok(texts.into_iter().next().unwrap_or_default())
        })
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(self.write_now(pass, running, wanted))
    }

    fn confirm<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(self.settle(pass, |confirmed| &confirmed.confirm))
    }

    fn cancel<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(self.settle(pass, |confirmed| &confirmed.cancel))
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(self.restore_now(pass, running, before))
    }

    fn save<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async move {
            let save = self.script.platform.clone();
            let said = self.all(pass, &save.save).await;
            said.map_err(|unsaid| self.end(unsaid, None))
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
