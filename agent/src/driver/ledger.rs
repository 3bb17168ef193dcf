//! Results from their end to their acknowledgement: journalled, then sent, resent until acknowledged.

use crate::journal::{Entry, State};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::Outcome;

/// Operations that are remembered after their result was acknowledged.
const SETTLED_MAX: usize = 10_000;

/// Results that the coordinator does not keep yet.
#[derive(Debug, Default)]
pub struct Ledger {
    last_sequence: u64,
    durable: u64,
    acked: u64,
    sent: u64,
    results: BTreeMap<u64, (OpId, Outcome)>,
    by_op: BTreeMap<OpId, u64>,
    resend: BTreeSet<u64>,
    /// Operations that are acknowledged, and whether they may have written: never run again.
    settled: BTreeMap<OpId, bool>,
    settled_order: VecDeque<OpId>,
    wrote: BTreeSet<OpId>,
}

impl Ledger {
    /// What the journal kept.
    pub fn new(state: State) -> Self {
        let by_op = state.results.iter().map(|(sequence, (op, _))| (op.clone(), *sequence)).collect();
        Self {
            last_sequence: state.last_sequence,
            durable: state.last_sequence,
            acked: state.acked,
            by_op,
            results: state.results,
            ..Self::default()
        }
    }

    /// Adds a result; gives the entry that must be durable before it is sent.
    pub fn add(&mut self, op: OpId, outcome: Outcome, wrote: bool) -> Entry {
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        if wrote {
            self.wrote.insert(op.clone());
        }
        self.by_op.insert(op.clone(), sequence);
        self.results.insert(sequence, (op.clone(), outcome.clone()));
        Entry::Result { sequence, op, outcome }
    }

    /// Results up to `sequence` are on disk, or as good as they get.
    pub fn durable(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
    }

    /// Without a journal nothing becomes durable any more; what is in memory is better than silence.
    pub fn send_undurable(&mut self) {
        self.durable = u64::MAX;
    }

    /// The coordinator keeps everything up to `sequence`; gives the entry that says so when it is news.
    pub fn acked(&mut self, sequence: u64) -> Option<Entry> {
        if sequence <= self.acked {
            return None;
        }
        self.acked = sequence;
        self.last_sequence = self.last_sequence.max(sequence);
        let kept = self.results.split_off(&sequence.saturating_add(1));
        for (op, _) in std::mem::replace(&mut self.results, kept).into_values() {
            self.by_op.remove(&op);
            let wrote = self.wrote.remove(&op);
            if self.settled.insert(op.clone(), wrote).is_none() {
                self.settled_order.push_back(op);
            }
        }
        while self.settled_order.len() > SETTLED_MAX
            && let Some(oldest) = self.settled_order.pop_front()
        {
            self.settled.remove(&oldest);
        }
        self.resend.retain(|waiting| *waiting > sequence);
        Some(Entry::Acked { sequence })
    }

    /// A new session: everything that is not acknowledged is sent again, in order.
    pub fn rewind(&mut self) {
        self.sent = self.acked;
        self.resend.clear();
    }

    /// Sends the result of `op` again, if there is one that waits; tells whether there is.
    pub fn send_again(&mut self, op: &OpId) -> bool {
        let Some(sequence) = self.by_op.get(op) else { return false };
        if *sequence <= self.sent {
            self.resend.insert(*sequence);
        }
        true
    }

    /// Whether `op` may have written, if it is over and done with here.
    pub fn settled(&self, op: &OpId) -> Option<bool> {
        self.settled.get(op).copied()
    }

    /// The next result to send, if one is durable and not sent.
    pub fn next_result(&mut self) -> Option<(u64, OpId, Outcome)> {
        let sequence = match self.resend.pop_first() {
            Some(sequence) => sequence,
            None => {
                let next = self.unsent()?;
                self.sent = next;
                next
            }
        };
        self.results.get(&sequence).map(|(op, outcome)| (sequence, op.clone(), outcome.clone()))
    }

    /// Whether [`Ledger::next_result`] has something.
    pub fn has_next(&self) -> bool {
        !self.resend.is_empty() || self.unsent().is_some()
    }

    /// Numbers that no result has or will have, from the first to the last of each range: the journal leaves
    /// some out after a crash. Without them the coordinator would wait for results that never come.
    pub fn left_out(&self) -> Vec<(u64, u64)> {
        let next = self.last_sequence.saturating_add(1);
        let mut expected = self.acked.saturating_add(1);
        let mut found = Vec::new();
        for number in self.results.keys().copied().chain([next]) {
            if number > expected {
                found.push((expected, number - 1));
            }
            expected = number.saturating_add(1);
        }
        found
    }

    /// Operations whose result is not acknowledged.
    pub fn ops(&self) -> impl Iterator<Item = &OpId> {
        self.by_op.keys()
    }

    /// How many results are not acknowledged.
    pub fn unacked(&self) -> usize {
        self.results.len()
    }

    /// How many results are not on disk yet.
    pub fn undurable(&self) -> usize {
        self.results.range(self.durable.saturating_add(1)..).count()
    }

    /// The highest acknowledged sequence.
    pub fn acked_sequence(&self) -> u64 {
        self.acked
    }

    /// The last sequence given out.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    fn unsent(&self) -> Option<u64> {
        let next = self.results.range(self.sent.saturating_add(1)..).next().map(|(sequence, _)| *sequence);
        next.filter(|sequence| *sequence <= self.durable || !guard::holds(Guard::ResultFsync))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::id::{DeviceName, RolloutName};
    use switchyard_shared::outcome::{Class, LeftAs, Phase};
    use switchyard_shared::time::Timestamp;

    fn op(n: u64) -> OpId {
        let (rollout, device) = (RolloutName::new("ntp").unwrap(), DeviceName::new(format!("d{n}")).unwrap());
        OpId { rollout, device, attempt: 1 }
    }

    fn outcome() -> Outcome {
        Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1))
    }

    #[test]
    fn every_number_that_is_neither_in_hand_nor_to_come_is_named_as_left_out() {
        let results = BTreeMap::from([(6, (op(6), outcome())), (1_000_007, (op(7), outcome()))]);
        let state = State { acked: 4, last_sequence: 2_000_007, results, ..State::default() };
        let mut ledger = Ledger::new(state);
        assert_eq!(ledger.left_out(), [(5, 5), (7, 1_000_006), (1_000_008, 2_000_007)]);
        ledger.add(op(8), outcome(), true);
        assert_eq!(ledger.left_out(), [(5, 5), (7, 1_000_006), (1_000_008, 2_000_007)]);
        ledger.acked(1_000_007);
        assert_eq!(ledger.left_out(), [(1_000_008, 2_000_007)]);
        ledger.acked(2_000_008);
        assert_eq!(ledger.left_out(), []);
    }
}
