//! The rollout machine: its state is the fold of its events, and what it does next is a pure function
//! of the plan, the results and what surrounds it.

mod advance;
mod batch;
mod blocked;
mod command;
mod counts;
mod door;
mod doubt;
mod doubt_fold;
pub mod event;
mod fold;
mod late;
mod layout;
mod pacing;
mod restore;
mod result;
mod retries;

pub use advance::{SiteView, Step, Surroundings, WakeReason};
pub use command::CommandRefused;
pub use counts::Counts;
pub use doubt::{Doubt, NotSettled, READS_MAX, Word};
pub use layout::{Layout, LayoutDevice, LayoutWave, RetryPolicy};
pub use restore::{NotRestored, RESTORES_MAX, Restore};
pub use result::ResultVerdict;

use event::SkipReason;

use crate::id::{DeviceName, PlanName, RolloutName, SiteName};
use crate::outcome::{DeviceState, Outcome, words};
use crate::pace::{Decision, Group, Pace};
use crate::task::Purpose;
use crate::time::Timestamp;
use retries::Retries;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

words!(
    /// State of a rollout.
    RolloutState {
        /// Created, not started.
        Pending = "PENDING",
        /// Waits for a person's approval.
        AwaitingApproval = "AWAITING_APPROVAL",
        /// Devices are handed out.
        Running = "RUNNING",
        /// No device is handed out until somebody resumes.
        Paused = "PAUSED",
        /// A stop that was ended.
        Stopped = "STOPPED",
        /// Every device is ok or unchanged.
        Succeeded = "SUCCEEDED",
        /// Some ok, some failed, skipped or unknown.
        PartiallySucceeded = "PARTIALLY_SUCCEEDED",
        /// None ok.
        Failed = "FAILED",
        /// Ended by a person.
        Aborted = "ABORTED",
        /// Being taken back.
        RollingBack = "ROLLING_BACK",
        /// Taken back.
        RolledBack = "ROLLED_BACK",
    }
);

words!(
    /// State of a wave.
    WaveState {
        /// Its turn has not come.
        Waiting = "WAITING",
        /// Its devices are handed out.
        Running = "RUNNING",
        /// Every device is final; the next wave waits for the soak time.
        Soaking = "SOAKING",
        /// The next wave waits for a person.
        AwaitingPromotion = "AWAITING_PROMOTION",
        /// Over.
        Done = "DONE",
    }
);

/// One device within a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its one state.
    pub state: DeviceState,
    /// The latest attempt handed out; 0 before the first.
    pub attempt: u32,
    /// Attempts that really tried the device.
    pub tries: u32,
    /// How the latest attempt that tried it ended.
    pub outcome: Option<Box<Outcome>>,
    /// The latest attempt whose end is known, whoever said so; 0 before the first.
    pub reported: u32,
    /// The latest attempt that was to configure it, and no reading; 0 before the first.
    pub applied: u32,
    /// The latest of those of which its agent itself has said what it did; 0 before the first.
    pub heard: u32,
    /// How often in a row its agent did not start it.
    pub refused: u8,
    /// Why it was skipped or waits.
    pub reason: String,
    /// Not handed out before this.
    pub not_before: Timestamp,
    /// What is known of the doubt while it is unknown.
    pub doubt: Option<Box<Doubt>>,
    /// How often it was in doubt.
    pub doubts: u32,
    /// The latest attempt that is known to have written to it; 0 before the first.
    pub wrote: u32,
    /// Its latest way back to what it had, over or not.
    pub restore: Option<Box<Restore>>,
}

impl Device {
    /// What an attempt at it is for now.
    pub fn purpose(&self) -> Purpose {
        match (&self.doubt, self.restoring()) {
            (Some(doubt), _) => Purpose::Settle { before: doubt.before.clone() },
            (None, Some(restore)) => Purpose::Restore {
                attempt: restore.of,
                before: restore.before.clone(),
                overwrite: restore.overwrite,
            },
            (None, None) => Purpose::Apply,
        }
    }

    /// Whether it is in doubt and is being read, or will be.
    pub fn is_settling(&self) -> bool {
        self.doubt.as_ref().is_some_and(|doubt| doubt.reading || doubt.next_read.is_some())
    }
}

