//! Waiting for a condition, never for a time.
#![expect(clippy::disallowed_methods, reason = "the one place of the tests that looks again and again")]

use std::time::{Duration, Instant};

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

/// How long `work` took, with what it gave.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let given = work();
    (given, started.elapsed())
}
