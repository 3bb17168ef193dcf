//! One attempt from start to outcome, whatever the executor does: it may hang, break down or be called off.

mod context;
mod gate;

pub use context::{Context, ProgressNote, Sign, SignKind};
pub use gate::{Gate, Passed};

use crate::executor::wanted::FILL_WAIT;
use crate::executor::{Executor, GateRefused};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase, printable};
use switchyard_shared::ssh::HostKey;
use switchyard_shared::task::{Purpose, Task, Work};
use switchyard_shared::time::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What an attempt may take beyond its own deadlines: the intent on a slow disk, saying goodbye.
const GRACE: Duration = Duration::from_secs(10);

/// How long an attempt at `task` may take in all.
pub fn longest(task: &Task) -> Duration {
    let once = task.timeouts.connect.saturating_add(task.timeouts.command);
    let rest = match &task.work {
        // A reading before the write has a channel and a deadline of its own.
        Work::Command { read: Some(_), .. } if task.purpose == Purpose::Apply => once,
        Work::Driver(procedure) if task.purpose.writes() => {
            procedure.before_write(&task.timeouts).saturating_add(task.write_time())
        }
        Work::Driver(procedure) if matches!(task.purpose, Purpose::Settle { .. }) => {
            procedure.after_reading(&task.timeouts)
        }
        Work::Command { .. } | Work::Driver(_) | Work::HostKeys => Duration::ZERO,
    };
    let closer = match &task.work {
        Work::Driver(_) => task.timeouts.closer_look(),
        Work::Command { .. } | Work::HostKeys => Duration::ZERO,
    };
    let once = once.saturating_add(closer);
    once.saturating_add(rest).saturating_add(preparing(task)).saturating_add(GRACE)
}

/// How long an attempt at `task` may take before its device is asked.
pub fn preparing(task: &Task) -> Duration {
    match &task.work {
        Work::Driver(procedure) if !procedure.secrets.is_empty() => FILL_WAIT,
        Work::Driver(_) | Work::Command { .. } | Work::HostKeys => Duration::ZERO,
    }
}

/// How long the agent may need for what follows an attempt: asking the sentinel, taking the end in.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// How long after its start an attempt's end is known at the latest.
pub fn known_by(task: &Task) -> Duration {
    longest(task).saturating_add(AFTERWARDS)
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Which attempt.
    pub op: OpId,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the device may have been written to.
    pub wrote: bool,
    /// How the device differs from the configuration; empty unless that was asked.
    pub diff: String,
    /// The host keys that it showed; empty unless they were asked for.
    pub keys: Vec<HostKey>,
}

/// Calls a running attempt off, unless it is too late.
#[derive(Clone)]
pub struct CallOff {
    gate: Arc<Gate>,
    cancel: CancellationToken,
}

impl CallOff {
    /// Ends the attempt as `CANCELLED` with `message` if it has written nothing; `false` if it may have.
    pub fn call_off(&self, message: &str) -> bool {
        let called_off =
            self.gate.call_off(GateRefused { class: Class::Cancelled, message: message.to_owned() });
        if called_off {
            self.cancel.cancel();
        }
        called_off
    }
}

/// An attempt that is ready to run.
pub struct Attempt {
    task: Arc<Task>,
    context: Arc<Context>,
    cancel: CancellationToken,
}

impl Attempt {
    /// An attempt at `task`, whose gate is that of `context`.
    pub fn new(task: Arc<Task>, context: Context) -> Self {
        Self { task, context: Arc::new(context), cancel: CancellationToken::new() }
    }

    /// The handle that calls it off.
    pub fn call_off(&self) -> CallOff {
        CallOff { gate: self.context.gate.clone(), cancel: self.cancel.clone() }
    }

    /// Runs it to its end; always returns, and by [`longest`] of its deadlines.
    pub async fn run(self, executor: Arc<dyn Executor>) -> Ended {
        let Self { task, context, cancel } = self;
        let started_at = context.clock.now();
        let limit = longest(&task);
        // In a task of its own, so that neither a panic nor a hang of the executor reaches the permit.
        let mut work = AbortOnDropHandle::new(tokio::spawn({
            let (task, context) = (task.clone(), context.clone());
            async move { executor.attempt(&task, &*context, cancel).await }
        }));
        let outcome = match tokio::time::timeout(limit, &mut work).await {
            Ok(Ok(outcome)) => checked(outcome, &context.gate, context.clock.now()),
            Ok(Err(_)) => {
                broken("the executor broke down, which is a fault of this agent", &context, started_at)
            }
            Err(_) => {
                work.abort();
                broken(
                    "the executor did not end by its deadlines, which is a fault of this agent",
                    &context,
                    started_at,
                )
            }
        };
        let passed = context.gate.passed();
        let (wrote, wrote_at) = (passed.is_some(), passed.as_ref().map(|passed| passed.at));
        let before = passed.and_then(|passed| passed.before);
        Ended {
            op: task.op.clone(),
            outcome: Outcome { wrote_at, before, ..outcome },
            wrote,
            diff: context.take_diff(),
            keys: context.take_keys(),
        }
    }
}

/// The gate knows better than the executor who came first.
fn checked(mut outcome: Outcome, gate: &Gate, now: Timestamp) -> Outcome {
    let never_happened = matches!(outcome.class, Class::Cancelled | Class::NotStarted);
    if never_happened && gate.has_passed() {
        let message = format!("ended without an answer after the write began: {}", outcome.message);
        return Outcome {
            started_at: outcome.started_at,
            ..Outcome::new(Class::LostAfterWrite, Phase::Write, LeftAs::Unknown, &message, now)
        };
    }
    if let (Class::Cancelled, Err(refused)) = (outcome.class, gate.check()) {
        outcome.message =
            printable(refused.message.as_bytes(), switchyard_shared::outcome::MESSAGE_BYTES_MAX);
    }
    outcome
}

fn broken(message: &str, context: &Context, started_at: Timestamp) -> Outcome {
    let refused = GateRefused { class: Class::AgentError, message: message.to_owned() };
    let now = context.clock.now();
    let outcome = if context.gate.call_off(refused) {
        Outcome::new(Class::AgentError, Phase::Connect, LeftAs::Unchanged, message, now)
            .with_hint("see this agent's log, and try the device again")
    } else {
        Outcome::new(Class::LostAfterWrite, Phase::Write, LeftAs::Unknown, message, now)
            .with_hint("read the device: it may have the change, a part of it, or nothing")
    };
    Outcome { started_at, ..outcome }
}

#[cfg(test)]
mod tests;
