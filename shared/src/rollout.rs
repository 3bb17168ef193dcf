//! The rollout machine: commands and results in, events and effects out.

pub mod event;

use crate::outcome::words;

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

impl RolloutState {
    /// Whether nothing more happens by itself or by a command.
    pub fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::AwaitingApproval | Self::Running | Self::Paused | Self::RollingBack => false,
            Self::Stopped
            | Self::Succeeded
            | Self::PartiallySucceeded
            | Self::Failed
            | Self::Aborted
            | Self::RolledBack => true,
        }
    }
}
