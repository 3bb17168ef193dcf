//! What the driver can be told and asked, and the handle that others hold.

use super::effect::{Outbox, Turn};
use super::inbox::Senders;
use super::looking::Looks;
use super::world::World;
use crate::clock::Clock;
use crate::refused::Refused;
use crate::store::Store;
use std::sync::Arc;
use switchyard_proto::convert::link::{FromAgent, Hello};
use switchyard_shared::id::{AgentName, SiteName};
use tokio::sync::{Mutex, mpsc, oneshot};

/// Who an agent is, by its certificate or, on an insecure loopback link, by its word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPeer {
    /// Its name.
    pub agent: AgentName,
    /// Its site.
    pub site: SiteName,
    /// Where it calls from.
    pub address: String,
}

/// A session that was accepted; its Welcome is in the outbox already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Names the session in further messages.
    pub session: u64,
}

/// What a person may do to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Hand out nothing new.
    Pause,
    /// Hand out again.
    Resume,
    /// End the wait after a wave.
    Promote,
    /// End it for good.
    Abort,
}

/// A person's word to a rollout.
#[derive(Debug, Clone)]
pub struct Steer {
    /// The rollout's name, with or without `rollouts/`.
    pub name: String,
    /// What to do.
    pub verb: Verb,
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// The etag the caller saw; empty when it does not matter.
    pub etag: String,
}

type Task = Box<dyn FnOnce(&mut World, &mut Turn) + Send>;

pub(super) enum Message {
    /// Something that reads or changes the world and answers when that is durable.
    Do(Task),
    /// A message of an agent's session.
    Agent(u64, FromAgent),
    /// A session's stream has ended.
    AgentGone(u64),
}

impl Message {
    /// How many messages it counts as within a turn.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Agent(_, FromAgent::Results(results)) => results.len(),
            Self::Agent(
                _,
                FromAgent::Hello(_)
                | FromAgent::Heartbeat(_)
                | FromAgent::Credit(_)
                | FromAgent::Progress { .. }
                | FromAgent::Compared(_)
                | FromAgent::Result { .. }
                | FromAgent::Breaker(_),
            )
            | Self::AgentGone(_)
            | Self::Do(_) => 1,
        }
    }

    /// Whether it may decide a stop: such a message is taken before everything else that waits.
    fn is_urgent(&self) -> bool {
        match self {
            Self::Agent(_, FromAgent::Result { .. } | FromAgent::Results(_) | FromAgent::Breaker(_)) => true,
            Self::Agent(
                _,
                FromAgent::Hello(_)
                | FromAgent::Heartbeat(_)
                | FromAgent::Credit(_)
                | FromAgent::Progress { .. }
                | FromAgent::Compared(_),
            )
            | Self::AgentGone(_)
            | Self::Do(_) => false,
        }
    }
}

/// A handle to the driver; cheap to clone.
#[derive(Clone)]
pub struct Driver {
    inbox: Senders,
    pub(super) looks: Looks,
    /// The store, for reads that need no turn of the driver.
    pub store: Arc<dyn Store>,
    /// The clock of everything that is recorded: it never goes back, not even from one start to the next.
    pub clock: Arc<dyn Clock>,
    /// The machine's clock, for what other machines compare with theirs.
    pub wall: Arc<dyn Clock>,
    /// Held while an inventory or a plan is prepared and stored: one at a time.
    pub preparing: Arc<Mutex<()>>,
}

impl Driver {
    pub(super) fn new(
        inbox: Senders,
        looks: Looks,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        wall: Arc<dyn Clock>,
    ) -> Self {
        Self { inbox, looks, store, clock, wall, preparing: Arc::default() }
    }

    /// Runs `task` in a turn of the driver and answers when what it changed is durable.
    pub async fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut World, &mut Turn) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        self.run(&self.inbox.rest, task).await
    }

    /// The same for a person's word that may stop something: it waits for no result.
    pub async fn command<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut World, &mut Turn) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        self.run(&self.inbox.words, task).await
    }

    async fn run<T: Send + 'static>(
        &self,
        inbox: &mpsc::Sender<Message>,
        task: impl FnOnce(&mut World, &mut Turn) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        if let Some(full) = self.store.full() {
            return Err(Refused::DiskFull(full));
        }
        let (reply, answer) = oneshot::channel();
        let task: Task = Box::new(move |world, turn| {
            let result = task(world, turn);
            turn.reply(move || {
                let _ = reply.send(result);
            });
        });
        inbox.send(Message::Do(task)).await.map_err(|_| Refused::Stopping)?;
        answer.await.map_err(|_| Refused::Stopping)?
    }

    /// Opens an agent's session.
    pub async fn open_session(
        &self,
        peer: AgentPeer,
        hello: Hello,
        outbox: Outbox,
    ) -> Result<Opened, Refused> {
        self.ask(move |world, turn| world.open_session(peer, &hello, outbox, turn)).await
    }

    /// Passes on a message of a session; `Err` when the driver has stopped.
    pub async fn deliver(&self, session: u64, message: FromAgent) -> Result<(), Refused> {
        let message = Message::Agent(session, message);
        let inbox = if message.is_urgent() { &self.inbox.urgent } else { &self.inbox.rest };
        inbox.send(message).await.map_err(|_| Refused::Stopping)
    }

    /// Says that a session's stream has ended.
    pub async fn close_session(&self, session: u64) {
        let _ = self.inbox.rest.send(Message::AgentGone(session)).await;
    }
}
