//! What the events of a doubt change: it arises, is read, stays or is settled.

use super::Rollout;
use super::doubt::Doubt;
use crate::id::DeviceName;
use crate::outcome::{DeviceState, Outcome};
use crate::pace::Verdict;
use crate::time::Timestamp;

impl Rollout {
    /// The device is in doubt from now on; it is read when it can be.
    pub(super) fn begin_doubt(&mut self, rank: u32, doubt: Doubt) {
        let device = &mut self.devices[rank as usize];
        device.doubts += 1;
        device.doubt = Some(Box::new(doubt));
        self.doubts.insert(rank);
    }

    pub(super) fn end_doubt(&mut self, rank: u32) {
        self.devices[rank as usize].doubt = None;
        self.doubts.remove(&rank);
    }

    pub(super) fn read_back(&mut self, name: &DeviceName, attempt: u32, at: Timestamp) {
        let Some(rank) = self.layout.rank(name) else { return };
        let device = &mut self.devices[rank as usize];
        device.attempt = attempt;
        if let Some(doubt) = &mut device.doubt {
            (doubt.reading, doubt.next_read) = (true, None);
            doubt.reads += 1;
            doubt.read_at = at;
        }
    }

    pub(super) fn still_unknown(
        &mut self,
        name: &DeviceName,
        attempt: u32,
        (not_before, untried): (Option<Timestamp>, bool),
        reason: &str,
    ) {
        let Some(rank) = self.layout.rank(name) else { return };
        let device = &mut self.devices[rank as usize];
        device.reason = reason.to_owned();
        if let Some(doubt) = &mut device.doubt {
            if std::mem::take(&mut doubt.reading) {
                device.reported = attempt;
                doubt.reads = doubt.reads.saturating_sub(u32::from(untried));
                doubt.untried = if untried { doubt.untried.saturating_add(1) } else { 0 };
            } else {
                doubt.untried = 0;
            }
            doubt.next_read = not_before;
            doubt.unreached = untried && not_before.is_none();
            // A reading that never reached the device is repeated, not wanted anew.
            if let Some(at) = not_before.filter(|_| !untried) {
                doubt.wanted = at;
            }
        }
    }

    pub(super) fn given_up(&mut self, name: &DeviceName, attempt: u32, reason: &str, at: Timestamp) {
        if let Some(rank) = self.shift(name, DeviceState::Unknown) {
            let is_restore = self.devices[rank as usize].is_attempt_of_restore(attempt);
            if !is_restore {
                self.pace.withdraw(rank);
                self.pace.finish(rank, Verdict::Doubtful, None, at);
            }
            let device = &mut self.devices[rank as usize];
            device.reason = reason.to_owned();
            let restore = device.restore.as_ref().filter(|restore| restore.attempt == attempt);
            let before = restore.and_then(|restore| restore.before.clone());
            let raised = attempt > device.attempt;
            device.attempt = device.attempt.max(attempt);
            // Its agent may still have it in hand and says so when it comes back.
            self.begin_doubt(rank, Doubt { raised, ..Doubt::new(at, attempt, before, None) });
        }
    }

    /// What was given up ended after all, and nobody knows how: nobody else will say, so it is read.
    pub(super) fn ended_in_doubt(
        &mut self,
        name: &DeviceName,
        attempt: u32,
        outcome: &Outcome,
        at: Timestamp,
    ) {
        let Some(rank) = self.layout.rank(name) else { return };
        let readable = self.layout.readable;
        let device = &mut self.devices[rank as usize];
        device.reported = device.reported.max(attempt);
        device.note_write(attempt, outcome);
        device.outcome = Some(Box::new(outcome.clone()));
        if let Some(doubt) = &mut device.doubt {
            doubt.before = outcome.before.clone().or(doubt.before.take());
            if !doubt.reading && doubt.next_read.is_none() && readable {
                (doubt.next_read, doubt.wanted, doubt.unreached) = (Some(at), at, false);
            }
        }
    }

    pub(super) fn settled(
        &mut self,
        name: &DeviceName,
        attempt: u32,
        state: DeviceState,
        (outcome, reason): (Option<&Outcome>, &str),
        at: Timestamp,
    ) {
        let Some(rank) = self.shift(name, state) else { return };
        let doubt = self.devices[rank as usize].doubt.take();
        self.end_doubt(rank);
        let device = &mut self.devices[rank as usize];
        device.reported = device.reported.max(attempt);
        // What a reading found is no word on the attempt that left the doubt.
        if outcome.is_some_and(|outcome| outcome.found.is_none()) {
            device.heard = device.heard.max(attempt);
        }
        device.reason = reason.to_owned();
        match (outcome, state) {
            (Some(outcome), _) => {
                device.note_write(attempt, outcome);
                // Whoever puts it back later must know what it had.
                let before = outcome.before.clone().or_else(|| doubt.and_then(|doubt| doubt.before));
                device.outcome = Some(Box::new(Outcome { before, ..outcome.clone() }));
            }
            (None, DeviceState::Pending | DeviceState::Skipped | DeviceState::RolledBack) => {
                device.outcome = None;
            }
            (None, _) => {}
        }
        match state {
            DeviceState::Succeeded | DeviceState::Unchanged => self.pace.settle(rank, false),
            DeviceState::Failed | DeviceState::RolledBack => self.pace.settle(rank, true),
            DeviceState::Pending | DeviceState::Running | DeviceState::Skipped | DeviceState::Unknown => {
                self.pace.settle_untouched(rank);
            }
        }
        // A wave that has not begun offers its devices itself.
        if state == DeviceState::Pending && self.layout.devices[rank as usize].wave <= self.wave {
            self.devices[rank as usize].not_before = at;
            self.later.insert((at, rank));
        }
    }

    /// Two ends of one attempt were reported: the device is in doubt, whatever it was.
    pub(super) fn conflicted(
        &mut self,
        name: &DeviceName,
        attempt: u32,
        outcome: &Outcome,
        reason: &str,
        at: Timestamp,
    ) {
        let Some(rank) = self.shift(name, DeviceState::Unknown) else { return };
        self.pace.withdraw(rank);
        self.pace.doubt_again(rank, at);
        let device = &mut self.devices[rank as usize];
        device.reason = reason.to_owned();
        device.reported = device.reported.max(attempt);
        if device.heard < attempt {
            device.heard = attempt;
            device.outcome = Some(Box::new(outcome.clone()));
        }
        let next_read = self.layout.readable.then_some(at);
        self.begin_doubt(rank, Doubt::new(at, attempt, None, next_read));
    }
}
