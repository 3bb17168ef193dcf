//! When something last came from a device: the read clock of one session.

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use switchyard_shared::time::Timestamp;

/// Written by the session, read by whoever watches for sessions that have fallen silent together.
pub struct Hearing {
    last: AtomicI64,
    clock: Arc<dyn Clock>,
}

impl Hearing {
    /// A session that begins now.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { last: AtomicI64::new(clock.now().0), clock }
    }

    /// Something came.
    pub fn heard(&self) {
        self.last.fetch_max(self.clock.now().0, Ordering::Relaxed);
    }

    /// When something last came; the beginning if nothing has.
    pub fn last(&self) -> Timestamp {
        Timestamp(self.last.load(Ordering::Relaxed))
    }
}
