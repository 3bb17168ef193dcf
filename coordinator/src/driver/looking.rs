//! Looks at the world that change nothing: they are answered while nothing can be made durable, too.

use super::message::Driver;
use super::world::World;
use crate::refused::Refused;
use std::time::Duration;
use switchyard_shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

/// Looks that may wait while the disk is full.
pub(super) const LOOKS_MAX: usize = 256;

/// How often somebody who waits for an answer looks whether the disk is full meanwhile.
const FULL_EVERY: Duration = Duration::from_millis(250);

/// Something that only reads the world.
pub(super) type Look = Box<dyn FnOnce(&World, Timestamp) + Send>;
/// The way for those that must not wait for the disk.
pub(super) type Looks = mpsc::Sender<Look>;

impl Driver {
    /// Looks at the world, as of what is durable. While the disk is full it is the world as it was decided:
    /// what is in it and not on the disk yet was told to nobody else.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&World, Timestamp) -> Result<T, Refused> + Clone + Send + 'static,
    ) -> Result<T, Refused> {
        let in_turn = look.clone();
        let asked = self.ask(move |world, turn| in_turn(world, turn.now));
        let answer = tokio::select! {
            biased;
            answer = asked => answer,
            () = self.is_full() => Err(Refused::DiskFull(String::new())),
        };
        match answer {
            Err(Refused::DiskFull(_)) => self.look_now(look).await,
            answer => answer,
        }
    }

    /// The same for a rollout or a plan whole, which is read from the store when it was put away.
    pub async fn look_about<T: Send + 'static>(
        &self,
        look: impl FnOnce(&World, Timestamp) -> Result<T, Refused> + Clone + Send + 'static,
    ) -> Result<T, Refused> {
        match self.look(look.clone()).await {
            Err(Refused::ToRead(_)) => self.ask_about(move |world, turn| look(world, turn.now)).await,
            answer => answer,
        }
    }

    async fn look_now<T: Send + 'static>(
        &self,
        look: impl FnOnce(&World, Timestamp) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        let look = move |world: &World, now: Timestamp| {
            let _nobody_waits = reply.send(look(world, now));
        };
        self.looks.send(Box::new(look)).await.map_err(|_| Refused::Stopping)?;
        answer.await.map_err(|_| Refused::Stopping)?
    }

    /// Returns when the disk is full.
    async fn is_full(&self) {
        while self.store.full().is_none() {
            tokio::time::sleep(FULL_EVERY).await;
        }
    }
}
