//! I1, I2 and the intent: what devices noted of who wrote to them, and what was known before.

use super::history::{History, Mark, Touch, Violation};
use std::collections::BTreeMap;
use switchyard_agent::journal::Entry;
use switchyard_shared::id::{DeviceName, OpId};
use switchyard_shared::outcome::{DeviceState, Outcome};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

/// I1: an operation writes at most once, and a device is written to again only when the end of the write
/// before is known: proven by its result, said by a person, or read back later than its end.
pub fn no_blind_second_write(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (device, touches) in history.by_device() {
        let mut writers: BTreeMap<&OpId, u64> = BTreeMap::new();
        let mut last: Option<&Touch> = None;
        for (place, touch) in touches.iter().enumerate() {
            if touch.mark != Mark::WriteBegan {
                continue;
            }
            let mut say = |what: String| {
                found.push(Violation { invariant: "I1", at: touch.at, device: Some(device.clone()), what });
            };
            if let Some(op) = &touch.op
                && writers.insert(op, touch.session).is_some()
            {
                say(format!("{op} wrote a second time, by {}", touch.by));
            }
            if let Some(before) = last
                && let Some(why) = blind(history, before, touch, &touches[..place])
            {
                say(why);
            }
            last = Some(touch);
        }
    }
    found
}

/// Why the write `next` is blind to how the write `before` ended.
fn blind(history: &History, before: &Touch, next: &Touch, earlier: &[&Touch]) -> Option<String> {
    let name = |touch: &Touch| touch.op.as_ref().map_or_else(|| "a write".to_owned(), ToString::to_string);
    let ended =
        earlier.iter().find(|touch| touch.session == before.session && touch.mark == Mark::WriteEnded);
    let Some(ended) = ended else {
        return Some(format!("{} began while {} still wrote", name(next), name(before)));
    };
    let was_read = earlier.iter().any(|touch| touch.mark == Mark::Read && touch.at > ended.at);
    let known = was_read || is_proven(history, before, next) || is_settled_by_hand(history, before, next.at);
    (!known).then(|| {
        format!(
            "{} wrote after {} of which nobody knew how it ended, and did not read first",
            name(next),
            name(before)
        )
    })
}

/// Whether the log had the end of the write before `next`, and not as a doubt.
fn is_proven(history: &History, write: &Touch, next: &Touch) -> bool {
    let at = next.at;
    let Some(op) = &write.op else { return false };
    let known = history.ends_of(op).filter(|recorded| recorded.durable_at <= at);
    // What an old copy does not have was known until that copy came, and to who was sent before.
    let was_sent = next.op.as_ref().is_some_and(|op| history.was_made_in_lost_time(op));
    let lost = history.lost_ends_of(op).filter(|lost| lost.recorded.durable_at <= at);
    let lost = lost.filter(|lost| at < lost.at || was_sent);
    known
        .chain(lost.map(|lost| &lost.recorded))
        .filter_map(|recorded| outcome_of(&recorded.event))
        .any(is_definite)
}

pub(super) fn outcome_of(event: &Event) -> Option<&Outcome> {
    if let Event::Finished { outcome, .. } = event {
        return Some(outcome);
    }
    if let Event::Requeued { outcome, .. } | Event::Settled { outcome, .. } = event {
        return outcome.as_ref();
    }
    None
}

fn is_definite(outcome: &Outcome) -> bool {
    outcome.class.device_state().is_some_and(|state| state != DeviceState::Unknown)
}

fn is_settled_by_hand(history: &History, write: &Touch, at: Timestamp) -> bool {
    let logs = history.rollouts.values().flat_map(|log| &log.events);
    let between = logs.filter(|recorded| recorded.durable_at >= write.at && recorded.durable_at <= at);
    let is_settled = |event: &Event| matches!(event, Event::Settled { device, by, .. } if *device == write.device && by != "auto");
    between.into_iter().any(|recorded| is_settled(&recorded.event))
}

/// I2: no two agents, and no two lives of one, ever have sessions to one device at the same time.
pub fn one_agent_at_a_device(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (device, touches) in history.by_device() {
        let mut open: BTreeMap<u64, &str> = BTreeMap::new();
        for touch in touches {
            match touch.mark {
                Mark::Opened => {
                    if let Some((_, other)) = open.iter().find(|(_, by)| **by != touch.by) {
                        let what = format!("{} connected while {other} had a session", touch.by);
                        found.push(Violation {
                            invariant: "I2",
                            at: touch.at,
                            device: Some(device.clone()),
                            what,
                        });
                    }
                    open.insert(touch.session, &touch.by);
                }
                Mark::Closed => drop(open.remove(&touch.session)),
                Mark::Read | Mark::WriteBegan | Mark::WriteEnded => {}
            }
        }
    }
    found
}

/// I11 and the journal's first promise: before the first byte that can change a device its intent is on
/// the agent's disk, so on a full or broken disk nothing new starts. Says nothing where the journals were
/// not watched or a device does not know the operation.
pub fn intent_before_every_write(history: &History) -> Vec<Violation> {
    let mut intents: BTreeMap<(&DeviceName, &OpId), Timestamp> = BTreeMap::new();
    for journalled in &history.journals {
        if let Entry::Intent { op, .. } = &journalled.entry {
            intents.entry((&op.device, op)).or_insert(journalled.at);
        }
    }
    if history.journals.is_empty() {
        return Vec::new();
    }
    let writes = history.touches.iter().filter(|touch| touch.mark == Mark::WriteBegan);
    writes
        .filter_map(|touch| Some((touch, touch.op.as_ref()?)))
        .filter(|(touch, op)| intents.get(&(&touch.device, *op)).is_none_or(|at| *at > touch.at))
        .map(|(touch, op)| Violation {
            invariant: "I11",
            at: touch.at,
            device: Some(touch.device.clone()),
            what: format!("{op} wrote and its intent was not on the disk"),
        })
        .collect()
}
