//! A device that says one byte a second: no answer of it may take longer than any other's, however alive it is.

use super::super::script::Names;
use super::super::session::CliSession;
use super::super::shell::Shell;
use super::super::wire::Wire;
use crate::executor::Failure;
use crate::executor::device::{Driver, Job, Session};
use crate::executor::played;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Procedure, Transport};

const HAS: &str = "hostname r1\r\nntp server 192.0.2.1\r\nend\r\n";
const BYTE_TIME: Duration = Duration::from_secs(1);

/// What it says one byte a second.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drips {
    Everything,
    Configuration,
    Lines,
}

/// What was typed at it, and how many bytes it has dripped.
#[derive(Default)]
struct Seen {
    typed: Vec<String>,
    dripped: usize,
}

struct Dripping {
    drips: Drips,
    seen: Arc<Mutex<Seen>>,
    waiting: VecDeque<u8>,
    configures: bool,
    is_slow: bool,
}

impl Dripping {
    fn new(drips: Drips, seen: Arc<Mutex<Seen>>) -> Self {
        let is_slow = drips == Drips::Everything;
        Self { drips, seen, waiting: b"\r\nr1#".to_vec().into(), configures: false, is_slow }
    }
}

impl Wire for Dripping {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        let line = String::from_utf8_lossy(&bytes).trim().to_owned();
        let is_read = line == "show running-config";
        self.is_slow = match self.drips {
            Drips::Everything => true,
            Drips::Configuration => is_read,
            Drips::Lines => self.configures,
        };
        self.configures = (self.configures || line == "configure terminal") && line != "end";
        let prompt = if self.configures { "r1(config)#" } else { "r1#" };
        let says = if is_read { HAS } else { "" };
        self.waiting.extend(format!("{line}\r\n{says}{prompt}").into_bytes());
        self.seen.lock().unwrap().typed.extend(Some(line).filter(|line| !line.is_empty()));
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        Box::pin(async {
            if self.waiting.is_empty() {
                return std::future::pending().await;
            }
            if !self.is_slow {
                return Ok(self.waiting.drain(..).collect());
            }
            tokio::time::sleep(BYTE_TIME).await;
            self.seen.lock().unwrap().dripped += 1;
            Ok(self.waiting.drain(..1).collect())
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// Opens sessions with one such device.
struct Opens(Drips, Arc<Mutex<Seen>>);

impl Driver for Opens {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async {
            let (platform, names) = (super::platform("cisco_ios"), Names::of(job));
            let wire = Dripping::new(self.0, self.1.clone());
            let mut shell = Shell::new(Box::new(wire), platform.clone(), None);
            super::super::begin(&mut shell, &platform, &names.device).await?;
            Ok(Box::new(CliSession::new(shell, platform, names)) as Box<dyn Session>)
        })
    }
}

/// How a change by `text` ends, a command of which may take 30 seconds.
async fn ended(drips: Drips, text: &str) -> (Outcome, Seen) {
    let seen = Arc::<Mutex<Seen>>::default();
    let task = played::task(&Procedure::new(Transport::SshCli, "cisco_ios"), text);
    let outcome = played::ended(Opens(drips, seen.clone()), &task).await;
    assert!(outcome.message.contains("127.0.0.1:22"), "{}", outcome.message);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (outcome, seen)
}

#[tokio::test(start_paused = true)]
async fn a_device_that_drips_past_the_time_for_a_reading_is_left_as_it_was() {
    let setup = ["terminal length 0", "terminal width 511", "show running-config"];
    for (drips, phase, typed, dripped) in
        [(Drips::Everything, Phase::Connect, &setup[..0], 4), (Drips::Configuration, Phase::Read, &setup, 29)]
    {
        let (outcome, seen) = ended(drips, "ntp server 192.0.2.9\n").await;
        let got = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(got, (Class::Timeout, phase, LeftAs::Unchanged), "{outcome:?}");
        assert!(outcome.hint.contains("see what keeps the device from answering"), "{}", outcome.hint);
        assert_eq!(seen.typed, typed, "nothing that writes");
        assert!(seen.dripped >= dripped, "it was never silent: {} bytes", seen.dripped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_drips_past_the_time_for_a_line_of_the_write_is_in_doubt_and_told_nothing_more() {
    let (outcome, seen) = ended(Drips::Lines, "ntp server 192.0.2.9\nntp server 192.0.2.10\n").await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::LostAfterWrite, Phase::Write, LeftAs::Unknown), "{outcome:?}");
    assert!(outcome.message.contains("no answer to a line within 30s"), "{}", outcome.message);
    assert!(outcome.hint.contains("read the device before anything else"), "{}", outcome.hint);
    assert_eq!(seen.typed.last().map(String::as_str), Some("ntp server 192.0.2.9"), "{:?}", seen.typed);
    assert!(seen.dripped >= 29, "it was never silent: {} bytes", seen.dripped);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_drips_past_the_time_for_all_lines_is_stopped_between_two_and_left_as_it_was() {
    let text: String = (1..=45).map(|number| format!("ntp server {number}\n")).collect();
    let (outcome, seen) = ended(Drips::Lines, &text).await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::Rejected, Phase::Write, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("of 45 lines when their time was over"), "{}", outcome.message);
    assert!(!outcome.hint.is_empty() && !seen.typed.contains(&"ntp server 45".into()), "{:?}", seen.typed);
}
