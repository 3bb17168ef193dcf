//! Lets every rollout take its next steps, fairly, and says when to look again.

use super::effect::{Dispatch, Effect, Turn};
use super::world::World;
use switchyard_shared::id::{DeviceName, RolloutName, SiteName};
use switchyard_shared::rollout::Device;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

/// Steps that one rollout takes in one turn, at most: each has its end, this is against the unforeseen.
const STEPS_MAX: usize = 1000;

impl World {
    /// What a turn does by itself once it has heard what came in.
    pub(super) fn work(&mut self, turn: &mut Turn) -> Option<Timestamp> {
        self.look_at_sessions(turn);
        self.end_quiet(turn);
        self.watch_environment(turn);
        let awaited = self.hear_all_first(turn.now);
        let advanced = self.advance(turn);
        advanced.into_iter().chain(awaited).chain(self.go_on_comparing(turn)).min()
    }

    /// Advances the rollouts: where several have work at a site, first each within its guaranteed share,
    /// then all with what is left, another one first each turn.
    pub(super) fn advance(&mut self, turn: &mut Turn) -> Option<Timestamp> {
        let mut names = self.rollouts.live_names();
        self.count_in_flight();
        if names.is_empty() {
            return None;
        }
        self.turns = self.turns.wrapping_add(1);
        let first = self.turns % names.len();
        names.rotate_left(first);
        let shares = self.shares(&names);
        if !shares.is_empty() {
            for name in &names {
                self.fleet.allowance = self.allowance(name, &shares);
                self.advance_one(name, turn);
            }
            self.fleet.allowance.clear();
        }
        names.iter().filter_map(|name| self.advance_one(name, turn)).min()
    }

    /// Attempts and readings alike: both are at an agent and take its room.
    fn count_in_flight(&mut self) {
        self.fleet.in_flight.clone_from(&self.comparisons.at_site);
        for active in self.rollouts.live() {
            let rollout = &active.rollout;
            for (site, count) in rollout.in_flight().filter(|(_, count)| *count > 0) {
                *self.fleet.in_flight.entry(site.clone()).or_default() += count;
            }
            let doubtful = rollout.in_doubt().filter_map(|name| rollout.device(name));
            let read = |device: &Device| device.doubt.as_ref().is_some_and(|doubt| doubt.reading);
            for (place, _) in doubtful.filter(|(_, device)| read(device)) {
                *self.fleet.in_flight.entry(place.site.clone()).or_default() += 1;
            }
        }
    }

    fn advance_one(&mut self, name: &RolloutName, turn: &mut Turn) -> Option<Timestamp> {
        for _ in 0..STEPS_MAX {
            if turn.has_stopped {
                return Some(turn.now);
            }
            let active = self.rollouts.live_mut(name)?;
            let step = active.rollout.advance(turn.now, &self.fleet);
            if step.events.is_empty() {
                return step.wake.map(|(at, _)| at);
            }
            for event in step.events {
                self.record(name, event.clone(), turn);
                if let Event::Dispatched { site, ops } | Event::ReadBack { site, ops } = &event {
                    self.dispatch(name, site, ops, turn);
                }
            }
        }
        tracing::error!(rollout = %name, "it did not come to rest within one turn");
        Some(turn.now)
    }

    pub(super) fn dispatch(
        &mut self,
        name: &RolloutName,
        site: &SiteName,
        ops: &[(DeviceName, u32)],
        turn: &mut Turn,
    ) {
        let (Some(active), Some(session)) = (self.rollouts.get(name), self.fleet.sessions.get_mut(site))
        else {
            return;
        };
        session.sent += ops.len() as u64;
        let count = u32::try_from(ops.len()).unwrap_or(u32::MAX);
        *self.fleet.in_flight.entry(site.clone()).or_default() += count;
        if let Some(left) = self.fleet.allowance.get_mut(site) {
            *left = left.saturating_sub(count);
        }
        let rollout = &active.rollout;
        let task = |(device, attempt): &(DeviceName, u32)| {
            let rank = rollout.layout.rank(device)?;
            Some((rank, *attempt, rollout.devices[rank as usize].purpose()))
        };
        let ops = ops.iter().filter_map(task).collect();
        let (outbox, plan) = (session.outbox.clone(), active.plan.clone());
        turn.effects.push(Effect::Dispatch(Dispatch { outbox, plan, rollout: name.clone(), ops }));
    }

    /// Applies the events that an agent's word brings about.
    pub(super) fn record_all(&mut self, name: &RolloutName, events: Vec<Event>, turn: &mut Turn) {
        for event in events {
            self.record(name, event, turn);
        }
    }

    /// Rebuilds who holds what; for recovery. A device in doubt is held also after the end.
    pub(super) fn hold_again(&mut self) {
        for active in self.rollouts.all() {
            active.rollout.held().for_each(|device| self.fleet.hold(device, &active.rollout.name));
        }
    }
}
