//! Everything that can happen to a rollout: the log that recovery, audit, watch and history share.

use super::RolloutState;
use crate::breaker::Report;
use crate::id::{DeviceName, PlanName, SiteName};
use crate::outcome::{Class, DeviceState, Outcome, words};
use crate::pace::{Evidence, Group};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

words!(
    /// Why a device was skipped without having been tried.
    SkipReason {
        /// Its site stayed open longer than `skip_after`.
        SiteOpen = "SITE_OPEN",
        /// Its own breaker stayed open.
        DeviceOpen = "DEVICE_OPEN",
        /// Its credential is refused at its site.
        CredentialOpen = "CREDENTIAL_OPEN",
        /// Another rollout held it too long.
        DeviceBusy = "DEVICE_BUSY",
        /// The rollout was aborted first.
        Aborted = "ABORTED",
    }
);

/// One thing that happened. Events are decided from commands, appended durably, then applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The rollout exists.
    Created {
        /// The plan it carries out.
        plan: PlanName,
        /// The plan's digest.
        digest: String,
        /// Who asked.
        by: String,
        /// The caller's idempotency key; may be empty.
        request_id: String,
    },
    /// A wave began.
    WaveStarted {
        /// Index into the plan's waves.
        wave: u32,
    },
    /// Devices were handed to the agent of one site: a batch.
    Dispatched {
        /// The site.
        site: SiteName,
        /// Devices with their attempt numbers.
        ops: Vec<(DeviceName, u32)>,
    },
    /// An attempt ended and the device with it.
    Finished {
        /// The device.
        device: DeviceName,
        /// Which attempt.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
    },
    /// An attempt ended and the device waits for another one.
    Requeued {
        /// The device.
        device: DeviceName,
        /// The attempt that ended.
        attempt: u32,
        /// How it ended; absent when the agent never had it.
        outcome: Option<Outcome>,
        /// Its class.
        class: Class,
        /// Not before this.
        not_before: Timestamp,
    },
    /// Devices in doubt were handed to the agent of one site to be read; nothing is written.
    ReadBack {
        /// The site.
        site: SiteName,
        /// Devices with their attempt numbers.
        ops: Vec<(DeviceName, u32)>,
    },
    /// A device in doubt stays so.
    StillUnknown {
        /// The device.
        device: DeviceName,
        /// The reading that ended, or the latest attempt.
        attempt: u32,
        /// It is read again then; absent when a person must say.
        not_before: Option<Timestamp>,
        /// Whether the reading never reached the device; without a next one it is read when its agent is back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        untried: bool,
        /// Why, and what to do.
        reason: String,
    },
    /// Attempts in flight are no longer waited for: nobody knows how they end.
    GivenUp {
        /// Devices with their attempt numbers.
        devices: Vec<(DeviceName, u32)>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A doubt is over.
    Settled {
        /// The device.
        device: DeviceName,
        /// The reading or the late attempt that settled it, or the latest attempt.
        attempt: u32,
        /// What the device is now.
        state: DeviceState,
        /// What settled it, when it was an attempt.
        outcome: Option<Outcome>,
        /// Who, or `auto`.
        by: String,
        /// Why.
        reason: String,
    },
    /// One attempt was reported to have ended in two ways: the device is in doubt.
    Conflicted {
        /// The device.
        device: DeviceName,
        /// The attempt.
        attempt: u32,
        /// The other end.
        outcome: Outcome,
        /// Both, in one line.
        reason: String,
    },
    /// A person has a device put back to what it had before a write: it was handed to its agent for that.
    Restoring {
        /// The device.
        device: DeviceName,
        /// Its site.
        site: SiteName,
        /// The attempt that puts it back.
        attempt: u32,
        /// The attempt before whose write it was read.
        of: u32,
        /// Whether what the device got since that write is taken away, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        overwrite: bool,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A device is back, as it was until then, or in doubt.
    Restored {
        /// The device.
        device: DeviceName,
        /// The attempt that was to put it back.
        attempt: u32,
        /// What the device is now.
        state: DeviceState,
        /// How it ended; absent when the agent never had it.
        outcome: Option<Outcome>,
    },
    /// Devices that will not be tried.
    Skipped {
        /// The devices.
        devices: Vec<DeviceName>,
        /// Why, for programs.
        reason: SkipReason,
        /// Why, for people.
        message: String,
    },
    /// Every device of the wave is final.
    WaveFinished {
        /// Index into the plan's waves.
        wave: u32,
        /// The next wave does not start before this.
        soak_until: Timestamp,
        /// Whether a person must promote.
        needs_promotion: bool,
    },
    /// A person ended the wait after a wave.
    Promoted {
        /// The wave that was waited after.
        wave: u32,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// No new device is handed out.
    Paused {
        /// Who, or `auto`.
        by: String,
        /// Why.
        reason: String,
    },
    /// Devices are handed out again.
    Resumed {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Ended for good by a person; devices in flight still report.
    Aborted {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A group of devices is held back, for good or until somebody releases it.
    Held {
        /// Which devices.
        group: Group,
        /// The evidence; absent when a person held it.
        evidence: Option<Evidence>,
        /// Who, or `auto`.
        by: String,
        /// Why.
        reason: String,
    },
    /// A held group may start again, one device first.
    Released {
        /// Which devices.
        group: Group,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A breaker that concerns this rollout moved.
    Breaker {
        /// Its new state.
        report: Report,
    },
    /// Nothing more happens.
    Ended {
        /// How it ended.
        state: RolloutState,
    },
}
