//! What was put away comes back from the store, read apart from the driver, when somebody asks for it.

use super::effect::Turn;
use super::message::{Driver, Message};
use super::recover;
use super::world::{Active, World};
use crate::refused::Refused;
use crate::store::StoreError;
use std::sync::Arc;
use switchyard_proto::convert::link::FromAgent;
use switchyard_shared::id::{PlanName, RolloutName};
use switchyard_shared::plan::Plan;

/// What is not in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToRead {
    /// A rollout that has ended.
    Rollout(RolloutName),
    /// A plan.
    Plan(PlanName),
}

enum Read {
    Rollout(Box<Active>),
    Plan(Arc<Plan>),
}

impl World {
    /// The rollout that was put away and that a message cannot be taken without.
    pub(super) fn must_read_for(&self, message: &Message) -> Option<RolloutName> {
        match message {
            Message::Agent(_, FromAgent::Result { op, .. }) => {
                self.rollouts.must_be_read(&op.rollout).then(|| op.rollout.clone())
            }
            Message::Agent(_, FromAgent::Results(results)) => {
                let away = results.iter().find(|result| self.rollouts.must_be_read(&result.op.rollout));
                away.map(|result| result.op.rollout.clone())
            }
            Message::Agent(
                _,
                FromAgent::Hello(_)
                | FromAgent::Heartbeat(_)
                | FromAgent::Credit(_)
                | FromAgent::Progress { .. }
                | FromAgent::Compared(_)
                | FromAgent::Breaker(_),
            )
            | Message::AgentGone(_)
            | Message::Do(_) => None,
        }
    }

    fn lend(&mut self, read: Read, turn: &Turn) {
        match read {
            Read::Rollout(active) => self.rollouts.lend(*active, turn.now),
            Read::Plan(plan) => self.plans.lend(plan),
        }
    }
}

impl Driver {
    /// Like [`Self::ask`], for a task that needs a rollout or a plan whole: it runs again, with what it
    /// needs, when that was not in memory.
    pub async fn ask_about<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut World, &mut Turn) -> Result<T, Refused> + Clone + Send + 'static,
    ) -> Result<T, Refused> {
        match self.ask(task.clone()).await {
            Err(Refused::ToRead(what)) => {
                let read = self.read(what).await?;
                self.ask(move |world, turn| {
                    world.lend(read, turn);
                    task(world, turn)
                })
                .await
            }
            answer => answer,
        }
    }

    /// The same for a person's word that may stop something.
    pub async fn command_about<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut World, &mut Turn) -> Result<T, Refused> + Clone + Send + 'static,
    ) -> Result<T, Refused> {
        match self.command(task.clone()).await {
            Err(Refused::ToRead(what)) => {
                let read = self.read(what).await?;
                self.command(move |world, turn| {
                    world.lend(read, turn);
                    task(world, turn)
                })
                .await
            }
            answer => answer,
        }
    }

    async fn read(&self, what: ToRead) -> Result<Read, Refused> {
        let read = match what {
            ToRead::Rollout(name) => {
                recover::rollout(&*self.store, &name).await.map(|active| Read::Rollout(Box::new(active)))
            }
            ToRead::Plan(name) => recover::plan(&*self.store, &name).await.map(Read::Plan),
        };
        read.map_err(|error: StoreError| Refused::Store(error.to_string()))
    }
}
