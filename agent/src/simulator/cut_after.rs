//! Cuts the link to the whole fleet once so many devices have been configured.

use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// Counts the devices that were served.
#[derive(Debug, Default)]
pub(super) struct CutAfter {
    after: Option<usize>,
    served: AtomicUsize,
    now: CancellationToken,
}

impl CutAfter {
    /// Cuts after `after` devices; never if absent.
    pub(super) fn new(after: Option<usize>) -> Self {
        Self { after, ..Self::default() }
    }

    /// Whether anybody waits for the cut.
    pub(super) fn is_set(&self) -> bool {
        self.after.is_some()
    }

    /// One more device was served.
    pub(super) fn one_more(&self) {
        let served = self.served.fetch_add(1, Ordering::SeqCst) + 1;
        if self.after.is_some_and(|after| served >= after) {
            self.now.cancel();
        }
    }

    /// Returns at the moment of the cut.
    pub(super) async fn now(&self) {
        self.now.cancelled().await;
    }
}
