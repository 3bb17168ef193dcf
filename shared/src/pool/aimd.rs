//! How many attempts a site carries at once: grows with what it carried, shrinks when it says too much.

use crate::outcome::Class;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a limit starts.
pub const LIMIT_START: usize = 10;
/// Signs of overload within this time are one sign: they come from starts that were made together.
pub const CUT_INTERVAL: Duration = Duration::from_secs(5);

/// What the end of an attempt tells of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// The device did its work.
    Carried,
    /// The device said that it is too much.
    TooMuch,
    /// The device said nothing at all.
    Silent,
    /// Nothing.
    Untold,
}

impl Load {
    /// The load that a class tells of. Never a duration: devices differ a hundredfold in how long they
    /// take, and one that is slow in the same way every time would look idle.
    pub fn of(class: Class) -> Self {
        match class {
            Class::Ok
            | Class::Unchanged
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed => Self::Carried,
            Class::Overloaded => Self::TooMuch,
            Class::Timeout => Self::Silent,
            Class::Unreachable
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => Self::Untold,
        }
    }
}

/// What was learned of one site. It outlives the caps that rollouts put on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    learned: usize,
    doubling: bool,
    carried: usize,
    cut_at: Option<Timestamp>,
}

impl Default for Limit {
    fn default() -> Self {
        Self { learned: LIMIT_START, doubling: true, carried: 0, cut_at: None }
    }
}

impl Limit {
    /// The limit under a cap of `max`: 1 to `max`.
    pub fn under(&self, max: usize) -> usize {
        self.learned.min(max).max(1)
    }

    /// Takes an end in, of an attempt that was one of `in_flight`. Grows only while at least half of the
    /// limit is in use: what nobody tried is not known to work.
    pub fn note(&mut self, load: Load, in_flight: usize, max: usize, now: Timestamp) {
        let limit = self.under(max);
        match load {
            Load::Untold => {}
            Load::Carried if 2 * in_flight < limit || limit >= max => {}
            Load::Carried => {
                self.carried += 1;
                if self.carried >= limit {
                    let grown = if self.doubling { limit.saturating_mul(2) } else { limit + 1 };
                    (self.learned, self.carried) = (grown.min(max), 0);
                }
            }
            Load::TooMuch | Load::Silent => {
                self.doubling &= load != Load::TooMuch;
                if self.cut_at.is_some_and(|at| now.since(at) < CUT_INTERVAL) {
                    return;
                }
                (self.learned, self.carried, self.cut_at) = ((limit * 7 / 10).max(1), 0, Some(now));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    /// So many in flight that the limit is in use, `count` of which end well.
    fn carry(limit: &mut Limit, count: usize) {
        (0..count).for_each(|_| limit.note(Load::Carried, limit.under(MAX), MAX, at(0)));
    }

    #[test]
    fn it_doubles_with_every_round_until_the_first_overload_then_grows_by_one() {
        let mut limit = Limit::default();
        assert_eq!(limit.under(MAX), 10);
        carry(&mut limit, 10);
        assert_eq!(limit.under(MAX), 20);
        carry(&mut limit, 20);
        assert_eq!(limit.under(MAX), 40);
        limit.note(Load::TooMuch, 40, MAX, at(1));
        assert_eq!(limit.under(MAX), 28);
        carry(&mut limit, 27);
        assert_eq!(limit.under(MAX), 28);
        carry(&mut limit, 1);
        assert_eq!(limit.under(MAX), 29);
    }

    #[test]
    fn signs_from_one_burst_cut_once_in_five_seconds_and_never_below_one() {
        let mut limit = Limit::default();
        (0..10).for_each(|_| limit.note(Load::Silent, 10, MAX, at(1)));
        assert_eq!(limit.under(MAX), 7);
        limit.note(Load::TooMuch, 7, MAX, at(5));
        assert_eq!(limit.under(MAX), 7);
        limit.note(Load::TooMuch, 7, MAX, at(6));
        assert_eq!(limit.under(MAX), 4);
        (0..20).for_each(|n| limit.note(Load::TooMuch, 1, MAX, at(20 + n * 6)));
        assert_eq!(limit.under(MAX), 1);
    }

    #[test]
    fn a_timeout_that_is_always_as_long_never_grows_the_limit() {
        let mut limit = Limit::default();
        (0..1000).for_each(|n| limit.note(Load::of(Class::Timeout), limit.under(MAX), MAX, at(n * 30)));
        assert_eq!(limit.under(MAX), 1);
    }

    #[test]
    fn a_cancelled_attempt_tells_nothing_of_the_load() {
        for class in [Class::Cancelled, Class::NotStarted, Class::AgentError, Class::AuthFailed] {
            let mut limit = Limit::default();
            (0..100).for_each(|n| limit.note(Load::of(class), 10, MAX, at(n * 10)));
            assert_eq!(limit, Limit::default(), "{class}");
        }
    }

    #[test]
    fn what_nobody_uses_does_not_grow() {
        let mut limit = Limit::default();
        (0..1000).for_each(|_| limit.note(Load::Carried, 4, MAX, at(0)));
        assert_eq!(limit.under(MAX), 10);
    }

    #[test]
    fn what_was_learned_outlives_a_cap_and_a_cap_is_never_passed() {
        let mut limit = Limit::default();
        carry(&mut limit, 30);
        assert_eq!((limit.under(5), limit.under(MAX)), (5, 40));
        carry(&mut limit, 1000);
        assert_eq!(limit.under(MAX), MAX);
    }
}
