//! One question to a Vault and its answer: a connection for each, bounded in time and size.

use super::{Secret, VaultError};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::time::format_duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// Longest wait for an answer, from the connection on.
const ANSWER_WAIT: Duration = Duration::from_secs(4);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Largest file of CAs, in bytes.
const CA_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Where systems keep the CAs they trust.
const SYSTEM_CAS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// An answer of any status.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Where the Vault is.
pub(super) struct Server {
    address: String,
    host: String,
    port: u16,
    /// What comes before `/v1`.
    prefix: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// `text` as a path: everything but letters, digits and `-._~/` as `%XX`.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

impl Server {
    pub(super) async fn new(address: &str, ca: Option<&Path>) -> Result<Self, VaultError> {
        let wrong = |why: String| VaultError::Settings { address: shown(address), why };
        let uri: hyper::Uri = address.parse().map_err(|_| wrong("it is no URL".into()))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("write it as https://HOST:8200".into()));
        };
        if authority.as_str().contains('@') {
            return Err(wrong("a login does not belong in it".into()));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let (port, tls) = match scheme {
            "https" => {
                let name = ServerName::try_from(host.clone()).map_err(|error| wrong(error.to_string()))?;
                (443, Some((TlsConnector::from(trust(ca).await.map_err(wrong)?), name)))
            }
            "http" => (80, None),
            _ => return Err(wrong("it must begin with https:// or http://".into())),
        };
        let port = authority.port_u16().unwrap_or(port);
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { address: format!("{scheme}://{authority}{prefix}"), host, port, prefix, tls })
    }

    /// Its URL, for messages.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks for `path` below `/v1/`.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &Secret,
        namespace: Option<&str>,
    ) -> Result<Reply, VaultError> {
        let request = self.request(method, path, token, namespace)?;
        let asking = tokio::time::timeout(ANSWER_WAIT, self.send(request)).await;
        let why = match asking {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {}", format_duration(ANSWER_WAIT)),
        };
        Err(VaultError::Unreachable { server: self.address.clone(), why })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        token: &Secret,
        namespace: Option<&str>,
    ) -> Result<hyper::Request<Empty<Bytes>>, VaultError> {
        let wrong = |why: &str| VaultError::Settings { address: self.address.clone(), why: why.into() };
        let mut token = HeaderValue::from_str(token.reveal()).map_err(|_| wrong("its token is no token"))?;
        token.set_sensitive(true);
        let method = match method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(format!("{}/v1/{path}", self.prefix))
            .header(HOST, format!("{host}:{}", self.port))
            .header("x-vault-request", "true")
            .header("x-vault-token", token);
        if let Some(namespace) = namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        request.body(Empty::new()).map_err(|_| wrong("its namespace or a path cannot be sent"))
    }

    async fn send(&self, request: hyper::Request<Empty<Bytes>>) -> Result<Reply, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                exchange(stream.map_err(|error| format!("its certificate: {error}"))?, request).await
            }
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: hyper::Request<Empty<Bytes>>,
) -> Result<Reply, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let _ended = AbortOnDrop(connection.abort_handle());
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    Ok(Reply { status, body: Zeroizing::new(body.to_vec()) })
}

/// Ends a connection with whoever asked.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An address without a login that may stand in it.
fn shown(address: &str) -> String {
    address.rsplit('@').next().unwrap_or_default().to_owned()
}

/// Trusts the CAs in `ca`, or those of the system.
async fn trust(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let system = || SYSTEM_CAS.iter().map(Path::new).find(|path| path.is_file());
    let path = ca.or_else(system).ok_or("the system has no CAs: set VAULT_CACERT")?;
    let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut pem = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    file.take(CA_BYTES_MAX).read_to_end(&mut pem).await.map_err(unreadable)?;
    let mut roots = RootCertStore::empty();
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(format!("{} holds no certificate in PEM", path.display()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
