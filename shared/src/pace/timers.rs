//! What happens by itself: successes mature, devices become overdue, silent ones stop blocking.

use super::engine::{Pace, Spot};
use super::rule::{
    LATE_HALVES, MATURE_FAILURE_TENTHS, MATURE_HALVES, MATURE_HALVES_MAX, OKS_MIN, SILENT, SILENT_PART,
};
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Deadlines of devices; those of devices that moved on are passed over when they come up.
#[derive(Debug, Clone)]
pub(super) struct Timers {
    /// The latest instant seen.
    clock: Timestamp,
    /// How long a connect blocks others.
    silent_after: Duration,
    /// Successes and their durations from the first write, in microseconds.
    oks: u64,
    ok_micros: u64,
    /// The same for failures.
    failures: u64,
    failure_micros: u64,
    /// When devices started, in order.
    started: VecDeque<(Timestamp, u32)>,
    /// When devices in flight first wrote, in order.
    wrote: VecDeque<(Timestamp, u32)>,
    /// When devices that succeeded first wrote, the earliest first.
    fresh: BinaryHeap<Reverse<(Timestamp, u32)>>,
}

impl Timers {
    pub(super) fn new() -> Self {
        Self {
            clock: Timestamp::default(),
            silent_after: SILENT,
            oks: 0,
            ok_micros: 0,
            failures: 0,
            failure_micros: 0,
            started: VecDeque::new(),
            wrote: VecDeque::new(),
            fresh: BinaryHeap::new(),
        }
    }

    pub(super) fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Counts a success; says whether it must mature.
    pub(super) fn ok(&mut self, wrote_for: Duration) -> bool {
        self.oks += 1;
        let micros = u64::try_from(wrote_for.as_micros()).unwrap_or(u64::MAX);
        self.ok_micros = self.ok_micros.saturating_add(micros);
        self.oks >= OKS_MIN
    }

    /// Counts a failure.
    pub(super) fn failure(&mut self, wrote_for: Duration) {
        self.failures += 1;
        let micros = u64::try_from(wrote_for.as_micros()).unwrap_or(u64::MAX);
        self.failure_micros = self.failure_micros.saturating_add(micros);
    }

    pub(super) fn start(&mut self, rank: u32) {
        self.started.push_back((self.clock, rank));
    }

    pub(super) fn write(&mut self, rank: u32, at: Timestamp) {
        let behind = self.wrote.iter().rev().take_while(|(earlier, _)| *earlier > at).count();
        self.wrote.insert(self.wrote.len() - behind, (at, rank));
    }

    pub(super) fn ripen(&mut self, rank: u32, wrote_for: Duration) {
        let micros = i64::try_from(wrote_for.as_micros()).unwrap_or(i64::MAX);
        self.fresh.push(Reverse((Timestamp(self.clock.0.saturating_sub(micros)), rank)));
    }

    pub(super) fn forget_successes(&mut self) {
        self.fresh.clear();
    }

    fn halves_of_mean(&self, halves: u64) -> Option<Duration> {
        let mean = self.ok_micros.checked_div(self.oks)?;
        (self.oks >= OKS_MIN).then(|| Duration::from_micros((mean / 2).saturating_mul(halves)))
    }

    fn late_after(&self) -> Option<Duration> {
        self.halves_of_mean(LATE_HALVES)
    }

    fn mature_after(&self) -> Option<Duration> {
        let least = self.halves_of_mean(MATURE_HALVES)?;
        let most = self.halves_of_mean(MATURE_HALVES_MAX)?;
        let failure = self.failure_micros.checked_div(self.failures).unwrap_or(0);
        Some(Duration::from_micros(failure / 10 * MATURE_FAILURE_TENTHS).clamp(least, most))
    }
}

impl Pace {
    /// The same with devices whose connects take up to `connect`: half of it has passed before one that
    /// has not connected stops blocking others, and never less than three seconds.
    #[must_use]
    pub fn with_connect_timeout(mut self, connect: Duration) -> Self {
        self.timers.silent_after = (connect / SILENT_PART).max(SILENT);
        self
    }

    /// Lets time pass: successes mature, the overdue are marked. Called before everything that is
    /// applied; calling it in between as well changes nothing.
    pub fn tick(&mut self, now: Timestamp) {
        self.timers.clock = self.timers.clock.max(now);
        let clock = self.timers.clock;
        while let Some((started, rank)) = self.timers.started.front().copied() {
            if started.plus(self.timers.silent_after) > clock {
                break;
            }
            self.timers.started.pop_front();
            self.fall_silent(rank, started);
        }
        if let Some(limit) = self.timers.late_after() {
            while let Some((wrote, rank)) = self.timers.wrote.front().copied() {
                if wrote.plus(limit) > clock {
                    break;
                }
                self.timers.wrote.pop_front();
                self.become_late(rank, wrote);
            }
        }
        if let Some(limit) = self.timers.mature_after() {
            while let Some(Reverse((wrote, rank))) = self.timers.fresh.peek().copied() {
                if wrote.plus(limit) > clock {
                    break;
                }
                self.timers.fresh.pop();
                self.mature(rank);
            }
        }
    }

    /// When [`Self::tick`] next changes something; it may turn out to change nothing.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let silent = self.timers.started.front().map(|(started, _)| started.plus(self.timers.silent_after));
        let late = self.timers.wrote.front().zip(self.timers.late_after());
        let mature = self.timers.fresh.peek().zip(self.timers.mature_after());
        let late = late.map(|((wrote, _), limit)| wrote.plus(limit));
        let mature = mature.map(|(Reverse((wrote, _)), limit)| wrote.plus(limit));
        [silent, late, mature].into_iter().flatten().min()
    }

    fn fall_silent(&mut self, rank: u32, started: Timestamp) {
        let device = &mut self.devices[rank as usize];
        let still = device.spot == Spot::Flight && device.started == started;
        if !still || device.connected || device.silent {
            return;
        }
        device.silent = true;
        self.each_tally(rank, |tally, _| tally.blocking -= 1);
        self.unblock_trials(rank);
        self.touch_labels(rank);
    }

    fn become_late(&mut self, rank: u32, wrote: Timestamp) {
        let device = &mut self.devices[rank as usize];
        if device.spot != Spot::Flight || device.wrote != Some(wrote) || device.late {
            return;
        }
        device.late = true;
        self.each_tally(rank, |tally, rule| {
            tally.late += 1;
            tally.refresh(rule);
        });
        self.idle = false;
    }

    /// From now on the pace leans on the success of `rank`.
    pub(super) fn mature(&mut self, rank: u32) {
        self.each_tally(rank, |tally, rule| {
            tally.mature += 1;
            tally.refresh(rule);
        });
        self.touch_labels(rank);
    }
}
