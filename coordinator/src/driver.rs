//! The one loop that owns the truth: takes what has come in, decides, makes it durable, then acts.

mod adopt;
mod agents;
mod answered;
mod away;
mod breakers;
mod by_hand;
mod call_off;
mod configurations;
mod doubts;
mod effect;
mod environment;
mod fleet;
mod inbox;
mod labelled;
mod message;
mod notes;
mod operate;
mod plans;
mod progress;
mod reading;
mod reconcile;
mod recover;
mod rollouts;
mod shares;
mod sites;
mod strays;
mod thread;
mod world;

pub use adopt::Adopted;
pub use effect::{Outbox, Turn};
pub use fleet::{AgentInfo, Fleet};
pub use message::{AgentPeer, Driver, Opened, Steer, Verb};
pub use notes::Notes;
pub use plans::Plans;
pub use reading::ToRead;
pub use reconcile::Reconcile;
pub use rollouts::Rollouts;
pub use sites::Rebound;
pub use world::{Active, World};

use crate::clock::Clock;
use crate::failpoint;
use crate::store::{Store, StoreError};
use configurations::Configurations;
use effect::Effect;
use inbox::{Inbox, Taken};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::convert::link::FromCoordinator;
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::time::Timestamp;
use tokio_util::sync::CancellationToken;

/// How often sessions are looked at when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Recovers the world from `store` and starts the loop; it ends at `stop` or when the store fails.
pub async fn start(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<(Driver, tokio::task::JoinHandle<Result<(), StoreError>>), StoreError> {
    let (driver, running) = recover(store, clock, stop).await?;
    Ok((driver, thread::spawn(running)?))
}

/// The same within this thread's `LocalSet` instead of on a thread of its own: for simulated time.
pub async fn start_here(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<(Driver, tokio::task::JoinHandle<Result<(), StoreError>>), StoreError> {
    let (driver, running) = recover(store, clock, stop).await?;
    Ok((driver, tokio::task::spawn_local(running.run())))
}

async fn recover(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<(Driver, Loop), StoreError> {
    let world = recover::world(&*store, clock.now()).await?;
    let (senders, inbox) = inbox::lanes();
    let driver = Driver::new(senders, store.clone(), clock.clone());
    let configurations = Configurations::default();
    Ok((driver, Loop { world, store, clock, inbox, stop, wake: None, configurations }))
}

struct Loop {
    world: World,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    inbox: Inbox,
    stop: CancellationToken,
    wake: Option<Timestamp>,
    configurations: Configurations,
}

impl Loop {
    async fn run(mut self) -> Result<(), StoreError> {
        loop {
            let sleep = self.wake.map_or(LOOK_EVERY, |at| at.since(self.clock.now()).min(LOOK_EVERY));
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                any = self.inbox.has_any() => {
                    if !any {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep(sleep) => {}
            }
            if let Err(error) = self.turn().await {
                tracing::error!(%error, "the store failed; stopping before anything is said that is not durable");
                self.stop.cancel();
                return Err(error);
            }
        }
    }

    /// What may decide a stop comes first; a turn that has stopped something does nothing else, so that
    /// the stop is durable and pushed at once.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let mut turn = Turn::new(self.clock.now());
        self.world.rollouts.tidy(turn.now);
        let mut taken = Taken::default();
        while !turn.has_stopped
            && let Some(message) = self.inbox.next(&mut taken)
        {
            if let Some(name) = self.world.must_read_for(&message) {
                let active = recover::rollout(&*self.store, &name).await?;
                self.world.rollouts.lend(active, turn.now);
            }
            self.world.take(message, &mut turn);
        }
        self.wake = self.world.work(&mut turn);
        turn.seal();
        if !guard::holds(Guard::FsyncBeforeAck) {
            turn.take_acks().into_iter().for_each(|ack| self.act(ack, &BTreeMap::new()));
        }
        if !guard::holds(Guard::WatermarkTogether) {
            self.store.append(turn.take_documents()).await?;
        }
        if !turn.batch.is_empty() {
            self.store.append(std::mem::take(&mut turn.batch)).await?;
        }
        let configurations = self.configurations.of(&turn.effects, &*self.store).await?;
        for effect in turn.effects {
            self.act(effect, &configurations);
        }
        Ok(())
    }

    fn act(&self, effect: Effect, configurations: &BTreeMap<String, Arc<[u8]>>) {
        match effect {
            Effect::Reply(reply) => {
                failpoint::here("before-reply");
                reply();
            }
            Effect::Send(outbox, message) => {
                if matches!(message, FromCoordinator::Ack(_)) {
                    failpoint::here("before-ack");
                }
                outbox.send(message);
            }
            Effect::Publish(name) => self.world.publish(&name),
            Effect::PublishBreakers => self.world.publish_breakers(),
            Effect::Dispatch(dispatch) => {
                failpoint::here("before-dispatch");
                dispatch.send(configurations);
                failpoint::here("after-dispatch");
            }
        }
    }
}

#[cfg(test)]
mod tests;
