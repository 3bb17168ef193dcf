//! Whose fault the end of an attempt behind a jump host is: what the jump host did is never told as the device's.

use super::Jumps;
use super::connection::{Connection, name};
use crate::clock::Clock;
use crate::executor::ssh::{Door, explain};
use crate::executor::{AttemptContext, Failure};
use std::sync::PoisonError;
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, MESSAGE_BYTES_MAX, Outcome, printable};
use switchyard_shared::task::Task;

/// An attempt behind a jump host, as long as it runs: which connection it went over last.
pub(in crate::executor) struct Way<'a> {
    jumps: &'a Jumps,
    op: &'a OpId,
}

impl Jumps {
    fn lock_ways(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<OpId, Option<Connection>>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the attempt goes over `connection` now.
    pub(super) fn goes_over(&self, op: &OpId, connection: &Connection) {
        if let Some(way) = self.lock_ways().get_mut(op) {
            *way = Some(connection.clone());
        }
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        self.jumps.lock_ways().remove(self.op);
    }
}

impl Door {
    /// Must be called before an attempt at `task` begins; `None` where nothing stands before the device.
    pub(in crate::executor) fn way<'a>(&'a self, task: &'a Task) -> Option<Way<'a>> {
        task.endpoint.ssh.jump.as_ref()?;
        self.jumps.lock_ways().insert(task.op.clone(), None);
        Some(Way { jumps: &self.jumps, op: &task.op })
    }

    /// The end of an attempt that had this way, told as the jump host's failure where it is that.
    pub(in crate::executor) async fn judged(
        &self,
        way: Option<Way<'_>>,
        task: &Task,
        context: &dyn AttemptContext,
        outcome: Outcome,
    ) -> Outcome {
        if way.is_none() || !may_be_of_the_way(outcome.class) {
            return outcome;
        }
        let Some(lost) = self.lost_way(task).await else { return outcome };
        context.way_lost();
        of_the_way(outcome, &lost, task, &*self.clock)
    }

    /// The jump host of `task`, as messages name it, if the attempt that runs went over a connection to it that is lost
    /// now.
    pub(in crate::executor) async fn lost_way(&self, task: &Task) -> Option<String> {
        let jump = task.endpoint.ssh.jump.as_ref()?;
        let connection = self.jumps.lock_ways().get(&task.op).cloned().flatten()?;
        connection.is_lost().await.then(|| name(jump))
    }
}

/// Ends that a lost way can have caused.
fn may_be_of_the_way(class: Class) -> bool {
    is_before_the_write(class) || matches!(class, Class::LostAfterWrite | Class::RollbackFailed)
}

fn is_before_the_write(class: Class) -> bool {
    matches!(class, Class::Unreachable | Class::Timeout)
}

fn of_the_way(outcome: Outcome, jump: &str, task: &Task, clock: &dyn Clock) -> Outcome {
    let place = explain::place(task);
    if is_before_the_write(outcome.class) {
        let message = format!("{jump} was lost on the way to {place}: {}", outcome.message);
        let failure = Failure::new(Class::AgentError, outcome.phase, message)
            .with_hint("it is no failure of the device: look at the jump host, then try the device again");
        return Outcome { left_as: outcome.left_as, output: outcome.output, ..failure.outcome(clock) };
    }
    let message = format!("{jump} was lost under the session with {place}: {}", outcome.message);
    let hint = format!("look at the jump host; then {}", outcome.hint);
    let cut = |text: String| printable(text.as_bytes(), MESSAGE_BYTES_MAX);
    Outcome { message: cut(message), hint: cut(hint), ..outcome }
}
