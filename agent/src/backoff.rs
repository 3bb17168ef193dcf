//! How long to wait before dialling again: doubling, bounded, and never in step with other agents.

use std::time::Duration;

/// First wait, before jitter.
pub const WAIT_MIN: Duration = Duration::from_millis(100);
/// Longest wait.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// Waits between half and all of a step that doubles.
#[derive(Debug, Clone)]
pub struct Backoff {
    random: u64,
    failures: u32,
}

impl Backoff {
    /// A backoff whose jitter follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { random: seed, failures: 0 }
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let step = WAIT_MIN.saturating_mul(1 << self.failures.min(10)).min(WAIT_MAX);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        let jitter = self.draw() % u64::try_from(half.as_micros()).unwrap_or(u64::MAX).max(1);
        half + Duration::from_micros(jitter)
    }

    /// It worked: the next wait is short again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_start_over_after_success() {
        let mut backoff = Backoff::new(1);
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] >= WAIT_MIN / 2 && waits[0] <= WAIT_MIN);
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX));
        assert!(waits[10..].iter().all(|wait| *wait >= WAIT_MAX / 2));
        backoff.reset();
        assert!(backoff.next_wait() <= WAIT_MIN);
    }

    #[test]
    fn two_agents_do_not_dial_in_step() {
        let waits = |seed| (0..8).map(|_| Backoff::new(seed).next_wait()).collect::<Vec<_>>();
        assert_ne!(waits(1), waits(2));
    }
}
