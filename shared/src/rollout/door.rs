//! What the surroundings say about starting one device now: its site's room, its own breaker, other rollouts.

use super::advance::{SiteView, Step, Surroundings, WakeReason};
use super::batch::BUSY_WAIT;
use super::event::SkipReason;
use super::retries::Retries;
use super::{Device, Layout};
use crate::breaker::{Report, State};
use crate::id::{RolloutName, SiteName};
use crate::pace::Entry;
use crate::time::{Timestamp, format_duration};
use std::collections::BTreeMap;
use std::time::Duration;

/// One look around, at one instant.
pub(super) struct Door<'a> {
    pub me: &'a RolloutName,
    pub layout: &'a Layout,
    pub devices: &'a [Device],
    pub running: &'a [u32],
    pub parked: &'a mut BTreeMap<u32, (SkipReason, Timestamp)>,
    pub retries: &'a mut Retries,
    /// How many of them have started in this look, by the number of their site.
    pub retried: BTreeMap<u32, u32>,
    pub around: &'a dyn Surroundings,
    pub now: Timestamp,
    /// Rooms that were looked at, by the number of the site.
    pub rooms: Vec<Option<u32>>,
    pub sites: &'a [SiteName],
    /// What refuses the credentials that were looked at, by the numbers of site and credential.
    pub credentials: BTreeMap<(u32, u32), Option<Report>>,
    /// Devices that are not waited for any longer, with the reason.
    pub given_up: Vec<(u32, SkipReason, String)>,
}

impl Door<'_> {
    /// How many more may start at a site.
    pub fn room(&mut self, site: u32) -> u32 {
        let index = site as usize;
        if let Some(room) = self.rooms[index] {
            return room;
        }
        let view = self.around.site_at(index, &self.sites[index]);
        let room = room_at(self.layout, self.running[index], &view);
        self.rooms[index] = Some(room);
        room
    }

    /// One of them started.
    pub fn took(&mut self, rank: u32) {
        let site = self.layout.site_of()[rank as usize];
        if let Some(room) = &mut self.rooms[site as usize] {
            *room = room.saturating_sub(1);
        }
        if self.devices[rank as usize].tries > 0 {
            *self.retried.entry(site).or_default() += 1;
        }
    }

    /// Whether the device may start now.
    pub fn ask(&mut self, rank: u32, step: &mut Step) -> Entry {
        let site = self.layout.site_of()[rank as usize];
        if self.room(site) == 0 {
            return Entry::SiteFull;
        }
        let (place, device) = (&self.layout.devices[rank as usize], &self.devices[rank as usize]);
        if let Some(other) = self.around.held_by_other(&place.name, self.me) {
            let message = format!(
                "rollouts/{other} has held it for {}; if it is UNKNOWN there: switchyard device reconcile {}",
                format_duration(BUSY_WAIT),
                place.name
            );
            return self.park(rank, (SkipReason::DeviceBusy, BUSY_WAIT), message, step);
        }
        if let Some(report) = self.credential_refused(rank, site) {
            let message = format!("{} is open: {}", report.name, report.reason);
            let wait = (SkipReason::CredentialOpen, self.layout.skip_after);
            return self.park(rank, wait, message, step);
        }
        let breaker = self.around.device_breaker(&place.name);
        let Some(report) = breaker.filter(|report| refuses(report, self.now)) else {
            self.parked.remove(&rank);
            return self.within_retries(rank, site);
        };
        if let Some(at) = report.retry_at {
            step.wake_at(at, WakeReason::Retry);
        }
        let most = if device.tries > 0 { Duration::ZERO } else { self.layout.device_wait };
        let message = format!("device/{} is open: {}", place.name, report.reason);
        self.park(rank, (SkipReason::DeviceOpen, most), message, step)
    }

    /// An agent refuses what its credential's breaker stops as soon as it gets it: it is not asked.
    fn credential_refused(&mut self, rank: u32, site: u32) -> Option<Report> {
        let layout = self.layout;
        let (number, reference) = layout.credential(rank)?;
        let (around, now, sites) = (self.around, self.now, self.sites);
        let known = self.credentials.entry((site, number)).or_insert_with(|| {
            let breaker = around.credential_breaker(&sites[site as usize], reference);
            breaker.filter(|report| refuses(report, now))
        });
        known.clone()
    }

    /// A first attempt may start; a retry only while few enough run at its site.
    fn within_retries(&mut self, rank: u32, site: u32) -> Entry {
        let retried = self.retried.get(&site).copied().unwrap_or(0);
        if self.devices[rank as usize].tries == 0
            || self.retries.room(site, self.running[site as usize]) > retried
        {
            return Entry::Free;
        }
        self.retries.wait(site, rank);
        Entry::Later
    }

    /// Waits for what is not the rollout's own, each reason with a clock of its own.
    fn park(&mut self, rank: u32, wait: (SkipReason, Duration), message: String, step: &mut Step) -> Entry {
        let (reason, most) = wait;
        let since = match self.parked.get(&rank) {
            Some((known, since)) if *known == reason => *since,
            Some(_) | None => self.now,
        };
        self.parked.insert(rank, (reason, since));
        if self.now >= since.plus(most) {
            self.given_up.push((rank, reason, message));
        } else {
            step.wake_at(since.plus(most), WakeReason::SkipDevice);
        }
        Entry::Later
    }
}

fn room_at(layout: &Layout, in_flight: u32, view: &SiteView) -> u32 {
    let limit = match layout.max_parallel_per_site {
        0 => u32::MAX,
        most => most.saturating_sub(in_flight),
    };
    let admitted = match view.breaker.as_ref().map(|report| report.state) {
        // The agent's own allowance comes as credit.
        None | Some(State::Closed | State::Held | State::ForcedClosed) => u32::MAX,
        Some(State::HalfOpen) => layout.site_probes.saturating_sub(view.in_flight),
        Some(State::Open | State::ForcedOpen) => 0,
    };
    if view.connected { limit.min(admitted).min(view.credit) } else { 0 }
}

/// Whether a breaker lets nothing through now.
pub(super) fn refuses(report: &Report, now: Timestamp) -> bool {
    match report.state {
        State::Closed | State::Held | State::HalfOpen | State::ForcedClosed => false,
        State::Open => report.retry_at.is_none_or(|at| now < at),
        State::ForcedOpen => true,
    }
}
