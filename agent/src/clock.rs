//! The clock seam: wall time read once at start, then monotonic, so that no jump moves a deadline.

use std::sync::Arc;
use switchyard_shared::time::Timestamp;

/// Where `now` comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant; never goes back within a process.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
pub struct SystemClock {
    started_wall: i64,
    started: tokio::time::Instant,
}

impl SystemClock {
    /// Reads the wall clock once.
    #[expect(clippy::disallowed_methods, reason = "this is the clock seam")]
    pub fn shared() -> Arc<dyn Clock> {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let started_wall = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Arc::new(Self { started_wall, started: tokio::time::Instant::now() })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.started_wall).plus(self.started.elapsed())
    }
}
