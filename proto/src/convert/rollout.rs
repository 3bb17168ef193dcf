//! Rollouts, their devices and their events for the wire.

use super::{BadField, same_names, timestamp};
use crate::v1;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::{DeviceName, RolloutName};
use switchyard_shared::outcome::{DeviceState, Outcome};
use switchyard_shared::pace::{Evidence, Group};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::rollout::{Counts, Doubt, Layout, Rollout, RolloutState, WaveState, Word};
use switchyard_shared::time::Timestamp;

same_names!(
    v1::rollout::State,
    RolloutState,
    "state",
    [
        Pending,
        AwaitingApproval,
        Running,
        Paused,
        Stopped,
        Succeeded,
        PartiallySucceeded,
        Failed,
        Aborted,
        RollingBack,
        RolledBack
    ]
);
same_names!(v1::wave_status::State, WaveState, "state", [Waiting, Running, Soaking, AwaitingPromotion, Done]);

impl From<&Counts> for v1::DeviceCounts {
    fn from(counts: &Counts) -> Self {
        Self {
            planned: counts.planned,
            pending: counts.pending,
            running: counts.running,
            succeeded: counts.succeeded,
            unchanged: counts.unchanged,
            failed: counts.failed,
            skipped: counts.skipped,
            unknown: counts.unknown,
            rolled_back: counts.rolled_back,
        }
    }
}

/// What is said about a rollout beside its state.
#[derive(Debug, Clone, Default)]
pub struct Remarks {
    /// What it waits for.
    pub blocked_on: Vec<String>,
    /// Breakers that concern it and are not closed.
    pub breakers: Vec<Report>,
    /// What is certain and what is expected of the harm, in one line.
    pub harm: String,
    /// Why no more devices are in flight; may be empty.
    pub pace: String,
}

/// A rollout as it stands, with what is said about it.
pub fn rollout(rollout: &Rollout, remarks: Remarks) -> v1::Rollout {
    v1::Rollout {
        name: format!("rollouts/{}", rollout.name),
        plan: format!("plans/{}", rollout.plan),
        state: v1::rollout::State::from(rollout.state).into(),
        reason: rollout.reason.clone(),
        counts: Some((&rollout.counts).into()),
        waves: waves(rollout),
        current_wave: rollout.wave,
        blocked_on: remarks.blocked_on,
        breakers: remarks.breakers.iter().map(Into::into).collect(),
        harm: Some(harm(rollout, remarks.harm)),
        pace: remarks.pace,
        doubts: Some(doubts(rollout)),
        create_time: Some(timestamp(rollout.created_at)),
        start_time: rollout.started_at.map(timestamp),
        end_time: rollout.ended_at.map(timestamp),
        created_by: rollout.created_by.clone(),
        sequence: rollout.sequence,
        etag: rollout.etag(),
    }
}

fn harm(rollout: &Rollout, bound: String) -> v1::Harm {
    let counts = &rollout.counts;
    let (failed, unknown, in_flight) = (counts.failed, counts.unknown, counts.running);
    v1::Harm { failed, unknown, in_flight, started: rollout.started(), bound }
}

fn doubts(rollout: &Rollout) -> v1::Doubts {
    let unknown = rollout.in_doubt().filter_map(|name| rollout.device(name));
    let settling = unknown.filter(|(_, device)| device.is_settling()).count();
    let settling = u32::try_from(settling).unwrap_or(u32::MAX);
    v1::Doubts { settling, needs_person: rollout.counts.unknown.saturating_sub(settling) }
}

fn doubt(doubt: &Doubt) -> v1::Doubt {
    use v1::doubt::State;
    let state = match (doubt.reading, doubt.next_read) {
        (true, _) => State::Reading,
        (false, Some(_)) => State::ToRead,
        (false, None) => State::NeedsPerson,
    };
    v1::Doubt {
        state: state.into(),
        since: Some(timestamp(doubt.since)),
        reads: doubt.reads,
        next_read_at: doubt.next_read.map(timestamp),
    }
}

fn waves(rollout: &Rollout) -> Vec<v1::WaveStatus> {
    let planned = rollout.layout.waves.iter().zip(&rollout.waves);
    planned
        .map(|(planned, wave)| v1::WaveStatus {
            name: planned.name.clone(),
            state: v1::wave_status::State::from(wave.state).into(),
            counts: Some((&wave.counts).into()),
            soak_until: wave.soak_until.map(timestamp),
        })
        .collect()
}

