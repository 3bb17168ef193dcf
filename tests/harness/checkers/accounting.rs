//! I7 and I8: every device is in one state and all are counted; no wave begins before its gate.

use super::history::{History, RolloutLog, Violation};
use std::collections::BTreeMap;
use switchyard_shared::id::RolloutName;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::rollout::{Counts, Rollout};

impl RolloutLog {
    /// The rollout that this log makes.
    pub fn fold(&self, name: &RolloutName) -> Option<Rollout> {
        let first = self.events.first()?;
        let mut rollout =
            Rollout::from_created(name.clone(), self.layout.clone(), &first.event, first.at).ok()?;
        self.events[1..].iter().for_each(|recorded| rollout.apply(&recorded.event, recorded.at));
        Some(rollout)
    }
}

/// I7: after each event the counts are those of the devices one by one, and add up to what was planned,
/// in the whole and in every wave.
pub fn counts_add_up(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, log) in &history.rollouts {
        let Some(first) = log.events.first() else { continue };
        let Ok(mut rollout) = Rollout::from_created(name.clone(), log.layout.clone(), &first.event, first.at)
        else {
            let what = format!("the log of rollouts/{name} does not begin with its creation");
            found.push(Violation { invariant: "I7", at: first.at, device: None, what });
            continue;
        };
        for recorded in &log.events[1..] {
            rollout.apply(&recorded.event, recorded.at);
            if let Some(what) = miscounted(&rollout) {
                let what = format!("rollouts/{name} after {:?}: {what}", recorded.event);
                found.push(Violation { invariant: "I7", at: recorded.durable_at, device: None, what });
                break;
            }
        }
    }
    found
}

fn miscounted(rollout: &Rollout) -> Option<String> {
    let mut states: BTreeMap<Option<u32>, BTreeMap<DeviceState, u32>> = BTreeMap::new();
    for (place, device) in rollout.layout.devices.iter().zip(&rollout.devices) {
        for part in [None, Some(place.wave)] {
            *states.entry(part).or_default().entry(device.state).or_default() += 1;
        }
    }
    let none = BTreeMap::new();
    let whole = std::iter::once((None, &rollout.counts));
    let waves = (0u32..).zip(&rollout.waves).map(|(number, wave)| (Some(number), &wave.counts));
    whole.chain(waves).find_map(|(part, counts)| {
        let one_by_one = states.get(&part).unwrap_or(&none);
        let said = by_state(counts);
        let sum: u32 = said.values().sum();
        let differs = said.iter().any(|(state, count)| one_by_one.get(state).copied().unwrap_or(0) != *count);
        (differs || sum != counts.planned)
            .then(|| format!("wave {part:?} says {said:?} of {}, one by one {one_by_one:?}", counts.planned))
    })
}

fn by_state(counts: &Counts) -> BTreeMap<DeviceState, u32> {
    BTreeMap::from([
        (DeviceState::Pending, counts.pending),
        (DeviceState::Running, counts.running),
        (DeviceState::Succeeded, counts.succeeded),
        (DeviceState::Unchanged, counts.unchanged),
        (DeviceState::Failed, counts.failed),
        (DeviceState::Skipped, counts.skipped),
        (DeviceState::Unknown, counts.unknown),
        (DeviceState::RolledBack, counts.rolled_back),
    ])
}

/// I8: no device of a wave is handed out before the wave before it is durably over.
pub fn no_wave_before_its_gate(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, log) in &history.rollouts {
        let (mut finished, mut started) = (0, 0);
        for recorded in &log.events {
            let mut say = |device, what| {
                found.push(Violation { invariant: "I8", at: recorded.durable_at, device, what });
            };
            if let Event::WaveStarted { wave } = &recorded.event {
                if *wave > finished {
                    say(
                        None,
                        format!("wave {wave} of rollouts/{name} began before wave {finished} was over"),
                    );
                }
                started = *wave + 1;
            }
            if let Event::WaveFinished { wave, .. } = &recorded.event {
                finished = *wave + 1;
            }
            if let Event::Dispatched { ops, .. } = &recorded.event {
                for (device, _) in ops {
                    let wave = log.layout.rank(device).map(|rank| log.layout.devices[rank as usize].wave);
                    if wave.is_none_or(|wave| wave >= started) {
                        say(Some(device.clone()), format!("handed out by rollouts/{name} before its wave"));
                    }
                }
            }
        }
    }
    found
}
