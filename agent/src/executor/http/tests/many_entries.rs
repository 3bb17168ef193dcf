//! Ways back of many entries over RESTCONF: what one answer tells of all of them is asked once, and what cannot be named in
//! time is not begun.

use super::Bench;
use crate::executor::http::RESTCONF;
use crate::simulator::http::{HttpFault, Store};
use serde_json::{Value, json};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::task::Purpose;

const BACK: Purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };

fn content() -> Value {
    json!({"x:system": {"name": "r1", "interface": [{"name": "e0", "vlan": 1}]}})
}

/// A device after a change that added these entries.
async fn with_entries(entries: Vec<Value>) -> (Bench, String) {
    let bench = Bench::new(Store::new(&content()), RESTCONF).await;
    let change = json!({"x:system": {"interface": entries}}).to_string();
    let outcome = bench.apply(&change).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    (bench, change)
}

fn has(bench: &Bench) -> Value {
    serde_json::from_str(&bench.device.running()).unwrap()
}

#[tokio::test]
async fn hundreds_of_entries_are_taken_away_by_the_keys_that_one_question_has_proven() {
    let entries = (1..=700).map(|number| json!({"name": format!("e{number}"), "vlan": number + 1}));
    let (bench, change) = with_entries(entries.collect()).await;
    let outcome = bench.attempt(BACK, &change, 2).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(has(&bench), content());
    let asked = bench.device.ledger();
    let questions = asked.iter().filter(|asked| !asked.writes && asked.path.contains("interface=")).count();
    assert_eq!(questions, 1);
}

#[tokio::test]
async fn entries_that_cannot_be_named_in_time_are_left_with_the_reason_and_not_a_byte_is_written() {
    let entries = (1..=40).map(|number| json!({"name": format!("e{number}"), "alias": format!("e{number}")}));
    let (mut bench, change) = with_entries(entries.collect()).await;
    let (left, written) = (has(&bench), bench.device.writes().len());
    bench
        .device
        .break_with(HttpFault::At("interface=", Box::new(HttpFault::Late(Duration::from_millis(400)))));
    bench.task.timeouts.command = Duration::from_secs(4);
    let outcome = bench.attempt(BACK, &change, 2).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::RollbackFailed, LeftAs::Changed),
        "{}",
        outcome.message
    );
    let why = "failed to name what is to be taken away within 8s";
    assert!(outcome.message.contains(why), "{}", outcome.message);
    assert_eq!((has(&bench), bench.device.writes().len()), (left, written));
}
