//! A site's breaker: counts distinct devices, never attempts, so that one dead device cannot open it.

use super::circuit::{Blocked, Circuit, Healing, Verdict};
use super::{Finished, Name, Permit, Report, State, Wake};
use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, Evidence};
use crate::task::BreakerSettings;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// Devices in a row, or of the window, that must have failed before a site opens.
pub const SITE_FAILURES_MIN: usize = 5;
/// Distinct devices whose latest environment outcome counts.
pub const SITE_WINDOW: usize = 20;
/// Devices with a strange host key that open a site.
pub const SITE_STRANGE_KEYS: usize = 2;

/// The breaker of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteBreaker {
    site: SiteName,
    circuit: Circuit,
    /// Latest environment outcome of each device, the device that ended last at the back.
    window: VecDeque<(DeviceName, Class)>,
    strange_keys: BTreeSet<DeviceName>,
}

impl SiteBreaker {
    /// A closed breaker.
    pub fn new(site: SiteName, now: Timestamp) -> Self {
        Self { site, circuit: Circuit::new(now), window: VecDeque::new(), strange_keys: BTreeSet::new() }
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.circuit.state()
    }

    pub(super) fn allowance(&self, settings: &BreakerSettings) -> Option<u32> {
        self.circuit.allowance(healing(settings))
    }

    pub(super) fn try_acquire(
        &mut self,
        device: &DeviceName,
        deadline: Timestamp,
        settings: &BreakerSettings,
    ) -> Result<Permit, Blocked> {
        self.circuit.admit(device, deadline, healing(settings))
    }

    /// Gives back a permit that was never used.
    pub(super) fn give_back(
        &mut self,
        permit: &Permit,
        device: &DeviceName,
        now: Timestamp,
        settings: &BreakerSettings,
    ) {
        self.circuit.finish(permit, device, Verdict::Neutral, now, healing(settings));
    }

    pub(super) fn finish(
        &mut self,
        permit: &Permit,
        device: &DeviceName,
        class: Class,
        now: Timestamp,
        settings: &BreakerSettings,
    ) -> Finished {
        let was = self.state();
        let verdict = match class.environment() {
            Evidence::Success => Verdict::Success,
            Evidence::Failure => Verdict::Failure(format!("the probe of {device} found it {}", word(class))),
            Evidence::Neutral => Verdict::Neutral,
        };
        match self.circuit.finish(permit, device, verdict, now, healing(settings)) {
            Finished::Late => return Finished::Late,
            Finished::Counted => {}
        }
        // What failed under a rollout without this breaker must not open it at the next one's first result.
        if settings.site_enabled {
            self.count(device, class);
        }
        match (was, self.state()) {
            (State::Closed, State::Closed) if settings.site_enabled => {
                if let Some(reason) = self.why_open() {
                    self.circuit.open(reason, now, healing(settings));
                }
            }
            (State::HalfOpen, State::Closed) => self.forget(),
            (
                State::Closed
                | State::Held
                | State::HalfOpen
                | State::Open
                | State::ForcedOpen
                | State::ForcedClosed,
                _,
            ) => {}
        }
        Finished::Counted
    }

    fn count(&mut self, device: &DeviceName, class: Class) {
        if class == Class::HostKeyMismatch {
            self.strange_keys.insert(device.clone());
        }
        match class.environment() {
            Evidence::Neutral => return,
            Evidence::Success => {
                self.strange_keys.remove(device);
            }
            Evidence::Failure => {}
        }
        self.window.retain(|(seen, _)| seen != device);
        self.window.push_back((device.clone(), class));
        if self.window.len() > SITE_WINDOW {
            self.window.pop_front();
        }
    }

    fn why_open(&self) -> Option<String> {
        if self.strange_keys.len() >= SITE_STRANGE_KEYS {
            let names: Vec<&str> = self.strange_keys.iter().map(DeviceName::as_str).collect();
            return Some(format!(
                "{} devices showed host keys that are not pinned: {}",
                names.len(),
                names.join(", ")
            ));
        }
        let tail: Vec<Class> =
            self.window.iter().rev().take(SITE_FAILURES_MIN).map(|(_, class)| *class).collect();
        if tail.len() == SITE_FAILURES_MIN && tail.iter().all(|class| is_failure(*class)) {
            return Some(evidence_text(&tail, SITE_FAILURES_MIN));
        }
        let failed: Vec<Class> =
            self.window.iter().map(|(_, class)| *class).filter(|class| is_failure(*class)).collect();
        let many = failed.len() >= SITE_FAILURES_MIN && failed.len() * 2 >= self.window.len();
        many.then(|| evidence_text(&failed, self.window.len()))
    }

    fn forget(&mut self) {
        self.window.clear();
        self.strange_keys.clear();
    }

    /// A rollout that switches the breaker off closes what opened by itself; an operator's word stays.
    pub(super) fn apply_settings(&mut self, settings: &BreakerSettings, now: Timestamp) -> bool {
        let opened_itself = match self.state() {
            State::Open | State::HalfOpen => true,
            State::Closed | State::Held | State::ForcedOpen | State::ForcedClosed => false,
        };
        if settings.site_enabled {
            return false;
        }
        self.forget();
        if !opened_itself {
            return false;
        }
        self.circuit.reset("auto", "the rollout switches the site breaker off", now);
        true
    }

    pub(super) fn trip(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.circuit.trip(by, reason, now);
    }

    pub(super) fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.forget();
        self.circuit.reset(by, reason, now);
    }

    pub(super) fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        self.circuit.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, settings: &BreakerSettings) -> bool {
        self.circuit.handle_timeout(now, healing(settings))
    }

    /// As it is shown and mirrored.
    pub fn report(&self) -> Report {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Report {
            name: Name::Site(self.site.clone()),
            site: Some(self.site.clone()),
            state: self.state(),
            reason: self.circuit.reason().to_owned(),
            since: self.circuit.since(),
            first_opened_at: self.circuit.first_opened_at(),
            retry_at: self.circuit.retry_at(),
            opened_times: self.circuit.opened_times(),
            by: self.circuit.by().to_owned(),
            failed: count(self.window.iter().filter(|(_, class)| is_failure(*class)).count()),
            seen: count(self.window.len()),
        }
    }
}

fn healing(settings: &BreakerSettings) -> Healing {
    Healing {
        wait: settings.site_wait_duration_in_open,
        wait_max: settings.site_max_wait_duration_in_open,
        probes: settings.site_permitted_calls_in_half_open.max(1),
        successes: settings.site_successes_to_close.max(1),
    }
}

fn is_failure(class: Class) -> bool {
    class.environment() == Evidence::Failure
}

fn word(class: Class) -> &'static str {
    if class == Class::Timeout { "silent" } else { "unreachable" }
}

fn evidence_text(failed: &[Class], seen: usize) -> String {
    let silent = failed.iter().filter(|class| **class == Class::Timeout).count();
    let what = match silent {
        0 => "unreachable",
        all if all == failed.len() => "silent",
        _ => "silent or unreachable",
    };
    format!("{} of the last {seen} devices {what}", failed.len())
}
