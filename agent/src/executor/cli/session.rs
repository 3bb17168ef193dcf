//! One session with a device's command line: read, compare, look; what writes stands in `writing`.

use super::broken_before;
use super::script::{Carrier, Names, Refusal, Script};
use super::shell::{Line, Shell};
use super::writing;
use crate::executor::device::{Difference, Restored, Running, Session, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass};
use crate::platform::Platform;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Probe;
use tokio::time::Sleep;
use zeroize::Zeroizing;

/// A session that is ready for commands.
pub(super) struct CliSession {
    pub(super) shell: Shell,
    script: Script,
    /// When nothing more is typed.
    late: Option<Pin<Box<Sleep>>>,
}

impl Deref for CliSession {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.script
    }
}

impl CliSession {
    pub(super) fn new(mut shell: Shell, platform: Arc<Platform>, names: Names) -> Self {
        if names.writes {
            shell.may_write(names.answer);
        }
        Self { shell, script: Script::new(platform, names), late: None }
    }

    /// From now on there is so much time to type lines.
    pub(super) fn begin_to_type(&mut self) {
        self.late = Some(Box::pin(tokio::time::sleep(self.names.typing)));
    }

    /// Whether that time is over.
    pub(super) fn is_late(&mut self) -> bool {
        self.late.as_mut().is_some_and(|late| late.as_mut().now_or_never().is_some())
    }

    pub(super) async fn read_running(&mut self) -> Result<Running, Failure> {
        let platform = self.platform.clone();
        let command = &platform.running.command;
        let text = self.hear(command, Phase::Read).await?;
        self.must_not_refuse(command, self.refusal_to_read(&text), Phase::Read)?;
        let running = self.running(text)?;
        self.note_running(&running.0);
        Ok(running)
    }

    async fn read_defaults(&mut self, running: &Running) -> Result<(), Failure> {
        let Some(all) = self.asks_defaults().map(str::to_owned) else { return Ok(()) };
        let mut showed = vec![Zeroizing::new(self.hear(&all, Phase::Read).await?)];
        if !self.tells_its_end() {
            showed.push(Zeroizing::new(self.hear(&all, Phase::Read).await?));
        }
        self.note_defaults(&running.0, &showed);
        Ok(())
    }

    /// The answer to a command that only looks.
    async fn ask(&mut self, command: &str, phase: Phase) -> Result<String, Failure> {
        let text = self.hear(command, phase).await?;
        self.must_not_refuse(command, self.refusal_to_show(&text), phase)?;
        Ok(text)
    }

    /// The same, whatever it says.
    async fn hear(&mut self, command: &str, phase: Phase) -> Result<String, Failure> {
        let answer = self.shell.say(Line::Looks(command), true).await;
        let answer = answer.map_err(|broken| broken_before(broken, phase, &self.names.device))?;
        Ok(answer.text)
    }

    fn must_not_refuse(&self, command: &str, refusal: Option<Refusal>, phase: Phase) -> Result<(), Failure> {
        match refusal {
            Some(refusal) => Err(refusal.of_a_look(command, phase, &self.names.device)),
            None => Ok(()),
        }
    }
}

impl Session for CliSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_running())
    }

    fn ask_defaults<'a>(&'a mut self, running: &'a Running) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.read_defaults(running))
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        self.difference(running, wanted, Carrier::Keyboard)
    }

    fn redact(&self, text: &str) -> String {
        self.platform.redact(text)
    }

    fn not_shown(&self) -> String {
        self.script.not_shown()
    }

    fn forewarns(&self, running: &Running, wanted: &Wanted) -> String {
        self.script.forewarns(running, wanted)
    }

    fn tells_its_end(&self) -> bool {
        self.platform.running.whole.is_some()
    }

    fn alike(&self, one: &Running, other: &Running) -> bool {
        self.script.alike(one, other)
    }

    fn differs_in_order_alone(&self, running: &Running, wanted: &Wanted) -> bool {
        self.script.differs_in_order_alone(running, wanted)
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
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(writing::restore(self, pass, running, before))
    }

    fn save<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(writing::save(self, pass))
    }

    fn is_saved(&mut self) -> BoxFuture<'_, Result<Option<bool>, Failure>> {
        Box::pin(async move {
            let platform = self.platform.clone();
            let unsaved = match platform.shows_unsaved() {
                Ok(unsaved) => unsaved,
                Err(known) => return Ok(known),
            };
            let answer = Zeroizing::new(self.ask(&unsaved.command, Phase::Read).await?);
            Ok(Some(self.shows_nothing(unsaved, &answer)))
        })
    }

    fn remark(&self) -> &'static str {
        self.script.remark()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.shell.close())
    }
}
