//! The client's end: dials a coordinator, says exactly why it could not, and keeps dialling after that.

use super::dial::{ClientIo, Dialer};
use super::files::{self, FileError};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

/// How often a connection is probed, and how long an answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What a client proves itself with, all in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The CA that the server's certificate must be of.
    pub ca_pem: Vec<u8>,
    /// This client's certificate.
    pub cert_pem: Vec<u8>,
    /// Its private key.
    pub key_pem: Vec<u8>,
}

impl ClientIdentity {
    /// Reads the three files; refuses a key that other users can read.
    pub fn load(ca: &Path, cert: &Path, key: &Path) -> Result<Self, FileError> {
        Ok(Self {
            ca_pem: files::read(ca)?,
            cert_pem: files::read(cert)?,
            key_pem: files::read_private(key)?,
        })
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity([hidden])")
    }
}

/// Whom to trust, and how to prove oneself.
#[derive(Debug, Clone)]
pub enum Security {
    /// Plaintext, to loopback addresses only.
    InsecureLoopback,
    /// Mutual TLS.
    Tls(ClientIdentity),
    /// TLS without a client certificate, to a server whose CA has this fingerprint.
    Enroll {
        /// SHA-256 of the CA's public key, 64 hex digits.
        ca_fingerprint: String,
    },
}

/// Why there is no connection. Every text names the server and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL cannot be dialled, or does not fit the credentials.
    #[error("connect to {url}: {problem}")]
    InvalidUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Plaintext was asked for to somewhere else than this machine.
    #[error(
        "connect to {server} without TLS: {address} is not a loopback address; plaintext works on this machine only, use https:// and credentials"
    )]
    NotLoopback {
        /// The URL.
        server: String,
        /// The address it stands for.
        address: String,
    },
    /// The client's own certificate or key cannot be used.
    #[error("use the credentials for {server}: {problem}")]
    Credentials {
        /// The URL.
        server: String,
        /// What is wrong with them.
        problem: String,
    },
    /// Nobody answers there, or somebody who speaks otherwise.
    #[error("reach {server}: {problem}")]
    Unreachable {
        /// The URL.
        server: String,
        /// What happened.
        problem: String,
    },
    /// Somebody answers who is not the coordinator that we trust.
    #[error("trust {server}: {problem}")]
    NotTrusted {
        /// The URL.
        server: String,
        /// What is wrong with its certificate.
        problem: String,
    },
    /// The server did not accept our certificate.
    #[error("be let in by {server}: it refused this client's certificate ({problem})")]
    Refused {
        /// The URL.
        server: String,
        /// What TLS calls it, and what to do.
        problem: String,
    },
}

impl ConnectError {
    /// The reason within an error of a [`Channel`] or a status that came of it, if it could not reconnect.
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
    }
}

/// Connects within `timeout`, up to the first answer of the server, so that a refusal of our
/// certificate is known too. The channel reconnects by itself, each time within `timeout`.
pub async fn connect(server: &str, security: &Security, timeout: Duration) -> Result<Channel, ConnectError> {
    let dialer = Arc::new(Dialer::new(server, security, timeout)?);
    let endpoint = Endpoint::from_shared(server.to_owned())
        .map_err(|error| ConnectError::InvalidUrl { url: server.to_owned(), problem: error.to_string() })?
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true);
    let first_answer = async {
        let (io, heard) = dialer.dial_listening().await?;
        let channel = endpoint
            .connect_with_connector(connector(Arc::clone(&dialer), io))
            .await
            .map_err(|error| dialer.unreachable(&error))?;
        heard.await.unwrap_or_else(|_| Err(dialer.closed()))?;
        Ok(channel)
    };
    tokio::time::timeout(timeout, first_answer).await.unwrap_or_else(|_| Err(dialer.silent()))
}

/// Hands out `first`, and dials from then on.
fn connector(
    dialer: Arc<Dialer>,
    first: ClientIo,
) -> impl tower::Service<
    tonic::transport::Uri,
    Response = TokioIo<ClientIo>,
    Error = ConnectError,
    Future = impl Future<Output = Result<TokioIo<ClientIo>, ConnectError>> + Send,
> + Send
+ 'static {
    let first = Arc::new(Mutex::new(Some(first)));
    service_fn(move |_| {
        let dialer = Arc::clone(&dialer);
        let io = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            match io {
                Some(io) => Ok(TokioIo::new(io)),
                None => dialer.dial().await.map(TokioIo::new),
            }
        }
    })
}

#[cfg(test)]
mod tests;
