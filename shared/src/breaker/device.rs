//! A device's breaker: failures in a row open it and one probe decides; doubt and refused logins wait for a person.

use super::circuit::{Applicant, Blocked, Circuit, Healing, KeptCircuit, Verdict};
use super::{DOUBT, Finished, Name, Permit, Report, STRANGE_KEY, State, Wake};
use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, Evidence};
use crate::task::BreakerSettings;
use crate::time::{Timestamp, format_duration};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest wait of a device's breaker. A strange host key waits this long at once, because every
/// further try may talk to an impostor.
pub const DEVICE_WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// The breaker of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceBreaker {
    device: DeviceName,
    circuit: Circuit,
    failures: u32,
    /// The credential that it refused.
    refused: Option<String>,
}

/// What a restart must not lose of a device's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDevice {
    circuit: KeptCircuit,
    failures: u32,
    refused: Option<String>,
}

/// What opens a device's breaker, and how it heals.
enum Cause {
    Failure,
    StrangeKey,
    /// Only a person, or another secret.
    Credential,
    /// Only a person, or an agent, who has read the device.
    Doubt,
}

impl Cause {
    fn of(class: Class) -> Option<Self> {
        match class {
            Class::Unreachable | Class::Timeout => Some(Self::Failure),
            Class::HostKeyMismatch => Some(Self::StrangeKey),
            Class::AuthFailed => Some(Self::Credential),
            Class::LostAfterWrite | Class::RollbackFailed | Class::Inconclusive => Some(Self::Doubt),
            Class::Ok
            | Class::Unchanged
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => None,
        }
    }
}

impl DeviceBreaker {
    /// A closed breaker.
    pub fn new(device: DeviceName, now: Timestamp) -> Self {
        Self { device, circuit: Circuit::new(now), failures: 0, refused: None }
    }

    /// Whether such an end can ever open the breaker of a device.
    pub(super) fn opens_on(class: Class) -> bool {
        Cause::of(class).is_some()
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.circuit.state()
    }

    /// Whether it is open because nobody knows what the device was left as.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.state() == State::Open && self.circuit.retry_at().is_none() && self.refused.is_none()
    }

    /// Whether it is open because the device showed a host key that is not pinned.
    pub(super) fn is_of_a_strange_key(&self) -> bool {
        self.state() == State::Open && self.circuit.reason().starts_with(STRANGE_KEY)
    }

    pub(super) fn permit(&self) -> Permit {
        self.circuit.permit()
    }

    pub(super) fn keep(&self, now: Timestamp) -> KeptDevice {
        KeptDevice { circuit: self.circuit.keep(now), failures: self.failures, refused: self.refused.clone() }
    }

    pub(super) fn restore(device: DeviceName, kept: KeptDevice, now: Timestamp) -> Self {
        let KeptDevice { circuit, failures, refused } = kept;
        Self { device, circuit: Circuit::restore(circuit, now), failures, refused }
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_calm(&self, now: Timestamp) -> bool {
        self.failures == 0 && self.circuit.is_calm(now)
    }

    pub(super) fn try_acquire(
        &mut self,
        who: Applicant<'_>,
        now: Timestamp,
        settings: &BreakerSettings,
    ) -> Result<Permit, Blocked> {
        // There is no other device to probe.
        let alone = Applicant { devices: Some(0), ..who };
        self.circuit.admit(alone, now, healing(settings, 0))
    }

    pub(super) fn finish(
        &mut self,
        permit: Permit,
        (id, credential): (u64, &str),
        class: Class,
        now: Timestamp,
        (settings, seed): (&BreakerSettings, u64),
    ) -> Finished {
        let was = self.state();
        let cause = Cause::of(class);
        let seed = seed ^ super::jitter::seed(self.device.as_str());
        let healing = match &cause {
            None | Some(Cause::Failure) => healing(settings, seed),
            Some(Cause::StrangeKey) => Healing { wait: Some(DEVICE_WAIT_MAX), ..healing(settings, seed) },
            Some(Cause::Credential | Cause::Doubt) => Healing { wait: None, ..healing(settings, seed) },
        };
        let verdict = match (&cause, class.environment()) {
            (Some(_), _) => Verdict::Failure(self.failure_text(class, 1)),
            (None, Evidence::Success) => Verdict::Success,
            (None, Evidence::Neutral | Evidence::Failure) => Verdict::Neutral,
        };
        let finished = self.circuit.finish(permit, id, verdict, now, healing);
        if finished == Finished::Late {
            return finished;
        }
        if class.environment() == Evidence::Success {
            (self.failures, self.refused) = (0, None);
        }
        let Some(cause) = cause else { return finished };
        self.failures = self.failures.saturating_add(1);
        let enough = match cause {
            Cause::Failure => self.failures >= settings.device_consecutive_failures.max(1),
            Cause::StrangeKey | Cause::Doubt => true,
            Cause::Credential => {
                self.refused = Some(credential.to_owned());
                true
            }
        };
        if was == State::Closed && enough {
            self.circuit.open(self.failure_text(class, self.failures), now, healing);
        }
        finished
    }

    /// The secret behind `reference` is another one. Tells whether that closes the breaker.
    pub(super) fn secret_changed(&mut self, reference: &str, now: Timestamp) -> bool {
        let concerned = self.refused.as_deref() == Some(reference) && self.state() == State::Open;
        if concerned {
            self.reset("auto", "the secret changed", now);
        }
        concerned
    }

    pub(super) fn force_open(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.circuit.force_open(by, reason, now);
    }

    pub(super) fn force_closed(&mut self, by: &str, reason: &str, now: Timestamp) {
        (self.failures, self.refused) = (0, None);
        self.circuit.force_closed(by, reason, now);
    }

    pub(super) fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        (self.failures, self.refused) = (0, None);
        self.circuit.reset(by, reason, now);
    }

    pub(super) fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        // A device refused because another should go first does not exist at this level.
        self.circuit.poll_timeout().filter(|(_, wake)| *wake != Wake::ProbeAgain)
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, settings: &BreakerSettings, seed: u64) -> bool {
        let seed = seed ^ super::jitter::seed(self.device.as_str());
        self.circuit.handle_timeout(now, healing(settings, seed))
    }

    pub(super) fn forgive(&mut self, late: Duration) {
        self.circuit.forgive(late);
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
            Class::AuthFailed => {
                return self
                    .by_hand("refused the credential: put the secret right and it is tried again, or");
            }
            Class::HostKeyMismatch => {
                let after = format_duration(DEVICE_WAIT_MAX);
                let device = &self.device;
                return self.by_hand(&format!(
                    "{STRANGE_KEY}: look with switchyard device trust {device}; it is tried again once other keys are \
                     pinned for it, after about {after}, or after"
                ));
            }
            Class::LostAfterWrite | Class::Inconclusive => {
                return self.by_hand(&format!("{DOUBT} ({class}): read it back, then"));
            }
            Class::RollbackFailed => {
                return self.by_hand(&format!(
                    "{DOUBT} ({class}): switchyard rollback ROLLOUT --device {} tries again to put it back; or put it back \
                     by hand, then",
                    self.device
                ));
            }
            Class::Ok
            | Class::Unchanged
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
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

    fn by_hand(&self, what: &str) -> String {
        format!("{what} switchyard breaker reset device/{} --reason WHY", self.device)
    }
}

fn healing(settings: &BreakerSettings, seed: u64) -> Healing {
    Healing {
        wait: Some(settings.device_wait_duration_in_open),
        wait_max: DEVICE_WAIT_MAX,
        probes: 1,
        successes: 1,
        seed,
    }
}
