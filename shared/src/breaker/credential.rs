//! A credential's breaker at one site: two devices that refuse it stop its use before accounts lock.

use super::circuit::{Applicant, Blocked, Circuit, Healing, KeptCircuit, Verdict};
use super::sign::Sign;
use super::{Finished, Name, Permit, Report, State};
use crate::id::{DeviceName, SiteName};
use crate::outcome::Class;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Devices that must refuse a credential, none accepting it between, before it is used no more.
pub const CREDENTIAL_REFUSALS: usize = 2;

/// The breaker of one credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialBreaker {
    site: SiteName,
    reference: String,
    circuit: Circuit,
    evidence: Evidence,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Evidence {
    refused_by: BTreeSet<DeviceName>,
    fingerprint: Option<u64>,
    /// It could not be had, so whatever comes next is a change.
    missing: bool,
}

/// What a restart must not lose of a credential's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCredential {
    circuit: KeptCircuit,
    evidence: Evidence,
}

/// It heals by no clock: the secret must change, or a person say so.
const HEALING: Healing = Healing { wait: None, wait_max: Duration::ZERO, probes: 1, successes: 1, seed: 0 };

impl CredentialBreaker {
    pub(super) fn new(site: SiteName, reference: String, now: Timestamp) -> Self {
        Self { site, reference, circuit: Circuit::new(now), evidence: Evidence::default() }
    }

    /// Its state.
    pub fn state(&self) -> State {
        self.circuit.state()
    }

    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether nothing was ever told of it: as good as a new one.
    pub(super) fn is_untouched(&self) -> bool {
        self.circuit.is_untouched() && self.evidence == Evidence::default()
    }

    pub(super) fn keep(&self, now: Timestamp) -> KeptCredential {
        KeptCredential { circuit: self.circuit.keep(now), evidence: self.evidence.clone() }
    }

    pub(super) fn restore(site: SiteName, reference: String, kept: KeptCredential, now: Timestamp) -> Self {
        Self { site, reference, circuit: Circuit::restore(kept.circuit, now), evidence: kept.evidence }
    }

    pub(super) fn try_acquire(&mut self, who: Applicant<'_>, now: Timestamp) -> Result<Permit, Blocked> {
        self.circuit.admit(who, now, HEALING)
    }

    pub(super) fn finish(
        &mut self,
        permit: Permit,
        (id, device): (u64, &DeviceName),
        sign: Sign,
        class: Class,
        now: Timestamp,
    ) -> Finished {
        let finished = self.circuit.finish(permit, id, Verdict::Neutral, now, HEALING);
        if finished == Finished::Late {
            return finished;
        }
        match sign {
            Sign::Welcome => self.accepted(permit),
            Sign::Refused => {
                self.evidence.refused_by.insert(device.clone());
                if self.evidence.refused_by.len() >= CREDENTIAL_REFUSALS {
                    let names: Vec<&str> = self.evidence.refused_by.iter().map(DeviceName::as_str).collect();
                    self.open(&format!("{} devices refused it: {}", names.len(), names.join(", ")), now);
                }
            }
            Sign::NoCredential => {
                (self.evidence.fingerprint, self.evidence.missing) = (None, true);
                self.open(&format!("it cannot be read ({class})"), now);
            }
            Sign::Failed | Sign::Strange | Sign::Nothing | Sign::NotStarted => {}
        }
        finished
    }

    /// A device accepted it.
    pub(super) fn accepted(&mut self, permit: Permit) {
        if self.circuit.is_of(permit) && !self.evidence.refused_by.is_empty() {
            self.evidence.refused_by.clear();
        }
    }

    fn open(&mut self, why: &str, now: Timestamp) {
        if self.state() == State::Closed {
            let name = self.name();
            let why = format!("{why}; change it, or switchyard breaker reset {name} --reason WHY");
            self.circuit.open(why, now, HEALING);
        }
    }

    /// The secret as it is now. Tells whether it is another one.
    pub(super) fn seen(&mut self, fingerprint: u64, now: Timestamp) -> bool {
        let known = self.evidence.fingerprint.replace(fingerprint);
        let changed = known.map_or(self.evidence.missing, |known| known != fingerprint);
        self.evidence.missing = false;
        if changed {
            self.evidence.refused_by.clear();
            if self.state() == State::Open {
                self.circuit.reset("auto", "the secret changed", now);
            }
        }
        changed
    }

    pub(super) fn force_open(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.circuit.force_open(by, reason, now);
    }

    pub(super) fn force_closed(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.evidence.refused_by.clear();
        self.circuit.force_closed(by, reason, now);
    }

    pub(super) fn reset(&mut self, by: &str, reason: &str, now: Timestamp) {
        self.evidence.refused_by.clear();
        self.circuit.reset(by, reason, now);
    }

    fn name(&self) -> Name {
        Name::Credential { site: self.site.clone(), reference: self.reference.clone() }
    }

    /// As it is shown and mirrored.
    pub fn report(&self) -> Report {
        let refused = u32::try_from(self.evidence.refused_by.len()).unwrap_or(u32::MAX);
        Report {
            name: self.name(),
            site: Some(self.site.clone()),
            state: self.state(),
            reason: self.circuit.reason().to_owned(),
            since: self.circuit.since(),
            first_opened_at: self.circuit.first_opened_at(),
            retry_at: self.circuit.retry_at(),
            opened_times: self.circuit.opened_times(),
            by: self.circuit.by().to_owned(),
            failed: refused,
            seen: refused,
        }
    }
}
