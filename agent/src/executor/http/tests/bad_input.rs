//! Devices that answer what they should not, or are not who they should be: each its own class, and words that help.

use super::{Bench, PASSWORD};
use crate::executor::http::RESTCONF;
use crate::simulator::http::{HttpFault, Store};
use serde_json::json;
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome};
use switchyard_shared::tls::{Protection, TlsSettings};

const MTU: &str = r#"{"x:system": {"mtu": 9000}}"#;

fn store() -> Store {
    Store::new(&json!({"x:system": {"mtu": 1500}}))
}

/// What whoever reads of such an end is told to do next, in one of these words.
const NEXT: [(Class, &[&str]); 6] = [
    (Class::AuthFailed, &["check username and credential_ref", "give the user the right to do this"]),
    (Class::Overloaded, &["wait for the other session, or end it", "lower max_parallel_per_site"]),
    (
        Class::PrecheckFailed,
        &["see what the device answers", "look at its log", "turn its API on", "turn JSON on"],
    ),
    (
        Class::Unreachable,
        &["look at the device's log", "see what the device answers", "the inventory", "correct the port"],
    ),
    (Class::Rejected, &["correct the template, then plan again"]),
    (Class::HostKeyMismatch, &["server_name", "ca_ref"]),
];

fn assert_is(outcome: &Outcome, class: Class, words: &[&str]) {
    assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Unchanged), "{}", outcome.message);
    for word in words {
        let text = format!("{} {}", outcome.message, outcome.hint);
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    assert!(outcome.message.contains("127.0.0.1:"), "which device? {}", outcome.message);
    let next = NEXT.iter().find(|(of, _)| *of == class).map_or(&[][..], |(_, words)| words);
    let says = next.iter().any(|words| outcome.hint.contains(words));
    assert!(says, "what now? {} | {}", outcome.message, outcome.hint);
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart_before_anything_is_written() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for (fault, class, words) in [
        (
            HttpFault::Status(401),
            Class::AuthFailed,
            vec!["refused the password of user netops", "credential_ref"],
        ),
        (HttpFault::Status(403), Class::AuthFailed, vec!["netops", "NACM"]),
        (HttpFault::Status(423), Class::Overloaded, vec!["busy (status 423)", "wait for the other session"]),
        (HttpFault::Status(503), Class::Overloaded, vec!["busy (status 503)", "lower max_parallel_per_site"]),
        (HttpFault::Status(429), Class::Overloaded, vec!["busy (status 429)", "lower max_parallel_per_site"]),
        (HttpFault::Status(500), Class::PrecheckFailed, vec!["status 500", "log"]),
        (HttpFault::Status(404), Class::PrecheckFailed, vec!["has nothing at /restconf/data", "port"]),
        (
            HttpFault::Redirect("https://evil.example/x".into()),
            Class::Unreachable,
            vec!["(https://evil.example/x)", "not followed"],
        ),
        (HttpFault::Kind("text/html"), Class::PrecheckFailed, vec!["\"text/html\"", "yang-data+json"]),
        (
            HttpFault::Says("{\"ietf-restconf:data\": [1]}".into()),
            Class::PrecheckFailed,
            vec!["data are a list"],
        ),
        (HttpFault::Says("[]".into()), Class::PrecheckFailed, vec!["it is a list"]),
        (HttpFault::Says("{\"a\": ".into()), Class::PrecheckFailed, vec!["EOF"]),
        (
            HttpFault::Says("{\"ietf-restconf:data\": {\"x\": 1}}".into()),
            Class::PrecheckFailed,
            vec!["module of \"x\""],
        ),
        (HttpFault::Says(deep), Class::PrecheckFailed, vec!["recursion limit"]),
        (HttpFault::Says("{}".into()), Class::PrecheckFailed, vec!["no data in it"]),
        (HttpFault::HalfAnswer, Class::Unreachable, vec!["no whole answer"]),
        (HttpFault::EndlessBody, Class::Unreachable, vec!["larger than 4194304 bytes"]),
    ] {
        let bench = Bench::new(store(), RESTCONF).await;
        bench.device.break_with(fault.clone());
        assert_is(&bench.apply(MTU).await, class, &words);
        assert_eq!(bench.device.writes(), [], "{fault:?}");
    }
}

fn at(part: &'static str, fault: HttpFault) -> HttpFault {
    HttpFault::At(part, Box::new(fault))
}

