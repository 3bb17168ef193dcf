//! One connection as a client: addresses, TCP, TLS, and what each failure means.

use super::client::{ClientIdentity, ConnectError, Security};
use super::pin::PinnedCa;
use super::{ALPN_HTTP2, VERSIONS, certificate, provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError, RootCertStore};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
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
        Ok((ClientIo { stream, listener: Some((Arc::clone(self), sender)) }, heard))
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

    pub(super) fn unreachable(&self, error: &dyn std::error::Error) -> ConnectError {
        self.problem(&error.to_string())
    }

    pub(super) fn silent(&self) -> ConnectError {
        self.problem(&format!(
            "no answer within {} s; is the coordinator running and the port right?",
            self.timeout.as_secs_f32()
        ))
    }

    pub(super) fn closed(&self) -> ConnectError {
        let hint = if self.tls.is_some() {
            "is it a Switchyard coordinator?"
        } else {
            "does it expect TLS (https://)?"
        };
        self.problem(&format!("it closed the connection before it said anything; {hint}"))
    }

    fn problem(&self, problem: &str) -> ConnectError {
        ConnectError::Unreachable { server: self.server.clone(), problem: problem.to_owned() }
    }

    fn classify(&self, error: &io::Error) -> ConnectError {
        let server = self.server.clone();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            Some(TlsError::InvalidCertificate(problem)) => {
                ConnectError::NotTrusted { server, problem: self.distrust(problem) }
            }
            Some(TlsError::AlertReceived(alert)) if is_about_our_certificate(*alert) => {
                ConnectError::Refused { server, alert: format!("{alert:?}") }
            }
            Some(TlsError::InvalidMessage(_)) => {
                self.problem("it does not speak TLS; was it started with --insecure-loopback (http://)?")
            }
            Some(other) => self.unreachable(other),
            None if error.kind() == io::ErrorKind::UnexpectedEof => self.closed(),
            None => self.unreachable(error),
        }
    }

    fn distrust(&self, problem: &CertificateError) -> String {
        match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature if self.pinned => {
                "its CA is not the one in the join token; the token is of another coordinator, or someone is in between".into()
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is not of the CA in these credentials; it is another coordinator, or its data folder is new".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                "its certificate is not for {}; {problem}; use one of its names, or start the coordinator with this one too",
                self.host
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("{problem}; compare both clocks, then restart the coordinator, which renews it")
            }
            other => other.to_string(),
        }
    }
}

fn is_about_our_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    [
        Alert::BadCertificate,
        Alert::UnsupportedCertificate,
        Alert::CertificateRevoked,
        Alert::CertificateExpired,
        Alert::CertificateUnknown,
        Alert::UnknownCA,
        Alert::AccessDenied,
        Alert::DecryptError,
        Alert::CertificateRequired,
    ]
    .contains(&alert)
}

fn mutual(server: &str, identity: &ClientIdentity) -> Result<ClientConfig, ConnectError> {
    let wrong = |problem: String| ConnectError::Credentials { server: server.to_owned(), problem };
    let mut roots = RootCertStore::empty();
    let ca =
        certificate::from_pem(&identity.ca_pem).map_err(|_| wrong("ca.pem holds no certificate".into()))?;
    roots.add(ca).map_err(|error| wrong(format!("ca.pem: {error}")))?;
    let chain = CertificateDer::pem_slice_iter(&identity.cert_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong("cert.pem is not PEM".into()))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key_pem)
        .map_err(|_| wrong("key.pem holds no private key in PEM".into()))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| wrong(format!("certificate and key: {error}")))?;
    Ok(speaking_http2(config))
}

fn pinned(server: &str, fingerprint: &str) -> Result<ClientConfig, ConnectError> {
    let verifier = PinnedCa { fingerprint: fingerprint.to_owned(), provider: provider() };
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .map_err(|error| ConnectError::Credentials { server: server.to_owned(), problem: error.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(speaking_http2(config))
}

fn speaking_http2(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// A client's connection; tells the listener once what the first read brought. With TLS 1.3 a server
/// refuses a certificate only after the client's handshake is done, so this is where it shows.
pub(super) struct ClientIo {
    stream: Stream,
    listener: Option<(Arc<Dialer>, oneshot::Sender<Result<(), ConnectError>>)>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if let Poll::Ready(result) = &read
            && let Some((dialer, listener)) = this.listener.take()
        {
            let heard = match result {
                Ok(()) if buf.filled().len() > before => Ok(()),
                Ok(()) => Err(dialer.closed()),
                Err(error) => Err(dialer.classify(error)),
            };
            // The one who asked may have given up.
            let _ = listener.send(heard);
        }
        read
    }
}

impl AsyncWrite for ClientIo {
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
