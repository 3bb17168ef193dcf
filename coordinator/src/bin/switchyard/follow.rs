//! A rollout's events in order over any number of connections: none lost, none twice.

pub mod again;
mod backoff;

use crate::client::Api;
use crate::failure::Failure;
use crate::words::{self, full, to_rollout_state};
use again::{Ended, Lost, Tries};
use std::time::Duration;
use switchyard_proto::v1::{self, watch_rollout_response::Event};
use tokio::sync::mpsc;
use tonic::Streaming;

/// Events that wait for the screen.
const QUEUE_MAX: usize = 256;
/// Longest silence of a stream: heartbeats come more often.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// What a follower hears.
#[derive(Debug)]
pub enum News {
    /// The whole state: first, and again after falling behind.
    Base {
        /// The rollout.
        rollout: Box<v1::Rollout>,
        /// All of its devices; empty when the coordinator does not list them.
        devices: Vec<v1::DeviceResult>,
        /// Whether the stream sent it, instead of having been asked.
        is_snapshot: bool,
    },
    /// The next event, or a heartbeat.
    Event(Box<v1::WatchRolloutResponse>),
    /// The connection broke.
    Lost(Lost),
    /// The connection is back.
    Back,
}

/// Follows the rollout `name`, from `since` or from a snapshot, until it ends: the channel closes after
/// the end, or after a failure. Dropping the receiver ends the following.
pub fn follow(api: Api, name: &str, since: Option<u64>) -> mpsc::Receiver<Result<News, Failure>> {
    let (news, receiver) = mpsc::channel(QUEUE_MAX);
    let follower = Follower {
        api,
        name: full("rollouts", name),
        last: since,
        over: false,
        tries: Tries::default(),
        news,
    };
    tokio::spawn(follower.run(since.is_some()));
    receiver
}

struct Follower {
    api: Api,
    name: String,
    last: Option<u64>,
    over: bool,
    tries: Tries,
    news: mpsc::Sender<Result<News, Failure>>,
}

enum Stop {
    Over,
    Ended(Ended),
    Unheard,
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl Follower {
    async fn run(mut self, resumed: bool) {
        if let Err(failure) = self.follow(resumed).await {
            let _ = self.news.send(Err(failure)).await;
        }
    }

    async fn follow(&mut self, resumed: bool) -> Result<(), Failure> {
        if resumed {
            match self.base().await {
                Ok(()) => {}
                Err(Stop::Over | Stop::Unheard) => return Ok(()),
                Err(Stop::Ended(Ended::Broken(failure) | Ended::Failed(failure))) => return Err(failure),
            }
        }
        loop {
            let failure = match self.connection().await {
                Stop::Over | Stop::Unheard => return Ok(()),
                Stop::Ended(Ended::Failed(failure)) => return Err(failure),
                Stop::Ended(Ended::Broken(failure)) => failure,
            };
            let lost = self.tries.again(failure)?;
            let wait = lost.wait;
            if self.tell(News::Lost(lost)).await.is_err() {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn tell(&self, news: News) -> Result<(), Stop> {
        self.news.send(Ok(news)).await.map_err(|_| Stop::Unheard)
    }

    async fn base(&mut self) -> Result<(), Stop> {
        let rollout = self.api.rollout(&self.name).await.map_err(Ended::Failed)?;
        self.over = is_final(rollout.state);
        self.base_of(rollout, false).await
    }

    async fn base_of(&mut self, rollout: v1::Rollout, is_snapshot: bool) -> Result<(), Stop> {
        let devices = self.api.devices(&self.name, "").await.unwrap_or_default();
        self.tries.heard();
        self.tell(News::Base { rollout: Box::new(rollout), devices, is_snapshot }).await
    }

    async fn connection(&mut self) -> Stop {
        let request = v1::WatchRolloutRequest { name: self.name.clone(), after_sequence: self.last };
        let opened = self.api.call(async { self.api.rollouts().watch_rollout(request).await }).await;
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(failure) => return Ended::call(failure).into(),
        };
        loop {
            let message = match self.message(&mut stream).await {
                Ok(Some(message)) => message,
                Ok(None) => return self.ended().await,
                Err(ended) => return ended.into(),
            };
            if self.tries.heard()
                && let Err(stop) = self.tell(News::Back).await
            {
                return stop;
            }
            if let Err(stop) = self.take(message).await {
                return stop;
            }
        }
    }

    async fn message(
        &self,
        stream: &mut Streaming<v1::WatchRolloutResponse>,
    ) -> Result<Option<v1::WatchRolloutResponse>, Ended> {
        match tokio::time::timeout(IDLE_MAX, stream.message()).await {
            Ok(message) => message.map_err(|status| Ended::stream(&self.api, &status)),
            Err(_) => Err(Ended::broken(&self.api, "no news for 90s")),
        }
    }

    async fn ended(&mut self) -> Stop {
        if self.over {
            return Stop::Over;
        }
        match self.api.rollout(&self.name).await {
            Ok(rollout) if is_final(rollout.state) => Stop::Over,
            Ok(_) => Ended::broken(&self.api, "the coordinator closed the stream").into(),
            Err(failure) => Ended::call(failure).into(),
        }
    }

    async fn take(&mut self, message: v1::WatchRolloutResponse) -> Result<(), Stop> {
        match message.event {
            Some(Event::Snapshot(mut rollout)) => {
                rollout.sequence = rollout.sequence.max(message.sequence);
                self.last = Some(rollout.sequence);
                self.over = is_final(rollout.state);
                self.base_of(rollout, true).await
            }
            Some(Event::Heartbeat(_)) => self.tell(News::Event(Box::new(message))).await,
            Some(
                Event::StateChanged(_)
                | Event::WaveChanged(_)
                | Event::DevicesChanged(_)
                | Event::BreakerChanged(_),
            )
            | None => {
                if self.last.is_some_and(|last| message.sequence <= last) {
                    return Ok(());
                }
                self.last = Some(message.sequence);
                if let Some(Event::StateChanged(change)) = &message.event {
                    self.over = is_final(change.state);
                }
                self.tell(News::Event(Box::new(message))).await
            }
        }
    }
}

fn is_final(state: i32) -> bool {
    to_rollout_state(state).is_some_and(words::is_final)
}

#[cfg(test)]
mod tests;
