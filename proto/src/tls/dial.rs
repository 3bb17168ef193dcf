//! One connection as a client: addresses, TCP, TLS, and what each failure means.

mod config;
mod diagnosis;
mod io;

pub(super) use io::ClientIo;

use super::client::{ConnectError, Security};
use config::{mutual, pinned};
use io::{Listener, Stream};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tonic::transport::Uri;

/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Knows how to reach one server.
pub(super) struct Dialer {
    server: String,
    host: String,
    port: u16,
    /// None: plaintext.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    pinned: bool,
    timeout: Duration,
}

type Heard = oneshot::Receiver<Result<(), ConnectError>>;

impl Dialer {
    pub(super) fn new(server: &str, security: &Security, timeout: Duration) -> Result<Self, ConnectError> {
        let invalid =
            |problem: &str| ConnectError::InvalidUrl { url: server.into(), problem: problem.into() };
        let uri: Uri =
            server.parse().map_err(|_| invalid("it is not a URL like https://coordinator:7443"))?;
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let config = match (uri.scheme_str(), security) {
            _ if host.is_empty() => return Err(invalid("it names no host")),
            (Some("http"), Security::InsecureLoopback) => None,
            (Some("http"), Security::Tls(_) | Security::Enroll { .. }) => {
                return Err(invalid(
                    "http:// is plaintext; use https://, or --insecure-loopback at both ends",
                ));
            }
            (Some("https"), Security::InsecureLoopback) => {
                return Err(invalid(
                    "https:// needs credentials; plaintext is http:// on a loopback address",
                ));
            }
            (Some("https"), Security::Tls(identity)) => Some(mutual(server, identity)?),
            (Some("https"), Security::Enroll { ca_fingerprint }) => Some(pinned(server, ca_fingerprint)?),
            _ => return Err(invalid("it must begin with https:// (or http:// on a loopback address)")),
        };
        let port = uri.port_u16().unwrap_or(if config.is_some() { 443 } else { 80 });
        let tls = match config {
            Some(config) => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| invalid("its host is not a name or address"))?;
                Some((TlsConnector::from(Arc::new(config)), name))
            }
            None => None,
        };
        let pinned = matches!(security, Security::Enroll { .. });
        Ok(Self { server: server.to_owned(), host, port, tls, pinned, timeout })
    }

    /// A connection, within the timeout.
    pub(super) async fn dial(&self) -> Result<ClientIo, ConnectError> {
        let stream =
            tokio::time::timeout(self.timeout, self.open()).await.unwrap_or_else(|_| Err(self.silent()))?;
        Ok(ClientIo { stream, listener: None })
    }

    /// A connection, and what becomes known with the first bytes from the server.
    pub(super) async fn dial_listening(self: &Arc<Self>) -> Result<(ClientIo, Heard), ConnectError> {
        let stream = self.open().await?;
        let (sender, heard) = oneshot::channel();
        Ok((ClientIo { stream, listener: Some(Listener { dialer: Arc::clone(self), sender }) }, heard))
    }

    async fn open(&self) -> Result<Stream, ConnectError> {
        let tcp = self.open_tcp().await?;
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some((connector, name)) => match connector.connect(name.clone(), tcp).await {
                Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
                Err(error) => Err(self.classify(&error)),
            },
        }
    }

    async fn open_tcp(&self) -> Result<TcpStream, ConnectError> {
        let found =
            lookup_host((self.host.as_str(), self.port)).await.map_err(|error| self.unreachable(&error))?;
        let addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
        let elsewhere = addresses.iter().find(|address| !address.ip().is_loopback());
        if let (None, Some(address)) = (&self.tls, elsewhere) {
            let address = address.ip().to_string();
            return Err(ConnectError::NotLoopback { server: self.server.clone(), address });
        }
        let mut failure = self.problem("its name has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(|error| self.unreachable(&error))?;
                    return Ok(stream);
                }
                Err(error) => failure = self.unreachable(&error),
            }
        }
        Err(failure)
    }
}