#[tokio::test]
async fn a_way_that_is_cut_while_a_device_is_read_tells_the_breaker_of_its_site() {
    for (fault, class, words) in [
        (HttpFault::HalfAnswer, Class::Unreachable, "no whole answer"),
        (HttpFault::EndlessBody, Class::PrecheckFailed, "larger than 4194304 bytes"),
    ] {
        let bench = Bench::new(store(), RESTCONF).await;
        bench.device.break_with(at("content=config", fault));
        assert_is(&bench.apply(MTU).await, class, &[words, "nothing was written"]);
        assert_eq!(bench.device.writes(), []);
    }
}

#[tokio::test]
async fn a_device_that_says_nothing_of_its_root_is_looked_for_where_most_are() {
    for fault in
        [HttpFault::Status(403), HttpFault::Status(500), HttpFault::Redirect("https://x.example/".into())]
    {
        let bench = Bench::new(store(), RESTCONF).await;
        bench.device.break_with(at(".well-known", fault.clone()));
        let outcome = bench.apply(MTU).await;
        assert_eq!(outcome.class, Class::Ok, "{fault:?}: {}", outcome.message);
    }
    let bench = Bench::new(store(), RESTCONF).await;
    bench.device.break_with(at(".well-known", HttpFault::Status(401)));
    assert_is(&bench.apply(MTU).await, Class::AuthFailed, &["refused the password"]);
    assert_eq!(bench.device.ledger().len(), 1, "a refused password is not tried again");
}

#[tokio::test]
async fn a_login_is_called_accepted_only_after_an_answer_that_needed_it() {
    let bench = Bench::new(store(), RESTCONF).await;
    bench.device.break_with(HttpFault::Status(404));
    assert_eq!(bench.apply(MTU).await.class, Class::PrecheckFailed);
    assert_eq!(*bench.told.answered.lock().unwrap(), [] as [bool; 0]);
    bench.device.break_with(at("restconf-state", HttpFault::Status(404)));
    assert_eq!(bench.compare(MTU).await.0.class, Class::Ok);
    assert_eq!(*bench.told.answered.lock().unwrap(), [true]);
}

#[tokio::test]
async fn a_user_who_may_not_write_is_told_so_and_nothing_is_put_back() {
    let bench = Bench::new(store(), RESTCONF).await;
    bench.device.break_with(HttpFault::RefusesWrites(403));
    assert_is(&bench.apply(MTU).await, Class::Rejected, &["netops may not do this", "NACM"]);
    assert!(bench.device.ledger().last().unwrap().writes, "nothing was asked after it");

    let mut two = store();
    two.yang_patch = false;
    let bench = Bench::new(two, RESTCONF).await.replaces();
    bench.device.break_with(at("z:other", HttpFault::RefusesWrites(403)));
    let outcome = bench.apply(r#"{"x:system": {"mtu": 9000}, "z:other": {"a": 1}}"#).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(bench.device.running(), r#"{"x:system":{"mtu":1500}}"#);
}

#[tokio::test]
async fn a_device_that_is_silent_after_a_write_is_not_waited_for_longer_than_a_command_may_take() {
    let mut bench = Bench::new(store(), RESTCONF).await;
    bench.task.timeouts.command = Duration::from_secs(1);
    bench.device.break_with(HttpFault::SilentAfterWrite);
    let outcome = bench.apply(MTU).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown));
    assert!(outcome.message.contains("no answer within 1s"), "{}", outcome.message);
}

#[tokio::test]
async fn a_device_that_is_locked_says_by_whom_and_is_tried_later() {
    for (fault, words) in [
        (HttpFault::Locked("anna in session 7".into()), "locked by anna in session 7"),
        (HttpFault::RefusesWrites(423), "status 423"),
    ] {
        let bench = Bench::new(store(), RESTCONF).await;
        bench.device.break_with(fault);
        assert_is(&bench.apply(MTU).await, Class::Overloaded, &[words, "nothing was written"]);
    }
}

#[tokio::test]
async fn a_device_that_another_one_replaces_before_the_write_keeps_its_class_and_gets_no_login() {
    let bench = Bench::with(store(), RESTCONF, Some("127.0.0.1")).await;
    bench.device.break_with(HttpFault::Replaced(u64::MAX));
    assert_eq!(bench.compare(MTU).await.0.class, Class::Ok);
    let one_reading = bench.device.connections();
    // An attempt that writes reads once more, over one more connection.
    bench.device.break_with(HttpFault::Replaced(2 * one_reading + 1));
    assert_is(&bench.apply(MTU).await, Class::HostKeyMismatch, &["its certificate", "nothing was written"]);
    assert_eq!(bench.device.connections(), 2 * one_reading + 2, "it was the write that found another device");
    assert_eq!(bench.device.writes(), []);
}

