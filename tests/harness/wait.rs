//! Waiting for a condition, never for a time.
#![expect(clippy::disallowed_methods, reason = "the one place of the tests that looks again and again")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use switchyard_shared::time::Timestamp;

/// How long a condition may take before the test fails.
pub const WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `condition` gives something; panics with `what` when it does not within [`WITHIN`].
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(started.elapsed() < WITHIN, "it did not come to pass: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The first thing that `condition` gives within `limit`, and how long that took.
pub fn within<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<(T, Duration)> {
    let started = Instant::now();
    loop {
        if let Some(found) = condition() {
            return Some((found, started.elapsed()));
        }
        if started.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Lets so much time pass: for a campaign whose faults last.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The wall clock, which simulated devices on this machine write their ledgers by.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// How long `work` took, with what it gave.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let given = work();
    (given, started.elapsed())
}
