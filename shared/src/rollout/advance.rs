//! What happens next without anybody asking: batches, skips, the turn of waves, the end.

use super::event::{Event, SkipReason};
use super::{Rollout, RolloutState, WaveState};
use crate::breaker::{Report, State};
use crate::id::{DeviceName, RolloutName, SiteName};
use crate::outcome::words;
use crate::time::{Timestamp, format_duration};
use std::time::Duration;

/// How long a device that another rollout holds is waited for.
pub const BUSY_WAIT: Duration = Duration::from_secs(600);

/// What the coordinator knows about a site at this instant.
#[derive(Debug, Clone, Default)]
pub struct SiteView {
    /// Whether its agent is connected.
    pub connected: bool,
    /// How many more operations the agent takes.
    pub credit: u32,
    /// Its breaker, when it is not closed.
    pub breaker: Option<Report>,
    /// Operations in flight there, of all rollouts.
    pub in_flight: u32,
}

/// What surrounds a rollout: sites, and the other rollouts.
pub trait Surroundings {
    /// The site as it is now.
    fn site(&self, site: &SiteName) -> SiteView;
    /// The device's breaker, when it is not closed.
    fn device_breaker(&self, device: &DeviceName) -> Option<Report>;
    /// Another rollout that holds the device.
    fn held_by_other(&self, device: &DeviceName, me: &RolloutName) -> Option<RolloutName>;
}

words!(
    /// Why a rollout wants to be looked at again at some instant.
    WakeReason {
        /// The soak after a wave ends.
        Soak = "SOAK",
        /// A device may be tried again.
        Retry = "RETRY",
        /// A site has been open long enough to be skipped.
        SkipSite = "SKIP_SITE",
        /// A device has been waited for long enough.
        SkipDevice = "SKIP_DEVICE",
    }
);

/// What to do now, and when to look again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Events to append; apply them before asking again.
    pub events: Vec<Event>,
    /// When to ask again if nothing else happens before.
    pub wake: Option<(Timestamp, WakeReason)>,
}

impl Step {
    fn wake_at(&mut self, at: Timestamp, reason: WakeReason) {
        if self.wake.is_none_or(|(earlier, _)| at < earlier) {
            self.wake = Some((at, reason));
        }
    }
}

enum Readiness {
    Ready,
    Later,
    Skip(SkipReason, String),
    FailAsBefore,
}

impl Rollout {
    /// Decides what to do at `now`. Ask again until a step has no events.
    pub fn advance(&mut self, now: Timestamp, around: &dyn Surroundings) -> Step {
        let mut step = Step::default();
        match self.state {
            RolloutState::Pending => step.events.push(Event::WaveStarted { wave: 0 }),
            RolloutState::Running => self.advance_running(now, around, &mut step),
            RolloutState::Aborted if !self.has_ended() => self.advance_aborted(&mut step),
            RolloutState::Paused => {
                if self.counts.all_final() && self.is_last_wave() {
                    self.turn_wave(now, &mut step);
                }
            }
            RolloutState::Aborted
            | RolloutState::AwaitingApproval
            | RolloutState::Stopped
            | RolloutState::Succeeded
            | RolloutState::PartiallySucceeded
            | RolloutState::Failed
            | RolloutState::RollingBack
            | RolloutState::RolledBack => {}
        }
        step
    }

    fn advance_running(&mut self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        let wave = &self.waves[self.wave as usize];
        match wave.state {
            WaveState::Running if wave.counts.all_final() => self.turn_wave(now, step),
            WaveState::Running => self.advance_wave(now, around, step),
            WaveState::Soaking | WaveState::AwaitingPromotion => self.wait_after_wave(now, step),
            WaveState::Waiting | WaveState::Done => {}
        }
    }

    fn advance_aborted(&self, step: &mut Step) {
        let left: Vec<_> = self
            .layout
            .devices
            .iter()
            .zip(&self.devices)
            .filter(|(_, device)| device.state == crate::outcome::DeviceState::Pending)
            .map(|(place, _)| place.name.clone())
            .collect();
        if !left.is_empty() {
            let message = "the rollout was aborted before its turn".to_owned();
            step.events.push(Event::Skipped { devices: left, reason: SkipReason::Aborted, message });
        } else if self.counts.all_final() {
            step.events.push(Event::Ended { state: RolloutState::Aborted });
        }
    }

    fn is_last_wave(&self) -> bool {
        self.wave as usize + 1 == self.waves.len()
    }

    fn turn_wave(&self, now: Timestamp, step: &mut Step) {
        if self.is_last_wave() {
            step.events.push(Event::Ended { state: self.verdict() });
            return;
        }
        let planned = &self.layout.waves[self.wave as usize];
        step.events.push(Event::WaveFinished {
            wave: self.wave,
            soak_until: now.plus(planned.soak),
            needs_promotion: planned.manual,
        });
        let counts = self.waves[self.wave as usize].counts;
        if planned.canary && counts.planned > 0 && counts.skipped == counts.planned {
            let reason =
                format!("all {} canary devices were skipped: nothing is known of the change", counts.planned);
            step.events.push(Event::Paused { by: "auto".into(), reason });
        }
    }

    fn wait_after_wave(&self, now: Timestamp, step: &mut Step) {
        let wave = &self.waves[self.wave as usize];
        let soaked = wave.soak_until.is_none_or(|until| now >= until);
        let waits_for_person = wave.state == WaveState::AwaitingPromotion;
        if wave.promoted || (soaked && !waits_for_person) {
            step.events.push(Event::WaveStarted { wave: self.wave + 1 });
        } else if let Some(until) = wave.soak_until.filter(|until| *until > now) {
            step.wake_at(until, WakeReason::Soak);
        }
    }