#[tokio::test]
async fn what_a_device_says_is_quoted_without_the_login_and_without_secrets() {
    let login =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("netops:{PASSWORD}"));
    // A quotation of an error is cut after 200 characters, here within the password; one of a page after 120.
    let long = format!("{}{PASSWORD}", "x".repeat(196));
    let words = [
        format!(r#"{{"errors":{{"error":[{{"error-tag":"x","error-message":"{long}"}}]}}}}"#),
        r#"{"errors":{"error":[{"error-tag":"x","error-info":{"psk":"p4ss-other"}}]}}"#.into(),
        format!("{}{PASSWORD}", "x".repeat(116)),
        format!("no user with {login}"),
        r#"{"a": {"community": "p4ss-other"}}"#.into(),
    ];
    let faults = words.into_iter().map(|words| HttpFault::Words(500, words)).chain([
        HttpFault::Redirect(format!("https://netops:{PASSWORD}@x.example/y")),
        HttpFault::Redirect(format!("https://x.example/{PASSWORD}/y?token=p4ss-other")),
    ]);
    for fault in faults {
        let bench = Bench::new(store(), RESTCONF).await;
        bench.device.break_with(fault.clone());
        let outcome = bench.apply(MTU).await;
        let shown = [outcome.message, outcome.hint].concat();
        assert!(!shown.contains("p4ss") && !shown.contains(&login), "{fault:?}: {shown}");
        assert!(shown.contains("(sec") || shown.contains("x.example/y"), "{fault:?}: {shown}");
    }
}

#[tokio::test]
async fn a_silent_device_is_a_timeout() {
    let mut bench = Bench::new(store(), RESTCONF).await;
    bench.task.timeouts.connect = Duration::from_millis(300);
    bench.device.break_with(HttpFault::Silent);
    let outcome = bench.apply(MTU).await;
    assert_eq!(outcome.class, Class::Timeout, "{}", outcome.message);
}

#[tokio::test]
async fn a_device_must_prove_that_it_is_the_one_before_it_gets_the_login() {
    let good = Bench::with(store(), RESTCONF, Some("127.0.0.1")).await;
    assert_eq!(good.apply(MTU).await.class, Class::Ok);

    let mut other_name = Bench::with(store(), RESTCONF, Some("r2.example.net")).await;
    assert_is(&other_name.apply(MTU).await, Class::HostKeyMismatch, &["another name", "no login was sent"]);
    assert_eq!(other_name.device.ledger(), []);
    other_name.task.endpoint.tls.server_name = Some("r2.example.net".into());
    assert_eq!(other_name.apply(MTU).await.class, Class::Ok);

    let mut other_ca = Bench::with(store(), RESTCONF, Some("127.0.0.1")).await;
    other_ca.task.endpoint.tls.ca_ref = None;
    let outcome = other_ca.apply(MTU).await;
    assert_is(&outcome, Class::HostKeyMismatch, &["none of the trusted CAs", "ca_ref"]);
    assert_eq!(other_ca.device.ledger(), []);
}

#[tokio::test]
async fn nothing_is_said_in_clear_that_was_not_meant_to_be() {
    let mut clear = Bench::new(store(), RESTCONF).await;
    clear.task.endpoint.tls = TlsSettings::default();
    let outcome = clear.apply(MTU).await;
    assert_is(&outcome, Class::Unreachable, &["does not speak TLS", "443"]);
    assert_eq!(clear.device.ledger(), []);

    clear.task.endpoint.tls.protection = Protection::ClearOnLoopback;
    clear.task.endpoint.hostname = "192.0.2.1".into();
    let outcome = clear.apply(MTU).await;
    assert_eq!(outcome.class, Class::PrecheckFailed, "{}", outcome.message);
    assert!(outcome.message.contains("not on the agent's own machine"), "{}", outcome.message);
}

#[tokio::test]
async fn what_cannot_be_used_at_the_agent_is_said_before_anything_is_sent() {
    let mut bench = Bench::with(store(), RESTCONF, Some("127.0.0.1")).await;
    bench.task.endpoint.tls.ca_ref = Some("file:password".into());
    let outcome = bench.apply(MTU).await;
    assert_eq!(outcome.class, Class::CredentialUnavailable);
    assert!(outcome.message.contains("file:password holds no certificate"), "{}", outcome.message);
    bench.procedure.platform = "toaster".into();
    let outcome = bench.apply(MTU).await;
    assert_eq!(outcome.class, Class::PrecheckFailed);
    assert!(outcome.message.contains("toaster") && outcome.hint.contains("restconf"), "{}", outcome.message);
    assert_eq!(bench.device.ledger(), []);
}
