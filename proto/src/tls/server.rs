//! The server's end of a connection: plaintext or TLS, and who is at the other end of it.

use super::{ALPN_HTTP2, VERSIONS, provider};
use crate::identity::{Identity, IdentityError, Peer, PeerInfo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// Most bytes taken in from a peer that failed the handshake, so that it can read why.
const LINGER_BYTES_MAX: u64 = 64 * 1024;
/// Length of what opens every HTTP/2 connection.
const PREFACE_BYTES: usize = 24;

/// Credentials that a server cannot be started with.
#[derive(Debug, thiserror::Error)]
pub enum ServerConfigError {
    /// The CA cannot serve as one.
    #[error("check client certificates with this CA: {0}")]
    Ca(#[from] VerifierBuilderError),
    /// Certificate and key do not fit, or are damaged.
    #[error("use the server's certificate and key: {0}")]
    Certificate(#[from] rustls::Error),
}

/// TLS for a server that shows `leaf` and `ca`. A client needs no certificate to connect; one that
/// it shows must be of `ca`. Sessions are not resumed, so that every connection proves itself anew.
pub fn config(
    ca: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, ServerConfigError> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone())?;
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![leaf, ca], key)?;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Why a connection was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// TLS failed: not TLS, a certificate of another CA, an expired one.
    #[error("complete the TLS handshake: {0}")]
    Handshake(io::Error),
    /// A certificate of our CA that names nobody.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct ServerIo {
    stream: Stream,
    info: PeerInfo,
    preface: Option<Preface>,
    _slot: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

#[derive(Debug)]
struct Preface {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

impl ServerIo {
    /// A plaintext connection; whether that is allowed here is for the caller to know.
    pub fn plaintext(stream: TcpStream, address: SocketAddr) -> Self {
        Self::new(Stream::Plain(stream), PeerInfo { peer: Peer::InsecureLoopback, address })
    }

    /// Completes the TLS handshake and reads who is there. Has no deadline of its own.
    pub async fn accept(
        stream: TcpStream,
        address: SocketAddr,
        config: &Arc<ServerConfig>,
    ) -> Result<Self, AcceptError> {
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream).into_fallible();
        let stream = match handshake.await {
            Ok(stream) => stream,
            Err((error, stream)) => {
                linger(stream).await;
                return Err(AcceptError::Handshake(error));
            }
        };
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let peer = match shown {
            Some(certificate) => Peer::Known(Identity::from_certificate(certificate)?),
            None => Peer::Anonymous,
        };
        Ok(Self::new(Stream::Tls(Box::new(stream)), PeerInfo { peer, address }))
    }

    fn new(stream: Stream, info: PeerInfo) -> Self {
        Self { stream, info, preface: None, _slot: None }
    }

    /// Fails the first reads if the peer has not begun to speak HTTP/2 within `limit`.
    #[must_use]
    pub fn with_preface_deadline(mut self, limit: Duration) -> Self {
        self.preface =
            Some(Preface { missing: PREFACE_BYTES, deadline: Box::pin(tokio::time::sleep(limit)) });
        self
    }

    /// Keeps `slot` taken until the connection is gone.
    #[must_use]
    pub fn with_slot(mut self, slot: OwnedSemaphorePermit) -> Self {
        self._slot = Some(slot);
        self
    }

    /// Who is there.
    pub fn info(&self) -> &PeerInfo {
        &self.info
    }
}

/// Closing at once would reset the connection and could destroy the alert on its way.
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_ok() {
        let mut rest = stream.take(LINGER_BYTES_MAX);
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}

impl Connected for ServerIo {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.info.clone()
    }
}

impl AsyncRead for ServerIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        let Some(preface) = &mut this.preface else { return read };
        match read {
            Poll::Ready(result) => {
                preface.missing = preface.missing.saturating_sub(buf.filled().len() - before);
                if preface.missing == 0 {
                    this.preface = None;
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(preface.deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer did not begin to speak HTTP/2",
                )))
            }
        }
    }
}

impl AsyncWrite for ServerIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
