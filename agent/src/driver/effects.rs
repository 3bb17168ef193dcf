//! What the core wants done: attempts, call-offs, questions, the journal, the breakers' memory.

use super::core::{Effect, Event};
use super::{Driver, Handle};
use crate::attempt::{Attempt, Context, Gate};
use crate::executor::Hearing;
use crate::journal::JournalLost;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::task::Task;

/// Longest look at a secret; shorter than the time between two looks.
const SECRET_WAIT: Duration = Duration::from_secs(5);

impl Driver {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Start(task) => self.start(task),
            Effect::CallOff { op, message } => {
                if let Some(running) = self.running.get(&op) {
                    running.call_off.call_off(&message);
                }
            }
            Effect::Probe(address) => {
                let asked = self.sentinel.probe(address.clone());
                self.questions.push(Box::pin(async move { Event::Probed { address, reached: asked.await } }));
            }
            Effect::Fingerprint(reference) => {
                let asked = tokio::time::timeout(SECRET_WAIT, self.executor.fingerprint(reference.clone()));
                self.questions.push(Box::pin(async move {
                    Event::Secret { reference, fingerprint: asked.await.unwrap_or(None) }
                }));
            }
            Effect::AskForRoom => {
                let asked = self.log.submit(Vec::new());
                self.questions.push(Box::pin(async move {
                    let _the_log_tells_whether_it_is_full = asked.await;
                    Event::AskedForRoom
                }));
            }
            Effect::Remember(breakers, at) => self.memory.keep(*breakers, at),
            Effect::Append { entries, results_to } => {
                let ticket = self.log.submit(entries);
                self.tickets.push_back(Box::pin(async move {
                    let closed = || JournalLost("its thread has ended".into());
                    (results_to, ticket.await.unwrap_or_else(|_| Err(closed().into())))
                }));
            }
        }
    }

    fn start(&mut self, task: Arc<Task>) {
        let hearing = Arc::new(Hearing::new(self.clock.clone()));
        let context = Context {
            op: task.op.clone(),
            gate: Arc::new(Gate::of(&task.purpose)),
            log: self.log.clone(),
            lease: self.lease.clone(),
            clock: self.clock.clone(),
            progress: self.progress.0.clone(),
            signs: self.signs.0.clone(),
            hearing: hearing.clone(),
            has_answered: Default::default(),
            has_secret: Default::default(),
            has_lost_way: Default::default(),
            is_unseen: Default::default(),
            diff: Default::default(),
            keys: Default::default(),
        };
        let op = task.op.clone();
        let attempt = Attempt::new(task, context);
        self.running.insert(op, Handle { call_off: attempt.call_off(), hearing });
        self.attempts.spawn(attempt.run(self.executor.clone()));
    }
}
