//! A device's breaker: failures in a row open it, one probe decides.

use super::circuit::{Blocked, Circuit, Healing, Verdict};
use super::{Finished, Name, Permit, Report, State, Wake};
use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, Evidence};
use crate::task::BreakerSettings;
use crate::time::{Timestamp, format_duration};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest wait of a device's breaker. A refused credential or a strange host key waits this long
/// at once, because every further try may lock an account or talk to an impostor.
pub const DEVICE_WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// The breaker of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceBreaker {
    device: DeviceName,
    circuit: Circuit,
    failures: u32,
}

impl DeviceBreaker {
    /// A closed breaker.
    pub fn new(device: DeviceName, now: Timestamp) -> Self {
        Self { device, circuit: Circuit::new(now), failures: 0 }
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.circuit.state()
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_calm(&self, now: Timestamp) -> bool {
        self.failures == 0 && self.circuit.is_calm(now)
    }

    pub(super) fn try_acquire(
        &mut self,
        deadline: Timestamp,
        settings: &BreakerSettings,
    ) -> Result<Permit, Blocked> {
        self.circuit.admit(&self.device, deadline, healing(settings))
    }

    pub(super) fn finish(
        &mut self,
        permit: &Permit,
        class: Class,
        now: Timestamp,
        settings: &BreakerSettings,
    ) -> Finished {
        let was = self.state();
        let at_once = class.opens_device_at_once();
        let healing = if at_once { slow_healing() } else { healing(settings) };
        let verdict = match class.environment() {
            Evidence::Neutral if !at_once => Verdict::Neutral,
            Evidence::Success => Verdict::Success,
            Evidence::Failure | Evidence::Neutral => Verdict::Failure(self.failure_text(class, 1)),
        };
        let finished = self.circuit.finish(permit, &self.device, verdict.clone(), now, healing);
        match finished {
            Finished::Late => return finished,
            Finished::Counted => {}
        }
        match verdict {
            Verdict::Neutral => {}
            Verdict::Success => self.failures = 0,
            Verdict::Failure(_) => {
                self.failures = self.failures.saturating_add(1);
                let enough = at_once || self.failures >= settings.device_consecutive_failures.max(1);
                if was == State::Closed && enough {
                    self.circuit.open(self.failure_text(class, self.failures), now, healing);
                }
            }
        }
        finished
    }

    pub(super) fn trip(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.circuit.trip(by, reason, now);
    }

    pub(super) fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.failures = 0;
        self.circuit.reset(by, reason, now);
    }

    pub(super) fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        self.circuit.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, settings: &BreakerSettings) -> bool {
        self.circuit.handle_timeout(now, healing(settings))
    }

    /// As it is shown and mirrored.
    pub fn report(&self, site: &SiteName) -> Report {
        Report {
            name: Name::Device(self.device.clone()),
            site: Some(site.clone()),
            state: self.state(),
            reason: self.circuit.reason().to_owned(),
            since: self.circuit.since(),
            first_opened_at: self.circuit.first_opened_at(),
            retry_at: self.circuit.retry_at(),
            opened_times: self.circuit.opened_times(),
            by: self.circuit.by().to_owned(),
            failed: u32::from(self.failures > 0),
            seen: 1,
        }
    }

    fn failure_text(&self, class: Class, times: u32) -> String {
        let what = match class {
            Class::Unreachable => "unreachable",
            Class::Timeout => "silent",
            Class::AuthFailed => return self.what_next("refused the credential", "fix it"),
            Class::HostKeyMismatch => {
                return self.what_next("showed a host key that is not pinned", "check the device");
            }
            Class::Ok
            | Class::Unchanged
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => class.as_str(),
        };
        match times {
            1 => what.to_owned(),
            times => format!("{what} {times} times in a row"),
        }
    }

    fn what_next(&self, what: &str, cure: &str) -> String {
        format!(
            "{what}; {cure}: it is tried again by itself after {}, or at once after switchyard breaker reset \
             device/{} --reason WHY",
            format_duration(DEVICE_WAIT_MAX),
            self.device
        )
    }
}

fn healing(settings: &BreakerSettings) -> Healing {
    Healing {
        wait: settings.device_wait_duration_in_open,
        wait_max: DEVICE_WAIT_MAX,
        probes: 1,
        successes: 1,
    }
}

fn slow_healing() -> Healing {
    Healing { wait: DEVICE_WAIT_MAX, wait_max: DEVICE_WAIT_MAX, probes: 1, successes: 1 }
}
