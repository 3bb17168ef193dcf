//! From a user's prompt to the one that configures.

use super::super::begin;
use super::super::shell::Shell;
use super::super::wire::Wire;
use crate::executor::Failure;
use crate::secrets::Secret;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use switchyard_shared::outcome::{Class, Phase};

/// Instead of a line: nothing comes until that is no longer waited for.
const SILENCE: &str = "silence";

/// A device that says its lines whatever it hears.
struct Script {
    lines: VecDeque<&'static str>,
    heard: Arc<Mutex<String>>,
}

impl Wire for Script {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), String>> {
        self.heard.lock().expect("no test panics with it").push_str(&String::from_utf8_lossy(&bytes));
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<u8>, String>> {
        let line = self.lines.pop_front().map(|line| line.as_bytes().to_vec());
        if line.as_deref() == Some(SILENCE.as_bytes()) {
            return Box::pin(std::future::pending());
        }
        Box::pin(async move { line.ok_or_else(|| "the script is over".into()) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

async fn login(lines: &[&'static str], password: Option<&str>) -> (Result<(), Failure>, String) {
    let heard = Arc::new(Mutex::new(String::new()));
    let script = Script { lines: lines.iter().copied().collect(), heard: heard.clone() };
    let platform = super::platform("cisco_ios");
    let password = password.map(|text| Secret::new(text.into()));
    let mut shell = Shell::new(Box::new(script), platform.clone(), password);
    let begun = begin(&mut shell, &platform, "r1").await;
    let heard = heard.lock().expect("no test panics with it").clone();
    (begun, heard)
}

#[tokio::test]
async fn a_user_without_rights_gets_them_with_the_password_of_the_login() {
    let lines = [
        "\r\nr1>",
        "\r\nr1>",
        "enable\r\nPassword: ",
        "\r\nr1#",
        "terminal length 0\r\nr1#",
        "terminal width 511\r\nr1#",
    ];
    let (begun, heard) = login(&lines, Some("s3cret")).await;
    assert_eq!(begun, Ok(()));
    assert_eq!(heard, "\nenable\ns3cret\nterminal length 0\nterminal width 511\n");
}

#[tokio::test]
async fn a_password_that_is_not_there_or_not_right_is_said_and_tried_once() {
    let asks = ["\r\nr1>", "\r\nr1>", "enable\r\nPassword: "];
    let (begun, heard) = login(&asks, None).await;
    assert!(begun.expect_err("no way in").message.contains("asks for a password"), "{heard}");
    let denied = [&asks[..], &["\r\nPassword: "][..]].concat();
    let (begun, heard) = login(&denied, Some("s3cret")).await;
    let failure = begun.expect_err("no way in");
    assert_eq!((failure.class, failure.phase), (Class::AuthFailed, Phase::Authenticate), "{failure:?}");
    assert_eq!(heard.matches("s3cret").count(), 1, "a second try locks accounts");
    assert!(!format!("{failure:?}").contains("s3cret"));
    let refused = [&asks[..], &["\r\n% Access denied\r\nr1>"][..]].concat();
    let (begun, _) = login(&refused, Some("s3cret")).await;
    assert_eq!(begun.expect_err("no way in").class, Class::AuthFailed);
}

#[tokio::test]
async fn a_password_is_said_to_whoever_asks_for_it_after_the_escalation_and_to_no_greeting() {
    let greeting = ["\r\nPassword: ", "changes every 90 days\r\nr1>", "\r\nr1>"];
    let (begun, heard) = login(&greeting, Some("s3cret")).await;
    assert!(begun.expect_err("its lines are over").message.contains("the script is over"));
    assert_eq!(heard, "\nenable\n");
    let rest = ["enable\r\nPassword: ", "\r\nr1#", "terminal length 0\r\nr1#", "terminal width 511\r\nr1#"];
    let (begun, heard) = login(&[&greeting[..], &rest[..]].concat(), Some("s3cret")).await;
    assert_eq!(begun, Ok(()));
    assert_eq!(heard, "\nenable\ns3cret\nterminal length 0\nterminal width 511\n");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_waits_for_a_password_before_its_first_prompt_gets_it_once() {
    let asks = ["\r\nPassword: ", SILENCE];
    let ready = ["\r\nr1#", "\r\nr1#", "terminal length 0\r\nr1#", "terminal width 511\r\nr1#"];
    let (begun, heard) = login(&[&asks[..], &ready[..]].concat(), Some("s3cret")).await;
    assert_eq!(begun, Ok(()));
    assert_eq!(heard, "s3cret\n\nterminal length 0\nterminal width 511\n");
    for (lines, password, tries) in [(&asks[..], None, 0), (&[asks, asks].concat()[..], Some("s3cret"), 1)] {
        let (begun, heard) = login(lines, password).await;
        assert_eq!(begun.expect_err("no way in").class, Class::AuthFailed);
        assert_eq!(heard.matches("s3cret").count(), tries, "{heard:?}");
    }
}

#[tokio::test]
async fn a_device_that_is_left_in_its_configuration_is_not_touched() {
    let (begun, heard) = login(&["\r\nr1(config)#", "\r\nr1(config)#"], None).await;
    assert_eq!(begun.expect_err("no way in").class, Class::PrecheckFailed);
    assert_eq!(heard, "\n");
}
