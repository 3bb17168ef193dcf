//! The exit codes: one enum, the contract with scripts.

use switchyard_shared::rollout::RolloutState;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; the rollout succeeded.
    Ok,
    /// Unexpected error.
    Error,
    /// `plan --detailed-exitcode`: there are changes.
    Changes,
    /// The rollout ended failed or partially succeeded.
    RolloutFailed,
    /// Not authenticated or not permitted.
    Auth,
    /// The rollout was aborted, stopped or rolled back.
    Undone,
    /// A person or a window is needed.
    Blocked,
    /// `--timeout` passed, still running.
    Timeout,
    /// `status --exit-status`: still running.
    Pending,
    /// The selection is empty.
    NoTargets,
    /// The plan or the etag is stale.
    Stale,
    /// No such resource.
    NotFound,
    /// The spec or inventory is invalid.
    Invalid,
    /// Bad flags.
    Usage,
    /// The coordinator cannot be reached.
    Unavailable,
    /// Ctrl-C: detached; the rollout goes on.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::RolloutFailed => 3,
            Self::Auth => 4,
            Self::Undone => 5,
            Self::Blocked => 6,
            Self::Timeout => 7,
            Self::Pending => 8,
            Self::NoTargets => 9,
            Self::Stale => 10,
            Self::NotFound => 12,
            Self::Invalid => 13,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Interrupted => 130,
        }
    }

    /// What a rollout in `state` means to a script that waited for it.
    pub fn of_state(state: RolloutState) -> Self {
        match state {
            RolloutState::Succeeded => Self::Ok,
            RolloutState::PartiallySucceeded | RolloutState::Failed => Self::RolloutFailed,
            RolloutState::Aborted | RolloutState::Stopped | RolloutState::RolledBack => Self::Undone,
            RolloutState::Pending
            | RolloutState::AwaitingApproval
            | RolloutState::Running
            | RolloutState::Paused
            | RolloutState::RollingBack => Self::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_has_its_number() {
        let rows = [
            (Exit::Ok, 0),
            (Exit::Error, 1),
            (Exit::Changes, 2),
            (Exit::RolloutFailed, 3),
            (Exit::Auth, 4),
            (Exit::Undone, 5),
            (Exit::Blocked, 6),
            (Exit::Timeout, 7),
            (Exit::Pending, 8),
            (Exit::NoTargets, 9),
            (Exit::Stale, 10),
            (Exit::NotFound, 12),
            (Exit::Invalid, 13),
            (Exit::Usage, 64),
            (Exit::Unavailable, 69),
            (Exit::Interrupted, 130),
        ];
        for (exit, code) in rows {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn only_a_rollout_that_succeeded_ends_with_zero() {
        for &state in RolloutState::ALL {
            let zero = Exit::of_state(state).code() == 0;
            assert_eq!(zero, state == RolloutState::Succeeded, "{state}");
        }
    }

    #[test]
    fn what_was_undone_is_five_and_what_failed_is_three() {
        let expected = [
            (RolloutState::Failed, 3),
            (RolloutState::PartiallySucceeded, 3),
            (RolloutState::Aborted, 5),
            (RolloutState::Stopped, 5),
            (RolloutState::RolledBack, 5),
            (RolloutState::Running, 8),
            (RolloutState::Paused, 8),
        ];
        for (state, code) in expected {
            assert_eq!(Exit::of_state(state).code(), code, "{state}");
        }
    }
}
