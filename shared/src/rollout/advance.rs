//! What happens next without anybody asking: the turn of waves, the stop at a canary, the end.

use super::event::{Event, SkipReason};
use super::{Rollout, RolloutState, WaveState};
use crate::breaker::Report;
use crate::id::{DeviceName, RolloutName, SiteName};
use crate::outcome::{DeviceState, words};
use crate::time::Timestamp;

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
    /// The same by the site's number in the layout, for surroundings that can look it up faster.
    fn site_at(&self, _number: usize, site: &SiteName) -> SiteView {
        self.site(site)
    }
    /// The device's breaker, when it is not closed.
    fn device_breaker(&self, device: &DeviceName) -> Option<Report>;
    /// The breaker of a credential at a site, when it is not closed.
    fn credential_breaker(&self, _site: &SiteName, _reference: &str) -> Option<Report> {
        None
    }
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
        /// The pace allows more.
        Pace = "PACE",
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
    pub(super) fn wake_at(&mut self, at: Timestamp, reason: WakeReason) {
        if self.wake.is_none_or(|(earlier, _)| at < earlier) {
            self.wake = Some((at, reason));
        }
    }
}

impl Rollout {
    /// Decides what to do at `now`. Ask again until a step has no events.
    pub fn advance(&mut self, now: Timestamp, around: &dyn Surroundings) -> Step {
        let mut step = Step::default();
        self.pace.tick(now);
        self.read_doubts(now, around, &mut step);
        if !step.events.is_empty() || self.has_ended() {
            return step;
        }
        if let Some(event) = self.decision().filter(|_| !self.is_over()) {
            step.events.push(event);
            return step;
        }
        match self.state {
            RolloutState::Pending => step.events.push(Event::WaveStarted { wave: 0 }),
            RolloutState::Running => self.advance_running(now, around, &mut step),
            RolloutState::Aborted if !self.has_ended() => self.advance_aborted(&mut step),
            RolloutState::Paused if self.is_done() && self.is_last_wave() => {
                self.turn_wave(now, &mut step);
            }
            RolloutState::Paused
            | RolloutState::Aborted
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

    /// Whether every device is final and no doubt is being settled.
    fn is_done(&self) -> bool {
        self.counts.all_final() && !self.is_settling()
    }

    fn is_over(&self) -> bool {
        self.has_ended() || self.state == RolloutState::Aborted
    }

    fn advance_running(&mut self, now: Timestamp, around: &dyn Surroundings, step: &mut Step) {
        if let Some(reason) = self.bad_canary() {
            step.events.push(Event::Paused { by: "auto".into(), reason });
            return;
        }
        let wave = &self.waves[self.wave as usize];
        match wave.state {
            WaveState::Waiting => step.events.push(Event::WaveStarted { wave: self.wave }),
            WaveState::Running if self.is_done() => self.turn_wave(now, step),
            WaveState::Running if wave.counts.all_final() && !self.is_last_wave() && !self.is_settling() => {
                self.turn_wave(now, step);
            }
            WaveState::Running => self.hand_out(now, around, step),
            WaveState::Soaking | WaveState::AwaitingPromotion => self.wait_after_wave(now, step),
            WaveState::Done => {}
        }
    }

    /// Why the canary speaks against going on, unless a person has accepted that: one bad device is
    /// enough, and a canary that was skipped whole says nothing.
    pub(super) fn bad_canary(&self) -> Option<String> {
        let (planned, wave) = (&self.layout.waves[self.wave as usize], &self.waves[self.wave as usize]);
        let counts = wave.counts;
        if !planned.canary || wave.accepted || counts.planned == 0 {
            return None;
        }
        if counts.skipped == counts.planned {
            return Some(format!(
                "all {} canary devices were skipped: nothing is known of the change",
                counts.planned
            ));
        }
        let mut of_wave =
            self.layout.devices.iter().zip(&self.devices).filter(|(place, _)| place.wave == self.wave);
        let (place, device) = of_wave.find(|(_, device)| match device.state {
            DeviceState::Failed => true,
            DeviceState::Unknown => !device.is_settling(),
            DeviceState::Pending
            | DeviceState::Running
            | DeviceState::Succeeded
            | DeviceState::Unchanged
            | DeviceState::Skipped
            | DeviceState::RolledBack => false,
        })?;
        Some(match &device.outcome {
            Some(outcome) => {
                format!("canary device {} ended as {}: {}", place.name, outcome.class, outcome.message)
            }
            None => format!("canary device {} is {}: {}", place.name, device.state, device.reason),
        })
    }

    fn advance_aborted(&self, step: &mut Step) {
        let pending =
            self.devices.iter().zip(0u32..).filter(|(device, _)| device.state == DeviceState::Pending);
        let left: Vec<u32> = pending.map(|(_, rank)| rank).collect();
        if !left.is_empty() {
            let message = "the rollout was aborted before its turn";
            step.events.extend(self.give_up(&left, SkipReason::Aborted, message));
        } else if self.is_done() {
            step.events.push(Event::Ended { state: RolloutState::Aborted });
        }
    }

    /// Ends devices that wait: one that was tried keeps its last class, the others are skipped.
    pub(super) fn give_up(&self, ranks: &[u32], reason: SkipReason, message: &str) -> Vec<Event> {
        let (mut events, mut devices) = (Vec::new(), Vec::new());
        for rank in ranks {
            let (place, device) = (&self.layout.devices[*rank as usize], &self.devices[*rank as usize]);
            match &device.outcome {
                Some(outcome) => {
                    let (device, attempt) = (place.name.clone(), device.attempt);
                    events.push(Event::Finished { device, attempt, outcome: outcome.as_ref().clone() });
                }
                None => devices.push(place.name.clone()),
            }
        }
        if !devices.is_empty() {
            events.push(Event::Skipped { devices, reason, message: message.to_owned() });
        }
        events
    }

    pub(super) fn is_last_wave(&self) -> bool {
        self.wave as usize + 1 == self.waves.len()
    }

    pub(super) fn turn_wave(&self, now: Timestamp, step: &mut Step) {
        let (planned, wave) = (&self.layout.waves[self.wave as usize], self.wave);
        if self.is_last_wave() {
            step.events.push(Event::WaveFinished { wave, soak_until: now, needs_promotion: false });
            step.events.push(Event::Ended { state: self.verdict() });
        } else {
            let soak_until = now.plus(planned.soak);
            step.events.push(Event::WaveFinished { wave, soak_until, needs_promotion: planned.manual });
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

    /// How a rollout with these counts ended.
    fn verdict(&self) -> RolloutState {
        match (self.counts.good(), self.counts.bad() + self.counts.rolled_back) {
            (_, 0) => RolloutState::Succeeded,
            (0, _) => RolloutState::Failed,
            _ => RolloutState::PartiallySucceeded,
        }
    }
}
