//! Hands out the running wave: the next batch of each site, in rank order, and who is not waited for.

use super::Rollout;
use super::advance::{SiteView, Step, Surroundings, WakeReason};
use super::event::{Event, SkipReason};
use crate::breaker::{Report, State};
use crate::id::{DeviceName, SiteName};
use crate::time::{Timestamp, format_duration};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a device that another rollout holds is waited for.
pub const BUSY_WAIT: Duration = Duration::from_secs(600);

impl Rollout {
    /// Fills the room there is, lowest rank first over all sites; gives up what is not waited for.
    pub(super) fn hand_out(&mut self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        let room = match self.layout.max_parallel {
            0 => u32::MAX,
            most => most.saturating_sub(self.counts.running),
        };
        let waiting = self.pending.iter().filter(|(_, ranks)| !ranks.is_empty());
        let sites: Vec<SiteName> = waiting.map(|(site, _)| site.clone()).collect();
        let mut ready = Vec::new();
        for site in &sites {
            let view = around.site(site);
            if !self.give_up_site(site, &view, now, step) {
                let room = self.room_at(site, &view).min(room);
                ready.extend(self.ready_at(site, room, now, around, step));
            }
        }
        ready.sort_unstable();
        ready.truncate(room as usize);
        let mut batches: BTreeMap<SiteName, Vec<(DeviceName, u32)>> = BTreeMap::new();
        for rank in ready {
            let place = &self.layout.devices[rank as usize];
            let op = (place.name.clone(), self.devices[rank as usize].attempt + 1);
            batches.entry(place.site.clone()).or_default().push(op);
        }
        step.events.extend(batches.into_iter().map(|(site, ops)| Event::Dispatched { site, ops }));
    }

    fn room_at(&self, site: &SiteName, view: &SiteView) -> u32 {
        let in_flight = self.running.get(site).copied().unwrap_or(0);
        let limit = match self.layout.max_parallel_per_site {
            0 => u32::MAX,
            most => most.saturating_sub(in_flight),
        };
        let admitted = match view.breaker.as_ref().map(|report| report.state) {
            // The agent's own allowance comes as credit.
            None | Some(State::Closed | State::Held | State::ForcedClosed) => u32::MAX,
            Some(State::HalfOpen) => self.layout.site_probes.saturating_sub(view.in_flight),
            Some(State::Open | State::ForcedOpen) => 0,
        };
        if view.connected { limit.min(admitted).min(view.credit) } else { 0 }
    }

    /// Gives up the devices of a site that has been open for `skip_after` in this rollout's time.
    fn give_up_site(&self, site: &SiteName, view: &SiteView, now: Timestamp, step: &mut Step) -> bool {
        let Some(opened) = self.open_since.get(site) else { return false };
        let due = opened.plus(self.layout.skip_after);
        if now < due {
            step.wake_at(due, WakeReason::SkipSite);
            return false;
        }
        let why = view.breaker.as_ref().map_or("its agent is away", |report| report.reason.as_str());
        let message = match self.layout.skip_after.is_zero() {
            true => format!("site/{site} is open: {why}"),
            false => {
                format!("site/{site} was still open after {}: {why}", format_duration(self.layout.skip_after))
            }
        };
        let ranks: Vec<u32> = self.pending[site].iter().copied().collect();
        step.events.extend(self.give_up(&ranks, SkipReason::SiteOpen, &message));
        true
    }

    /// Ranks of `site` that may start now, at most `room`, lowest first; a device that cannot start yet
    /// keeps its rank and the next one is looked at.
    fn ready_at(
        &mut self,
        site: &SiteName,
        room: u32,
        now: Timestamp,
        around: &dyn Surroundings,
        step: &mut Step,
    ) -> Vec<u32> {
        let mut ready = Vec::new();
        let ranks = self.pending.get_mut(site).map(std::mem::take).unwrap_or_default();
        for rank in &ranks {
            if ready.len() >= room as usize {
                break;
            }
            if self.is_ready(*rank, now, around, step) {
                ready.push(*rank);
            }
        }
        self.pending.insert(site.clone(), ranks);
        ready
    }

    fn is_ready(&mut self, rank: u32, now: Timestamp, around: &dyn Surroundings, step: &mut Step) -> bool {
        let device = &self.devices[rank as usize];
        if device.not_before > now {
            step.wake_at(device.not_before, WakeReason::Retry);
            return false;
        }
        let name = &self.layout.devices[rank as usize].name;
        if let Some(other) = around.held_by_other(name, &self.name) {
            let message = format!("rollouts/{other} has held it for {}", format_duration(BUSY_WAIT));
            self.wait(rank, (SkipReason::DeviceBusy, BUSY_WAIT), &message, now, step);
            return false;
        }
        let Some(report) = around.device_breaker(name).filter(|report| refuses(report, now)) else {
            self.waiting_since.remove(&rank);
            return true;
        };
        if let Some(at) = report.retry_at {
            step.wake_at(at, WakeReason::Retry);
        }
        let most = if device.tries > 0 { Duration::ZERO } else { self.layout.device_wait };
        let message = format!("device/{name} is open: {}", report.reason);
        self.wait(rank, (SkipReason::DeviceOpen, most), &message, now, step);
        false
    }

    /// Waits for what is not the rollout's own, each reason with a clock of its own.
    fn wait(
        &mut self,
        rank: u32,
        wait: (SkipReason, Duration),
        message: &str,
        now: Timestamp,
        step: &mut Step,
    ) {
        let (reason, most) = wait;
        let since = match self.waiting_since.get(&rank) {
            Some((known, since)) if *known == reason => *since,
            Some(_) | None => now,
        };
        self.waiting_since.insert(rank, (reason, since));
        if now >= since.plus(most) {
            step.events.extend(self.give_up(&[rank], reason, message));
        } else {
            step.wake_at(since.plus(most), WakeReason::SkipDevice);
        }
    }
}

fn refuses(report: &Report, now: Timestamp) -> bool {
    match report.state {
        State::Closed | State::Held | State::HalfOpen | State::ForcedClosed => false,
        State::Open => report.retry_at.is_none_or(|at| now < at),
        State::ForcedOpen => true,
    }
}
