//! A command line behind JSON-RPC: the words are those of its platform, and each request is carried out on its own.

mod writing;

use super::rpc::{Heard, heard};
use super::trouble;
use super::wire::{Ask, CallError, Lines, Place, Wire};
use crate::executor::cli::{Carrier, Refusal, Script, restore};
use crate::executor::device::{Difference, Job, Restored, Running, Session, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use crate::http_client::Reply;
use crate::platform::HttpApi;
use futures_util::future::BoxFuture;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Probe;
use zeroize::Zeroizing;

/// A session that is ready for lines.
pub(super) struct LinesSession {
    wire: Wire,
    script: Script,
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

/// Proves that the device takes lines from us, by a short one that only looks: its configuration is read with the time
/// that a command has.
pub(super) async fn begin(wire: Wire, script: Script, job: &Job<'_>) -> Result<LinesSession, Failure> {
    let mut session = LinesSession { wire, script };
    let platform = session.script.platform.clone();
    let proof = [session.api().proof.as_ref().unwrap_or(&platform.running.command).clone()];
    let known = match session.say(&proof, None).await {
        // Whom it refuses a line it has let in.
        Ok(_) | Err(Unsaid::Refused(_, Refusal::Refused(_))) => Ok(()),
        Err(unsaid) => Err(session.failed(unsaid, &proof, Phase::Connect)),
    };
    match &known {
        Ok(()) => job.context.answered(true),
        Err(failure) if failure.class == Class::AuthFailed => job.context.answered(false),
        Err(_) => {}
    }
    known.map(|()| session)
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
        if trouble::ends_a_login(reply.status) || trouble::is_of_a_gateway(reply.status) {
            return Err(Unsaid::Strange(reply));
        }
        match heard(api, all.len(), pass.is_some(), &reply.body) {
            Some(Heard::All(texts)) if reply.status == 200 => {
                let texts: Vec<String> = texts.into_iter().skip(before.len()).collect();
                let mut refused = texts.iter().enumerate();
                let refused = refused.find_map(|(at, text)| {
                    let reads = lines.get(at) == Some(&platform.running.command);
                    let refusal = match pass {
                        Some(_) => self.script.refusal(text),
                        None if reads => self.script.refusal_to_read(text),
                        None => self.script.refusal_to_show(text),
                    };
                    Some((at, refusal?))
                });
                match refused {
                    // A device that took all lines did not stop at the one whose answer reads as a refusal.
                    Some((at, refusal)) => Err(Unsaid::Refused(pass.is_none().then_some(at), refusal)),
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
        self.say(lines, None).await.map_err(|unsaid| self.failed(unsaid, lines, phase))
    }

    /// What it means that `lines`, which only look, have no answer.
    fn failed(&self, unsaid: Unsaid, lines: &[String], phase: Phase) -> Failure {
        let place = self.wire.place();
        match unsaid {
            Unsaid::Not(CallError::NotAllowed(_)) => {
                let message = format!("{place}: a line is not known to only look: `{}`", lines.join("`, `"));
                Failure::new(Class::PrecheckFailed, phase, message)
                    .with_hint("add it to looks.beginnings of the platform if it can change nothing")
            }
            Unsaid::Not(CallError::TooLarge(why)) => self.wire.too_large(&why, Class::PrecheckFailed, phase),
            Unsaid::Not(error) => self.wire.failed(&error, phase),
            Unsaid::Refused(_, refusal) => refusal.of_a_look(&lines.join("`, `"), phase, place),
            Unsaid::Strange(reply) if reply.status == 200 => {
                let message = format!("{place} does not answer as JSON-RPC at {}", self.api().path);
                Failure::new(Class::PrecheckFailed, phase, message)
                    .with_hint("nothing was written; compare the platform's http with the device's manual")
            }
            Unsaid::Strange(reply) => self.wire.refused(&reply, phase, &self.api().path),
        }
    }

    async fn read_now(&mut self) -> Result<Running, Failure> {
        let command = [self.script.platform.running.command.clone()];
        let text = self.look_at(&command, Phase::Read).await?.pop().unwrap_or_default();
        let running = self.script.running(text)?;
        self.script.note_running(&running.0);
        Ok(running)
    }

    /// A device that refuses to show them is one of which nobody knows them: each request stands alone.
    async fn read_defaults(&mut self, running: &Running) {
        let Some(all) = self.script.asks_defaults().map(str::to_owned) else { return };
        let times = if self.tells_its_end() { 1 } else { 2 };
        let mut showed = Vec::new();
        for _ in 0..times {
            let Ok(texts) = self.look_at(std::slice::from_ref(&all), Phase::Read).await else { return };
            showed.extend(texts.into_iter().map(Zeroizing::new));
        }
        self.script.note_defaults(&running.0, &showed);
    }

    /// Says the platform's own `lines`.
    async fn all(&mut self, pass: &WritePass, lines: &[String]) -> Result<(), Unsaid> {
        if lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = lines.iter().map(|line| self.script.names.fill(line)).collect();
        self.say(&lines, Some(pass)).await.map(|_| ())
    }
}

impl Session for LinesSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_now())
    }

    fn ask_defaults<'a>(&'a mut self, running: &'a Running) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            self.read_defaults(running).await;
            Ok(())
        })
    }

    /// A question mark asks nothing here, so it stands for itself.
    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let difference = self.script.difference(running, wanted, Carrier::Api)?;
        if !difference.is_nothing() {
            self.must_fit(running, wanted)?;
        }
        Ok(difference)
    }

    fn redact(&self, text: &str) -> String {
        self.wire.redactor.redact(&self.script.platform.redact(text))
    }

    fn not_shown(&self) -> String {
        self.script.not_shown()
    }

    fn forewarns(&self, running: &Running, wanted: &Wanted) -> String {
        self.script.forewarns(running, wanted)
    }

    fn tells_its_end(&self) -> bool {
        self.script.platform.running.whole.is_some()
    }

    fn alike(&self, one: &Running, other: &Running) -> bool {
        self.script.alike(one, other)
    }

    fn differs_in_order_alone(&self, running: &Running, wanted: &Wanted) -> bool {
        self.script.differs_in_order_alone(running, wanted)
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
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(restore(self, pass, running, before))
    }

    fn save<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async move {
            let save = self.script.platform.clone();
            let said = self.all(pass, &save.save).await;
            said.map_err(|unsaid| self.end(unsaid, None))
        })
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        Box::pin(async move {
            let platform = self.script.platform.clone();
            let unsaved = match platform.shows_unsaved() {
                Ok(unsaved) => unsaved,
                Err(known) => return Ok(known),
            };
            let asked = std::slice::from_ref(&unsaved.command);
            let answer = self.look_at(asked, Phase::Read).await?.pop().unwrap_or_default();
            Ok(Some(self.script.shows_nothing(unsaved, &Zeroizing::new(answer))))
        })
    }

    fn remark(&self) -> &'static str {
        self.script.remark()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}
