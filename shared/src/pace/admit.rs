//! Who may start now: probes over values without a success first, then the lowest rank that fits.

use super::engine::{Pace, Spot};
use super::rule::IN_FLIGHT_MAX;
use super::{Entry, Trial};
use crate::time::Timestamp;

/// Values that are looked at for one probe.
const PROBE_VALUES_MAX: usize = 3;
/// Devices that are looked at for each of them.
const PROBE_DEVICES_MAX: usize = 24;
/// Devices that one value wakes at once while others are in flight.
const WAKE_MAX: u32 = 64;
/// Devices that wait for a site which are looked at before a higher rank starts there.
const SITE_WAITERS_MAX: usize = 16;

impl Pace {
    /// Who may start now; `door` says for a device that the pace lets through whether its surroundings
    /// do too. Does not start it. A device that hears [`Entry::Later`] leaves the candidates until it
    /// is offered again; one that hears [`Entry::SiteFull`] waits for its site, by rank.
    pub fn next(&mut self, now: Timestamp, door: &mut dyn FnMut(u32) -> Entry) -> Option<u32> {
        self.tick(now);
        if self.idle || self.stopped {
            return None;
        }
        let found = self.search(door);
        self.idle = found.is_none();
        found
    }

    fn search(&mut self, door: &mut dyn FnMut(u32) -> Entry) -> Option<u32> {
        if self.is_shut() {
            return None;
        }
        self.wake_touched();
        let mut asked = None;
        while self.fits(self.all().reserve) {
            let rank = match self.best_probe() {
                Some(rank) => rank,
                None => self.first_free()?,
            };
            match door(rank) {
                Entry::Free => match self.overtaken_at_site(rank).filter(|lower| asked != Some(*lower)) {
                    Some(lower) => {
                        asked = Some(lower);
                        self.take(lower);
                        self.put(lower, Spot::Ready);
                    }
                    None => return Some(rank),
                },
                Entry::SiteFull => {
                    self.devices[rank as usize].woken_by_site = false;
                    self.take(rank);
                    self.put(rank, Spot::Site);
                }
                Entry::Later => self.take(rank),
            }
            self.wake_touched();
        }
        None
    }

    /// Whether no device can start, whichever it is.
    pub(super) fn is_shut(&self) -> bool {
        let all = self.all();
        if self.unpaced {
            return false;
        }
        all.flight >= IN_FLIGHT_MAX || (!all.proven && all.blocking > 0) || self.strict_is_full()
    }

    /// Whether the strict budget has no room for one more.
    pub(super) fn strict_is_full(&self) -> bool {
        self.rule.strict()
            && self.line.failed + self.line.unknown + self.all().flight + 1 > self.rule.budget.devices
    }

    /// What is left of the budget: after the recent failures in excess, and after all failures.
    pub(super) fn slack(&self) -> f64 {
        let excess = f64::from(self.line.failed) - self.rule.tolerated * f64::from(self.line.results);
        self.all().left(&self.rule).min(self.rule.devices() - excess)
    }

    /// What everything in flight and unknown reserves.
    pub(super) fn reserved(&self) -> f64 {
        let all = self.all();
        f64::from(self.probes)
            + 0.5 * f64::from(all.late)
            + f64::from(all.flight - self.probes + all.doubt) * all.reserve
            + f64::from(all.lost)
    }

    /// Whether a device that reserves `cost` fits what is left of the budget.
    pub(super) fn fits(&self, cost: f64) -> bool {
        self.all().blocking == 0 || self.reserved() + cost <= self.slack()
    }

    /// Whether the device reserves a whole device: a value or released pair of it never succeeded.
    pub(super) fn is_probe(&self, rank: u32) -> bool {
        self.fleet.labels(rank).any(|value| !self.tallies[value].proven)
            || self.trials.iter().any(|trial| self.is_in(rank, trial.cut()))
    }

    /// The released pair that the device must wait for.
    pub(super) fn trial_ahead(&self, rank: u32) -> Option<&Trial> {
        self.trials.iter().find(|trial| trial.blocking > 0 && self.is_in(rank, trial.cut()))
    }

    /// The lowest rank that nothing but the budget refuses; `None` also when it does not fit that.
    fn first_free(&mut self) -> Option<u32> {
        loop {
            let Some(rank) = self.ready.first_in(0, usize::MAX).map(|rank| rank as u32) else {
                if self.wake_touched() || self.wake_everybody() {
                    continue;
                }
                return None;
            };
            let refusing = self.fleet.places(rank).find(|at| self.refuses(*at));
            if let Some(place) = refusing {
                self.park(rank, place as u32);
            } else if self.trial_ahead(rank).is_some() {
                self.take(rank);
                self.put(rank, Spot::Trial);
            } else if let Some(value) = self.overtaken_at(rank) {
                self.wake_value(value, 1);
            } else {
                return (!self.is_probe(rank) || self.fits(1.0)).then_some(rank);
            }
        }
    }

    /// Whether the value at `place` keeps the place's device back: it is full, or a lower rank of a
    /// value with recent failures still waits. Without the latter, devices with two bad values wait for
    /// room in both while all others clear both values of suspicion.
    fn refuses(&self, place: usize) -> bool {
        let value = self.fleet.label(place);
        self.tallies[value].refuses(&self.rule)
            || (self.tallies[value].is_suspect()
                && self.first_candidate(value) != Some(self.fleet.slot(place)))
    }