/// One wave within a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Its state.
    pub state: WaveState,
    /// Its devices by state.
    pub counts: Counts,
    /// The soak after it ends then.
    pub soak_until: Option<Timestamp>,
    /// Whether a person ended the wait after it.
    pub promoted: bool,
    /// Whether a person has resumed in it: what spoke against it is known.
    pub accepted: bool,
}

/// A rollout: the fold of its events.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// Its name.
    pub name: RolloutName,
    /// The plan it carries out.
    pub plan: PlanName,
    /// What the plan says about order and limits.
    pub layout: Arc<Layout>,
    /// Its state.
    pub state: RolloutState,
    /// Why it is in this state.
    pub reason: String,
    /// Who asked for it.
    pub created_by: String,
    /// The idempotency key of its creation.
    pub request_id: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its first wave started.
    pub started_at: Option<Timestamp>,
    /// When nothing more could happen.
    pub ended_at: Option<Timestamp>,
    /// How many events it has: the sequence of the last one.
    pub sequence: u64,
    /// Its devices, in the plan's rank order.
    pub devices: Vec<Device>,
    /// All devices by state.
    pub counts: Counts,
    /// Its waves.
    pub waves: Vec<Wave>,
    /// The wave that runs or is waited after.
    pub wave: u32,
    /// Who may start next, what is held, when to stop.
    pace: Pace,
    /// What the pace has decided and the log does not say yet.
    decided: VecDeque<Decision>,
    /// Groups that a person holds: only a person's word to the group lets them go.
    held_by_hand: BTreeSet<Group>,
    /// Devices of the waves begun that wait, by the number of their site.
    waiting: Vec<u32>,
    /// Devices that run, by the number of their site.
    running: Vec<u32>,
    /// Devices in doubt.
    doubts: BTreeSet<u32>,
    /// Devices that may be tried again from an instant on.
    later: BTreeSet<(Timestamp, u32)>,
    /// Devices that wait for something that is not the rollout's, since when: not part of the log.
    parked: BTreeMap<u32, (SkipReason, Timestamp)>,
    /// Retries that run, and those that wait until fewer do: the latter are not part of the log.
    retries: Retries,
    /// Since when a site has been open without having closed again, as this rollout saw it.
    open_since: BTreeMap<SiteName, Timestamp>,
}

impl Rollout {
    /// Whether nothing more happens.
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    /// Changes with every event.
    pub fn etag(&self) -> String {
        format!("{}-{}", self.name, self.sequence)
    }

    /// A device with its place in the plan.
    pub fn device(&self, name: &DeviceName) -> Option<(&LayoutDevice, &Device)> {
        let rank = self.layout.rank(name)?;
        Some((&self.layout.devices[rank as usize], &self.devices[rank as usize]))
    }

    /// Names of the devices in flight at `site`, with their attempts.
    pub fn running_at<'a>(&'a self, site: &'a SiteName) -> impl Iterator<Item = (&'a DeviceName, u32)> {
        self.layout
            .devices
            .iter()
            .zip(&self.devices)
            .filter(move |(place, device)| device.state == DeviceState::Running && place.site == *site)
            .map(|(place, device)| (&place.name, device.attempt))
    }

    /// How many are in flight at each site.
    pub fn in_flight(&self) -> impl Iterator<Item = (&SiteName, u32)> {
        self.layout.sites().iter().zip(self.running.iter().copied())
    }

    /// How many devices of the running wave wait at each site.
    pub fn waiting(&self) -> impl Iterator<Item = (&SiteName, u32)> {
        self.layout.sites().iter().zip(self.waiting.iter().copied())
    }

    /// Names of the devices that this rollout holds: in flight, or unknown until that is settled.
    pub fn held(&self) -> impl Iterator<Item = &DeviceName> {
        self.layout
            .devices
            .iter()
            .zip(&self.devices)
            .filter(move |(_, device)| match device.state {
                DeviceState::Running | DeviceState::Unknown => true,
                DeviceState::Pending
                | DeviceState::Succeeded
                | DeviceState::Unchanged
                | DeviceState::Failed
                | DeviceState::Skipped
                | DeviceState::RolledBack => false,
            })
            .map(|(place, _)| &place.name)
    }
}

#[cfg(test)]
mod tests;
