//! I4 and I9: no result is lost, and none counts twice.

use super::history::{History, Journalled, Violation};
use super::writes::outcome_of;
use std::collections::BTreeMap;
use switchyard_agent::journal::Entry;
use switchyard_shared::id::{DeviceName, OpId, SiteName};
use switchyard_shared::outcome::{DeviceState, Outcome};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::rollout::{ResultVerdict, Rollout};
use switchyard_shared::time::Timestamp;

fn result(journalled: &Journalled) -> Option<(u64, &OpId, &Outcome)> {
    match &journalled.entry {
        Entry::Result { sequence, op, outcome } => Some((*sequence, op, outcome)),
        Entry::Intent { .. } | Entry::Acked { .. } | Entry::Identity { .. } | Entry::Epoch { .. } => None,
    }
}

/// Whether an end in the log is the one that the agent reported, and no word of a person or guess in its place.
/// That nobody knows, or that nothing was begun, needs no end of its own; what a reading found is in its event.
fn tells(history: &History, op: &OpId, end: &Event, outcome: &Outcome) -> bool {
    let state = outcome.class.device_state();
    if state.is_none_or(|state| state == DeviceState::Unknown) || is_reading(history, op) {
        return true;
    }
    let told = if let Event::Conflicted { outcome, .. } = end { Some(outcome) } else { outcome_of(end) };
    told.is_some_and(|told| told.class == outcome.class)
}

/// The events of an operation's rollout from its reading on; none when it was no reading.
fn since_reading<'a>(history: &'a History, op: &'a OpId) -> impl Iterator<Item = &'a Event> {
    let is_it = |(device, attempt): &(DeviceName, u32)| *device == op.device && *attempt == op.attempt;
    let asked = move |event: &Event| matches!(event, Event::ReadBack { ops, .. } if ops.iter().any(is_it));
    let log = history.rollouts.get(&op.rollout).into_iter().flat_map(|log| &log.events);
    log.map(|recorded| &recorded.event).skip_while(move |event| !asked(event))
}

fn is_reading(history: &History, op: &OpId) -> bool {
    since_reading(history, op).next().is_some()
}

/// Whether this was a reading of a device that another attempt's own end settled meanwhile: it is no news any more.
fn is_settled_by_another(history: &History, op: &OpId) -> bool {
    since_reading(history, op).any(|event| matches!(event, Event::Settled { device, attempt, .. } if *device == op.device && *attempt != op.attempt))
}

/// I4: what was acknowledged to an agent was durable at the coordinator before, and stays so.
pub fn acknowledged_results_are_kept(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for journalled in &history.journals {
        let Some((sequence, op, outcome)) = result(journalled) else { continue };
        // A number may have been another result's before: an agent that lost its disk's end and met an old copy
        // of the log counts once more.
        let of_it = |(at, site, up_to): &&(Timestamp, SiteName, u64)| {
            *site == journalled.site && *up_to >= sequence && *at >= journalled.at
        };
        let Some(acked) = history.acks.iter().filter(of_it).map(|(at, ..)| *at).min() else { continue };
        let lost = history.lost_ends_of(op).map(|lost| &lost.recorded);
        let mut ends = history.ends_of(op).chain(lost).filter(|recorded| recorded.durable_at <= acked);
        // A journal that rotted has given the same numbers to other results since.
        let is_rotten = history.rotted.contains(&journalled.site);
        let kept = ends.any(|recorded| is_rotten || tells(history, op, &recorded.event, outcome));
        let is_no_news = is_of_lost_time(history, op) || is_settled_by_another(history, op);
        if !kept && !is_no_news && history.rollouts.contains_key(&op.rollout) {
            found.push(Violation {
                invariant: "I4",
                at: acked,
                device: Some(op.device.clone()),
                what: format!(
                    "result {sequence} of {}, {op}, was acknowledged and is not in the log",
                    journalled.site
                ),
            });
        }
    }
    found
}

/// I4: a result is on its agent's disk before anybody hears of it. Says nothing of those that never were.
pub fn results_are_kept_before_they_are_sent(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for journalled in &history.journals {
        let Some((sequence, op, outcome)) = result(journalled) else { continue };
        let told = history.ends_of(op).filter(|recorded| outcome_of(&recorded.event) == Some(outcome));
        if let Some(early) = told.into_iter().find(|recorded| recorded.durable_at < journalled.at) {
            found.push(Violation {
                invariant: "I4",
                at: early.durable_at,
                device: Some(op.device.clone()),
                what: format!(
                    "result {sequence} of {}, {op}, was in the log before it was on the agent's disk at {}",
                    journalled.site, journalled.at
                ),
            });
        }
    }
    found
}

/// Whether an old copy of the log came back that does not know of the attempt, or because of which its
/// device is in doubt anew: it is read, and what this attempt says counts no more.
fn is_of_lost_time(history: &History, op: &OpId) -> bool {
    let is_later = |(device, attempt): &(DeviceName, u32)| *device == op.device && *attempt > op.attempt;
    let given_up =
        |event: &Event| matches!(event, Event::GivenUp { devices, .. } if devices.iter().any(is_later));
    let log = history.rollouts.get(&op.rollout).into_iter().flat_map(|log| &log.events);
    history.was_made_in_lost_time(op) || log.into_iter().any(|recorded| given_up(&recorded.event))
}

fn is_of_former(history: &History, journalled: &Journalled) -> bool {
    history.rebinds.iter().any(|rebind| rebind.site == journalled.site)
}

/// I4 and I9, at the end of a run in which everything has healed: every result that an agent ever made
/// durable is in the log, and to hear all of them again changes nothing.
pub fn results_arrive_once(history: &History, now: Timestamp) -> Vec<Violation> {
    let rollouts: BTreeMap<_, Rollout> =
        history.rollouts.iter().filter_map(|(name, log)| Some((name, log.fold(name)?))).collect();
    let mut found = Vec::new();
    for journalled in &history.journals {
        let Some((sequence, op, outcome)) = result(journalled) else { continue };
        let Some(rollout) = rollouts.get(&op.rollout) else { continue };
        let mut say = |invariant, what| {
            found.push(Violation { invariant, at: journalled.at, device: Some(op.device.clone()), what });
        };
        if !history.ends_of(op).any(|recorded| tells(history, op, &recorded.event, outcome)) {
            // An old copy of the log may have lost it; a former agent's word is not asked for any more.
            if history.lost_ends_of(op).next().is_some()
                || is_of_lost_time(history, op)
                || is_settled_by_another(history, op)
                || is_of_former(history, journalled)
                || history.rotted.contains(&journalled.site)
            {
                continue;
            }
            say(
                "I4",
                format!(
                    "result {sequence} of {}, {op}, {}, never reached the log",
                    journalled.site, outcome.class
                ),
            );
        }
        let was_heard = history
            .ends_of(op)
            .any(|recorded| outcome_of(&recorded.event).is_some_and(|told| told.class == outcome.class));
        let never_will_be = is_of_former(history, journalled) || history.rotted.contains(&journalled.site);
        if !was_heard && never_will_be {
            continue;
        }
        if let ResultVerdict::Counted(event) = rollout.result(&op.device, op.attempt, outcome, now) {
            say("I9", format!("the result of {op} heard again would change something: {event:?}"));
        }
    }
    found
}
