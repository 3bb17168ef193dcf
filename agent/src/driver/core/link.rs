//! The session's begin and end, and what is said to the coordinator.

use super::{Core, Effect, UNACKED_MAX};
use crate::journal::Entry;
use switchyard_proto::convert::link::{FromAgent, Hello, Welcome};
use switchyard_shared::task::COMPARISON;
use switchyard_shared::time::Timestamp;

impl Core {
    /// The first word of a session.
    pub fn hello(&self) -> Hello {
        let all = self.running.keys().chain(self.ledger.ops());
        let mut in_hand: Vec<_> = all.filter(|op| op.attempt != COMPARISON).cloned().collect();
        in_hand.sort();
        in_hand.dedup();
        Hello {
            site: self.site.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            in_hand,
            acked_sequence: self.ledger.acked_sequence(),
            coordinator_epoch: self.coordinator_epoch,
            journal_id: self.journal_id.clone(),
            former_journal_ids: self.former_journal_ids.clone(),
            left_out: self.ledger.left_out(),
            site_epoch: self.site_epoch,
            last_sequence: Some(self.ledger.last_sequence()),
            calls_off_comparisons: true,
            max_in_flight: u32::try_from(self.pool.max()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn connected(&mut self, welcome: &Welcome) {
        if welcome.acked_sequence > self.ledger.last_sequence() {
            tracing::warn!(
                "the coordinator keeps results up to {} of this site and this journal knows of {}: the data folder \
                 is new or was replaced; numbering goes on from there",
                welcome.acked_sequence,
                self.ledger.last_sequence(),
            );
        }
        if welcome.acked_sequence < self.ledger.acked_sequence() {
            tracing::error!(
                "the coordinator keeps results up to {} and has acknowledged {}: it lost some; check whether it was \
                 restored from a backup",
                welcome.acked_sequence,
                self.ledger.acked_sequence(),
            );
        }
        self.connected = true;
        (self.received, self.granted, self.granted_sent) = (0, 0, 0);
        if welcome.coordinator_epoch > self.coordinator_epoch || welcome.site_epoch > self.site_epoch {
            self.coordinator_epoch = welcome.coordinator_epoch.max(self.coordinator_epoch);
            self.site_epoch = welcome.site_epoch.max(self.site_epoch);
            let entry =
                Entry::Epoch { coordinator_epoch: self.coordinator_epoch, site_epoch: self.site_epoch };
            self.effects.push_back(Effect::Append { entries: vec![entry], results_to: None });
        }
        self.acked(welcome.acked_sequence);
        self.ledger.rewind();
        self.outbox.clear();
        for report in self.breakers.reports() {
            self.outbox.report(report);
        }
    }

    /// What is queued was never started and is forgotten; the next Hello tells the coordinator so. What compares is
    /// waited for by nobody any more: the coordinator has told its reader that the agent was lost.
    pub(super) fn disconnected(&mut self, now: Timestamp) {
        self.connected = false;
        self.queue.clear();
        let comparing = self.running.keys().filter(|op| op.attempt == COMPARISON).cloned().collect();
        self.call_off(comparing, "called off: the coordinator was lost", now);
        self.start_at = None;
        self.outbox.clear();
    }

    pub(super) fn acked(&mut self, sequence: u64) {
        if let Some(entry) = self.ledger.acked(sequence) {
            self.effects.push_back(Effect::Append { entries: vec![entry], results_to: None });
        }
    }

    /// Whether [`Core::poll_outgoing`] has something.
    pub fn has_outgoing(&self) -> bool {
        self.connected
            && (!self.outbox.is_empty() || self.ledger.has_next() || self.granted > self.granted_sent)
    }

    /// The next message for the coordinator: breakers first, so that it knows why before it sees what.
    pub fn poll_outgoing(&mut self) -> Option<FromAgent> {
        if !self.connected {
            return None;
        }
        if let Some(report) = self.outbox.next_report() {
            return Some(FromAgent::Breaker(self.unless_full(report)));
        }
        if let Some((sequence, op, outcome)) = self.ledger.next_result() {
            return Some(FromAgent::Result { sequence, op, outcome });
        }
        if self.granted > self.granted_sent {
            self.granted_sent = self.granted;
            return Some(FromAgent::Credit(self.granted));
        }
        if let Some(compared) = self.outbox.next_compared() {
            return Some(FromAgent::Compared(Box::new(compared)));
        }
        let note = self.outbox.next_progress()?;
        Some(FromAgent::Progress { op: note.op, phase: note.phase, at: note.at })
    }

    /// Grants what is free: never more than the pool holds, than the site's breaker would let start, or
    /// than a start rate lets through soon.
    pub(super) fn grant(&mut self, now: Timestamp) {
        if !self.connected
            || self.draining
            || self.journal_lost.is_some()
            || self.journal_full().is_some()
            || self.ledger.unacked() >= UNACKED_MAX
        {
            return;
        }
        let queued = self.queue.len();
        let mut free = self.pool.room(queued).saturating_sub(self.ledger.undurable());
        if let Some(allowance) = self.breakers.allowance(now) {
            let allowance = usize::try_from(allowance).unwrap_or(usize::MAX);
            free = free.min(allowance.saturating_sub(queued));
        }
        let total = self.received.saturating_add(u64::try_from(free).unwrap_or(u64::MAX));
        self.granted = self.granted.max(total);
    }
}
