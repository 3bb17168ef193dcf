//! Hands out the running wave: whom the pace picks and the surroundings let start, and who is not waited for.

use super::Rollout;
use super::advance::{Step, Surroundings, WakeReason};
use super::door::Door;
use super::event::{Event, SkipReason};
use crate::id::{DeviceName, SiteName};
use crate::outcome::DeviceState;
use crate::time::{Timestamp, format_duration};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a device that another rollout holds is waited for.
pub const BUSY_WAIT: Duration = Duration::from_secs(600);

impl Rollout {
    /// Starts what may start; gives up what is not waited for; pauses when nothing but held devices wait.
    pub(super) fn hand_out(&mut self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        self.give_up_sites(now, around, step);
        if !step.events.is_empty() {
            return;
        }
        self.offer_again(now, step);
        let (started, given_up) = self.pick(now, around, step);
        while let Some(decision) = self.pace.poll_decision() {
            self.decided.push_back(decision);
        }
        self.dispatch_events(&started, step);
        for (rank, reason, message) in given_up {
            step.events.extend(self.give_up(&[rank], reason, &message));
        }
        if let Some((at, reason)) = self.pace.poll_timeout().map(|at| (at, WakeReason::Pace)) {
            step.wake_at(at, reason);
        }
        let nobody_waits = self.later.is_empty() && self.parked.is_empty() && self.retries.nobody_waits();
        let idle = step.events.is_empty() && self.counts.running == 0 && self.decided.is_empty();
        if idle && nobody_waits && self.pace.only_held_wait() {
            self.leave_held(now, step);
        }
        step.events.extend(self.decision());
    }

    /// Devices whose wait is over, and those that wait for somebody else: the door says whether they may.
    fn offer_again(&mut self, now: Timestamp, step: &mut Step) {
        while let Some((at, rank)) = self.later.first().copied() {
            if at > now {
                step.wake_at(at, WakeReason::Retry);
                break;
            }
            self.later.pop_first();
            let device = &self.devices[rank as usize];
            // An entry of an earlier attempt, left by a replay, must not cut a newer wait short.
            if device.state == DeviceState::Pending && device.not_before == at {
                self.pace.offer(rank);
            }
        }
        for rank in self.retries.take_ready(&self.running) {
            self.pace.offer(rank);
        }
        self.parked.retain(|rank, _| !self.pace.is_held(*rank));
        self.parked.keys().for_each(|rank| self.pace.offer(*rank));
    }

    fn pick(
        &mut self,
        now: Timestamp,
        around: &dyn Surroundings,
        step: &mut Step,
    ) -> (Vec<u32>, Vec<(u32, SkipReason, String)>) {
        let mut room = match self.layout.max_parallel {
            0 => u32::MAX,
            most => most.saturating_sub(self.counts.running),
        };
        let mut door = Door {
            me: &self.name,
            layout: &self.layout,
            devices: &self.devices,
            running: &self.running,
            parked: &mut self.parked,
            retries: &mut self.retries,
            retried: BTreeMap::new(),
            around,
            now,
            rooms: vec![None; self.running.len()],
            sites: self.layout.site_names(),
            credentials: BTreeMap::new(),
            given_up: Vec::new(),
        };
        let full: Vec<u32> = self.pace.waiting_sites().collect();
        for site in full {
            match door.room(site) {
                0 => {}
                room => self.pace.wake_site(site, room),
            }
        }
        let mut started = Vec::new();
        while room > 0
            && let Some(rank) = self.pace.next(now, &mut |rank| door.ask(rank, step))
        {
            self.pace.start(rank, now);
            door.took(rank);
            started.push(rank);
            room -= 1;
        }
        let given_up = std::mem::take(&mut door.given_up);
        (started, given_up)
    }

    fn dispatch_events(&self, started: &[u32], step: &mut Step) {
        let mut batches: BTreeMap<&SiteName, Vec<(DeviceName, u32)>> = BTreeMap::new();
        for rank in started {
            let place = &self.layout.devices[*rank as usize];
            let op = (place.name.clone(), self.devices[*rank as usize].attempt + 1);
            batches.entry(&place.site).or_default().push(op);
        }
        let batches = batches.into_iter();
        step.events.extend(batches.map(|(site, ops)| Event::Dispatched { site: site.clone(), ops }));
    }

    /// Gives up the devices of sites that have been open for `skip_after` in this rollout's time.
    fn give_up_sites(&self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        for (site, opened) in &self.open_since {
            let Some(number) = self.layout.sites().iter().position(|known| known == site) else { continue };
            if self.waiting[number] == 0 {
                continue;
            }
            let due = opened.plus(self.layout.skip_after);
            if now < due {
                step.wake_at(due, WakeReason::SkipSite);
                continue;
            }
            let view = around.site_at(number, site);
            let why = view.breaker.as_ref().map_or("its agent is away", |report| report.reason.as_str());
            let message = match self.layout.skip_after.is_zero() {
                true => format!("site/{site} is open: {why}"),
                false => {
                    let waited = format_duration(self.layout.skip_after);
                    format!("site/{site} was still open after {waited}: {why}")
                }
            };
            let places = self.layout.devices.iter().zip(&self.devices).zip(0u32..);
            let waits = places.filter(|((place, device), rank)| {
                place.wave <= self.wave
                    && self.layout.site_of()[*rank as usize] as usize == number
                    && device.state == DeviceState::Pending
            });
            let ranks: Vec<u32> = waits.map(|(_, rank)| rank).collect();
            step.events.extend(self.give_up(&ranks, SkipReason::SiteOpen, &message));
        }
    }

    /// What is held stays behind: the next wave begins without it, and after the last one a person decides.
    fn leave_held(&self, now: Timestamp, step: &mut Step) {
        if !self.is_last_wave() {
            return self.turn_wave(now, step);
        }
        let held: Vec<String> = self.pace.holds().iter().map(|(group, _)| group.to_string()).collect();
        let reason = format!(
            "{} devices wait that are held with {}; the others are done",
            self.counts.pending,
            held.join(", ")
        );
        step.events.push(Event::Paused { by: "auto".into(), reason });
    }
}
