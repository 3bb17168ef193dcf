//! What the journal says, folded: results that nobody has acknowledged and writes that have no end yet.

use super::record::Entry;
use std::collections::BTreeMap;
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::time::Timestamp;

/// Numbers that are left out before results that only a restart gives, because others that were lost with
/// the last run may have been sent under the next numbers: far more than can wait in memory.
pub const LOST_NUMBERS: u64 = 1_000_000;

/// Names that a journal remembers: more openings than these, without a word with the coordinator between
/// them, look as if the journal were another one.
pub const FORMER_MAX: usize = 64;

/// A write that may have begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// When.
    pub at: Timestamp,
    /// What the device said before, as a digest under the site's key, when it was asked.
    pub before: Option<String>,
}

/// The fold of all entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What the journal is called since it was last opened.
    pub id: String,
    /// What it was called before, newest first, at most [`FORMER_MAX`].
    pub former: Vec<String>,
    /// The highest coordinator epoch seen.
    pub coordinator_epoch: u64,
    /// The highest epoch of the site seen.
    pub site_epoch: u64,
    /// Results up to here are the coordinator's.
    pub acked: u64,
    /// The last sequence given to a result.
    pub last_sequence: u64,
    /// Results that are not acknowledged.
    pub results: BTreeMap<u64, (OpId, Outcome)>,
    /// Attempts that may have written and have no result.
    pub intents: BTreeMap<OpId, Intent>,
}

impl State {
    /// Adds one entry. The same entry twice changes nothing.
    pub fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Intent { op, at, before } => {
                self.intents.insert(op, Intent { at, before });
            }
            Entry::Result { sequence, op, outcome } => {
                self.intents.remove(&op);
                self.last_sequence = self.last_sequence.max(sequence);
                if sequence > self.acked {
                    self.results.insert(sequence, (op, outcome));
                }
            }
            Entry::Acked { sequence } => {
                self.acked = self.acked.max(sequence);
                self.last_sequence = self.last_sequence.max(sequence);
                self.results = self.results.split_off(&self.acked.saturating_add(1));
            }
            Entry::Identity { id, former } => (self.id, self.former) = (id, former),
            Entry::Epoch { coordinator_epoch, site_epoch } => {
                self.coordinator_epoch = self.coordinator_epoch.max(coordinator_epoch);
                self.site_epoch = self.site_epoch.max(site_epoch);
            }
        }
    }

    /// Entries whose fold is this state.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let head = [
            Entry::Identity { id: self.id.clone(), former: self.former.clone() },
            Entry::Epoch { coordinator_epoch: self.coordinator_epoch, site_epoch: self.site_epoch },
            Entry::Acked { sequence: self.acked },
        ];
        let results = self.results.iter().map(|(sequence, (op, outcome))| Entry::Result {
            sequence: *sequence,
            op: op.clone(),
            outcome: outcome.clone(),
        });
        let intents = self.intents.iter().map(|(op, Intent { at, before })| Entry::Intent {
            op: op.clone(),
            at: *at,
            before: before.clone(),
        });
        head.into_iter().chain(results).chain(intents)
    }

    /// Takes a new name and keeps the ones before it. Of two that go on from one journal, each has a name
    /// that the other does not know: the coordinator believes neither that what it lacks was never started.
    pub fn open_as(&mut self, id: String) {
        if id != self.id {
            self.former.insert(0, std::mem::replace(&mut self.id, id));
            self.former.truncate(FORMER_MAX);
        }
    }

    /// Goes on as another journal, because entries may have been lost: the coordinator knows by it that what
    /// is not in hand here may all the same have been written. Results that were lost may have been sent.
    pub fn begin_again(&mut self, id: String) {
        self.id = id;
        self.former.clear();
        self.last_sequence += LOST_NUMBERS;
    }

    /// Ends every attempt that may have written and has no result: nobody knows how it ended, so it is
    /// reported as that and never run again. Gives the operations concerned.
    pub fn settle_intents(&mut self, now: Timestamp) -> Vec<OpId> {
        let mut intents = std::mem::take(&mut self.intents);
        if !guard::holds(Guard::DoubtAfterRestart) {
            intents.clear();
        }
        if !intents.is_empty() {
            self.last_sequence += LOST_NUMBERS;
        }
        for (op, Intent { at, before }) in &intents {
            let outcome = Outcome {
                started_at: *at,
                before: before.clone(),
                ..Outcome::new(
                    Class::Inconclusive,
                    Phase::Write,
                    LeftAs::Unknown,
                    "the agent stopped after it began to write and before the device answered",
                    now,
                )
                .with_hint("read the device: it may have the change, a part of it, or nothing")
            };
            self.last_sequence += 1;
            self.results.insert(self.last_sequence, (op.clone(), outcome));
        }
        intents.into_keys().collect()
    }
}
