//! From the first line that can change the device to the end of its request, and the way back.

use super::{LinesSession, Unsaid};
use crate::executor::cli::{Carries, Refusal, Script};
use crate::executor::device::{Running, WriteEnd, Written};
use crate::executor::http::trouble::{has_no_room, lost};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use crate::http_client::Reply;
use crate::platform::Confirmed;
use futures_util::future::BoxFuture;
use switchyard_shared::configuration::{Block, commands};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::{LINE_TIME, Mode};

impl LinesSession {
    pub(super) async fn write_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        wanted: &Wanted,
    ) -> Result<Written, WriteEnd> {
        let configure = &self.script.platform.clone().configure;
        let (steps, whole) = self.steps(running, wanted);
        self.script.note_said(&steps);
        let checkpoint = self.script.of_place(&configure.checkpoint, running);
        // A device without room for another checkpoint is put back by its lines.
        let _is_made = self.aside(pass, &checkpoint).await?;
        let has = self.script.blocks(&running.0);
        self.configure(pass, (&steps, &has), whole, self.script.names.confirmed).await
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
    pub(super) fn must_fit(&self, running: &Running, wanted: &Wanted) -> Result<(), Failure> {
        let (steps, whole) = self.steps(running, wanted);
        let has = if whole { Vec::new() } else { self.script.blocks(&running.0) };
        let Some(why) = self.too_many(&steps, &has) else { return Ok(()) };
        let message = format!("{}: the change {why}", self.wire.place());
        Err(Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(
            "nothing was written; use transport: ssh_cli, which says one line at a time, or take away less at once",
        ))
    }

    /// Says `steps` to a device with the second lines in one request, with the way in and the commit.
    async fn configure(
        &mut self,
        pass: &WritePass,
        (steps, has): (&[Block], &[Block]),
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
        lines.extend(commands(steps, if clear { &[] } else { has }, &platform.dialect));
        lines.extend(fill(last));
        // One request: when the device comes to its last line, nobody is told.
        let since = pass.now();
        let mut said = self.say(&lines, Some(pass)).await;
        if matches!(said, Err(Unsaid::Refused(Some(at), _)) if at < entered) && self.discards(pass).await? {
            said = self.say(&lines, Some(pass)).await;
        }
        let Err(unsaid) = said else {
            return Ok(awaiting.map_or(Written::ForGood, |_| Written::UntilConfirmed { since }));
        };
        if let (Unsaid::Refused(at, _), Some(candidate)) = (&unsaid, &configure.candidate)
            && at.is_none_or(|at| at >= entered)
        {
            let abort = [configure.enter.as_slice(), &candidate.abort].concat();
            // What stays of it is a draft that nobody has put in force.
            let _ = self.all(pass, &abort).await;
        }
        // A draft is nothing that runs.
        let harmless = if configure.candidate.is_some() { lines.len() - last.len() } else { entered };
        Err(self.end(unsaid, Some(harmless)))
    }

    /// Takes away the drafts that this attempt, and those before it, have left under their names; `false` where none was
    /// there. One by one: a request ends at the first line that is refused.
    async fn discards(&mut self, pass: &WritePass) -> Result<bool, WriteEnd> {
        let mut any = false;
        for line in self.script.discards() {
            any |= self.aside(pass, &[line]).await?;
        }
        Ok(any)
    }

    /// Says what changes no configuration; whether the device took it.
    async fn aside(&mut self, pass: &WritePass, lines: &[String]) -> Result<bool, WriteEnd> {
        match self.all(pass, lines).await {
            Ok(()) => Ok(true),
            Err(Unsaid::Refused(..)) => Ok(false),
            Err(Unsaid::Strange(reply)) if has_no_room(reply.status) => {
                Err(WriteEnd::Busy(format!("status {} before the change", reply.status)))
            }
            Err(unsaid) => Err(no_change(self.end(unsaid, None))),
        }
    }

    /// The end of lines that were not all taken, the first `harmless` of which change nothing.
    pub(super) fn end(&self, unsaid: Unsaid, harmless: Option<usize>) -> WriteEnd {
        match unsaid {
            Unsaid::Refused(at, refusal) => {
                let untouched = matches!((at, harmless), (Some(at), Some(harmless)) if at < harmless);
                match (refusal, untouched) {
                    (Refusal::Busy(words), true) => WriteEnd::Busy(words),
                    (Refusal::Busy(message) | Refusal::Refused(message), untouched) => WriteEnd::Rejected {
                        message,
                        left_as: if untouched { LeftAs::Unchanged } else { LeftAs::Unknown },
                    },
                }
            }
            Unsaid::Not(error) => lost(error),
            Unsaid::Strange(reply) => self.strange(&reply),
        }
    }

    /// What an answer of HTTP says that is none of JSON-RPC.
    fn strange(&self, reply: &Reply) -> WriteEnd {
        match self.wire.end_of("POST", reply) {
            Err(end) => end,
            Ok(()) => {
                WriteEnd::Lost(format!("its answer has status {} and is none of JSON-RPC", reply.status))
            }
        }
    }

    /// Says what concerns a commit that awaits its confirmation.
    pub(super) async fn settle(
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

impl Carries for LinesSession {
    fn script(&self) -> &Script {
        &self.script
    }

    fn reread(&mut self) -> BoxFuture<'_, Result<Running, WriteEnd>> {
        Box::pin(async {
            let answer = self.script.names.answer;
            match tokio::time::timeout(answer, self.read_now()).await {
                Ok(read) => read.map_err(|failure| WriteEnd::Lost(failure.message)),
                Err(_) => Err(WriteEnd::Lost("it could not be read in time".into())),
            }
        })
    }

    fn roll_back<'a>(
        &'a mut self,
        pass: &'a WritePass,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Option<String>, WriteEnd>> {
        Box::pin(async move {
            let rollback = self.script.of_place(&self.script.platform.configure.rollback, before);
            match self.all(pass, &rollback).await {
                Ok(()) => Ok(None),
                Err(Unsaid::Refused(_, refusal)) => Ok(Some(refusal.words().to_owned())),
                Err(unsaid) => Err(self.end(unsaid, None)),
            }
        })
    }

    fn bring_back<'a>(
        &'a mut self,
        pass: &'a WritePass,
        steps: &'a [Block],
        has: &'a [Block],
        whole: bool,
    ) -> BoxFuture<'a, Result<Option<String>, WriteEnd>> {
        Box::pin(async move {
            // A request whose end nobody heard may have left other lines under this name.
            self.discards(pass).await?;
            self.configure(pass, (steps, has), whole, false).await.map(|_| None)
        })
    }

    fn too_many(&self, steps: &[Block], has: &[Block]) -> Option<String> {
        let lines = commands(steps, has, &self.script.platform.dialect).len();
        let max = self.script.names.typing.as_millis() / LINE_TIME.as_millis();
        (lines as u128 > max).then(|| {
            format!("takes {lines} lines in one request, and a configuration of this size may take {max}")
        })
    }
}

/// The end of lines that change no configuration.
fn no_change(end: WriteEnd) -> WriteEnd {
    match end {
        WriteEnd::Lost(why) => WriteEnd::NotSent(why),
        end @ (WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Busy(_) | WriteEnd::Rejected { .. }) => {
            end
        }
    }
}

fn awaits(configure: &crate::platform::Configure) -> Option<&Confirmed> {
    configure.candidate.as_ref().and_then(|candidate| candidate.confirmed.as_ref())
}
