//! One turn: what becomes durable together, and what is done once it is.

use crate::store::{Batch, Document, NewEvent};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use switchyard_proto::convert::link::{Assignment, FromCoordinator};
use switchyard_shared::id::{AgentName, OpId, RolloutName};
use switchyard_shared::plan::Plan;
use switchyard_shared::task::{ASSIGNMENT_BYTES_MAX, Purpose, TASKS_PER_ASSIGNMENT_MAX, Task};
use switchyard_shared::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The way to one agent: bounded, and cut when the agent does not keep up.
#[derive(Debug, Clone)]
pub struct Outbox {
    /// Messages on their way; the stream's own task sends them on.
    pub messages: mpsc::Sender<FromCoordinator>,
    /// Ends the session.
    pub close: CancellationToken,
}

impl Outbox {
    pub(super) fn send(&self, message: FromCoordinator) {
        if self.messages.try_send(message).is_err() {
            self.close.cancel();
        }
    }
}

/// What is done once the turn is durable.
pub(super) enum Effect {
    Reply(Box<dyn FnOnce() + Send>),
    Send(Outbox, FromCoordinator),
    /// A rollout has events up to this sequence.
    Publish(RolloutName, u64),
    PublishBreakers,
    Dispatch(Dispatch),
}

/// Operations to hand to an agent, with the plan that has their devices.
pub(super) struct Dispatch {
    pub outbox: Outbox,
    pub plan: Arc<Plan>,
    pub rollout: RolloutName,
    /// Rank, attempt and purpose of each.
    pub ops: Vec<(u32, u32, Purpose)>,
}

impl Dispatch {
    /// Digests of the configurations, one for each operation.
    pub(super) fn digests(&self) -> impl Iterator<Item = &str> {
        self.ops.iter().map(|(rank, ..)| self.plan.devices[*rank as usize].config.as_ref())
    }

    /// Fills in the configurations and sends assignments within their bounds.
    pub(super) fn send(self, configurations: &BTreeMap<String, Arc<[u8]>>) {
        let (mut tasks, mut bytes) = (Vec::new(), 0);
        for (rank, attempt, purpose) in self.ops {
            let device = &self.plan.devices[rank as usize];
            let known = configurations.get(&*device.config);
            let configuration = known.expect("every digest of a turn is read before it is sent");
            if tasks.len() == TASKS_PER_ASSIGNMENT_MAX || bytes + configuration.len() > ASSIGNMENT_BYTES_MAX {
                send(&self.outbox, std::mem::take(&mut tasks));
                bytes = 0;
            }
            bytes += configuration.len();
            let op = OpId { rollout: self.rollout.clone(), device: device.name.clone(), attempt };
            tasks.push(self.plan.task(device, op, purpose, configuration.clone()));
        }
        send(&self.outbox, tasks);
    }
}

fn send(outbox: &Outbox, tasks: Vec<Task>) {
    if !tasks.is_empty() {
        outbox.send(FromCoordinator::Assignment(Assignment { tasks, unusable: Vec::new() }));
    }
}

/// What one turn of the driver brings about.
pub struct Turn {
    /// The turn's one instant.
    pub now: Timestamp,
    pub(super) batch: Batch,
    pub(super) effects: Vec<Effect>,
    /// Rollouts whose watchers hear of this turn.
    published: BTreeMap<RolloutName, u64>,
    /// The highest result of each agent, and the way to it.
    results: BTreeMap<AgentName, (Outbox, u64)>,
    /// Something was stopped: nothing else is begun before that is durable and pushed.
    pub(super) has_stopped: bool,
}

impl Turn {
    pub(super) fn new(now: Timestamp) -> Self {
        let (published, results) = (BTreeMap::new(), BTreeMap::new());
        Self { now, batch: Batch::default(), effects: Vec::new(), published, results, has_stopped: false }
    }

    pub(super) fn event(&mut self, stream: String, version: u64, body: String) {
        self.batch.events.push(NewEvent { stream, version, at: self.now, body });
    }

    /// Puts a value in this turn's transaction, as JSON.
    pub fn put_json(&mut self, kind: &'static str, id: impl Into<String>, value: &impl Serialize) {
        let body = serde_json::to_vec(value).expect("our records are plain data with text keys");
        self.put(kind, id, body);
    }

    /// Puts a document in this turn's transaction.
    pub fn put(&mut self, kind: &'static str, id: impl Into<String>, body: Vec<u8>) {
        self.batch.documents.push(Document { kind, id: id.into(), body });
    }

    /// What acknowledges results, which else follows the transaction.
    pub(super) fn take_acks(&mut self) -> Vec<Effect> {
        let is_ack = |effect: &mut Effect| matches!(effect, Effect::Send(_, FromCoordinator::Ack(_)));
        self.effects.extract_if(.., is_ack).collect()
    }

    /// What is stored beside the events, for a transaction of its own.
    pub(super) fn take_documents(&mut self) -> Batch {
        Batch { documents: std::mem::take(&mut self.batch.documents), ..Batch::default() }
    }

    /// Says once to a rollout's watchers that there is news up to `sequence`.
    pub(super) fn publish(&mut self, name: &RolloutName, sequence: u64) {
        match self.published.get_mut(name) {
            Some(known) => *known = sequence,
            None => drop(self.published.insert(name.clone(), sequence)),
        }
    }

    /// Acknowledges an agent's results up to `watermark`, in this transaction and once.
    pub(super) fn acknowledge(&mut self, agent: &AgentName, outbox: &Outbox, watermark: u64) {
        match self.results.get_mut(agent) {
            Some(known) => known.1 = watermark,
            None => drop(self.results.insert(agent.clone(), (outbox.clone(), watermark))),
        }
    }

    /// To be called when nothing more comes into the turn, before it is made durable. Agents that wait to
    /// be acknowledged hear first.
    pub(super) fn seal(&mut self) {
        let mut acks = Vec::new();
        for (agent, (outbox, watermark)) in std::mem::take(&mut self.results) {
            self.put("watermark", agent.to_string(), watermark.to_string().into_bytes());
            acks.push(Effect::Send(outbox, FromCoordinator::Ack(watermark)));
        }
        let published = std::mem::take(&mut self.published).into_iter();
        acks.extend(published.map(|(name, sequence)| Effect::Publish(name, sequence)));
        self.effects.splice(0..0, acks);
    }

    pub(super) fn reply(&mut self, reply: impl FnOnce() + Send + 'static) {
        self.effects.push(Effect::Reply(Box::new(reply)));
    }

    pub(super) fn send(&mut self, outbox: &Outbox, message: FromCoordinator) {
        self.effects.push(Effect::Send(outbox.clone(), message));
    }
}
