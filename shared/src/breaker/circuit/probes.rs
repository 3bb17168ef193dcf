//! Half-open: probes are reserved at admission, go to different devices, and never stay out for good.

use super::{Applicant, Blocked};
use crate::breaker::Wake;
use crate::id::DeviceName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a device that was probed already waits for another one to be offered.
pub(crate) const OTHERS_FIRST: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    device: DeviceName,
    lease: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Probes {
    running: BTreeMap<u64, Probe>,
    tried: BTreeSet<DeviceName>,
    successes: u32,
    idle_since: Timestamp,
}

impl Probes {
    pub fn new(failed_before: Option<DeviceName>, now: Timestamp) -> Self {
        let tried = failed_before.into_iter().collect();
        Self { running: BTreeMap::new(), tried, successes: 0, idle_since: now }
    }

    pub fn room(&self, most: u32) -> u32 {
        most.max(1).saturating_sub(u32::try_from(self.running.len()).unwrap_or(u32::MAX))
    }

    pub fn reserve(&mut self, who: Applicant<'_>, now: Timestamp, most: u32) -> Result<(), Blocked> {
        if self.room(most) == 0 || self.running.values().any(|probe| probe.device == *who.device) {
            let why = "half-open, and its probe is still running".to_owned();
            return Err(Blocked { why, retry_at: None, soon: true });
        }
        let others =
            who.devices.is_none_or(|all| usize::try_from(all).is_ok_and(|all| all > self.tried.len()));
        let wait_until = self.idle_since.plus(OTHERS_FIRST);
        if self.tried.contains(who.device) && others && now < wait_until {
            let why = format!("half-open, and {} was its last probe: another device goes first", who.device);
            return Err(Blocked { why, retry_at: Some(wait_until), soon: true });
        }
        self.tried.insert(who.device.clone());
        self.running.insert(who.id, Probe { device: who.device.clone(), lease: who.lease });
        Ok(())
    }

    /// Gives the probe's permit back.
    pub fn take(&mut self, id: u64, now: Timestamp) -> Option<DeviceName> {
        let probe = self.running.remove(&id)?;
        self.idle_since = now;
        Some(probe.device)
    }

    /// The device was not probed after all.
    pub fn untried(&mut self, device: &DeviceName) {
        self.tried.remove(device);
    }

    /// Successes in a row, with this one.
    pub fn succeeded(&mut self) -> u32 {
        self.successes = self.successes.saturating_add(1);
        self.successes
    }

    pub fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        let overdue =
            self.running.values().map(|probe| (probe.lease, Wake::ProbeOverdue)).min_by_key(|due| due.0);
        let again = !self.tried.is_empty() && self.running.is_empty();
        overdue.or_else(|| again.then(|| (self.idle_since.plus(OTHERS_FIRST), Wake::ProbeAgain)))
    }

    pub fn overdue(&self, now: Timestamp) -> Option<DeviceName> {
        self.running.values().find(|probe| probe.lease <= now).map(|probe| probe.device.clone())
    }

    pub fn forgive(&mut self, late: Duration) {
        for probe in self.running.values_mut() {
            probe.lease = probe.lease.plus(late);
        }
    }
}
