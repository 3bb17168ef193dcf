//! A rollout's events in order over any number of connections: none lost, none twice.

mod backoff;

use crate::client::Api;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::words::{self, full, to_rollout_state};
use std::time::Duration;
use switchyard_proto::v1::{self, watch_rollout_response::Event};
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

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
    /// The connection broke; it is tried again after `wait`.
    Lost {
        /// Why.
        cause: String,
        /// Which try comes next, from 1.
        attempt: u32,
        /// How long until it.
        wait: Duration,
    },
    /// The connection is back.
    Back,
}

/// Follows the rollout `name`, from `since` or from a snapshot, until it ends: the channel closes after
/// the end, or after a failure. Dropping the receiver ends the following.
pub fn follow(api: Api, name: &str, since: Option<u64>) -> mpsc::Receiver<Result<News, Failure>> {
    let (news, receiver) = mpsc::channel(QUEUE_MAX);
    let follower =
        Follower { api, name: full("rollouts", name), last: since, over: false, heard: false, news };
    tokio::spawn(follower.run(since.is_some()));
    receiver
}

struct Follower {
    api: Api,
    name: String,
    last: Option<u64>,
    over: bool,
    heard: bool,
    news: mpsc::Sender<Result<News, Failure>>,
}

enum Stop {
    Over,
    Broken(Failure),
    Failed(Failure),
    Unheard,
}

impl Follower {
    async fn run(mut self, resumed: bool) {
        if resumed && let Err(stop) = self.base().await {
            return self.report(stop).await;
        }
        let mut attempt = 0;
        loop {
            let failure = match self.connection(&mut attempt).await {
                Stop::Broken(failure) if self.heard && attempt < backoff::ATTEMPTS_MAX => failure,
                stop @ (Stop::Over | Stop::Broken(_) | Stop::Failed(_) | Stop::Unheard) => {
                    return self.report(stop).await;
                }
            };
            attempt += 1;
            let wait = backoff::wait(attempt, crate::entropy::share());
            let cause = failure.causes.first().unwrap_or(&failure.message).clone();
            if self.tell(News::Lost { cause, attempt, wait }).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn report(&self, stop: Stop) {
        match stop {
            Stop::Over | Stop::Unheard => {}
            Stop::Broken(failure) | Stop::Failed(failure) => {
                let _ = self.news.send(Err(failure)).await;
            }
        }
    }

    async fn tell(&self, news: News) -> Result<(), Stop> {
        self.news.send(Ok(news)).await.map_err(|_| Stop::Unheard)
    }

    async fn base(&mut self) -> Result<(), Stop> {
        let rollout = self.api.rollout(&self.name).await.map_err(Stop::Failed)?;
        self.over = is_final(rollout.state);
        self.base_of(rollout, false).await
    }

    async fn base_of(&mut self, rollout: v1::Rollout, is_snapshot: bool) -> Result<(), Stop> {
        let devices = self.api.devices(&self.name, "").await.unwrap_or_default();
        self.heard = true;
        self.tell(News::Base { rollout: Box::new(rollout), devices, is_snapshot }).await
    }

    async fn connection(&mut self, attempt: &mut u32) -> Stop {
        let request = v1::WatchRolloutRequest { name: self.name.clone(), after_sequence: self.last };
        let opened = self.api.call(async { self.api.rollouts().watch_rollout(request).await }).await;
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(failure) if failure.exit == Exit::Unavailable => return Stop::Broken(failure),
            Err(failure) => return Stop::Failed(failure),
        };
        loop {
            let message = match self.message(&mut stream).await {
                Ok(Some(message)) => message,
                Ok(None) => return self.ended().await,
                Err(stop) => return stop,
            };
            if *attempt > 0 {
                *attempt = 0;
                if let Err(stop) = self.tell(News::Back).await {
                    return stop;
                }
            }
            if let Err(stop) = self.take(message).await {
                return stop;
            }
        }
    }

    async fn message(
        &self,
        stream: &mut Streaming<v1::WatchRolloutResponse>,
    ) -> Result<Option<v1::WatchRolloutResponse>, Stop> {
        match tokio::time::timeout(IDLE_MAX, stream.message()).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(status)) if is_transient(&status) => {
                Err(Stop::Broken(self.api.failure(&Status::unavailable(status.message().to_owned()))))
            }
            Ok(Err(status)) => Err(Stop::Failed(self.api.failure(&status))),
            Err(_) => Err(Stop::Broken(self.api.failure(&Status::unavailable("no news for 90s")))),
        }
    }

    async fn ended(&mut self) -> Stop {
        if self.over {
            return Stop::Over;
        }
        match self.api.rollout(&self.name).await {
            Ok(rollout) if is_final(rollout.state) => Stop::Over,
            Ok(_) => {
                Stop::Broken(self.api.failure(&Status::unavailable("the coordinator closed the stream")))
            }
            Err(failure) if failure.exit == Exit::Unavailable => Stop::Broken(failure),
            Err(failure) => Stop::Failed(failure),
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

/// Whether the stream may be opened again: it broke, nothing was refused.
fn is_transient(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::Cancelled
        | Code::Unknown
        | Code::Internal
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

#[cfg(test)]
mod tests;
