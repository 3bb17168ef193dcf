//! How long to wait before dialling again: doubling, jittered, bounded.

use std::time::Duration;

/// Tries without one message before it is given up; about ten minutes.
pub const ATTEMPTS_MAX: u32 = 150;
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// The wait before try number `attempt`, from 1; `share` between 0 and 1 spreads watchers apart.
pub fn wait(attempt: u32, share: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    doubled.min(LONGEST).mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_never_exceeds_five_seconds() {
        assert_eq!(wait(1, 1.0), Duration::from_millis(250));
        assert_eq!(wait(2, 1.0), Duration::from_millis(500));
        assert_eq!(wait(1, 0.0), Duration::from_millis(125));
        for attempt in 1..=ATTEMPTS_MAX {
            assert!(wait(attempt, 1.0) <= Duration::from_secs(5), "{attempt}");
            assert!(wait(attempt, 0.0) >= Duration::from_millis(125), "{attempt}");
        }
    }
}
