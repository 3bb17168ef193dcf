//! A gNMI target: TLS with a CA of its own, Capabilities, Get, Set as one transaction, and commits that it takes back by
//! itself unless they are confirmed.

mod answer;
mod certificates;
mod fault;
mod fleet;
mod service;
mod store;
mod tree;

pub use certificates::{Authority, Certificate};
pub use fault::{GnmiFault, GnmiFaults, ParseGnmiFaultsError};
pub use fleet::{GnmiFleet, GnmiFleetError};
pub use service::Told;
#[cfg(test)]
pub(crate) use store::Store;

use super::device::Device;
use super::{Mode, Persona, read_running};
use crate::clock::SystemClock;
use crate::executor::ssh::cut::CutStream;
use rustls::ServerConfig;
use serde_json::Value;
use service::{Calls, Service, Visit};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
#[cfg(not(test))]
use store::Store;
use switchyard_proto::gnmi::g_nmi_server::GNmiServer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;
use tonic::transport::server::Connected;

/// Connections whose handshake is done and whose first call is not heard yet.
const FRESH_MAX: usize = 16;
/// Longest handshake.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// Most bytes that a slow target says at once.
const DRIP_BYTES: usize = 7;
/// How long it rests before them.
const DRIP_REST: Duration = Duration::from_millis(1);

/// What a target is.
pub struct TargetConfig {
    /// Where its ledger and its configuration go.
    pub data: PathBuf,
    /// Its name.
    pub name: String,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Who may log in, and with what.
    pub login: (String, String),
    /// What it shows; without one it speaks in clear.
    pub certificate: Option<Certificate>,
    /// What it has unless its folder says otherwise.
    pub running: Value,
}

/// A running target; it stops when this is dropped.
pub struct Target {
    service: Arc<Service>,
    address: SocketAddr,
    _stop: DropGuard,
}

impl Target {
    /// Starts one; when this returns it answers.
    pub async fn start(config: TargetConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.address).await?;
        let address = listener.local_addr()?;
        let tls = config.certificate.map(Certificate::server).transpose().map_err(io::Error::other)?;
        let running = running(&config.data, &config.name)?.unwrap_or(config.running);
        let device =
            Device::open(&config.data, config.name, Mode::Good, Persona::Command, SystemClock::shared())?;
        let service = Arc::new(Service::new(device, Store::new(running), config.login));
        let stop = CancellationToken::new();
        let (fresh, connections) = mpsc::channel(FRESH_MAX);
        tokio::spawn(accept(listener, tls, fresh, Arc::clone(&service), stop.clone()));
        let server = Server::builder().add_service(GNmiServer::new(Calls(Arc::clone(&service))));
        let serving = server
            .serve_with_incoming_shutdown(ReceiverStream::new(connections), stop.clone().cancelled_owned());
        tokio::spawn(serving);
        Ok(Self { service, address, _stop: stop.drop_guard() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it behaves from now on.
    pub fn behave(&self, fault: GnmiFault) {
        self.service.behave(fault);
    }

    /// Every Set that it was told, in order, whatever it made of it.
    pub fn told(&self) -> Vec<Told> {
        self.service.told()
    }

    /// What it has.
    pub fn running(&self) -> Value {
        self.service.running()
    }

    /// Whether it waits for a commit to be confirmed.
    pub fn waits(&self) -> bool {
        self.service.waits()
    }
}

fn running(data: &Path, name: &str) -> io::Result<Option<Value>> {
    let text = read_running(data, name)?;
    text.map(|text| serde_json::from_slice(&text).map_err(io::Error::other)).transpose()
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    fresh: mpsc::Sender<io::Result<Io>>,
    service: Arc<Service>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, client)) = accepted else { return };
        service.contact(client);
        let cut = stop.child_token();
        let stream = CutStream::new(stream, cut.clone());
        let (tls, fresh, service) = (tls.clone(), fresh.clone(), service.clone());
        tokio::spawn(async move {
            let stream: Box<dyn Stream> = match tls {
                None => Box::new(stream),
                Some(config) => {
                    let handshake = TlsAcceptor::from(config).accept(stream);
                    match tokio::time::timeout(HANDSHAKE_WAIT, handshake).await {
                        Ok(Ok(stream)) => Box::new(stream),
                        Ok(Err(_)) | Err(_) => return,
                    }
                }
            };
            let rest = (service.fault() == GnmiFault::Drips).then(|| Box::pin(sleep(DRIP_REST)));
            let _ = fresh.send(Ok(Io { stream, visit: Visit { client, cut }, rest })).await;
        });
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and who is there.
struct Io {
    stream: Box<dyn Stream>,
    visit: Visit,
    /// Until a slow target says more.
    rest: Option<Pin<Box<Sleep>>>,
}

impl Connected for Io {
    type ConnectInfo = Visit;

    fn connect_info(&self) -> Visit {
        self.visit.clone()
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(rest) = &mut self.rest else { return Pin::new(&mut self.stream).poll_write(cx, bytes) };
        ready!(rest.as_mut().poll(cx));
        rest.set(sleep(DRIP_REST));
        Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(DRIP_BYTES)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
