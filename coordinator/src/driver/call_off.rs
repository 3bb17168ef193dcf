//! A stop reaches the agents at once: what has written nothing is called off, the rest finishes.

use super::effect::Turn;
use super::world::World;
use std::collections::BTreeMap;
use switchyard_proto::convert::link::FromCoordinator;
use switchyard_shared::id::{DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::rollout::{Rollout, RolloutState};

/// Devices that one call-off names.
const NAMED_MAX: usize = 1000;

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
            | Event::Restoring { .. }
            | Event::Restored { .. }
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
        turn.send(&session.outbox, FromCoordinator::Cancel { rollout, devices, reason, comparisons: false });
    }

    /// Tells an agent that was away what was stopped meanwhile.
    pub(super) fn call_off_again(&self, site: &SiteName, turn: &mut Turn) {
        for active in self.rollouts.live() {
            let rollout = &active.rollout;
            let mut called = if is_stopped(rollout) { all(rollout) } else { held(rollout) };
            if let Some(devices) = called.remove(site) {
                let why = if rollout.reason.is_empty() { "its group is held" } else { &rollout.reason };
                self.send_cancel(&rollout.name, site, devices, why, turn);
            }
        }
    }
}

impl World {
    /// Calls off what agents were asked to read for somebody who has gone: what runs there or waits holds places that
    /// the next one needs.
    pub(super) fn call_off_abandoned(&mut self, turn: &mut Turn) {
        for ((site, rollout), devices) in self.comparisons.abandoned() {
            let session = self.fleet.sessions.get(&site).filter(|session| session.calls_off_comparisons);
            if let Some(session) = session {
                let reason = "nobody waits for it any more".to_owned();
                let cancel = FromCoordinator::Cancel { rollout, devices, reason, comparisons: true };
                turn.send(&session.outbox, cancel);
            }
        }
    }

    /// Calls off what an agent that was away still has in hand and nobody waits for any more: its rollout is
    /// stopped or has ended, or has given it up.
    pub(super) fn call_off_unwanted(&self, site: &SiteName, in_hand: &[OpId], turn: &mut Turn) {
        let mut by_rollout: BTreeMap<&RolloutName, Vec<&OpId>> = BTreeMap::new();
        for op in in_hand {
            by_rollout.entry(&op.rollout).or_default().push(op);
        }
        for (name, ops) in by_rollout {
            let Some(rollout) = self.rollouts.get(name).map(|active| &active.rollout) else {
                self.send_cancel(name, site, Vec::new(), "its rollout has ended", turn);
                continue;
            };
            let is_stopped = is_stopped(rollout);
            if rollout.has_ended() || is_stopped {
                // What is in flight of it was called off already.
                if rollout.has_ended() || rollout.running_at(site).next().is_none() {
                    self.send_cancel(name, site, Vec::new(), &stop_text(rollout), turn);
                }
                continue;
            }
            let unwanted: Vec<DeviceName> = ops
                .iter()
                .filter(|op| {
                    let known = rollout.device(&op.device).map(|(_, device)| device.state);
                    known.is_none_or(|state| state != DeviceState::Running)
                })
                .map(|op| op.device.clone())
                .collect();
            for devices in unwanted.chunks(NAMED_MAX) {
                self.send_cancel(name, site, devices.to_vec(), "it is no longer waited for", turn);
            }
        }
    }
}

fn is_stopped(rollout: &Rollout) -> bool {
    matches!(rollout.state, RolloutState::Aborted | RolloutState::Paused | RolloutState::Stopped)
}

fn stop_text(rollout: &Rollout) -> String {
    if rollout.reason.is_empty() { "its rollout is over".to_owned() } else { rollout.reason.clone() }
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
