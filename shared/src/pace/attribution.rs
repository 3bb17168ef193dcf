//! Who is to blame: the one value or pair that explains the failures best is held, until nothing trips.

use super::engine::Pace;
use super::rule::{CONTRAST, HOLDS_AT_ONCE_MAX, PAIR_CONTRAST, PAIR_FAILED_MIN, PAIRS_MAX};
use super::{Cut, Evidence};
use std::collections::BTreeMap;

impl Pace {
    /// Draws the consequences of a failure.
    pub(super) fn judge(&mut self, rank: u32) {
        if self.all().trial && self.devices[rank as usize].starts_before >= self.all().trial_from {
            let reason = "the first device after the resume failed as well".to_owned();
            return self.stop(self.evidence(None), reason);
        }
        if self.fail_trials(rank) {
            self.replay();
            if let Some(tripped) = self.any_tripped() {
                self.attribute(tripped);
            }
            return;
        }
        let everything = self.everything();
        let tripped = self.fleet.labels(rank).chain([everything]).find(|which| self.is_tripped(*which));
        if let Some(tripped) = tripped {
            self.attribute(tripped);
        }
    }

    fn is_tripped(&self, which: usize) -> bool {
        let sums = self.tallies[which].sums;
        let limits =
            if which == self.everything() { self.rule.trip_all } else { [self.rule.trip, self.rule.trip] };
        sums[0] >= limits[0] || sums[1] >= limits[1]
    }

    fn any_tripped(&self) -> Option<usize> {
        (0..self.tallies.len()).find(|which| self.is_tripped(*which))
    }

    fn attribute(&mut self, mut tripped: usize) {
        for _ in 0..HOLDS_AT_ONCE_MAX {
            let everything = self.everything();
            let all = self.all();
            let cut = match self.best_cut() {
                Some(cut) => cut,
                None if tripped == everything
                    || self.rule.likelihood(all.failed, all.seen) >= self.rule.trip_all[0] - 2.0 =>
                {
                    let (failed, seen) = (all.failed, all.seen);
                    let reason = format!("{failed} of {seen} failed, and no label tells them apart");
                    return self.stop(self.evidence(None), reason);
                }
                None => Cut::One(tripped),
            };
            self.hold_by_evidence(cut);
            self.keep_spread();
            self.replay();
            match self.any_tripped() {
                Some(next) if !self.stopped => tripped = next,
                Some(_) | None => return,
            }
        }
    }

    /// Stops when most of the fleet is held, or pair after pair.
    fn keep_spread(&mut self) {
        let pairs = self.held.iter().filter(|held| held.is_pair_by_evidence()).count();
        let devices = self.fleet.len();
        if self.spread as usize * 2 > devices {
            let reason = format!("{} of {devices} devices are held: more than half", self.spread);
            self.stop(self.evidence(None), reason);
        } else if pairs >= PAIRS_MAX {
            let reason = format!("{pairs} pairs of labels are held: the failures have no common cause");
            self.stop(self.evidence(None), reason);
        }
    }

    /// What speaks against `cut`, or against everything; held devices do not count.
    pub(super) fn evidence(&self, cut: Option<Cut>) -> Evidence {
        let all = self.all();
        let (failed, seen) = match cut {
            None => return Evidence { failed: all.failed, seen: all.seen, others_failed: 0, others_seen: 0 },
            Some(Cut::One(value)) => (self.tallies[value].failed, self.tallies[value].seen),
            Some(pair @ Cut::Pair(..)) => {
                let of_pair =
                    |&&(rank, _): &&(u32, bool)| !self.devices[rank as usize].held && self.is_in(rank, pair);
                let failures = self.log.iter().filter(of_pair).filter(|(_, failed)| *failed).count();
                (failures as u32, self.log.iter().filter(of_pair).count() as u32)
            }
        };
        Evidence {
            failed,
            seen,
            others_failed: all.failed.saturating_sub(failed),
            others_seen: all.seen.saturating_sub(seen),
        }
    }