    /// A value of the device at which a lower rank waits that nothing refuses any more: time makes room without
    /// a word, and whoever asks first would overtake it.
    fn overtaken_at(&self, rank: u32) -> Option<usize> {
        self.fleet.places(rank).find_map(|place| {
            let value = self.fleet.label(place);
            let start = self.fleet.values.slots(value).start;
            let slot = self.waiting.first_in(start, self.fleet.slot(place))?;
            let lower = self.fleet.values.at(slot);
            let is_free = !self.fleet.places(lower).any(|place| self.refuses(place));
            is_free.then_some(value)
        })
    }

    /// A lower rank with the same labels that waits for room at the site of `rank`, where there is some.
    fn overtaken_at_site(&self, rank: u32) -> Option<u32> {
        let slots = self.fleet.sites.slots(self.fleet.site(rank));
        let mut from = slots.start;
        for _ in 0..SITE_WAITERS_MAX {
            let slot = self.at_sites.first_in(from, slots.end)?;
            let lower = self.fleet.sites.at(slot);
            if lower >= rank {
                return None;
            }
            let is_alike = self.fleet.labels(lower).eq(self.fleet.labels(rank));
            if is_alike && !self.fleet.places(lower).any(|place| self.refuses(place)) {
                return Some(lower);
            }
            from = slot + 1;
        }
        None
    }

    fn first_candidate(&self, value: usize) -> Option<usize> {
        let slots = self.fleet.values.slots(value);
        self.candidates.first_in(slots.start, slots.end)
    }

    /// The device that shows most about values without a success, if one may start.
    fn best_probe(&self) -> Option<u32> {
        if self.unproven.is_empty() || !self.fits(1.0) {
            return None;
        }
        let turn = (u64::from(self.line.results) * 7 + self.starts * 13) % self.unproven.len() as u64;
        let (behind, ahead) = self.unproven.split_at(turn as usize);
        let mut best: Option<(i32, u32)> = None;
        let mut found = 0;
        for value in ahead.iter().chain(behind).map(|value| *value as usize) {
            if self.tallies[value].blocking > 0 {
                continue;
            }
            let slots = self.fleet.values.slots(value);
            let mut from = slots.start;
            for _ in 0..PROBE_DEVICES_MAX {
                let Some(slot) = self.candidates.first_in(from, slots.end) else { break };
                from = slot + 1;
                let rank = self.fleet.values.at(slot);
                if let Some(score) = self.score(rank)
                    && best.is_none_or(|(most, _)| score > most)
                {
                    best = Some((score, rank));
                }
            }
            found += usize::from(best.is_some());
            if found == PROBE_VALUES_MAX {
                break;
            }
        }
        best.map(|(_, rank)| rank)
    }

    /// How much the device would show: values never seen, and at most one suspect at a time.
    fn score(&self, rank: u32) -> Option<i32> {
        let (mut unseen, mut suspects) = (0, 0);
        for value in self.fleet.labels(rank) {
            let tally = &self.tallies[value];
            if tally.refuses(&self.rule) {
                return None;
            }
            if !tally.proven {
                unseen += i32::from(tally.seen == 0);
                suspects += i32::from(tally.failed > 0);
            }
        }
        if self.trial_ahead(rank).is_some() {
            return None;
        }
        Some(unseen - 10 * if self.all().proven { (suspects - 1).max(0) } else { suspects })
    }

    /// Makes ready who waits for a value with room; whether anybody was.
    fn wake_touched(&mut self) -> bool {
        let mut woke = false;
        for value in std::mem::take(&mut self.touched) {
            let value = value as usize;
            self.tallies[value].touched = false;
            let mut room = self.tallies[value].room(&self.rule);
            if self.tallies[value].is_suspect() {
                let slots = self.fleet.values.slots(value);
                let first = self.waiting.first_in(slots.start, slots.end);
                room = room.min(u32::from(first == self.first_candidate(value)));
            }
            let more = room > WAKE_MAX && self.all().blocking > 0;
            if more {
                room = WAKE_MAX;
            }
            let woken = self.wake_value(value, room);
            woke |= woken > 0;
            if more && woken == room {
                self.touch(value);
            }
        }
        woke
    }

    fn wake_value(&mut self, value: usize, room: u32) -> u32 {
        let slots = self.fleet.values.slots(value);
        for woken in 0..room {
            let Some(slot) = self.waiting.first_in(slots.start, slots.end) else { return woken };
            let rank = self.fleet.values.at(slot);
            let Spot::Value(place) = self.devices[rank as usize].spot else { return woken };
            self.waiting.remove(slot);
            self.at_values -= 1;
            self.ready.insert(rank as usize);
            let device = &mut self.devices[rank as usize];
            device.spot = Spot::Ready;
            device.woken = Some(place);
        }
        room
    }

    /// With nobody in flight no value refuses anybody: a waiter left behind would wait for ever.
    fn wake_everybody(&mut self) -> bool {
        if self.at_values == 0 || self.all().blocking > 0 {
            return false;
        }
        let mut woke = false;
        for value in 0..self.everything() {
            woke |= self.wake_value(value, u32::MAX) > 0;
        }
        woke
    }
}
