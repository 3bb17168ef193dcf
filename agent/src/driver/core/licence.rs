//! What runs when the lease ends: what has written nothing is called off, and the rest ends as it may.

use super::{Core, LEASE_LOOK};
use switchyard_shared::time::Timestamp;

/// Whether new work might start when that was last looked at.
#[derive(Debug, Default)]
pub struct Licence {
    held: bool,
    look_at: Option<Timestamp>,
}

impl Licence {
    /// When to look whether it is still held.
    pub fn look_at(&self) -> Option<Timestamp> {
        self.look_at
    }
}

impl Core {
    /// The gate refuses what comes to it without a lease; but a lease that is renewed by then would let through
    /// what the coordinator has given up meanwhile.
    pub(super) fn mind_the_lease(&mut self, now: Timestamp, held: bool) {
        let applying = self
            .running
            .iter()
            .filter(|(_, running)| running.task.purpose.writes() && running.wrote_at.is_none());
        let applying: Vec<_> = applying.map(|(op, _)| op.clone()).collect();
        self.licence.look_at = (held && !applying.is_empty()).then(|| now.plus(LEASE_LOOK));
        if self.licence.held && !held {
            let message = "called off: no word from the coordinator for longer than its lease";
            self.call_off(applying, message, now);
        }
        self.licence.held = held;
    }
}
