//! One question to a Vault and its answer: a connection for each, bounded in time and size.

use super::{Secret, VaultError};
use crate::http_client::{Connection, Reply, Request, tls};
use hyper::header::{HOST, HeaderValue};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::time::format_duration;
use tokio::net::TcpStream;

/// Longest wait for an answer, from the connection on.
const ANSWER_WAIT: Duration = Duration::from_secs(4);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// Where the Vault is.
pub(super) struct Server {
    address: String,
    host: String,
    port: u16,
    /// What comes before `/v1`.
    prefix: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
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
                (443, Some((tls::trust_file(ca).await.map_err(wrong)?, name)))
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
    ) -> Result<Request, VaultError> {
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
        request.body(Default::default()).map_err(|_| wrong("its namespace or a path cannot be sent"))
    }

    async fn send(&self, request: Request) -> Result<Reply, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let connection = match &self.tls {
            None => Connection::over(stream).await,
            Some((config, name)) => {
                let stream = tls::connect(stream, config.clone(), name.clone()).await;
                Connection::over(stream.map_err(|failure| failure.to_string())?).await
            }
        };
        let mut connection = connection.map_err(|error| error.to_string())?;
        connection.ask(request, ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())
    }
}

/// An address without a login that may stand in it.
fn shown(address: &str) -> String {
    address.rsplit('@').next().unwrap_or_default().to_owned()
}
