//! Devices by state; they add up to `planned` at every instant.

use crate::outcome::DeviceState;
use serde::{Deserialize, Serialize};

/// How many devices are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub planned: u32,
    /// Not started.
    pub pending: u32,
    /// Handed to an agent.
    pub running: u32,
    /// Changed and verified.
    pub succeeded: u32,
    /// Already had it.
    pub unchanged: u32,
    /// Tried and failed.
    pub failed: u32,
    /// Not tried.
    pub skipped: u32,
    /// Nobody knows.
    pub unknown: u32,
    /// Taken back.
    pub rolled_back: u32,
}

impl Counts {
    /// One more device, pending.
    pub(super) fn plan(&mut self) {
        self.planned += 1;
        self.pending += 1;
    }

    /// One device goes from one state to another.
    pub(super) fn shift(&mut self, from: DeviceState, to: DeviceState) {
        *self.of(from) -= 1;
        *self.of(to) += 1;
    }

    /// Whether every device is final.
    pub fn all_final(&self) -> bool {
        self.pending == 0 && self.running == 0
    }

    /// Devices that have the configuration now.
    pub fn good(&self) -> u32 {
        self.succeeded + self.unchanged
    }

    /// Devices that are final and neither good nor taken back.
    pub fn bad(&self) -> u32 {
        self.failed + self.skipped + self.unknown
    }

    fn of(&mut self, state: DeviceState) -> &mut u32 {
        match state {
            DeviceState::Pending => &mut self.pending,
            DeviceState::Running => &mut self.running,
            DeviceState::Succeeded => &mut self.succeeded,
            DeviceState::Unchanged => &mut self.unchanged,
            DeviceState::Failed => &mut self.failed,
            DeviceState::Skipped => &mut self.skipped,
            DeviceState::Unknown => &mut self.unknown,
            DeviceState::RolledBack => &mut self.rolled_back,
        }
    }
}
