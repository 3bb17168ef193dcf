//! Dialling the coordinator, and what each failure to do so means.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use std::time::Duration;
use switchyard_proto::tls::client::{ClientIdentity, ConnectError, Security, connect};
use tonic::transport::Channel;

/// Longest wait for the connection itself.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A channel to the coordinator of `context`, within `timeout`.
pub async fn dial(context: &Context, timeout: Duration) -> Result<Channel, Failure> {
    let security = match &context.credentials {
        Some(files) if !context.server.starts_with("http://") => {
            let identity = ClientIdentity::load(&files.ca, &files.cert, &files.key).map_err(|error| {
                Failure::new(Exit::Auth, "NO_CREDENTIALS", format!("no credentials for {}", context.server))
                    .because(error.to_string())
                    .hint("name a context that holds them: --context DIR/operator/context.toml")
            })?;
            Security::Tls(identity)
        }
        Some(_) | None => Security::InsecureLoopback,
    };
    connect(&context.server, &security, timeout).await.map_err(|error| refused(&error, &context.server))
}

/// What `error` means to the operator of `server`.
pub fn refused(error: &ConnectError, server: &str) -> Failure {
    match error {
        ConnectError::Unreachable { problem, .. } => Failure::unreachable(server, problem),
        ConnectError::InvalidUrl { problem, .. } => {
            Failure::usage(format!("{server:?} cannot be dialled")).because(problem)
        }
        ConnectError::NotLoopback { .. } => {
            Failure::usage(format!("{server} is not on this machine, so it needs TLS"))
                .because(error.to_string())
                .hint("use https:// and the context that holds its credentials")
        }
        ConnectError::Credentials { problem, .. } => Failure::new(
            Exit::Auth,
            "CREDENTIALS_INVALID",
            format!("the credentials for {server} cannot be used"),
        )
        .because(problem),
        ConnectError::NotTrusted { problem, .. } => Failure::new(
            Exit::Auth,
            "NOT_TRUSTED",
            format!("{server} is not the coordinator of this context"),
        )
        .because(problem)
        .hint("use the context of that coordinator: --context DIR/operator/context.toml"),
        ConnectError::Refused { .. } => {
            Failure::new(Exit::Auth, "REFUSED", format!("{server} does not accept these credentials"))
                .because(error.to_string())
                .hint("use the context of that coordinator: --context DIR/operator/context.toml")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_there_is_69_and_elsewhere_without_tls_is_refused() {
        let nobody =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("it");
        let context = |server: String| Context { server, credentials: None };
        let within = Duration::from_secs(5);
        let gone = dial(&context(format!("http://{nobody}")), within).await.expect_err("nobody listens");
        assert_eq!(gone.exit.code(), 69);
        assert!(gone.hints[0].contains("switchyard serve --data DIR"), "{gone:?}");
        let far = dial(&context("http://192.0.2.1:7443".into()), within).await.expect_err("not loopback");
        assert_eq!(far.exit.code(), 64);
    }
}
