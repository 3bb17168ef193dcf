//! How long a device is waited for while it is configured: for each answer, and for all lines.

use super::super::script::Names;
use super::super::session::CliSession;
use super::super::shell::Shell;
use super::super::wire::Wire;
use crate::clock::SystemClock;
use crate::executor::WritePass;
use crate::executor::device::{Job, Running, Session as _, WriteEnd};
use crate::executor::played::OpenGate;
use crate::executor::wanted::{Redactor, Wanted};
use crate::secrets::Secret;
use futures_util::future::BoxFuture;
use std::time::Duration;
use switchyard_shared::outcome::LeftAs;
use switchyard_shared::procedure::{LINE_TIME, LINES_BESIDE, Mode, Procedure, Transport};
use zeroize::Zeroizing;

/// A device of IOS's kind that takes every line of configuration and needs `each` for its answer.
struct Slow {
    each: Duration,
    /// What it says to whoever enters its configuration.
    greets: &'static str,
    waiting: Vec<u8>,
    configures: bool,
    thinks: Duration,
}

impl Wire for Slow {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        let line = String::from_utf8_lossy(&bytes).trim().to_owned();
        self.thinks = if self.configures { self.each } else { Duration::ZERO };
        let enters = line == "configure terminal";
        self.configures = (self.configures || enters) && line != "end";
        let greeting = if enters { self.greets } else { "" };
        let prompt = if self.configures { "r1(config)#" } else { "r1#" };
        self.waiting = format!("{line}\r\n{greeting}{prompt}").into_bytes();
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        Box::pin(async {
            tokio::time::sleep(self.thinks).await;
            match self.waiting.is_empty() {
                false => Ok(std::mem::take(&mut self.waiting)),
                true => std::future::pending().await,
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// Types `lines` lines into a device that needs `each` for every answer; a command may take 30 seconds.
async fn type_into(each: Duration, lines: usize) -> Result<(), WriteEnd> {
    type_to_one_that_says("", each, lines).await
}

/// The same where it says `greets` to whoever enters its configuration.
pub(super) async fn type_to_one_that_says(
    greets: &'static str,
    each: Duration,
    lines: usize,
) -> Result<(), WriteEnd> {
    let mut task = crate::executor::ssh::played_task();
    let text: String =
        (0..lines).map(|number| format!("ntp server 10.0.{}.{}\n", number / 250, number % 250)).collect();
    task.configuration = text.as_bytes().into();
    task.timeouts.command = Duration::from_secs(30);
    let platform = super::platform("cisco_ios");
    let procedure = Procedure::new(Transport::SshCli, "cisco_ios");
    let names = Names::of(&Job {
        task: &task,
        procedure: &procedure,
        context: &OpenGate,
        redactor: Redactor::of(Vec::new()),
        unshown: Default::default(),
    });
    let (thinks, configures) = (Duration::ZERO, false);
    let device = Slow { each, greets, waiting: b"\r\nr1#".to_vec(), configures, thinks };
    let mut shell = Shell::new(Box::new(device), platform.clone(), None);
    shell.greeting().await.expect("a prompt");
    let mut session = CliSession::new(shell, platform, names);
    let pass = WritePass::ask(&OpenGate, SystemClock::shared(), None).await.expect("an open gate");
    let wanted = Wanted::new(Secret::new(text), Vec::new(), Mode::Merge);
    let running = Running(Zeroizing::default());
    session.write(&pass, &running, &wanted).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_long_configuration_is_typed_to_its_end_when_every_answer_comes_in_time() {
    type_into(Duration::from_secs(1), 600).await.expect("600 lines of a second each");
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_does_not_come_is_a_doubt_after_the_time_for_a_command() {
    let end = type_into(Duration::from_secs(31), 3).await.expect_err("no answer");
    assert!(matches!(&end, WriteEnd::Lost(why) if why.contains("within 30s")), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_needs_too_long_for_its_lines_is_stopped_between_two_and_put_back() {
    let lines = 2_000;
    let time = LINE_TIME * (lines + 1 + LINES_BESIDE);
    let end = type_into(time / (lines / 2), lines as usize).await.expect_err("too slow");
    let WriteEnd::Rejected { message, left_as } = end else { panic!("{end:?}") };
    assert_eq!(left_as, LeftAs::Unknown, "the engine looks, and puts back");
    assert!(message.contains("of 2000 lines when their time was over"), "{message}");
}
