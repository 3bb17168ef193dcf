//! Keeps one session with the coordinator: dials, and dials again.

mod lease;
mod link;
mod together;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub use lease::Lease;

use crate::backoff::{Backoff, WAIT_MAX};
use crate::clock::Clock;
use crate::driver::Message;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::SiteName;
use switchyard_shared::time::{Timestamp, format_duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// A session that lasts this long has worked. Well above [`WAIT_MAX`]: two agents with one identity end
/// each other's sessions, so that each lasts about as long as the other waits.
const LASTED_MIN: Duration = WAIT_MAX.saturating_mul(2);

/// Why a dial brought no channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectFailure {
    /// Continues "failed to …".
    pub message: String,
    /// Whether dialling again is pointless.
    pub fatal: bool,
}

/// The way to the coordinator.
pub trait Connector: Send + Sync + 'static {
    /// Dials, within a bound of its own.
    fn connect(&self) -> BoxFuture<'_, Result<Channel, ConnectFailure>>;
    /// What is dialled, for people.
    fn peer(&self) -> String;
}

/// How a session, or the try at one, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    /// Dial again soon.
    Lost(String),
    /// Dial again soon: the coordinator ended what it had welcomed.
    Closed(String),
    /// Dial again, but slowly: a person must act first.
    Refused(String),
    /// Never dial again.
    Fatal(String),
}

/// What a session needs.
pub struct Session {
    /// The site this agent is for.
    pub site: SiteName,
    /// The way to the coordinator.
    pub connector: Arc<dyn Connector>,
    /// Where messages go.
    pub driver: mpsc::Sender<Message>,
    /// What it renews.
    pub lease: Arc<Lease>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The jitter between dials.
    pub backoff: Backoff,
}

impl Session {
    /// Runs until `stop`, or until dialling is pointless.
    pub async fn run(mut self, stop: CancellationToken) {
        // One session's end cannot be awaited and missed: dropping the future closes the stream.
        let _stopped = stop.run_until_cancelled(self.keep_dialling()).await;
    }

    async fn keep_dialling(&mut self) {
        let mut said = String::new();
        loop {
            let mut welcomed = None;
            let ending = self.once(&mut welcomed).await;
            let mut cut_short = false;
            if let Some(at) = welcomed {
                cut_short = self.clock.now().since(at) < LASTED_MIN;
                if !cut_short {
                    self.backoff.reset();
                    said.clear();
                }
                if self.driver.send(Message::Disconnected).await.is_err() {
                    return;
                }
            }
            let (message, wait) = match ending {
                Ending::Closed(message) if cut_short => (shared_identity(&message), self.backoff.next_wait()),
                Ending::Lost(message) | Ending::Closed(message) => (message, self.backoff.next_wait()),
                Ending::Refused(message) => (message, WAIT_MAX),
                Ending::Fatal(message) => {
                    let _driver_is_gone = self.driver.send(Message::Fatal(message)).await;
                    return;
                }
            };
            // The same words every few seconds would bury everything else.
            if message == said {
                tracing::debug!("failed to {message}");
            } else {
                tracing::warn!("failed to {message}; trying again until it works");
                said = message;
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, welcomed: &mut Option<Timestamp>) -> Ending {
        match self.connector.connect().await {
            Ok(channel) => link::run(self, channel, welcomed).await,
            Err(ConnectFailure { message, fatal: true }) => Ending::Fatal(message),
            Err(ConnectFailure { message, fatal: false }) => Ending::Lost(message),
        }
    }
}

fn shared_identity(message: &str) -> String {
    format!(
        "{message}, less than {} after the welcome: another process may be using this agent's identity; if this \
         machine or its state directory was cloned, stop one and enrol it anew",
        format_duration(LASTED_MIN)
    )
}
