//! When something last came from a device: the read clock of one session.

use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use switchyard_shared::time::Timestamp;

/// Written by the session, read by whoever watches for sessions that have fallen silent together.
pub struct Hearing {
    last: AtomicI64,
    asking: AtomicUsize,
    clock: Arc<dyn Clock>,
}

impl Hearing {
    /// A session that begins now.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { last: AtomicI64::new(clock.now().0), asking: AtomicUsize::new(0), clock }
    }

    /// Something came.
    pub fn heard(&self) {
        self.last.fetch_max(self.clock.now().0, Ordering::Relaxed);
    }

    /// When something last came; the beginning if nothing has.
    pub fn last(&self) -> Timestamp {
        Timestamp(self.last.load(Ordering::Relaxed))
    }

    /// A session is open that asks the device for a sign of life when nothing comes, as long as what this gives lives.
    pub fn asking(self: &Arc<Self>) -> Asking {
        self.asking.fetch_add(1, Ordering::Relaxed);
        Asking(self.clone())
    }

    /// Whether there is such a session now: silence means nothing without one.
    pub fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed) > 0
    }
}

/// A session that asks its device for signs of life.
pub struct Asking(Arc<Hearing>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::Relaxed);
    }
}
