//! The clock seam: wall time read once at start, then monotonic, so that no jump moves a deadline.

use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::time::{Timestamp, format_duration};

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

/// A clock that was put back while nobody ran, counted on from where the log is: what was to happen in a minute
/// still happens in a minute.
pub struct GoesOn {
    clock: Arc<dyn Clock>,
    by: Duration,
}

impl GoesOn {
    /// `clock` itself, unless it says less than `recorded_until`.
    pub fn after(recorded_until: Timestamp, clock: Arc<dyn Clock>) -> Arc<dyn Clock> {
        let by = recorded_until.since(clock.now());
        if by.is_zero() {
            return clock;
        }
        tracing::warn!(
            "this machine's clock is {} behind the log of the rollouts that go on: it was put back, or was ahead \
             before; times are counted on from the log until a start at which nothing goes on; set the clock right",
            format_duration(by)
        );
        Arc::new(Self { clock, by })
    }
}

impl Clock for GoesOn {
    fn now(&self) -> Timestamp {
        self.clock.now().plus(self.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stands(i64);

    impl Clock for Stands {
        fn now(&self) -> Timestamp {
            Timestamp(self.0)
        }
    }

    #[test]
    fn a_clock_that_was_put_back_goes_on_from_the_log_and_another_is_left_alone() {
        assert_eq!(GoesOn::after(Timestamp(50), Arc::new(Stands(7))).now(), Timestamp(50));
        assert_eq!(GoesOn::after(Timestamp(50), Arc::new(Stands(70))).now(), Timestamp(70));
        assert_eq!(GoesOn::after(Timestamp(i64::MIN), Arc::new(Stands(7))).now(), Timestamp(7));
    }
}
