//! The one loop that owns the truth: takes what has come in, decides, makes it durable, then acts.

mod agents;
mod answered;
mod breakers;
mod by_hand;
mod call_off;
mod effect;
mod environment;
mod fleet;
mod labelled;
mod message;
mod notes;
mod operate;
mod progress;
mod recover;
mod shares;
mod world;

pub use effect::{Outbox, Turn};
pub use fleet::{AgentInfo, Fleet};
pub use message::{AgentPeer, Driver, Opened, Steer, Verb};
pub use notes::Notes;
pub use world::{Active, World};

use crate::clock::Clock;
use crate::store::{Store, StoreError};
use effect::Effect;
use message::Message;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages that may wait for the driver.
const INBOX_MAX: usize = 4096;
/// Messages that one turn, and so one commit, takes at most.
const TURN_MAX: usize = 512;
/// How often sessions are looked at when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Recovers the world from `store` and starts the loop; it ends at `stop` or when the store fails.
pub async fn start(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<(Driver, tokio::task::JoinHandle<Result<(), StoreError>>), StoreError> {
    let world = recover::world(&*store, clock.now()).await?;
    let (sender, inbox) = mpsc::channel(INBOX_MAX);
    let driver = Driver::new(sender, store.clone(), clock.clone());
    let running = tokio::spawn(Loop { world, store, clock, inbox, stop, wake: None }.run());
    Ok((driver, running))
}

struct Loop {
    world: World,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    inbox: mpsc::Receiver<Message>,
    stop: CancellationToken,
    wake: Option<Timestamp>,
}

impl Loop {
    async fn run(mut self) -> Result<(), StoreError> {
        loop {
            let mut messages = Vec::new();
            let sleep = self.wake.map_or(LOOK_EVERY, |at| at.since(self.clock.now()).min(LOOK_EVERY));
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                count = self.inbox.recv_many(&mut messages, TURN_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep(sleep) => {}
            }
            if let Err(error) = self.turn(messages).await {
                tracing::error!(%error, "the store failed; stopping before anything is said that is not durable");
                self.stop.cancel();
                return Err(error);
            }
        }
    }

    async fn turn(&mut self, messages: Vec<Message>) -> Result<(), StoreError> {
        let mut turn = Turn::new(self.clock.now());
        for message in messages {
            self.world.take(message, &mut turn);
        }
        self.world.look_at_sessions(&mut turn);
        self.world.watch_environment(&mut turn);
        self.wake = self.world.advance(&mut turn);
        if !turn.batch.is_empty() {
            self.store.append(std::mem::take(&mut turn.batch)).await?;
        }
        for effect in turn.effects {
            self.act(effect).await?;
        }
        Ok(())
    }

    async fn act(&mut self, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::Reply(reply) => reply(),
            Effect::Send(outbox, message) => outbox.send(message),
            Effect::Publish(name) => self.world.publish(&name),
            Effect::PublishBreakers => self.world.publish_breakers(),
            Effect::Dispatch(dispatch) => dispatch.send(&*self.store).await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
