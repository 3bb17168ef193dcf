//! The right to start, which the coordinator renews and silence ends.

use std::sync::atomic::{AtomicI64, Ordering};
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::time::Timestamp;

/// Held until an instant. Counted from when the heartbeat was *sent* that was answered, so that it ends
/// here before the coordinator believes that it has ended.
#[derive(Debug, Default)]
pub struct Lease(AtomicI64);

impl Lease {
    /// Moves the end to `until`, never back.
    pub fn renew(&self, until: Timestamp) {
        self.0.fetch_max(until.0, Ordering::SeqCst);
    }

    /// Whether new work may start at `now`.
    pub fn is_held(&self, now: Timestamp) -> bool {
        now < self.until()
    }

    /// When it ends.
    pub fn until(&self) -> Timestamp {
        if !guard::holds(Guard::Lease) {
            return Timestamp(i64::MAX);
        }
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
