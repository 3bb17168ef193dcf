//! What one rule did in one world.

use super::world::World;
use crate::pace::Group;

/// What happened to the devices, as they were started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// Devices that were started, each once.
    pub started: u32,
    /// When a truly broken device was started, in microseconds; one for each such device.
    pub harm_at: Vec<i64>,
    /// Devices that the change does not break and that can be reached, started with success.
    pub delivered: u32,
    /// Devices at dark sites that were contacted in vain, until their site first opened.
    pub contacted: u32,
    /// The same after that, by probes.
    pub contacted_later: u32,
    /// Sites that opened although they were not dark.
    pub opened_falsely: u32,
    /// Whether the whole rollout ended early.
    pub stopped: bool,
    /// Why, in the machine's words.
    pub reason: String,
    /// Groups that were held.
    pub held: Vec<Group>,
    /// When the last attempt ended, in microseconds.
    pub duration: i64,
}

impl Track {
    /// A device started at this instant.
    pub(super) fn start(&mut self, world: &World, device: u32, at: i64) {
        self.started += 1;
        if world.silent[device as usize] {
            return;
        }
        if world.breaks(device, at) {
            self.harm_at.push(at);
        } else if world.is_good(device) {
            self.delivered += 1;
        }
    }

    /// Truly broken devices that were started.
    pub fn harmed(&self) -> u32 {
        u32::try_from(self.harm_at.len()).unwrap_or(u32::MAX)
    }
}
