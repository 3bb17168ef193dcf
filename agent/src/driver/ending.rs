//! How an agent ends: what runs may end, its results may be delivered, both within bounds.

use super::DriverError;
use super::core::Core;
use std::time::Duration;
use switchyard_shared::time::Timestamp;

/// Shortest wait for what runs.
const DRAIN_MIN: Duration = Duration::from_secs(30);
/// How long after its deadline a device that is being written has surely ended.
const GRACE: Duration = Duration::from_secs(5);
/// Longest wait for the coordinator to acknowledge the last results.
const DELIVERY_MAX: Duration = Duration::from_secs(2);

/// A write that is cut leaves a device that nobody knows, so each has the time it was given.
pub(super) fn last_moment(begun: Timestamp, core: &Core) -> Timestamp {
    let written = core.written_by().map(|at| at.plus(GRACE));
    begun.plus(DRAIN_MIN).max(written.unwrap_or(begun))
}

/// Whether the end has begun, and why.
#[derive(Debug, Default)]
pub struct Ending {
    begun: Option<Timestamp>,
    idle_since: Option<Timestamp>,
    fatal: Option<String>,
}

impl Ending {
    /// The end begins, if it has not yet.
    pub fn begin(&mut self, now: Timestamp) {
        self.begun.get_or_insert(now);
    }

    /// The end begins because of `message`.
    pub fn fail(&mut self, message: String, now: Timestamp) {
        self.fatal.get_or_insert(message);
        self.begin(now);
    }

    /// Whether the end has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether nothing is left to wait for.
    pub fn is_over(&mut self, core: &Core, now: Timestamp) -> bool {
        let Some(begun) = self.begun else { return false };
        if now >= last_moment(begun, core) {
            if core.running() > 0 {
                tracing::warn!(
                    "giving up on {} attempts that still run; they will be reported as inconclusive",
                    core.running()
                );
            }
            return true;
        }
        if !core.is_idle() {
            self.idle_since = None;
            return false;
        }
        let idle_since = *self.idle_since.get_or_insert(now);
        core.unacked() == 0 || !core.is_connected() || now >= idle_since.plus(DELIVERY_MAX)
    }

    /// When to look again.
    pub fn poll_timeout(&self, core: &Core) -> Option<Timestamp> {
        let begun = last_moment(self.begun?, core);
        let delivery = self.idle_since.filter(|_| core.is_idle()).map(|since| since.plus(DELIVERY_MAX));
        Some(delivery.map_or(begun, |delivery| delivery.min(begun)))
    }

    /// What the agent ends with.
    pub fn result(&self, core: &Core) -> Result<(), DriverError> {
        if let Some(lost) = core.journal_error() {
            return Err(DriverError::JournalLost(lost.to_owned()));
        }
        match &self.fatal {
            Some(message) => Err(DriverError::Fatal(message.clone())),
            None => Ok(()),
        }
    }
}
