//! A device in flight: handed out, writing, back with a result, or never heard of again.

use super::engine::{Doubt, Pace, Spot};
use super::{Decision, Evidence, Verdict};
use crate::time::Timestamp;
use std::time::Duration;

impl Pace {
    /// The device is handed out. A second call for one in flight changes nothing.
    pub fn start(&mut self, rank: u32, now: Timestamp) {
        self.tick(now);
        if self.devices.get(rank as usize).is_none_or(|device| device.spot == Spot::Flight) {
            return;
        }
        let probe = self.is_probe(rank);
        let device = &mut self.devices[rank as usize];
        (device.woken, device.woken_by_site) = (None, false);
        self.take(rank);
        let started = self.timers.clock();
        let device = &mut self.devices[rank as usize];
        self.waits -= u32::from(device.waits);
        (device.spot, device.waits, device.probe) = (Spot::Flight, false, probe);
        (device.late, device.silent, device.connected, device.counted) = (false, false, false, false);
        (device.started, device.starts_before, device.wrote) = (started, self.starts, None);
        self.each_tally(rank, |tally, _| {
            tally.flight += 1;
            tally.blocking += 1;
        });
        self.block_trials(rank);
        self.probes += u32::from(probe);
        self.starts += 1;
        self.harm.in_flight += 1;
        self.timers.start(rank);
        self.idle = false;
    }

    /// The device's connect is done, or nobody can say any more that it is not: it may write soon, so it
    /// blocks others until its result.
    pub fn connected(&mut self, rank: u32) {
        let Some(device) = self.devices.get_mut(rank as usize) else { return };
        if device.spot != Spot::Flight || std::mem::replace(&mut device.connected, true) {
            return;
        }
        if std::mem::take(&mut device.silent) {
            self.each_tally(rank, |tally, _| tally.blocking += 1);
            self.block_trials(rank);
        }
    }

    /// The first byte that can change the device was let through at `at`.
    pub fn wrote(&mut self, rank: u32, at: Timestamp) {
        let Some(device) = self.devices.get_mut(rank as usize) else { return };
        if device.spot != Spot::Flight || device.wrote.is_some() {
            return;
        }
        device.wrote = Some(at);
        self.connected(rank);
        self.timers.write(rank, at);
        self.tick(self.timers.clock());
    }

    /// The device's result, with the time from its first write to its end. Works also for a device that
    /// is not in flight: a replay, or a late result of an unknown one. What the result leads to is in
    /// force at once and read with [`Self::poll_decision`].
    pub fn finish(&mut self, rank: u32, verdict: Verdict, wrote_for: Option<Duration>, now: Timestamp) {
        self.tick(now);
        if rank as usize >= self.devices.len() {
            return;
        }
        self.land(rank);
        match verdict {
            Verdict::Ok => self.known(rank, false, wrote_for),
            Verdict::Failed => self.known(rank, true, wrote_for),
            Verdict::Lost => self.unknown(rank, Doubt::Lost),
            Verdict::Doubtful => self.unknown(rank, Doubt::Doubtful),
            Verdict::Neutral => {}
        }
        self.tick(now);
    }

    /// An unknown device was read back. Corrects what is known of the harm, never a hold.
    pub fn settle(&mut self, rank: u32, failed: bool) {
        let Some(device) = self.devices.get_mut(rank as usize) else { return };
        let doubt = std::mem::replace(&mut device.doubt, Doubt::None);
        if doubt == Doubt::None {
            return;
        }
        device.result = Some((failed, doubt != Doubt::Waived));
        self.harm.unknown -= 1;
        self.harm.results += 1;
        self.harm.failed += u32::from(failed);
        if doubt != Doubt::Waived {
            self.unreserve(rank, doubt);
            self.line.unknown -= 1;
            self.line.results += 1;
            self.line.failed += u32::from(failed);
            self.keep_budget();
        }
        self.touch_labels(rank);
    }

    /// An unknown device turned out to be untouched: it counts for nothing and may be started again. Like
    /// [`Self::settle`] it never undoes a hold.
    pub fn settle_untouched(&mut self, rank: u32) {
        let Some(device) = self.devices.get_mut(rank as usize) else { return };
        let doubt = std::mem::replace(&mut device.doubt, Doubt::None);
        if doubt == Doubt::None {
            return;
        }
        device.counted = false;
        self.harm.unknown -= 1;
        if doubt != Doubt::Waived {
            self.unreserve(rank, doubt);
            self.line.unknown -= 1;
        }
        self.touch_labels(rank);
    }

    /// A device whose result was known is in doubt again: what was counted of it is taken back, and it reserves
    /// like one in flight until it is read or settled. What was learnt from it stays.
    pub fn doubt_again(&mut self, rank: u32, now: Timestamp) {
        self.tick(now);
        let Some(device) = self.devices.get_mut(rank as usize) else { return };
        if device.doubt != Doubt::None {
            return;
        }
        device.doubt = Doubt::Doubtful;
        if let Some((failed, in_line)) = device.result.take() {
            self.harm.results -= 1;
            self.harm.failed -= u32::from(failed);
            self.line.results -= u32::from(in_line);
            self.line.failed -= u32::from(failed && in_line);
        }
        self.harm.unknown += 1;
        self.line.unknown += 1;
        self.each_tally(rank, |tally, _| tally.doubt += 1);
        self.keep_budget();
        self.touch_labels(rank);
    }