    /// The value or pair that explains the failures best, if one explains them at all.
    fn best_cut(&self) -> Option<Cut> {
        let mut best: Option<(f64, u32, Cut)> = None;
        let values = self.everything();
        let all = self.all();
        let guesses = f64::from(values.max(1) as u32).ln();
        for (value, tally) in self.tallies[..values].iter().enumerate() {
            let others = all.seen - tally.seen;
            if tally.failed < 2 || others == 0 {
                continue;
            }
            let rate = f64::from(tally.failed) / f64::from(tally.seen);
            let elsewhere = (f64::from(all.failed - tally.failed) + 0.5) / (f64::from(others) + 1.0);
            if rate < CONTRAST * elsewhere {
                continue;
            }
            let score = self.rule.likelihood(tally.failed, tally.seen) - guesses;
            let devices = self.watched.values[value].devices;
            let better = best
                .is_none_or(|(most, size, _)| score > most + 1e-9 || (score > most - 1e-9 && devices < size));
            if better {
                best = Some((score, devices, Cut::One(value)));
            }
        }
        let guesses = 2.0 * guesses - std::f64::consts::LN_2;
        for ((one, other), (failed, seen)) in self.pairs() {
            let rate = f64::from(failed) / f64::from(seen);
            let of = |value: usize| {
                PAIR_CONTRAST * f64::from(self.tallies[value].failed) / f64::from(self.tallies[value].seen)
            };
            let score = self.rule.likelihood(failed, seen) - guesses;
            if rate >= of(one) && rate >= of(other) && best.is_none_or(|(most, _, _)| score > most) {
                best = Some((score, 0, Cut::Pair(one, other)));
            }
        }
        best.filter(|(score, _, _)| *score > 0.0).map(|(_, _, cut)| cut)
    }

    /// Failures and results of every pair that failed often enough.
    fn pairs(&self) -> BTreeMap<(usize, usize), (u32, u32)> {
        let mut pairs: BTreeMap<(usize, usize), (u32, u32)> = BTreeMap::new();
        if self.all().failed < PAIR_FAILED_MIN {
            return pairs;
        }
        let counted = || self.log.iter().filter(|(rank, _)| !self.devices[*rank as usize].held);
        for (rank, _) in counted().filter(|(_, failed)| *failed) {
            for (nth, one) in self.fleet.labels(*rank).enumerate() {
                for other in self.fleet.labels(*rank).skip(nth + 1) {
                    pairs.entry((one, other)).or_default().0 += 1;
                }
            }
        }
        pairs.retain(|_, (failed, _)| *failed >= PAIR_FAILED_MIN);
        let mut partners: Vec<Vec<(usize, u32)>> = vec![Vec::new(); self.everything()];
        for (one, other) in pairs.keys() {
            partners[*one].push((*other, 0));
        }
        for (rank, _) in counted() {
            for one in self.fleet.labels(*rank) {
                for (other, seen) in &mut partners[one] {
                    *seen += u32::from(self.fleet.has(*rank, *other));
                }
            }
        }
        for ((one, other), (_, seen)) in &mut pairs {
            *seen = partners[*one].iter().find(|(partner, _)| partner == other).map_or(0, |(_, seen)| *seen);
        }
        pairs
    }

    /// Makes the statistics anew from the log, without the devices that are held.
    pub(super) fn replay(&mut self) {
        let everything = self.everything();
        for (which, tally) in self.tallies.iter_mut().enumerate() {
            let head_start =
                if which == everything { self.rule.head_start_all } else { self.rule.head_start };
            tally.forget(head_start);
        }
        let log = std::mem::take(&mut self.log);
        for (rank, failed) in &log {
            if !self.devices[*rank as usize].held {
                self.each_tally(*rank, |tally, rule| tally.step(rule, *failed));
            }
        }
        self.log = log;
        for tally in &mut self.tallies {
            tally.refresh(&self.rule);
        }
        for value in 0..everything {
            self.touch(value);
        }
    }
}
