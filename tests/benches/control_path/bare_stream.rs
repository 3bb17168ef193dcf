//! The same messages through a stream that does nothing else: each is decoded, one in 64 is answered.

use crate::agent::{result, together};
use anyhow::Context as _;
use futures_util::{Stream, StreamExt as _};
use std::pin::Pin;
use switchyard_proto::agent_v1::link_service_client::LinkServiceClient;
use switchyard_proto::agent_v1::link_service_server::{LinkService, LinkServiceServer};
use switchyard_proto::agent_v1::{Ack, ConnectRequest, ConnectResponse, connect_response::Message};
use switchyard_tests::measured::coordinator::dial;
use switchyard_tests::measured::process::Watch;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming};

/// Messages for each answer.
const ANSWERED: u64 = 64;

struct Bare;

#[tonic::async_trait]
impl LinkService for Bare {
    type ConnectStream = Pin<Box<dyn Stream<Item = Result<ConnectResponse, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let answers = request.into_inner().enumerate().filter_map(async |(place, message)| match message {
            Err(status) => Some(Err(status)),
            Ok(_) if (place as u64 + 1).is_multiple_of(ANSWERED) => {
                let message = Some(Message::Ack(Ack { acked_sequence: place as u64 + 1 }));
                Some(Ok(ConnectResponse { message, session: 0 }))
            }
            Ok(_) => None,
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// How many results in a second, over one connection, so many to a message.
pub async fn per_second(results: usize, at_once: u64) -> anyhow::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listen")?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tonic::transport::Server::builder()
        .add_service(LinkServiceServer::new(Bare))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let serving = tokio::spawn(serving);
    let mut client = LinkServiceClient::new(dial(&url).await?);
    let count = results as u64 / at_once / ANSWERED * ANSWERED;
    let message = |number: u64| -> ConnectRequest {
        match at_once {
            1 => result(number).into(),
            _ => together((number * at_once)..((number + 1) * at_once)).into(),
        }
    };
    let prepared: Vec<ConnectRequest> = (1..=count).map(message).collect();
    let watch = Watch::start();
    let mut inbound = client.connect(futures_util::stream::iter(prepared)).await?.into_inner();
    let mut acked = 0;
    while acked < count {
        let message = inbound.message().await?.context("the stream ended")?.message;
        if let Some(Message::Ack(ack)) = message {
            acked = ack.acked_sequence;
        }
    }
    let seconds = watch.elapsed().as_secs_f64();
    serving.abort();
    Ok((count * at_once) as f64 / seconds)
}
