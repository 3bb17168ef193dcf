//! What the coordinator asks for: work, acknowledgements, call-offs, breakers moved by hand.

use super::Core;
use super::start::is_restore;
use std::collections::BTreeSet;
use switchyard_proto::convert::link::{Assignment, BreakerAction, FromCoordinator, UnusableTask};
use switchyard_shared::breaker::Name;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::{Purpose, Task};
use switchyard_shared::time::Timestamp;

impl Core {
    pub(super) fn down(&mut self, message: FromCoordinator, now: Timestamp) {
        match message {
            FromCoordinator::Welcome(_) => tracing::warn!("the coordinator said welcome twice; passed over"),
            FromCoordinator::HeartbeatReply(_) => {}
            FromCoordinator::Assignment(assignment) => self.assigned(assignment, now),
            FromCoordinator::Ack(sequence) => self.acked(sequence),
            FromCoordinator::Cancel { rollout, devices, reason, comparisons } => {
                let called = if comparisons { Purpose::Compare } else { Purpose::Apply };
                self.cancel((&rollout, &devices, &called), &reason, now);
            }
            FromCoordinator::Site(settings) => self.site_settings(settings, now),
            FromCoordinator::Breaker { name, action, by, reason } => {
                self.breaker_command(&name, action, &by, &reason, now);
            }
        }
    }

    fn assigned(&mut self, assignment: Assignment, now: Timestamp) {
        for UnusableTask { op, error } in assignment.unusable {
            self.received += 1;
            if !self.is_known(&op) {
                let message = format!("failed to {error} of the task that the coordinator sent");
                let outcome = Outcome::new(Class::AgentError, Phase::Queue, LeftAs::Unchanged, &message, now)
                    .with_hint("check that coordinator and agent are of the same version");
                self.answer(op, outcome);
            }
        }
        for task in assignment.tasks {
            self.received += 1;
            self.take(task, now);
        }
        self.merge_settings(now);
    }

    fn take(&mut self, task: Task, now: Timestamp) {
        if self.is_known(&task.op) {
            return;
        }
        if let Some(wrote) = self.ledger.settled(&task.op) {
            self.refuse_settled(task.op, wrote, now);
            return;
        }
        let is_restore = is_restore(&task);
        match is_restore {
            true => self.queue.push_front(task),
            false => self.queue.push_back(task),
        }
        if let Some(lost) = &self.journal_lost {
            self.refuse_queued(&format!("failed to {lost}"), now);
        } else if let Some(full) = self.journal_full() {
            self.refuse_queued(&format!("failed to {full}"), now);
        } else if self.draining {
            self.refuse_queued("this agent is shutting down", now);
        } else if self.received > self.granted
            && !is_restore
            && let Some(task) = self.queue.pop_back()
        {
            let message = format!("sent beyond the credit of {}", self.granted);
            let outcome = Outcome::new(Class::NotStarted, Phase::Queue, LeftAs::Unchanged, &message, now);
            self.answer(task.op, outcome);
        }
    }

    /// The coordinator counts attempts up: one that comes again was repeated on its way, or is of an old copy.
    fn refuse_settled(&mut self, op: OpId, wrote: bool, now: Timestamp) {
        let message = "this attempt ran before and its result was acknowledged; it is not run twice";
        let (class, phase, left_as) = match wrote {
            true => (Class::Inconclusive, Phase::Write, LeftAs::Unknown),
            false => (Class::NotStarted, Phase::Queue, LeftAs::Unchanged),
        };
        tracing::error!(%op, wrote, "asked to run an operation again that is over; it is not run again");
        let outcome = Outcome::new(class, phase, left_as, message, now)
            .with_hint("read the device, then retry with a new attempt");
        self.answer(op, outcome);
    }

    /// Whether the operation is in hand; a result of it that waits is sent again.
    fn is_known(&mut self, op: &switchyard_shared::id::OpId) -> bool {
        self.ledger.send_again(op)
            || self.running.contains_key(op)
            || self.queue.iter().any(|queued| queued.op == *op)
    }

    /// Calls off what has written nothing, of all devices or of those named. A reading after a doubt goes on: it changes
    /// nothing, and a rollout that stands still needs to know what its devices have. So does a device's way back.
    fn cancel(
        &mut self,
        (rollout, devices, called): (&RolloutName, &[DeviceName], &Purpose),
        reason: &str,
        now: Timestamp,
    ) {
        let message = format!("called off: {reason}");
        let devices: BTreeSet<&DeviceName> = devices.iter().collect();
        let meant = |task: &Task| {
            let (op, is_called) = (&task.op, task.purpose == *called);
            is_called && op.rollout == *rollout && (devices.is_empty() || devices.contains(&op.device))
        };
        let (off, kept) = std::mem::take(&mut self.queue).into_iter().partition(&meant);
        self.queue = kept;
        for task in off {
            let outcome = Outcome::new(Class::Cancelled, Phase::Queue, LeftAs::Unchanged, &message, now);
            self.answer(task.op, outcome);
        }
        let meant = self.running.iter().filter(|(_, running)| meant(&running.task));
        let meant: Vec<OpId> = meant.map(|(op, _)| op.clone()).collect();
        self.call_off(meant, &message, now);
    }

    fn breaker_command(
        &mut self,
        name: &Name,
        action: BreakerAction,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) {
        let done = match action {
            BreakerAction::Trip => self.breakers.trip(name, by, reason, now),
            BreakerAction::Reset => self.breakers.reset(name, by, reason, now),
            BreakerAction::ForceClosed => self.breakers.force_closed(name, by, reason, now),
        };
        match done {
            Ok(()) => self.note_moves(now),
            Err(error) => tracing::warn!("failed to {error}"),
        }
    }
}
