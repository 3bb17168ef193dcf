//! Start rates: evenly paced, by the library's GCRA over our own clock and our own state.

use crate::task::Rate;
use crate::time::Timestamp;
use governor::clock::Clock;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{NotUntil, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::time::Duration;

/// When the next start of one kind may be; without a burst, so that no second sees more than its rate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket {
    /// Nanoseconds since 1970; absent before the first start.
    next: Option<u64>,
}

impl Bucket {
    /// Takes one start, or tells when there is one.
    pub fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), Timestamp> {
        self.next = self.ask(rate, now)?;
        Ok(())
    }

    /// Whether [`Bucket::take`] would succeed; takes nothing.
    pub fn check(&self, rate: Rate, now: Timestamp) -> Result<(), Timestamp> {
        self.ask(rate, now).map(|_| ())
    }

    /// Whether it is as if nothing had ever started.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.next.is_none_or(|next| next <= nanos(now))
    }

    fn ask(&self, rate: Rate, now: Timestamp) -> Result<Option<u64>, Timestamp> {
        let Some(quota) = Quota::with_period(interval(rate)) else { return Ok(self.next) };
        let limiter: RateLimiter<NotKeyed, Store, Hand> =
            RateLimiter::new(quota, Store(Cell::new(self.next)), Hand(Cell::new(0)));
        limiter.clock().0.set(nanos(now));
        let asked = limiter.check().map_err(|until: NotUntil<Nanos>| until.earliest_possible().as_u64());
        match asked {
            Ok(()) => Ok(limiter.into_state_store().0.get()),
            Err(earliest) => Err(Timestamp(i64::try_from(earliest.div_ceil(1000)).unwrap_or(i64::MAX))),
        }
    }
}

/// The time from one start to the next.
pub fn interval(rate: Rate) -> Duration {
    Duration::from_secs(1000) / rate.per_1000s.max(1)
}

/// How many starts a rate lets through within `within`, at least one.
pub fn starts_within(rate: Rate, within: Duration) -> usize {
    let starts = within.as_nanos() / interval(rate).as_nanos().max(1);
    usize::try_from(starts).unwrap_or(usize::MAX).max(1)
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0).saturating_mul(1000)
}

/// The library's clock: stands where we put it.
struct Hand(Cell<u64>);

impl Clock for Hand {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

/// The library's state: one number, which we keep.
struct Store(Cell<Option<u64>>);

impl StateStore for Store {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (answer, next) = decide(self.0.get().map(Nanos::from))?;
        self.0.set(Some(next.as_u64()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(1_700_000_000_000_000 + millis * 1000)
    }

    #[test]
    fn starts_are_evenly_paced_and_the_wait_is_told() {
        let five_a_second = Rate { per_1000s: 5000 };
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(five_a_second, at(0)), Ok(()));
        assert_eq!(bucket.take(five_a_second, at(0)), Err(at(200)));
        assert_eq!(bucket.check(five_a_second, at(199)), Err(at(200)));
        assert_eq!(bucket.check(five_a_second, at(200)), Ok(()));
        assert_eq!(bucket.take(five_a_second, at(200)), Ok(()));
        assert_eq!(bucket.take(five_a_second, at(399)), Err(at(400)));
    }

    #[test]
    fn no_second_sees_more_starts_than_its_rate_even_after_a_rest() {
        let ten_a_second = Rate { per_1000s: 10_000 };
        let mut bucket = Bucket::default();
        let mut starts: Vec<i64> = vec![];
        for millis in (0..1000).chain(60_000..63_000) {
            if bucket.take(ten_a_second, at(millis)).is_ok() {
                starts.push(millis);
            }
        }
        assert_eq!(starts.len(), 40);
        for from in &starts {
            assert!(starts.iter().filter(|start| (*from..from + 1000).contains(*start)).count() <= 10);
        }
    }

    #[test]
    fn a_rate_below_one_a_second_waits_that_long() {
        let mut bucket = Bucket::default();
        let slow = Rate { per_1000s: 100 };
        assert_eq!(bucket.take(slow, at(0)), Ok(()));
        assert_eq!(bucket.take(slow, at(1)), Err(at(10_000)));
        assert_eq!((starts_within(slow, Duration::from_secs(1)), interval(slow).as_secs()), (1, 10));
    }
}
