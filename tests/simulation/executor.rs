//! Carries out attempts on the simulated devices, as the SSH executor does on real ones.

use crate::devices::{Fleet, Manner, Mood, Session};
use crate::hardware::Machine;
use crate::time::Clock;
use futures_util::future::BoxFuture;
use std::future::pending;
use std::time::Duration;
use switchyard_agent::clock::Clock as _;
use switchyard_agent::executor::{AttemptContext, Executor};
use switchyard_shared::digest::of_bytes;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::readback;
use switchyard_shared::task::{Purpose, Task};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// One life of one site's agent, as devices know it.
pub struct SimExecutor {
    /// The devices.
    pub fleet: Fleet,
    /// The agent's clock.
    pub clock: Clock,
    /// The machine that it runs on.
    pub machine: Machine,
    /// Which agent, and which life of it.
    pub by: String,
}

/// What came of an attempt before its write.
enum Before {
    /// Over.
    Ended(Outcome),
    /// What the device said that it has, if it was asked.
    Ready(Session, Option<Vec<u8>>),
}

impl Executor for SimExecutor {
    fn attempt<'a>(
        &'a self,
        task: &'a Task,
        context: &'a dyn AttemptContext,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let started_at = self.clock.now();
            let manner = self.fleet.manner(&task.op);
            let before = tokio::select! {
                biased;
                () = cancel.cancelled() => Before::Ended(self.end(Class::Cancelled, Phase::Connect, "called off")),
                before = timeout(task.timeouts.connect, self.approach(task, context, manner)) => before
                    .unwrap_or_else(|_| Before::Ended(self.end(Class::Timeout, Phase::Connect, "silent"))),
            };
            let outcome = match before {
                Before::Ended(outcome) => outcome,
                Before::Ready(session, has) => self.carry_out(task, context, manner, session, has).await,
            };
            Outcome { started_at, ..outcome }
        })
    }
}

impl SimExecutor {
    async fn takes(&self, wait: Duration) {
        sleep(wait).await;
        self.machine.moves().await;
    }

    fn end(&self, class: Class, phase: Phase, message: &str) -> Outcome {
        let left_as = match (class, phase) {
            (Class::Ok, _) => LeftAs::Changed,
            (_, Phase::Write | Phase::Verify) if class != Class::Rejected => LeftAs::Unknown,
            _ => LeftAs::Unchanged,
        };
        Outcome::new(class, phase, left_as, message, self.clock.now())
    }

    /// Connects and reads.
    async fn approach(&self, task: &Task, context: &dyn AttemptContext, manner: Manner) -> Before {
        self.takes(manner.connect).await;
        match manner.mood {
            Mood::Silent => pending::<()>().await,
            Mood::Refuse => return Before::Ended(self.end(Class::Unreachable, Phase::Connect, "refused")),
            Mood::Good | Mood::Reject | Mood::Cut | Mood::Hang => {}
        }
        let session = self.fleet.open(&task.op, &self.by);
        context.answered(true);
        context.progress(Phase::Authenticate);
        if !task.work.is_readable() {
            return Before::Ready(session, None);
        }
        self.takes(manner.read).await;
        let has = session.read();
        Before::Ready(session, Some(has))
    }

    async fn carry_out(
        &self,
        task: &Task,
        context: &dyn AttemptContext,
        manner: Manner,
        session: Session,
        has: Option<Vec<u8>>,
    ) -> Outcome {
        let intended = &task.configuration;
        let digest = |has: &[u8]| of_bytes(&readback::said(has));
        match (&task.purpose, has) {
            (Purpose::Settle { before }, Some(has)) => Outcome {
                found: Some(readback::found(&has, intended, *before == Some(digest(&has)))),
                ..self.end(Class::Unchanged, Phase::Verify, "read back")
            },
            (Purpose::Settle { .. }, None) => {
                self.end(Class::AgentError, Phase::Connect, "there is no command to read it with")
            }
            (Purpose::Compare | Purpose::Restore { .. }, _) => {
                self.end(Class::AgentError, Phase::Connect, "nobody here asks for that")
            }
            (Purpose::Apply, Some(has)) if readback::says_the_same(&has, intended) => {
                self.end(Class::Unchanged, Phase::Verify, "it has it")
            }
            (Purpose::Apply, has) => {
                let before = has.map(|has| digest(&has));
                if let Err(refused) = context.open_write_gate(before.clone()).await {
                    return self.end(refused.class, Phase::Authenticate, &refused.message);
                }
                let outcome = self.write(task, manner, session).await;
                Outcome { before, ..outcome }
            }
        }
    }

    async fn write(&self, task: &Task, manner: Manner, mut session: Session) -> Outcome {
        session.begin(&task.configuration);
        let done = async {
            self.takes(manner.write).await;
            match manner.mood {
                Mood::Hang => pending().await,
                Mood::Cut => None,
                Mood::Reject => Some(true),
                Mood::Good | Mood::Silent | Mood::Refuse => Some(false),
            }
        };
        match timeout(task.timeouts.command, done).await {
            Ok(Some(rejects)) => {
                session.finish(rejects);
                let class = if rejects { Class::Rejected } else { Class::Ok };
                self.end(class, Phase::Write, "done")
            }
            Ok(None) => self.end(Class::LostAfterWrite, Phase::Write, "the session ended"),
            Err(_) => self.end(Class::LostAfterWrite, Phase::Write, "no answer in time"),
        }
    }
}
