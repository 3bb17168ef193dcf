//! I4 and I9: no result is lost, and none counts twice.

use super::history::{History, Journalled, Violation};
use std::collections::BTreeMap;
use switchyard_agent::journal::Entry;
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::outcome::Outcome;
use switchyard_shared::rollout::{ResultVerdict, Rollout};
use switchyard_shared::time::Timestamp;

fn result(journalled: &Journalled) -> Option<(u64, &OpId, &Outcome)> {
    match &journalled.entry {
        Entry::Result { sequence, op, outcome } => Some((*sequence, op, outcome)),
        Entry::Intent { .. } | Entry::Acked { .. } | Entry::Identity { .. } | Entry::Epoch { .. } => None,
    }
}

/// I4: what was acknowledged to an agent was durable at the coordinator before, and stays so.
pub fn acknowledged_results_are_kept(history: &History) -> Vec<Violation> {
    let mut first_ack: BTreeMap<(&SiteName, u64), Timestamp> = BTreeMap::new();
    for (at, site, sequence) in &history.acks {
        first_ack.entry((site, *sequence)).or_insert(*at);
    }
    let mut found = Vec::new();
    for journalled in &history.journals {
        let Some((sequence, op, _)) = result(journalled) else { continue };
        let acked = first_ack.range((&journalled.site, sequence)..=(&journalled.site, u64::MAX));
        let Some(acked) = acked.map(|(_, at)| *at).min() else { continue };
        let kept = history.ends_of(op).any(|recorded| recorded.durable_at <= acked);
        if !kept && history.rollouts.contains_key(&op.rollout) {
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
        if history.ends_of(op).next().is_none() {
            say(
                "I4",
                format!(
                    "result {sequence} of {}, {op}, {}, never reached the log",
                    journalled.site, outcome.class
                ),
            );
        }
        if let ResultVerdict::Counted(event) = rollout.result(&op.device, op.attempt, outcome, now) {
            say("I9", format!("the result of {op} heard again would change something: {event:?}"));
        }
    }
    found
}