    fn advance_wave(&mut self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        let mut room = match self.layout.max_parallel {
            0 => u32::MAX,
            most => most.saturating_sub(self.counts.running),
        };
        let sites: Vec<SiteName> = self
            .pending
            .iter()
            .filter(|(_, ranks)| !ranks.is_empty())
            .map(|(site, _)| site.clone())
            .collect();
        for site in sites {
            let view = around.site(&site);
            if !self.skip_open_site(&site, &view, now, step) {
                let batch = self.batch(&site, self.room_at(&site, &view).min(room), now, around, step);
                room -= u32::try_from(batch.len()).unwrap_or(u32::MAX).min(room);
                if !batch.is_empty() {
                    step.events.push(Event::Dispatched { site, ops: batch });
                }
            }
        }
    }

    fn room_at(&self, site: &SiteName, view: &SiteView) -> u32 {
        let in_flight = self.running.get(site).copied().unwrap_or(0);
        let limit = match self.layout.max_parallel_per_site {
            0 => u32::MAX,
            most => most.saturating_sub(in_flight),
        };
        let admitted = match view.breaker.as_ref().map(|report| report.state) {
            None | Some(State::Closed) => u32::MAX,
            Some(State::HalfOpen) => self.layout.site_probes.saturating_sub(view.in_flight),
            Some(State::Open | State::ForcedOpen) => 0,
        };
        if view.connected { limit.min(admitted).min(view.credit) } else { 0 }
    }

    fn skip_open_site(&self, site: &SiteName, view: &SiteView, now: Timestamp, step: &mut Step) -> bool {
        let Some(report) = &view.breaker else { return false };
        let Some(opened) = report.first_opened_at else { return false };
        let due = opened.plus(self.layout.skip_after);
        if now < due {
            step.wake_at(due, WakeReason::SkipSite);
            return false;
        }
        let open_for = format_duration(self.layout.skip_after);
        let message = match self.layout.skip_after.is_zero() {
            true => format!("site/{site} is open: {}", report.reason),
            false => format!("site/{site} was still open after {open_for}: {}", report.reason),
        };
        let devices =
            self.pending[site].iter().map(|rank| self.layout.devices[*rank as usize].name.clone()).collect();
        step.events.push(Event::Skipped { devices, reason: SkipReason::SiteOpen, message });
        true
    }

    /// The next devices of `site`, at most `room`, lowest rank first; a device that cannot start yet
    /// keeps its rank and the next one is picked.
    fn batch(
        &mut self,
        site: &SiteName,
        room: u32,
        now: Timestamp,
        around: &dyn Surroundings,
        step: &mut Step,
    ) -> Vec<(DeviceName, u32)> {
        let mut batch = Vec::new();
        if room == 0 {
            return batch;
        }
        let ranks = self.pending.get_mut(site).map(std::mem::take).unwrap_or_default();
        for &rank in &ranks {
            if batch.len() as u32 >= room {
                break;
            }
            let name = self.layout.devices[rank as usize].name.clone();
            match self.readiness(rank, now, around, step) {
                Readiness::Ready => batch.push((name, self.devices[rank as usize].attempt + 1)),
                Readiness::Later => {}
                Readiness::Skip(reason, message) => {
                    step.events.push(Event::Skipped { devices: vec![name], reason, message });
                }
                Readiness::FailAsBefore => {
                    let device = &self.devices[rank as usize];
                    if let Some(outcome) = device.outcome.clone() {
                        step.events.push(Event::Finished { device: name, attempt: device.attempt, outcome });
                    }
                }
            }
        }
        self.pending.insert(site.clone(), ranks);
        batch
    }

    fn readiness(
        &mut self,
        rank: u32,
        now: Timestamp,
        around: &dyn Surroundings,
        step: &mut Step,
    ) -> Readiness {
        let device = &self.devices[rank as usize];
        if device.not_before > now {
            step.wake_at(device.not_before, WakeReason::Retry);
            return Readiness::Later;
        }
        let name = &self.layout.devices[rank as usize].name;
        if let Some(other) = around.held_by_other(name, &self.name) {
            let message = format!("rollouts/{other} has held it for {}", format_duration(BUSY_WAIT));
            return self.wait(rank, now, BUSY_WAIT, step, SkipReason::DeviceBusy, message);
        }
        let Some(report) = around.device_breaker(name).filter(|report| refuses(report, now)) else {
            self.waiting_since.remove(&rank);
            return Readiness::Ready;
        };
        if device.tries > 0 {
            return Readiness::FailAsBefore;
        }
        if let Some(at) = report.retry_at {
            step.wake_at(at, WakeReason::Retry);
        }
        let message = format!("device/{name} is open: {}", report.reason);
        self.wait(rank, now, self.layout.device_wait, step, SkipReason::DeviceOpen, message)
    }

    fn wait(
        &mut self,
        rank: u32,
        now: Timestamp,
        most: Duration,
        step: &mut Step,
        reason: SkipReason,
        message: String,
    ) -> Readiness {
        let due = self.waiting_since.entry(rank).or_insert(now).plus(most);
        if now >= due {
            return Readiness::Skip(reason, message);
        }
        step.wake_at(due, WakeReason::SkipDevice);
        Readiness::Later
    }

    /// How a rollout with these counts ended.
    fn verdict(&self) -> RolloutState {
        match (self.counts.good(), self.counts.bad()) {
            (_, 0) => RolloutState::Succeeded,
            (0, _) => RolloutState::Failed,
            _ => RolloutState::PartiallySucceeded,
        }
    }
}

fn refuses(report: &Report, now: Timestamp) -> bool {
    match report.state {
        State::Closed | State::HalfOpen => false,
        State::Open => report.retry_at.is_none_or(|at| now < at),
        State::ForcedOpen => true,
    }
}