/// One device of a rollout, by rank.
pub fn device_result(rollout: &Rollout, rank: usize) -> v1::DeviceResult {
    let (place, device) = (&rollout.layout.devices[rank], &rollout.devices[rank]);
    v1::DeviceResult {
        name: format!("rollouts/{}/deviceResults/{}", rollout.name, place.name),
        device: place.name.to_string(),
        site: place.site.to_string(),
        wave: rollout.layout.waves[place.wave as usize].name.clone(),
        state: v1::DeviceState::from(device.state).into(),
        attempt: device.attempt,
        outcome: device.outcome.as_deref().map(Into::into),
        reason: device.reason.clone(),
        doubt: device.doubt.as_deref().map(doubt),
    }
}

/// The word of a request to settle doubts; none when the devices are to be read.
pub fn to_word(word: i32) -> Result<Option<Word>, BadField> {
    use v1::reconcile_devices_request::Word as Wire;
    let bad = |_| BadField::new("word", format!("unknown value {word}"));
    Ok(match Wire::try_from(word).map_err(bad)? {
        Wire::Unspecified => None,
        Wire::Succeeded => Some(Word::Succeeded),
        Wire::Failed => Some(Word::Failed),
        Wire::NotApplied => Some(Word::NotApplied),
    })
}

/// An event of a rollout for its watchers.
pub fn event(
    name: &RolloutName,
    layout: &Layout,
    sequence: u64,
    at: Timestamp,
    event: &Event,
) -> v1::WatchRolloutResponse {
    use v1::watch_rollout_response::Event as Wire;
    let wave = |wave: u32, state: WaveState, soak_until: Option<Timestamp>, by: &str| {
        let state = v1::wave_status::State::from(state).into();
        Wire::WaveChanged(v1::WaveChanged {
            wave,
            state,
            soak_until: soak_until.map(timestamp),
            by: by.into(),
        })
    };
    let state = |state: RolloutState, reason: &str, by: &str| {
        let state = v1::rollout::State::from(state).into();
        Wire::StateChanged(v1::StateChanged { state, reason: reason.into(), by: by.into() })
    };
    let event = match event {
        Event::Created { by, .. } => state(RolloutState::Pending, "", by),
        Event::WaveStarted { wave: index } => wave(*index, WaveState::Running, None, "auto"),
        Event::WaveFinished { wave: index, soak_until, needs_promotion: true } => {
            wave(*index, WaveState::AwaitingPromotion, Some(*soak_until), "auto")
        }
        Event::WaveFinished { wave: index, soak_until, needs_promotion: false } if *soak_until <= at => {
            wave(*index, WaveState::Done, None, "auto")
        }
        Event::WaveFinished { wave: index, soak_until, needs_promotion: false } => {
            wave(*index, WaveState::Soaking, Some(*soak_until), "auto")
        }
        Event::Promoted { wave: index, by, .. } => wave(*index, WaveState::Done, None, by),
        Event::Paused { by, reason } => state(RolloutState::Paused, reason, by),
        Event::Resumed { by, reason } => state(RolloutState::Running, reason, by),
        Event::Aborted { by, reason } => state(RolloutState::Aborted, reason, by),
        Event::Ended { state: ended } => state(*ended, "", "auto"),
        Event::Held { group, evidence, by, reason } => {
            Wire::BreakerChanged(changed_breaker(&held(name, group, evidence.as_ref(), at, by, reason)))
        }
        Event::Released { group, by, reason } => {
            let of = Name::Group { rollout: Some(name.clone()), group: group.clone() };
            let (by, reason) = (by.clone(), reason.clone());
            Wire::BreakerChanged(changed_breaker(&Report { by, reason, ..Report::closed(of, None, at) }))
        }
        Event::Breaker { report } => Wire::BreakerChanged(changed_breaker(report)),
        Event::Dispatched { .. }
        | Event::Finished { .. }
        | Event::Requeued { .. }
        | Event::ReadBack { .. }
        | Event::StillUnknown { .. }
        | Event::GivenUp { .. }
        | Event::Settled { .. }
        | Event::Conflicted { .. }
        | Event::Restoring { .. }
        | Event::Restored { .. }
        | Event::Skipped { .. } => {
            Wire::DevicesChanged(v1::DevicesChanged { devices: changed(layout, event) })
        }
    };
    v1::WatchRolloutResponse { sequence, at: Some(timestamp(at)), event: Some(event) }
}

