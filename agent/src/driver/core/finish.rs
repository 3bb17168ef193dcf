//! What ended: first the breakers hear of it, then the journal, then the coordinator.

use super::start::is_restore;
use super::{Core, Effect};
use crate::attempt::Ended;
use crate::journal::Entry;
use switchyard_proto::convert::link::Compared;
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::task::COMPARISON;
use switchyard_shared::time::Timestamp;

impl Core {
    pub(super) fn ended(&mut self, ended: Ended, now: Timestamp) {
        let running = self.running.get(&ended.op);
        let is_new = running.is_some_and(|running| running.doubt.is_none());
        // It may have healed itself since: whether the change or the link was to blame is to be judged all the same.
        let was_unseen = running.is_some_and(|running| running.unseen);
        let class = ended.outcome.class;
        let is_lost = class == Class::LostAfterWrite || class == Class::PostcheckFailed && was_unseen;
        if is_lost && is_new {
            self.lost(ended, now);
        } else {
            self.finished(ended, now);
        }
    }

    pub(super) fn finished(&mut self, ended: Ended, now: Timestamp) {
        let Ended { op, outcome, wrote, diff, keys } = ended;
        let Some(running) = self.running.remove(&op) else {
            tracing::error!(%op, "an attempt ended that does not run here; passed over");
            return;
        };
        self.tried.note(&op, outcome.class);
        self.note_credential(&running.task.endpoint.credential_ref, outcome.class, now);
        let heard = heard(&outcome);
        let _overdue_or_in_time = self.pool.release(running.lease, heard, now);
        let _late_or_counted = self.breakers.finish(running.admission, heard, now);
        let is_back = is_restore(&running.task) && outcome.left_as == LeftAs::Reverted;
        if is_back || matches!(outcome.found, Some(Found::Applied | Found::NotApplied)) {
            self.breakers.settled(&op.device, now);
        }
        self.note_moves(now);
        self.note_pool_changes();
        match op.attempt {
            COMPARISON => self.compared(Compared { op, outcome, diff, keys }),
            _ => self.record(op, outcome, wrote),
        }
        self.merge_settings(now);
    }

    /// The answer to a task that never started.
    pub(super) fn answer(&mut self, op: OpId, outcome: Outcome) {
        match op.attempt {
            COMPARISON => self.compared(Compared { op, outcome, diff: String::new(), keys: Vec::new() }),
            _ => self.record(op, outcome, false),
        }
    }

    fn compared(&mut self, compared: Compared) {
        if self.connected {
            self.outbox.compared(compared);
        }
    }

    fn record(&mut self, op: OpId, outcome: Outcome, wrote: bool) {
        let entry = self.ledger.add(op, outcome, wrote);
        let results_to = match &entry {
            Entry::Result { sequence, .. } => Some(*sequence),
            Entry::Intent { .. } | Entry::Acked { .. } | Entry::Epoch { .. } | Entry::Identity { .. } => None,
        };
        self.effects.push_back(Effect::Append { entries: vec![entry], results_to });
    }

    /// Nothing new starts; what has written nothing is called off; the rest ends and is still reported.
    pub(super) fn journal_lost(&mut self, message: String, now: Timestamp) {
        if self.journal_lost.is_some() {
            return;
        }
        tracing::error!("failed to {message}; starting nothing new, ending when what runs has ended");
        self.ledger.send_undurable();
        for op in self.running.keys() {
            let message = "called off: this agent's journal cannot be written".to_owned();
            self.effects.push_back(Effect::CallOff { op: op.clone(), message });
        }
        self.refuse_queued(&format!("failed to {message}"), now);
        self.journal_lost = Some(message);
    }

    /// Answers everything that waits in the queue: it was never started.
    pub(super) fn refuse_queued(&mut self, message: &str, now: Timestamp) {
        for task in std::mem::take(&mut self.queue) {
            let outcome = Outcome::new(Class::NotStarted, Phase::Queue, LeftAs::Unchanged, message, now);
            self.answer(task.op, outcome);
        }
    }
}

/// What breakers and pool hear of an end. A check that failed before the device was asked, such as a secret of the
/// change that is not there, is no sign that it answers or that it takes the login.
fn heard(outcome: &Outcome) -> Class {
    match (outcome.class, outcome.phase) {
        (Class::PrecheckFailed, Phase::Queue) => Class::Cancelled,
        (class, _) => class,
    }
}
