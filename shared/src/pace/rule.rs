//! The numbers of the rule: what counts as ordinary, when a run of failures trips, and how bad a group may still be.

use super::{Budget, Mode};
use std::sync::LazyLock;

/// Most devices in flight at once.
pub const IN_FLIGHT_MAX: u32 = 1000;
/// A success counts for the pace when this many halves of the mean duration of a success have passed
/// since its write began: failures are slower than successes.
pub(super) const MATURE_HALVES: u64 = 3;
/// Where failures are seen to be slower than that, successes wait for this many tenths of the mean
/// duration of a failure instead, at most [`MATURE_HALVES_MAX`] halves of a success.
pub(super) const MATURE_FAILURE_TENTHS: u64 = 13;
/// See [`MATURE_FAILURE_TENTHS`].
pub(super) const MATURE_HALVES_MAX: u64 = 8;
/// A device is overdue after this many halves of the mean duration of a success.
pub(super) const LATE_HALVES: u64 = 4;
/// Successes that must be known before their mean says anything.
pub(super) const OKS_MIN: u64 = 5;
/// A device that did not connect for so long blocks nobody any more, at the earliest; it keeps its reservation.
pub(super) const SILENT: std::time::Duration = std::time::Duration::from_secs(3);
/// What part of a connect timeout that is, when it is longer.
pub(super) const SILENT_PART: u32 = 2;
/// So many successes count at once; later ones when they are two round trips old.
pub(crate) const OKS_AT_ONCE: u32 = OKS_MIN as u32 - 1;
/// A group must fail this many times more often than the rest to be held alone.
pub(super) const CONTRAST: f64 = 3.0;
/// A pair must fail this many times more often than each of its values.
pub(super) const PAIR_CONTRAST: f64 = 1.5;
/// The part of the budget that a group may use while its failures are recent and its successes few.
pub(super) const SUSPECT_PART: f64 = 0.5;
/// Failures of a pair before it can be held.
pub(super) const PAIR_FAILED_MIN: u32 = 3;
/// Pairs held at once before the whole rollout stops.
pub(super) const PAIRS_MAX: usize = 4;
/// Holds that one result can lead to.
pub(super) const HOLDS_AT_ONCE_MAX: u32 = 12;
/// Smallest reservation, so that rooms stay finite.
const RESERVE_MIN: f64 = 1e-6;
/// Smallest ordinary share that the detectors work with.
const ORDINARY_MIN: f64 = 0.001;
/// The shares that the two detectors look for.
const BAD: [f64; 2] = [0.1, 0.5];

/// The rule for one fleet and one budget.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) budget: Budget,
    /// The tolerated share.
    pub(super) tolerated: f64,
    /// What the detectors take as ordinary: the tolerated share, at least a tenth of a percent.
    pub(super) ordinary: f64,
    /// What a failure and a success add to each detector.
    pub(super) up: [f64; 2],
    pub(super) down: [f64; 2],
    /// Both detectors of a value trip here.
    pub(super) trip: f64,
    /// The detectors of the whole rollout trip here.
    pub(super) trip_all: [f64; 2],
    /// Where the second detector of a value starts: two failures before any success trip it.
    pub(super) head_start: f64,
    /// The same for the whole rollout.
    pub(super) head_start_all: f64,
}

impl Rule {
    /// The rule for `devices` with `keys` watched.
    pub(super) fn new(devices: usize, keys: u32, budget: Budget) -> Self {
        let tolerated = budget.tolerated_share.as_f64();
        let ordinary = tolerated.max(ORDINARY_MIN);
        let up = BAD.map(|bad| (bad / ordinary).ln());
        let down = BAD.map(|bad| ((1.0 - bad) / (1.0 - ordinary)).ln());
        let devices = devices.max(1) as f64;
        let looks = devices * f64::from(keys.saturating_add(1));
        // One failure alone never trips, however small the fleet.
        let above_one = |limit: f64, which: usize| limit.max(up[which] + 1e-6);
        let trip = above_one(looks.ln() + 0.2, 1);
        let trip_all = [above_one(devices.ln() - 0.05, 0), above_one(looks.ln() - 0.1, 1)];
        let head_start = |limit: f64| (limit - 2.0 * up[1] + 1e-9).max(0.0);
        Self {
            budget,
            tolerated,
            ordinary,
            up,
            down,
            trip,
            trip_all,
            head_start: head_start(trip),
            head_start_all: head_start(trip_all[1]),
        }
    }

    pub(super) fn strict(&self) -> bool {
        self.budget.mode == Mode::Strict
    }

    /// The budget as a number.
    pub(super) fn devices(&self) -> f64 {
        f64::from(self.budget.devices)
    }