fn changed(layout: &Layout, event: &Event) -> Vec<v1::DeviceResult> {
    let of = |name: &DeviceName, attempt: u32, state: DeviceState| told(layout, name, attempt, state);
    match event {
        Event::Dispatched { ops, .. } => {
            ops.iter().map(|(name, attempt)| of(name, *attempt, DeviceState::Running)).collect()
        }
        Event::Finished { device, attempt, outcome } => {
            let state = outcome.class.device_state().unwrap_or(DeviceState::Failed);
            vec![v1::DeviceResult { outcome: Some(outcome.into()), ..of(device, *attempt, state) }]
        }
        Event::Requeued { device, attempt, outcome, .. } => {
            let reason =
                outcome.as_ref().map_or("its agent never started it", |outcome| outcome.message.as_str());
            let outcome = outcome.as_ref().map(Into::into);
            let reason = reason.to_owned();
            vec![v1::DeviceResult { outcome, reason, ..of(device, *attempt, DeviceState::Pending) }]
        }
        Event::ReadBack { ops, .. } => {
            let reading = |name, attempt| v1::DeviceResult {
                reason: "being read back".into(),
                ..of(name, attempt, DeviceState::Unknown)
            };
            ops.iter().map(|(name, attempt)| reading(name, *attempt)).collect()
        }
        Event::StillUnknown { device, attempt, reason, .. } => {
            vec![v1::DeviceResult { reason: reason.clone(), ..of(device, *attempt, DeviceState::Unknown) }]
        }
        Event::GivenUp { devices, reason, .. } => {
            let given_up = |name, attempt| v1::DeviceResult {
                reason: reason.clone(),
                ..of(name, attempt, DeviceState::Unknown)
            };
            devices.iter().map(|(name, attempt)| given_up(name, *attempt)).collect()
        }
        Event::Settled { device, attempt, state, outcome, reason, .. } => {
            let (outcome, reason) = (outcome.as_ref().map(Into::into), reason.clone());
            vec![v1::DeviceResult { outcome, reason, ..of(device, *attempt, *state) }]
        }
        Event::Conflicted { device, attempt, outcome, reason } => {
            let (outcome, reason) = (Some(outcome.into()), reason.clone());
            vec![v1::DeviceResult { outcome, reason, ..of(device, *attempt, DeviceState::Unknown) }]
        }
        Event::Restoring { device, attempt, by, reason, .. } => {
            let reason = being_put_back(by, reason);
            vec![v1::DeviceResult { reason, ..of(device, *attempt, DeviceState::Running) }]
        }
        Event::Restored { device, attempt, state, outcome } => {
            vec![put_back(of(device, *attempt, *state), outcome.as_ref())]
        }
        Event::Skipped { devices, message, .. } => devices
            .iter()
            .map(|name| v1::DeviceResult { reason: message.clone(), ..of(name, 0, DeviceState::Skipped) })
            .collect(),
        Event::Created { .. }
        | Event::WaveStarted { .. }
        | Event::WaveFinished { .. }
        | Event::Promoted { .. }
        | Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::Aborted { .. }
        | Event::Held { .. }
        | Event::Released { .. }
        | Event::Breaker { .. }
        | Event::Ended { .. } => Vec::new(),
    }
}

fn told(layout: &Layout, name: &DeviceName, attempt: u32, state: DeviceState) -> v1::DeviceResult {
    let place = layout.rank(name).map(|rank| &layout.devices[rank as usize]);
    v1::DeviceResult {
        device: name.to_string(),
        site: place.map(|place| place.site.to_string()).unwrap_or_default(),
        wave: place.map(|place| layout.waves[place.wave as usize].name.clone()).unwrap_or_default(),
        state: v1::DeviceState::from(state).into(),
        attempt,
        ..v1::DeviceResult::default()
    }
}

fn being_put_back(by: &str, reason: &str) -> String {
    match reason {
        "" => format!("being put back, asked by {by}"),
        reason => format!("being put back, asked by {by}: {reason}"),
    }
}

fn put_back(told: v1::DeviceResult, outcome: Option<&Outcome>) -> v1::DeviceResult {
    let never = || "not put back: its agent never started it".to_owned();
    let reason = outcome.map_or_else(never, |outcome| outcome.message.clone());
    v1::DeviceResult { outcome: outcome.map(Into::into), reason, ..told }
}

fn changed_breaker(report: &Report) -> v1::BreakerChanged {
    v1::BreakerChanged { breaker: Some(report.into()) }
}

/// A group that a rollout holds, as a breaker like the others, that never heals by itself.
pub fn held(
    rollout: &RolloutName,
    group: &Group,
    evidence: Option<&Evidence>,
    since: Timestamp,
    by: &str,
    reason: &str,
) -> Report {
    let name = Name::Group { rollout: Some(rollout.clone()), group: group.clone() };
    let evidence_text = evidence.map(|evidence| evidence.text(Some(group)));
    let state = if evidence.is_some() { State::Open } else { State::ForcedOpen };
    Report {
        state,
        reason: evidence_text.unwrap_or_else(|| reason.to_owned()),
        first_opened_at: Some(since),
        opened_times: 1,
        by: by.to_owned(),
        failed: evidence.map_or(0, |evidence| evidence.failed),
        seen: evidence.map_or(0, |evidence| evidence.seen),
        ..Report::closed(name, None, since)
    }
}
