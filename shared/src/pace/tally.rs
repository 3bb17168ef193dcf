//! What is known of one label value, or of the whole rollout.

use super::rule::{Rule, SUSPECT_PART};

/// Results, detectors and reservations of one group of devices.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Results that count, and failures among them.
    pub(super) seen: u32,
    pub(super) failed: u32,
    /// Successes old enough for the pace to lean on.
    pub(super) mature: u32,
    /// Devices in flight and overdue.
    pub(super) late: u32,
    /// Devices in flight.
    pub(super) flight: u32,
    /// Those in flight that are not silent: others wait for them.
    pub(super) blocking: u32,
    /// Unknown devices that reserve a whole device each.
    pub(super) lost: u32,
    /// Unknown devices that reserve like one in flight.
    pub(super) doubt: u32,
    /// The detectors for one in ten and for one in two failing.
    pub(super) sums: [f64; 2],
    /// What one device in flight reserves.
    pub(super) reserve: f64,
    /// Whether there was a success.
    pub(super) proven: bool,
    /// Whether one failure is enough: it was released or resumed by a person and has not succeeded since.
    pub(super) trial: bool,
    /// The number of starts before its release or the resume: only later ones prove it, or fail the trial.
    pub(super) trial_from: u64,
    /// Whether it is on the list of values whose room may have changed.
    pub(super) touched: bool,
}

impl Tally {
    /// Forgets the results; reservations, proof and what is in flight stay.
    pub(super) fn forget(&mut self, head_start: f64) {
        (self.seen, self.failed) = (0, 0);
        self.sums = [0.0, head_start];
    }

    /// Counts one result.
    pub(super) fn step(&mut self, rule: &Rule, failed: bool) {
        self.seen += 1;
        if failed {
            self.failed += 1;
            self.sums[0] += rule.up[0];
            self.sums[1] += rule.up[1];
        } else {
            self.sums[0] = (self.sums[0] + rule.down[0]).max(0.0);
            self.sums[1] = (self.sums[1] + rule.down[1]).max(0.0);
        }
    }

    /// Brings the reservation up to date.
    pub(super) fn refresh(&mut self, rule: &Rule) {
        self.reserve = rule.reserve(self.mature, self.failed, self.late);
    }

    /// What is left of the budget after the recent failures in excess.
    pub(super) fn left(&self, rule: &Rule) -> f64 {
        rule.devices() - self.sums[0] / rule.up[0]
    }

    /// What one value may use of it: half while one in two may be failing, so that a half-bad group
    /// fills the budget with fewer of its devices.
    pub(super) fn slack(&self, rule: &Rule) -> f64 {
        let half_bad = self.failed > 0 && self.sums[1] > 0.0;
        self.left(rule) * if half_bad { SUSPECT_PART } else { 1.0 }
    }

    /// Whether there were failures lately.
    pub(super) fn is_suspect(&self) -> bool {
        self.sums[0] > 0.0 && self.proven
    }

    /// Whether one more device must wait because of this value.
    pub(super) fn refuses(&self, rule: &Rule) -> bool {
        if self.blocking == 0 {
            return false;
        }
        !self.proven
            || f64::from(self.flight + self.doubt + 1) * self.reserve + f64::from(self.lost)
                > self.slack(rule)
    }

    /// How many more devices fit; at least one unless it refuses.
    pub(super) fn room(&self, rule: &Rule) -> u32 {
        if self.refuses(rule) {
            return 0;
        }
        if !self.proven {
            return 1;
        }
        let all = (self.slack(rule) - f64::from(self.lost)) / self.reserve;
        (all.min(1e6) as u32).saturating_sub(self.flight + self.doubt).max(1)
    }
}
