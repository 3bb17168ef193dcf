//! What goes into the pace and what comes out: entries, verdicts, decisions, harm.

use super::{Evidence, Group};
use crate::outcome::Class;

/// What the surroundings say about starting one device now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It may start.
    Free,
    /// Its site has no room; the pace is told when it has.
    SiteFull,
    /// Not now, for a reason of its own; it is offered again later.
    Later,
}

/// What the end of an attempt says about the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The device has the configuration.
    Ok,
    /// The change failed on it.
    Failed,
    /// Contact was lost after the write: unknown, and suspicious like a failure.
    Lost,
    /// Nobody can say, and nothing speaks against the change.
    Doubtful,
    /// Says nothing about the change.
    Neutral,
}

impl Verdict {
    /// What `class` says about the change.
    pub fn of(class: Class) -> Self {
        match class {
            Class::Ok | Class::Unchanged => Self::Ok,
            Class::Rejected | Class::PostcheckFailed | Class::RollbackFailed => Self::Failed,
            Class::LostAfterWrite => Self::Lost,
            Class::Inconclusive => Self::Doubtful,
            Class::Unreachable
            | Class::Timeout
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => Self::Neutral,
        }
    }
}

/// A change stop. It is in force before anybody reads it, and it never heals with time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// No further device of the group starts; all others go on.
    Hold {
        /// Which devices.
        group: Group,
        /// What speaks against them.
        evidence: Evidence,
        /// In one line.
        reason: String,
    },
    /// No further device starts.
    Stop {
        /// What speaks against the change.
        evidence: Evidence,
        /// In one line.
        reason: String,
    },
}

/// The harm that is known and the harm that is possible: certainly at most `failed + unknown + in_flight`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Harm {
    /// Devices on which the change failed.
    pub failed: u32,
    /// Devices of which nobody knows yet.
    pub unknown: u32,
    /// Devices in flight.
    pub in_flight: u32,
    /// Devices with a result: ok or failed.
    pub results: u32,
}
