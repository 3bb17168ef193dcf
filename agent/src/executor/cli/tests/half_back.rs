//! A way back that has begun: what ends it is a doubt, whatever it was that began it.

use super::super::begin;
use super::super::session::CliSession;
use super::super::shell::Shell;
use super::super::wire::Wire;
use super::super::writing::restore;
use crate::clock::SystemClock;
use crate::executor::device::{Running, WriteEnd};
use crate::executor::{AttemptContext, GateRefused, WritePass};
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use switchyard_shared::outcome::Phase;

struct Open;

impl AttemptContext for Open {
    fn progress(&self, _: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

/// A device that refuses to go back to a checkpoint, shows this afterwards, and is gone when it is to be configured.
struct Device {
    shows: &'static str,
    says: VecDeque<String>,
}

impl Wire for Device {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        let answer = match line.as_str() {
            "show running-config" => self.shows,
            line if line.starts_with("rollback ") => "Rollback failed\r\n",
            _ => "",
        };
        if line != "configure terminal" {
            self.says.push_back(format!("{line}\r\n{answer}sw#"));
        }
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        let says = self.says.pop_front();
        Box::pin(async move { says.map(String::into_bytes).ok_or_else(|| "it is gone".into()) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// The end of a way back from `r2` to `r1` on such a device.
async fn end_of_way_back(shows: &'static str) -> WriteEnd {
    let device = Device { shows, says: ["\r\nsw#".to_owned()].into() };
    let platform = super::platform("cisco_nxos");
    let mut shell = Shell::new(Box::new(device), platform.clone(), None);
    begin(&mut shell, &platform, "sw").await.unwrap();
    let mut session = CliSession::new(shell, platform, super::names());
    let pass = WritePass::ask(&Open, SystemClock::shared(), None).await.unwrap();
    let text = |text: &str| Running(text.to_owned().into());
    restore(&mut session, &pass, &text("hostname r2\n"), &text("hostname r1\n")).await.unwrap_err()
}

#[tokio::test]
async fn a_session_lost_after_a_checkpoint_that_was_refused_half_way_is_a_doubt() {
    let half = end_of_way_back("hostname r3\r\n").await;
    assert!(matches!(half, WriteEnd::Lost(_)), "{half:?}");
    let nothing = end_of_way_back("hostname r2\r\n").await;
    assert!(matches!(nothing, WriteEnd::NotSent(_)), "{nothing:?}");
}
