//! A stop reaches the agents at once: what has written nothing is called off, the rest finishes.

use super::effect::Turn;
use super::world::World;
use std::collections::BTreeMap;
use switchyard_proto::convert::link::FromCoordinator;
use switchyard_shared::id::{DeviceName, RolloutName, SiteName};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::rollout::{Rollout, RolloutState};

/// The devices in flight that a stop concerns, by site.
type Called = BTreeMap<SiteName, Vec<DeviceName>>;

impl World {
    /// Pushes what an event stops: of an abort and of a pause, by whomever, everything, of a held
    /// group its devices.
    pub(super) fn push_stop(&self, name: &RolloutName, event: &Event, turn: &mut Turn) {
        let (why, held_only) = match event {
            Event::Aborted { reason, .. } => (format!("aborted: {reason}"), false),
            Event::Paused { reason, .. } => (format!("paused: {reason}"), false),
            Event::Held { group, reason, .. } => (format!("held {group}: {reason}"), true),
            Event::Created { .. }
            | Event::WaveStarted { .. }
            | Event::Dispatched { .. }
            | Event::Finished { .. }
            | Event::Requeued { .. }
            | Event::ReadBack { .. }
            | Event::StillUnknown { .. }
            | Event::GivenUp { .. }
            | Event::Settled { .. }
            | Event::Conflicted { .. }
            | Event::Skipped { .. }
            | Event::WaveFinished { .. }
            | Event::Promoted { .. }
            | Event::Resumed { .. }
            | Event::Released { .. }
            | Event::Breaker { .. }
            | Event::Ended { .. } => return,
        };
        turn.has_stopped = true;
        self.call_off(name, held_only, &why, turn);
    }

    /// Calls off what has written nothing at every site: all that is in flight, or what is held of it.
    pub(super) fn call_off(&self, name: &RolloutName, held_only: bool, why: &str, turn: &mut Turn) {
        let Some(active) = self.rollouts.get(name) else { return };
        let called = if held_only { held(&active.rollout) } else { all(&active.rollout) };
        for (site, devices) in called {
            self.send_cancel(&active.rollout.name, &site, devices, why, turn);
        }
    }

    fn send_cancel(
        &self,
        rollout: &RolloutName,
        site: &SiteName,
        devices: Vec<DeviceName>,
        why: &str,
        turn: &mut Turn,
    ) {
        let Some(session) = self.fleet.sessions.get(site) else { return };
        let (rollout, reason) = (rollout.clone(), why.to_owned());
        turn.send(&session.outbox, FromCoordinator::Cancel { rollout, devices, reason });
    }

    /// Tells an agent that was away what was stopped meanwhile.
    pub(super) fn call_off_again(&self, site: &SiteName, turn: &mut Turn) {
        for active in self.rollouts.live() {
            let rollout = &active.rollout;
            let stopped = matches!(rollout.state, RolloutState::Aborted | RolloutState::Paused);
            let mut called = if stopped { all(rollout) } else { held(rollout) };
            if let Some(devices) = called.remove(site) {
                let why = if rollout.reason.is_empty() { "its group is held" } else { &rollout.reason };
                self.send_cancel(&rollout.name, site, devices, why, turn);
            }
        }
    }
}

/// No name means everything that the agent has of the rollout.
fn all(rollout: &Rollout) -> Called {
    let busy = rollout.in_flight().filter(|(_, count)| *count > 0);
    busy.map(|(site, _)| (site.clone(), Vec::new())).collect()
}

fn held(rollout: &Rollout) -> Called {
    let mut called = Called::new();
    for device in rollout.held_in_flight() {
        if let Some((place, _)) = rollout.device(device) {
            called.entry(place.site.clone()).or_default().push(device.clone());
        }
    }
    called
}