    /// Whether `failed` of `results` use the budget up: F - tau R >= B, without rounding.
    pub(super) fn is_used_up(&self, failed: u32, results: u32) -> bool {
        let millionths = |count: u32| u64::from(count) * 1_000_000;
        millionths(failed)
            >= millionths(self.budget.devices) + u64::from(self.budget.tolerated_share.0) * u64::from(results)
    }

    /// The share beyond the tolerated one that the next device of a group might fail with, after
    /// `mature` successes, `failed` failures and `late` overdue devices.
    pub(super) fn reserve(&self, mature: u32, failed: u32, late: u32) -> f64 {
        reserve(self.tolerated, mature, failed + late)
    }

    /// How much better than "ordinary" its own rate explains `failed` of `seen`, as a log-likelihood ratio.
    pub(super) fn likelihood(&self, failed: u32, seen: u32) -> f64 {
        let (failed, seen) = (f64::from(failed), f64::from(seen));
        if failed <= self.ordinary * seen {
            return 0.0;
        }
        let rate = failed / seen;
        let ok = seen - failed;
        let of_ok = if ok > 0.0 { ok * ((1.0 - rate) / (1.0 - self.ordinary)).ln() } else { 0.0 };
        failed * (rate / self.ordinary).ln() + of_ok
    }
}

/// See [`Rule::reserve`].
fn reserve(tolerated: f64, mature: u32, bad: u32) -> f64 {
    let share = match mature + bad {
        0 => 1.0,
        all => (upper_limit(bad) / f64::from(all)).min(1.0),
    };
    (share - tolerated).max(RESERVE_MIN)
}

/// What one device in flight reserves after `mature` successes and no failure.
pub(crate) fn reserve_unfailed(budget: &Budget, mature: u32) -> f64 {
    reserve(budget.tolerated_share.as_f64(), mature, 0)
}

/// Upper 95 % limit of a Poisson mean after `count` events (Wilson–Hilferty).
fn upper_limit(count: u32) -> f64 {
    static TABLE: LazyLock<[f64; 256]> = LazyLock::new(|| {
        let mut count = 0;
        [(); 256].map(|()| {
            count += 1;
            wilson_hilferty(count - 1)
        })
    });
    TABLE.get(count as usize).copied().unwrap_or_else(|| wilson_hilferty(count))
}

fn wilson_hilferty(count: u32) -> f64 {
    let x = 2.0 * (f64::from(count) + 1.0);
    let part = 2.0 / (9.0 * x);
    x / 2.0 * (1.0 - part + 1.6449 * part.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Share;

    fn rule(devices: usize, keys: u32) -> Rule {
        Rule::new(devices, keys, Budget::default())
    }

    #[test]
    fn the_upper_limits_are_those_of_the_poisson_tables() {
        for (count, limit) in
            [(0, 3.00), (1, 4.74), (2, 6.30), (3, 7.75), (5, 10.51), (10, 16.96), (300, 330.1)]
        {
            assert!((upper_limit(count) - limit).abs() < 0.04, "{count}: {}", upper_limit(count));
        }
    }

    #[test]
    fn the_thresholds_are_those_of_the_rule() {
        let rule = rule(10_000, 7);
        assert!((rule.up[0] - 10_f64.ln()).abs() < 1e-9 && (rule.up[1] - 3.9120).abs() < 1e-4);
        assert!((rule.down[0] + 0.0953).abs() < 1e-4 && (rule.down[1] + 0.6831).abs() < 1e-4);
        assert!((rule.trip - (80_000_f64.ln() + 0.2)).abs() < 1e-9);
        assert!(rule.head_start + 2.0 * rule.up[1] >= rule.trip);
        assert!(rule.head_start + rule.up[1] < rule.trip);
    }

    #[test]
    fn one_failure_alone_trips_nothing_even_in_a_tiny_fleet() {
        for devices in [1, 2, 3, 10, 50] {
            let rule = rule(devices, 0);
            assert!(rule.head_start_all + rule.up[1] < rule.trip_all[1]);
            assert!(rule.up[0] < rule.trip_all[0]);
            assert!(rule.head_start_all + 2.0 * rule.up[1] >= rule.trip_all[1]);
        }
    }

    #[test]
    fn a_tolerated_share_of_zero_is_legal() {
        let budget = Budget { tolerated_share: Share(0), ..Budget::default() };
        let rule = Rule::new(100, 1, budget);
        assert!((rule.ordinary - 0.001).abs() < 1e-12);
        assert!(rule.is_used_up(10, 5_000) && !rule.is_used_up(9, 9));
    }

    #[test]
    fn the_budget_line_is_exact() {
        let rule = rule(10_000, 7);
        assert!(rule.is_used_up(17, 700));
        assert!(!rule.is_used_up(17, 701));
    }
}
