//! What must hold of a rollout at rest, by the devices' own ledgers and by what its operator has seen.

use crate::report::Report;
use crate::stage::Stage;
use serde_json::Value;
use std::collections::BTreeMap;
use switchyard_agent::simulator::{Event, Kind};
use switchyard_shared::time::Timestamp;

/// Words of a ledger for the end of a session that took bytes of a configuration.
const WRITES: [&str; 5] = ["apply", "reject", "stall", "abandoned", "half"];

fn word(event: &Event) -> String {
    serde_json::to_value(event.event)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The connections that a device was sent.
pub fn contacts(events: &[Event]) -> impl Iterator<Item = &Event> {
    events.iter().filter(|event| event.event == Kind::Contact)
}

/// Writes that followed another one without a reading between them.
fn blind(events: &[Event]) -> usize {
    let (mut doubt, mut blind) = (false, 0);
    for event in events {
        let word = word(event);
        if WRITES.contains(&word.as_str()) {
            blind += usize::from(doubt);
            doubt = true;
        }
        doubt &= word != "read";
    }
    blind
}

/// Reports everything that is not as it must be.
pub fn all(stage: &Stage, name: &str, report: &mut Report) {
    let listed = stage.world.document(&["rollout", "devices", name, "-o", "json"]);
    let states: BTreeMap<String, String> = listed["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| (short(&row["device"]), row["state"].as_str().unwrap_or("none").to_owned()))
        .collect();
    if states.len() != stage.devices {
        report.violation(format!("{name}: {} devices are accounted for, of {}", states.len(), stage.devices));
    }
    report.add("device results checked", states.len());
    let log = stage.world.log(name);
    for (device, events) in stage.ledgers(None) {
        let state = states.get(&device).map_or("none", String::as_str);
        let applied = events.iter().any(|event| event.event == Kind::Apply);
        let fits = match state {
            "SUCCEEDED" => applied,
            "UNKNOWN" => true,
            "FAILED" | "SKIPPED" | "PENDING" => !applied,
            _ => false,
        };
        if !fits {
            report.violation(format!("{name}: {device} is {state}; {}", story(&device, &events, &log)));
        }
        report.add("left unknown", usize::from(state == "UNKNOWN"));
        let blind = blind(&events);
        report.add("blind double writes", blind);
        if blind > 0 {
            let story = story(&device, &events, &log);
            report.violation(format!("{name}: {device} was written to {} times blindly; {story}", blind + 1));
        }
    }
    counts(stage, name, report);
    kept(stage, name, &states, report);
}

/// What a device's ledger and the rollout's log say of it, in order, with the time of day.
fn story(device: &str, events: &[Event], log: &[Value]) -> String {
    let mut lines: Vec<String> =
        events.iter().map(|event| format!("{} {}", Timestamp(event.at_us), word(event))).collect();
    for line in log {
        let changes = line["devices_changed"]["devices"].as_array().into_iter().flatten();
        lines.extend(changes.filter(|shown| short(&shown["device"]) == device).map(|shown| {
            let at = line["at"].as_str().unwrap_or_default();
            let (state, attempt, why) = (&shown["state"], &shown["attempt"], &shown["outcome"]["message"]);
            format!("{at} [{state} attempt {attempt} {why} {}]", shown["reason"])
        }));
    }
    lines.sort();
    lines.join(" · ")
}

/// Every device in exactly one state, and nothing pending or running at rest.
fn counts(stage: &Stage, name: &str, report: &mut Report) {
    let end = stage.world.document(&["watch", name, "-o", "json"]);
    let count = |state: &str| end["devices"][state].as_u64().unwrap_or_default();
    let states =
        ["pending", "running", "succeeded", "unchanged", "failed", "skipped", "unknown", "rolled_back"];
    let sum: u64 = states.iter().map(|state| count(state)).sum();
    let planned = count("planned");
    if sum != planned || planned != stage.devices as u64 || count("pending") + count("running") > 0 {
        report.violation(format!("{name}: the counts do not add up: {end}"));
    }
    report.add("succeeded", usize::try_from(count("succeeded")).unwrap_or(0));
    report.add("failed", usize::try_from(count("failed")).unwrap_or(0));
}

/// What the operator was shown as done is never taken back, and the log keeps every word of it.
fn kept(stage: &Stage, name: &str, states: &BTreeMap<String, String>, report: &mut Report) {
    let log: BTreeMap<u64, Value> = stage.world.log(name).into_iter().filter_map(numbered).collect();
    let seen = stage.seen();
    let seen = seen.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter_map(numbered);
    let mut lost = 0;
    for (sequence, line) in seen {
        if log.get(&sequence).is_some_and(|kept| *kept != line) {
            report.violation(format!(
                "{name}: event {sequence} was shown as {line}, the log has {:?}",
                log[&sequence]
            ));
        }
        for shown in line["devices_changed"]["devices"].as_array().into_iter().flatten() {
            let device = short(&shown["device"]);
            let now = states.get(&device).map_or("none", String::as_str);
            if shown["state"] == "SUCCEEDED" && now != "SUCCEEDED" {
                lost += 1;
                report.violation(format!("{name}: {device} was shown as SUCCEEDED and is {now}"));
            }
        }
    }
    report.add("acknowledged results lost", lost);
}

/// An event that is in the log, by its number.
fn numbered(line: Value) -> Option<(u64, Value)> {
    let event = line["heartbeat"].is_null() && line["snapshot"].is_null();
    event.then(|| line["sequence"].as_u64().map(|sequence| (sequence, line))).flatten()
}

fn short(name: &Value) -> String {
    let name = name.as_str().unwrap_or_default();
    name.rsplit('/').next().unwrap_or_default().to_owned()
}
