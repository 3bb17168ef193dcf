//! LinkService: an agent's stream, passed to the driver message by message.

use super::Api;
use super::status::bad_field;
use crate::driver::{AgentPeer, Outbox};
use crate::guard::caller;
use crate::refused::Refused;
use futures_util::{Stream, StreamExt, future::ready, stream};
use std::pin::Pin;
use std::time::Duration;
use switchyard_proto::agent_v1::link_service_server::LinkService;
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse};
use switchyard_proto::convert::BadField;
use switchyard_proto::convert::link::{FromAgent, Hello};
use switchyard_proto::identity::{Identity, Peer};
use switchyard_shared::id::AgentName;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Messages on their way to one agent.
const OUTBOX_MAX: usize = 4096;
/// How long an agent may take to say Hello.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

#[tonic::async_trait]
impl LinkService for Api {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<ConnectResponse, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (peer, address) = caller(&request);
        let mut inbound = request.into_inner();
        let hello = hello(&mut inbound).await?;
        let peer = agent_peer(peer, address, &hello)?;
        let (messages, outgoing) = mpsc::channel(OUTBOX_MAX);
        let close = CancellationToken::new();
        let outbox = Outbox { messages, close: close.clone() };
        let agent = peer.agent.clone();
        let opened = self.driver.open_session(peer, hello, outbox).await?;
        let (refuse, refused) = oneshot::channel();
        let (driver, stop, ended) = (self.driver.clone(), self.stop.clone(), close.clone());
        tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    biased;
                    () = ended.cancelled() => break,
                    () = stop.cancelled() => break,
                    next = inbound.message() => next,
                };
                let Ok(Some(wire)) = next else { break };
                if wire.session != 0 && wire.session != opened.session {
                    tracing::warn!(
                        session = opened.session,
                        of = wire.session,
                        "a message of another session; passed over"
                    );
                    continue;
                }
                let message = match FromAgent::try_from(wire) {
                    Ok(message) => message,
                    Err(error) => {
                        tracing::warn!(%agent, %error, "an agent's message cannot be understood; its session ends");
                        let _ = refuse.send(not_understood(&agent, error));
                        break;
                    }
                };
                if driver.deliver(opened.session, message).await.is_err() {
                    break;
                }
            }
            ended.cancel();
            driver.close_session(opened.session).await;
        });
        let session = opened.session;
        let stamped = move |message| Ok(ConnectResponse { session, ..ConnectResponse::from(message) });
        let outgoing = ReceiverStream::new(outgoing).map(stamped);
        let outgoing = outgoing.take_until(close.cancelled_owned());
        Ok(Response::new(Box::pin(until_refused(outgoing, refused))))
    }
}

/// What is sent until the session is closed, and then why, if it was for what came in.
fn until_refused<T>(
    outgoing: impl Stream<Item = Result<T, Status>>,
    refused: oneshot::Receiver<Status>,
) -> impl Stream<Item = Result<T, Status>> {
    let last = stream::once(refused).filter_map(|refused| ready(refused.ok().map(Err)));
    outgoing.chain(last)
}

/// Says which field of which agent, so that nobody looks for another process with its identity.
fn not_understood(agent: &AgentName, error: BadField) -> Status {
    let why = format!("{} (from agents/{agent}; is it of a newer version than this coordinator?)", error.why);
    bad_field(BadField::new(&error.field, why))
}

async fn hello(inbound: &mut Streaming<ConnectRequest>) -> Result<Hello, Status> {
    let first = tokio::time::timeout(HELLO_WITHIN, inbound.message())
        .await
        .map_err(|_| Status::deadline_exceeded("no Hello within 10 s"))??
        .ok_or_else(|| Status::cancelled("the stream ended before Hello"))?;
    match FromAgent::try_from(first).map_err(bad_field)? {
        FromAgent::Hello(hello) => Ok(hello),
        FromAgent::Heartbeat(_)
        | FromAgent::Credit(_)
        | FromAgent::Progress { .. }
        | FromAgent::Result { .. }
        | FromAgent::Results(_)
        | FromAgent::Compared(_)
        | FromAgent::Breaker(_) => {
            let why = "the first message of a session must be Hello".into();
            Err(Refused::BadRequest { field: "message".into(), why }.into())
        }
    }
}

/// Who calls: the certificate decides; only an insecure loopback link believes Hello.
fn agent_peer(peer: Peer, address: String, hello: &Hello) -> Result<AgentPeer, Status> {
    match peer {
        Peer::Known(Identity::Agent { site, agent }) => Ok(AgentPeer { agent, site, address }),
        Peer::InsecureLoopback => {
            let agent = AgentName::new(hello.site.as_str()).map_err(|error| Refused::BadRequest {
                field: "hello.site".into(),
                why: error.to_string(),
            })?;
            Ok(AgentPeer { agent, site: hello.site.clone(), address })
        }
        Peer::Anonymous | Peer::Known(Identity::Operator { .. }) => {
            Err(Status::permission_denied("only an agent's certificate opens a link"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_that_ends_for_a_field_that_is_not_understood_names_it_and_the_agent() {
        let (refuse, refused) = oneshot::channel();
        let error = BadField::new("result.outcome.phase", "unknown value 9");
        refuse.send(not_understood(&AgentName::new("lon-1").unwrap(), error)).unwrap();
        let mut sent = Box::pin(until_refused(stream::iter([Ok(1)]), refused));
        assert_eq!(sent.next().await.unwrap().unwrap(), 1);
        let status = sent.next().await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        for part in ["result.outcome.phase", "unknown value 9", "agents/lon-1"] {
            assert!(status.message().contains(part), "{status}");
        }
        assert!(sent.next().await.is_none());
    }

    #[tokio::test]
    async fn a_session_that_ends_otherwise_ends_without_a_status() {
        let (refuse, refused) = oneshot::channel();
        drop(refuse);
        assert!(
            Box::pin(until_refused(stream::iter([] as [Result<u8, Status>; 0]), refused))
                .next()
                .await
                .is_none()
        );
    }
}
