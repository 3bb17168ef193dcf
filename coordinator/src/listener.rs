//! The accept loop: bounded, with handshakes side by side, and ended by nothing but the shutdown.

use futures_util::Stream;
use rustls::ServerConfig;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::tls::server::ServerIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// Most connections at a time.
pub const CONNECTIONS_MAX: usize = 4096;
/// Most connections that are shaking hands at a time.
pub const HANDSHAKING_MAX: usize = 256;
/// How long the TLS handshake may take.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// How long after that a peer may take to begin to speak HTTP/2.
pub const PREFACE_WITHIN: Duration = Duration::from_secs(10);
/// Accepted connections that the server has not yet taken over.
const ACCEPTED_MAX: usize = 16;
/// Wait after an error that is not about one connection, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections prove themselves.
#[derive(Debug, Clone)]
pub enum ListenMode {
    /// Plaintext, on loopback addresses only.
    InsecureLoopback,
    /// TLS; a client certificate is optional here, and the guard asks for it.
    Tls(Arc<ServerConfig>),
}

/// Why there is no listening.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Plaintext on an address that others can reach.
    #[error(
        "serve {0} without TLS: --insecure-loopback works on a loopback address only; listen on 127.0.0.1, or leave it out"
    )]
    NotLoopback(SocketAddr),
    /// The socket does not know its address.
    #[error("read the listening address: {0}")]
    Address(#[from] io::Error),
}

/// The connections of `listener`, ready for HTTP/2, until `shutdown`. Never yields an error.
pub fn incoming(
    listener: TcpListener,
    mode: ListenMode,
    shutdown: CancellationToken,
) -> Result<impl Stream<Item = io::Result<ServerIo>>, ListenError> {
    let address = listener.local_addr()?;
    if matches!(mode, ListenMode::InsecureLoopback) && !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback(address));
    }
    let (accepted, stream) = mpsc::channel(ACCEPTED_MAX);
    let gate = Gate { mode, handshake_within: HANDSHAKE_WITHIN, preface_within: PREFACE_WITHIN };
    let bounds = Bounds::new(CONNECTIONS_MAX, HANDSHAKING_MAX);
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = accepted.closed() => {}
            () = run(&listener, gate, bounds, &accepted) => {}
        }
    });
    Ok(ReceiverStream::new(stream))
}

/// Where connections come from: a socket, or a test.
trait Accept {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        Self::accept(self)
    }
}

struct Bounds {
    connections: Arc<Semaphore>,
    handshaking: Arc<Semaphore>,
}

impl Bounds {
    fn new(connections: usize, handshaking: usize) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(connections)),
            handshaking: Arc::new(Semaphore::new(handshaking)),
        }
    }

    /// Waits until one more may be accepted; meanwhile the kernel's queue holds those who knock.
    async fn one_more(&self) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let connection = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        let handshaking = Arc::clone(&self.handshaking).acquire_owned().await.ok()?;
        Some((connection, handshaking))
    }
}

async fn run(
    source: &impl Accept,
    gate: Gate,
    bounds: Bounds,
    accepted: &mpsc::Sender<io::Result<ServerIo>>,
) {
    let gate = Arc::new(gate);
    let mut handshakes = JoinSet::new();
    while let Some((connection, handshaking)) = bounds.one_more().await {
        let (stream, address) = next(source).await;
        while handshakes.try_join_next().is_some() {}
        let (gate, accepted) = (Arc::clone(&gate), accepted.clone());
        handshakes.spawn(async move {
            let io = gate.admit(stream, address).await;
            drop(handshaking);
            if let Some(io) = io {
                // The server is gone only at a shutdown.
                let _ = accepted.send(Ok(io.with_slot(connection))).await;
            }
        });
    }
}

/// The next connection, however many attempts to accept one fail.
async fn next(source: &impl Accept) -> (TcpStream, SocketAddr) {
    loop {
        match source.accept().await {
            Ok(connection) => return connection,
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "connections cannot be accepted; is the limit of open files too low?");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

struct Gate {
    mode: ListenMode,
    handshake_within: Duration,
    preface_within: Duration,
}

impl Gate {
    async fn admit(&self, stream: TcpStream, address: SocketAddr) -> Option<ServerIo> {
        // Fails only when the peer is gone already, which the handshake will find.
        let _ = stream.set_nodelay(true);
        let io = match &self.mode {
            ListenMode::InsecureLoopback => ServerIo::plaintext(stream, address),
            ListenMode::Tls(config) => {
                let handshake = ServerIo::accept(stream, address, config);
                match tokio::time::timeout(self.handshake_within, handshake).await {
                    Ok(Ok(io)) => io,
                    Ok(Err(error)) => {
                        tracing::info!(%address, %error, "connection refused");
                        return None;
                    }
                    Err(_) => {
                        tracing::info!(%address, "connection dropped: no TLS handshake within the deadline");
                        return None;
                    }
                }
            }
        };
        Some(io.with_preface_deadline(self.preface_within))
    }
}

#[cfg(test)]
mod tests;
