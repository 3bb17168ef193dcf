//! A coordinator for tests: a real gRPC service over a link in memory, played by the test.

use super::{ConnectFailure, Connector};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use switchyard_proto::agent_v1::link_service_server::{LinkService, LinkServiceServer};
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse};
use switchyard_proto::convert::link::{FromAgent, FromCoordinator};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};

/// A coordinator that hands its sessions to the test, or refuses them with `refuse`.
pub(crate) fn fake_coordinator(refuse: Option<Code>) -> (Arc<dyn Connector>, mpsc::Receiver<Peer>) {
    let (incoming, links) = mpsc::channel(4);
    let (sender, sessions) = mpsc::channel(4);
    let service = LinkServiceServer::new(Coordinator { sessions: sender, refuse });
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(ReceiverStream::new(links)));
    (Arc::new(InMemory(incoming)), sessions)
}

type Answers = mpsc::Sender<Result<ConnectResponse, Status>>;

/// One session as the coordinator has it.
pub(crate) struct Peer {
    heard: Streaming<ConnectRequest>,
    answers: Answers,
}

impl Peer {
    pub async fn hear(&mut self) -> FromAgent {
        FromAgent::try_from(self.heard.message().await.unwrap().unwrap()).unwrap()
    }

    pub async fn say(&self, message: FromCoordinator) {
        self.say_in(0, message).await;
    }

    /// Says what is of the session of this number.
    pub async fn say_in(&self, session: u64, message: FromCoordinator) {
        let message = ConnectResponse { session, ..message.into() };
        self.answers.send(Ok(message)).await.unwrap();
    }
}

/// Gives every session to the test, or refuses it.
struct Coordinator {
    sessions: mpsc::Sender<Peer>,
    refuse: Option<Code>,
}

#[tonic::async_trait]
impl LinkService for Coordinator {
    type ConnectStream = ReceiverStream<Result<ConnectResponse, Status>>;

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (answers, stream) = mpsc::channel(16);
        let _test_is_over = self.sessions.send(Peer { heard: request.into_inner(), answers }).await;
        match self.refuse {
            Some(code) => Err(Status::new(code, "no")),
            None => Ok(Response::new(ReceiverStream::new(stream))),
        }
    }
}

struct InMemory(mpsc::Sender<Result<DuplexStream, std::io::Error>>);

impl Connector for InMemory {
    fn connect(&self) -> BoxFuture<'_, Result<Channel, ConnectFailure>> {
        Box::pin(async {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            self.0.send(Ok(theirs)).await.unwrap();
            let mut ours = Some(hyper_util::rt::TokioIo::new(ours));
            let dial = tower::service_fn(move |_| {
                let io = ours.take().ok_or_else(|| std::io::Error::other("dialled once"));
                async move { io }
            });
            let channel = Endpoint::from_static("http://memory").connect_with_connector(dial).await;
            channel.map_err(|error| ConnectFailure { message: error.to_string(), fatal: false })
        })
    }

    fn peer(&self) -> String {
        "memory".into()
    }
}
