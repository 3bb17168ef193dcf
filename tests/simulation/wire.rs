//! A wire that carries the messages of a session and does to them what no honest network does: it stands on the
//! agent's machine, between the agent and its connection.

mod tricks;

use crate::time::TrueTime;
use futures_util::stream;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::future::ready;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use switchyard_proto::agent_v1::connect_request::Message;
use switchyard_proto::agent_v1::link_service_client::LinkServiceClient;
use switchyard_proto::agent_v1::link_service_server::{LinkService, LinkServiceServer};
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tricks::Tricks;

/// Bytes on their way within the machine.
const BYTES_MAX: usize = 1 << 20;
/// Messages on their way within the machine.
const MESSAGES_MAX: usize = 64;

/// The wire of one site; it outlives its agents. Its clones are the same.
#[derive(Clone)]
pub struct Wire {
    tricks: Arc<Mutex<Tricks>>,
    time: TrueTime,
    honest_from: Duration,
}

impl Wire {
    /// The wire that `seed` gives to `site`; honest from `honest_from` on.
    pub fn new(seed: u64, site: &str, time: TrueTime, honest_from: Duration) -> Self {
        Self { tricks: Arc::new(Mutex::new(Tricks::new(seed, site))), time, honest_from }
    }

    /// How many of what it did.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.tricks().counts().clone()
    }

    /// A channel whose messages go through this wire, unless it is an honest one.
    pub async fn before(&self, upstream: Channel) -> Result<Channel, tonic::transport::Error> {
        if self.tricks().is_honest() {
            return Ok(upstream);
        }
        let (near, far) = tokio::io::duplex(BYTES_MAX);
        let service = LinkServiceServer::new(Session { upstream, wire: self.clone() });
        let far = stream::once(ready(Ok::<DuplexStream, io::Error>(far)));
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(far));
        let mut near = Some(TokioIo::new(near));
        let dial = tower::service_fn(move |_| {
            ready(near.take().ok_or(io::Error::from(io::ErrorKind::NotConnected)))
        });
        Endpoint::from_static("http://wire").connect_with_connector(dial).await
    }

    fn up(&self, message: ConnectRequest) -> Vec<ConnectRequest> {
        if self.is_over() { self.tricks().honestly(message) } else { self.tricks().up(message) }
    }

    fn down(&self, message: ConnectResponse) -> Vec<ConnectResponse> {
        if self.is_over() { vec![message] } else { self.tricks().down(message) }
    }

    fn is_over(&self) -> bool {
        self.time.elapsed() >= self.honest_from
    }

    fn tricks(&self) -> MutexGuard<'_, Tricks> {
        self.tricks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Session {
    upstream: Channel,
    wire: Wire,
}

#[tonic::async_trait]
impl LinkService for Session {
    type ConnectStream = ReceiverStream<Result<ConnectResponse, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        self.wire.tricks().new_session();
        let (up, outgoing) = mpsc::channel(MESSAGES_MAX);
        tokio::spawn(carry_up(self.wire.clone(), request.into_inner(), up));
        let mut client = LinkServiceClient::new(self.upstream.clone());
        let incoming = client.connect(ReceiverStream::new(outgoing)).await?.into_inner();
        let (down, messages) = mpsc::channel(MESSAGES_MAX);
        tokio::spawn(carry_down(self.wire.clone(), incoming, down));
        Ok(Response::new(ReceiverStream::new(messages)))
    }
}

async fn carry_up(wire: Wire, mut from: Streaming<ConnectRequest>, to: mpsc::Sender<ConnectRequest>) {
    while let Ok(Some(message)) = from.message().await {
        for message in one_by_one(message).into_iter().flat_map(|message| wire.up(message)) {
            if to.send(message).await.is_err() {
                return;
            }
        }
    }
}

/// Results that travel together can be taken apart.
fn one_by_one(message: ConnectRequest) -> Vec<ConnectRequest> {
    let session = message.session;
    match message.message {
        Some(Message::Results(together)) => {
            let alone = |result| ConnectRequest { message: Some(Message::Result(result)), session };
            together.results.into_iter().map(alone).collect()
        }
        alone => vec![ConnectRequest { message: alone, session }],
    }
}

async fn carry_down(
    wire: Wire,
    mut from: Streaming<ConnectResponse>,
    to: mpsc::Sender<Result<ConnectResponse, Status>>,
) {
    loop {
        let messages = match from.message().await {
            Ok(Some(message)) => wire.down(message).into_iter().map(Ok).collect(),
            Ok(None) => return,
            Err(status) => vec![Err(status)],
        };
        for message in messages {
            let is_last = message.is_err();
            if to.send(message).await.is_err() || is_last {
                return;
            }
        }
    }
}
