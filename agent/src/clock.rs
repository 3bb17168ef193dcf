//! The clock seam: wall time read once at start, then the time since, so that no jump moves a deadline and no
//! suspended machine keeps a lease.

use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use switchyard_shared::time::Timestamp;

/// Shortest suspension that is counted.
const AWAY_MIN: Duration = Duration::from_millis(100);

/// Where `now` comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant; never goes back within a process.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
pub struct SystemClock {
    started_wall: i64,
    started: tokio::time::Instant,
    away_at_start: Duration,
    /// In microseconds.
    suspended: AtomicI64,
}

impl SystemClock {
    /// Reads the wall clock once.
    #[expect(clippy::disallowed_methods, reason = "this is the clock seam")]
    pub fn shared() -> Arc<dyn Clock> {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let started_wall = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Arc::new(Self {
            started_wall,
            started: tokio::time::Instant::now(),
            away_at_start: away(),
            suspended: AtomicI64::new(0),
        })
    }
}

impl SystemClock {
    /// How long the machine has been suspended since the start: its timers do not count that, but its leases end.
    fn suspended(&self) -> Duration {
        let now = away();
        let since = now.saturating_sub(self.away_at_start);
        let counted =
            if since >= AWAY_MIN { i64::try_from(since.as_micros()).unwrap_or(i64::MAX) } else { 0 };
        // Two clocks are never read at the same instant: what was counted stays counted.
        let longest = self.suspended.fetch_max(counted, Ordering::Relaxed).max(counted);
        Duration::from_micros(longest.unsigned_abs())
    }
}

/// How long the machine has been suspended since it was started, or a little less.
fn away() -> Duration {
    let since_start = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let all = since_start(ClockId::Boottime);
    all.saturating_sub(since_start(ClockId::Monotonic))
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.started_wall).plus(self.started.elapsed()).plus(self.suspended())
    }
}