    /// Takes the device out of flight, if it is.
    fn land(&mut self, rank: u32) {
        let device = &mut self.devices[rank as usize];
        if device.spot != Spot::Flight {
            return;
        }
        device.spot = Spot::Away;
        let (late, silent) = (device.late, device.silent);
        self.probes -= u32::from(std::mem::take(&mut device.probe));
        self.harm.in_flight -= 1;
        self.each_tally(rank, |tally, rule| {
            tally.flight -= 1;
            tally.blocking -= u32::from(!silent);
            if late {
                tally.late -= 1;
                tally.refresh(rule);
            }
        });
        if !silent {
            self.unblock_trials(rank);
        }
        self.touch_labels(rank);
    }

    fn known(&mut self, rank: u32, failed: bool, wrote_for: Option<Duration>) {
        let device = self.devices[rank as usize];
        if device.doubt != Doubt::None {
            self.settle(rank, failed);
        } else if device.counted {
            return;
        } else {
            self.devices[rank as usize].result = Some((failed, true));
            self.harm.results += 1;
            self.harm.failed += u32::from(failed);
            self.line.results += 1;
            self.line.failed += u32::from(failed);
        }
        if failed {
            wrote_for.into_iter().for_each(|wrote_for| self.timers.failure(wrote_for));
        } else {
            match wrote_for {
                Some(wrote_for) if self.timers.ok(wrote_for) => self.timers.ripen(rank, wrote_for),
                Some(_) | None => self.mature(rank),
            }
        }
        if !std::mem::replace(&mut self.devices[rank as usize].counted, true) {
            self.count(rank, failed);
        }
    }

    fn unknown(&mut self, rank: u32, doubt: Doubt) {
        let device = &mut self.devices[rank as usize];
        if device.counted || device.doubt != Doubt::None {
            return;
        }
        device.doubt = doubt;
        self.harm.unknown += 1;
        self.line.unknown += 1;
        let lost = doubt == Doubt::Lost;
        device.counted = lost;
        self.each_tally(rank, |tally, _| if lost { tally.lost += 1 } else { tally.doubt += 1 });
        if lost {
            self.count(rank, true);
        } else {
            self.keep_budget();
        }
    }

    fn unreserve(&mut self, rank: u32, doubt: Doubt) {
        let (lost, doubtful) = (u32::from(doubt == Doubt::Lost), u32::from(doubt == Doubt::Doubtful));
        self.each_tally(rank, |tally, _| {
            tally.lost -= lost;
            tally.doubt -= doubtful;
        });
    }

    /// Stops when the budget is used up; over all results, held groups included.
    pub(super) fn keep_budget(&mut self) {
        let budget = self.rule.budget;
        let line = self.line;
        if self.rule.is_used_up(line.failed, line.results) {
            let reason = format!(
                "{} of {} failed: the budget of {} beyond the tolerated {} is used up",
                line.failed, line.results, budget.devices, budget.tolerated_share
            );
            self.stop(self.evidence_of_all(), reason);
        } else if self.rule.strict() && line.failed + line.unknown >= budget.devices {
            let reason = format!(
                "{} failed and {} unknown: the strict budget of {} is used up",
                line.failed, line.unknown, budget.devices
            );
            self.stop(self.evidence_of_all(), reason);
        }
    }

    fn evidence_of_all(&self) -> Evidence {
        let Self { line, .. } = self;
        Evidence { failed: line.failed, seen: line.results, others_failed: 0, others_seen: 0 }
    }

    /// Stops the whole rollout, unless it is.
    pub(super) fn stop(&mut self, evidence: Evidence, reason: String) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.decisions.push_back(Decision::Stop { evidence, reason });
        }
    }

    /// Counts one result for the statistics, and draws the consequences.
    fn count(&mut self, rank: u32, failed: bool) {
        if self.unpaced {
            return;
        }
        self.log.push((rank, failed));
        if failed {
            self.keep_budget();
        }
        if self.stopped || self.devices[rank as usize].held {
            return;
        }
        self.each_tally(rank, |tally, rule| {
            tally.step(rule, failed);
            tally.refresh(rule);
        });
        if failed {
            self.judge(rank);
        } else {
            self.prove(rank);
        }
    }

    /// A success: the values of the device are no longer unproven.
    fn prove(&mut self, rank: u32) {
        let mut news = false;
        let starts_before = self.devices[rank as usize].starts_before;
        self.each_tally(rank, |tally, _| {
            if starts_before >= tally.trial_from {
                news |= !tally.proven;
                (tally.proven, tally.trial) = (true, false);
            }
        });
        if news {
            let tallies = &self.tallies;
            self.unproven.retain(|value| !tallies[*value as usize].proven);
        }
        self.end_trials(rank);
        self.touch_labels(rank);
    }
}
