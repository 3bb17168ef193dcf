//! Who may call what: decided for every request by its path and its connection, before anything reads it.

use crate::api::DOMAIN;
use std::task::{Context, Poll};
use switchyard_proto::identity::{Identity, Peer, PeerInfo};
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower::{Layer, Service};

const ENROLL: &str = "/switchyard.v1.EnrollmentService/EnrollAgent";
const LINK: &str = "/switchyard.agent.v1.LinkService/";

/// Puts the guard before every service of a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct GuardLayer;

/// The guard before one service.
#[derive(Debug, Clone)]
pub struct Guard<S>(S);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard(inner)
    }
}

impl<S, B, R> Service<http::Request<B>> for Guard<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>>,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = futures_util::future::Either<S::Future, std::future::Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let path = request.uri().path();
        let info = request.extensions().get::<PeerInfo>();
        match admit(path, info.map_or(&Peer::Anonymous, |info| &info.peer)) {
            Ok(()) => futures_util::future::Either::Left(self.0.call(request)),
            Err(status) => {
                let address = info.map(|info| info.address.to_string()).unwrap_or_default();
                tracing::info!(%address, path, reason = status.message(), "request refused");
                futures_util::future::Either::Right(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// Whom a method is for. What is not listed is for operators: a new service is closed to agents and
/// strangers until somebody opens it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Anybody,
    Agents,
    Operators,
}

fn audience(path: &str) -> Audience {
    if path == ENROLL {
        Audience::Anybody
    } else if path.starts_with(LINK) {
        Audience::Agents
    } else {
        Audience::Operators
    }
}

fn admit(path: &str, peer: &Peer) -> Result<(), Box<Status>> {
    match (audience(path), peer) {
        (Audience::Anybody, _)
        | (Audience::Agents | Audience::Operators, Peer::InsecureLoopback)
        | (Audience::Agents, Peer::Known(Identity::Agent { .. }))
        | (Audience::Operators, Peer::Known(Identity::Operator { .. })) => Ok(()),
        (Audience::Agents, Peer::Anonymous) => Err(refusal(
            Code::Unauthenticated,
            "CERTIFICATE_REQUIRED",
            "an agent must show its certificate; it gets one with `switchyard-agent run --join TOKEN`, and the token with `switchyard agent token create --site NAME`",
        )),
        (Audience::Operators, Peer::Anonymous) => Err(refusal(
            Code::Unauthenticated,
            "CERTIFICATE_REQUIRED",
            "an operator must show a certificate; use `--context DIR/operator/context.toml`, which the coordinator writes into its data folder DIR",
        )),
        (Audience::Agents, Peer::Known(identity @ Identity::Operator { .. })) => Err(refusal(
            Code::PermissionDenied,
            "ROLE_MISSING",
            &format!("this method is for agents, and the certificate is that of {identity}"),
        )),
        (Audience::Operators, Peer::Known(identity @ Identity::Agent { .. })) => Err(refusal(
            Code::PermissionDenied,
            "ROLE_MISSING",
            &format!(
                "this method is for operators, and the certificate is that of {identity}; use an operator's context"
            ),
        )),
    }
}

fn refusal(code: Code, reason: &str, message: &str) -> Box<Status> {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, [] as [(String, String); 0]);
    Box::new(Status::with_error_details(code, message, details))
}

/// Who sent this request, and from where. Without a connection that says so: nobody.
pub fn caller<T>(request: &Request<T>) -> (Peer, String) {
    match request.extensions().get::<PeerInfo>() {
        Some(info) => (info.peer.clone(), info.address.to_string()),
        None => (Peer::Anonymous, String::new()),
    }
}

/// The caller's name for logs and the event log: the operator's or agent's, or `insecure-loopback`.
pub fn caller_name<T>(request: &Request<T>) -> String {
    match caller(request).0 {
        Peer::Known(Identity::Operator { name }) => name.to_string(),
        Peer::Known(Identity::Agent { agent, .. }) => agent.to_string(),
        peer @ (Peer::InsecureLoopback | Peer::Anonymous) => peer.to_string(),
    }
}

#[cfg(test)]
mod tests;
