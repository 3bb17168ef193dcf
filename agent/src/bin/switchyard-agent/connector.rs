//! Dials the coordinator for a session.

use futures_util::future::BoxFuture;
use std::time::Duration;
use switchyard_agent::session::{ConnectFailure, Connector};
use switchyard_proto::tls::client::{ConnectError, Security, connect};
use tonic::transport::Channel;

/// How long a dial may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Dials one URL with one kind of security.
pub struct Dial {
    /// The coordinator's URL.
    pub coordinator: String,
    /// How both ends know each other.
    pub security: Security,
}

impl Connector for Dial {
    fn connect(&self) -> BoxFuture<'_, Result<Channel, ConnectFailure>> {
        Box::pin(async {
            let dialled = connect(&self.coordinator, &self.security, CONNECT_WITHIN).await;
            dialled.map_err(|error| ConnectFailure { message: error.to_string(), fatal: is_fatal(&error) })
        })
    }

    fn peer(&self) -> String {
        self.coordinator.clone()
    }
}

/// What no later dial can mend. An impostor on the way must not be able to end an agent.
fn is_fatal(error: &ConnectError) -> bool {
    match error {
        ConnectError::InvalidUrl { .. }
        | ConnectError::NotLoopback { .. }
        | ConnectError::Credentials { .. }
        | ConnectError::Refused { .. } => true,
        ConnectError::Unreachable { .. } | ConnectError::NotTrusted { .. } => false,
    }
}
