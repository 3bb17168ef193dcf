//! Devices by state; moving one never changes their sum.

use switchyard_proto::v1;
use switchyard_shared::outcome::DeviceState;

/// How many devices are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u32; DeviceState::ALL.len()]);

fn index(state: DeviceState) -> usize {
    match state {
        DeviceState::Pending => 0,
        DeviceState::Running => 1,
        DeviceState::Succeeded => 2,
        DeviceState::Unchanged => 3,
        DeviceState::Failed => 4,
        DeviceState::Skipped => 5,
        DeviceState::Unknown => 6,
        DeviceState::RolledBack => 7,
    }
}

impl Counts {
    /// The counts of the wire; devices that it planned and does not place wait.
    pub fn from_wire(wire: &v1::DeviceCounts) -> Self {
        let mut counts = Self([
            0,
            wire.running,
            wire.succeeded,
            wire.unchanged,
            wire.failed,
            wire.skipped,
            wire.unknown,
            wire.rolled_back,
        ]);
        counts.0[0] = wire.planned.saturating_sub(counts.planned());
        counts
    }

    /// How many devices are in `state`.
    pub fn of(&self, state: DeviceState) -> u32 {
        self.0[index(state)]
    }

    /// How many devices there are.
    pub fn planned(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Devices with which it is over.
    pub fn done(&self) -> u32 {
        self.planned() - self.of(DeviceState::Pending) - self.of(DeviceState::Running)
    }

    /// Devices that have what they should: changed now or before.
    pub fn ok(&self) -> u32 {
        self.of(DeviceState::Succeeded) + self.of(DeviceState::Unchanged)
    }

    /// One device more, in `state`.
    pub fn add(&mut self, state: DeviceState) {
        self.0[index(state)] += 1;
    }

    /// One device goes from `from` to `to`. Should nobody be in `from`, one that waits or runs goes
    /// instead; the sum stays whatever happens.
    pub fn shift(&mut self, from: DeviceState, to: DeviceState) {
        let sources = [from, DeviceState::Running, DeviceState::Pending];
        if let Some(source) = sources.into_iter().find(|&state| self.of(state) > 0) {
            self.0[index(source)] -= 1;
            self.0[index(to)] += 1;
        }
    }
}
