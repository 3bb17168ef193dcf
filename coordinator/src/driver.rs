//! The one loop that owns the truth: takes what has come in, decides, makes it durable, then acts.

mod adopt;
mod agents;
mod ahead;
mod answered;
mod audit;
mod away;
mod breakers;
mod by_hand;
mod call_off;
mod commits;
mod comparing;
mod comparisons;
mod configurations;
mod doubts;
mod effect;
mod environment;
mod fleet;
mod inbox;
mod labelled;
mod looking;
mod message;
mod notes;
mod operate;
mod plans;
mod prepared;
mod progress;
mod reading;
mod reconcile;
mod recover;
mod repinned;
mod restore;
mod rollouts;
mod shares;
mod sites;
mod standing;
mod strays;
mod subject;
mod thread;
mod world;

pub use adopt::Adopted;
pub use audit::{KeysAsked, KeysFound, Record};
pub use effect::{Outbox, Turn};
pub use fleet::{AgentInfo, Fleet};
pub use message::{AgentPeer, Driver, Opened, Steer, Verb};
pub use notes::Notes;
pub use plans::{Naming, Plans};
pub use prepared::{NewInventory, NewPlan};
pub use reading::ToRead;
pub use reconcile::Reconcile;
pub use restore::RestoreDevice;
pub use rollouts::Rollouts;
pub use sites::Rebound;
pub use strays::Stray;
pub use subject::KeysWanted;
pub use world::{Active, World};

use crate::clock::Clock;
use crate::failpoint;
use crate::store::{Store, StoreError};
use commits::Commits;
use configurations::Configurations;
use effect::Effect;
use inbox::{Inbox, Taken};
use looking::{LOOKS_MAX, Look};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::convert::link::FromCoordinator;
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::time::Timestamp;
use tokio::sync::mpsc;
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
    let wall = clock.clone();
    let (world, clock) = recover::world(&*store, clock).await?;
    let (senders, inbox) = inbox::lanes();
    let (looks, looks_inbox) = mpsc::channel(LOOKS_MAX);
    let driver = Driver::new(senders, looks, store.clone(), clock.clone(), wall);
    let configurations = Configurations::default();
    Ok((driver, Loop { world, store, clock, inbox, looks: looks_inbox, stop, wake: None, configurations }))
}

struct Loop {
    world: World,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    inbox: Inbox,
    looks: mpsc::Receiver<Look>,
    stop: CancellationToken,
    wake: Option<Timestamp>,
    configurations: Configurations,
}

impl Loop {
    async fn run(mut self) -> Result<(), StoreError> {
        let store = self.store.clone();
        let mut commits = Commits::default();
        let ended = self.turns(&store, &mut commits).await;
        if let Err(error) = &ended {
            tracing::error!(%error, "the store failed; stopping before anything is said that is not durable");
            self.stop.cancel();
        }
        ended
    }

    async fn turns<'a>(
        &mut self,
        store: &'a Arc<dyn Store>,
        commits: &mut Commits<'a>,
    ) -> Result<(), StoreError> {
        loop {
            let sleep = self.wake.map_or(LOOK_EVERY, |at| at.since(self.clock.now()).min(LOOK_EVERY));
            let has_room = commits.has_room();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return self.act_on_what_can_be_written(commits).await,
                Some(durable) = commits.next() => {
                    self.act_on(durable?).await?;
                    continue;
                }
                any = self.inbox.has_any(), if has_room => {
                    if !any {
                        return self.act_on_all(commits).await;
                    }
                }
                Some(look) = self.looks.recv() => {
                    self.world.full = self.store.full();
                    look(&self.world, self.clock.now());
                    continue;
                }
                () = tokio::time::sleep(sleep), if has_room => {}
            }
            let turn = self.turn(commits).await?;
            let durable = match turn.batch.is_empty() {
                true => Box::pin(std::future::ready(Ok(()))),
                false => store.append(turn.batch),
            };
            commits.push(durable, turn.effects);
        }
    }

    /// What may decide a stop comes first; a turn that has stopped something does nothing else, so that
    /// the stop is durable and pushed at once.
    async fn turn(&mut self, commits: &mut Commits<'_>) -> Result<Turn, StoreError> {
        let mut turn = Turn::new(self.clock.now());
        self.world.full = None;
        self.world.rollouts.tidy(turn.now);
        let mut taken = Taken::default();
        while !turn.has_stopped
            && let Some(message) = self.inbox.next(&mut taken)
        {
            while let Some(name) = self.world.must_read_for(&message) {
                // What is still on its way to the disk would be missing.
                self.act_on_all(commits).await?;
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
        Ok(turn)
    }

    async fn act_on_all(&mut self, commits: &mut Commits<'_>) -> Result<(), StoreError> {
        while let Some(durable) = commits.next().await {
            self.act_on(durable?).await?;
        }
        Ok(())
    }

    /// As [`Self::act_on_all`], but on a full disk nothing is waited for: nobody was told of it.
    async fn act_on_what_can_be_written(&mut self, commits: &mut Commits<'_>) -> Result<(), StoreError> {
        while self.store.full().is_none() {
            tokio::select! {
                biased;
                durable = commits.next() => match durable {
                    Some(durable) => self.act_on(durable?).await?,
                    None => return Ok(()),
                },
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        Ok(())
    }

    /// Does what follows from a turn that is durable, with every turn before it.
    async fn act_on(&mut self, effects: Vec<Effect>) -> Result<(), StoreError> {
        let configurations = self.configurations.of(&effects, &*self.store).await?;
        for effect in effects {
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
            Effect::Publish(name, sequence) => self.world.publish(&name, sequence),
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
