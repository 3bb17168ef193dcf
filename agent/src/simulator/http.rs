//! A simulated device with an API over HTTP or HTTPS, its ledger of requests, and its faults.

mod faults;
mod lines;
mod restconf;
mod server;

pub use faults::HttpFault;
pub use lines::PlayedLines;
pub use restconf::Store;

use hyper::Method;
use rcgen::{CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Requests that are noted; the oldest go first.
pub const NOTED_MAX: usize = 10_000;

/// A request as the device got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// What it carried.
    pub body: String,
    /// Whether it asked for a change.
    pub writes: bool,
}

/// A request that has come whole.
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path and query.
    pub path: &'a str,
    /// The kind of its body; may be empty.
    pub kind: &'a str,
    /// The tag that what is there must have.
    pub only_if: Option<&'a str>,
    /// Its body.
    pub body: &'a str,
}

/// What the device says to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The kind of the body; may be empty.
    pub kind: &'static str,
    /// The tag of what is there.
    pub tag: Option<String>,
    /// The body.
    pub body: String,
}

/// What a device does behind its API.
pub trait Persona: Send + 'static {
    /// Whether `asked` asks for a change.
    fn writes(&self, asked: &Asked<'_>) -> bool;
    /// Carries out what is asked.
    fn answer(&mut self, asked: &Asked<'_>) -> Answered;
    /// Somebody else changes something.
    fn meddle(&mut self);
    /// The configuration it has, for its witness.
    fn running(&self) -> String;
}

struct State {
    persona: Box<dyn Persona>,
    ledger: Vec<Noted>,
    fault: HttpFault,
    login: (String, String),
    connections: u64,
}

/// The device; it is gone when this is dropped.
pub struct HttpDevice {
    address: SocketAddr,
    ca: Option<String>,
    state: Arc<Mutex<State>>,
    serving: AbortHandle,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpDevice {
    /// Listens on a free port of 127.0.0.1, for one login. With `name` it speaks TLS, with a certificate for that
    /// name; else in clear.
    pub async fn start(
        persona: impl Persona,
        (user, password): (&str, &str),
        name: Option<&str>,
    ) -> io::Result<Self> {
        let tls = name.map(certificate).transpose().map_err(io::Error::other)?;
        let (tls, ca) = tls.map_or((None, None), |(config, ca)| (Some(config), Some(ca)));
        let other = name.map(certificate).transpose().map_err(io::Error::other)?.map(|(config, _)| config);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let state = Arc::new(Mutex::new(State {
            persona: Box::new(persona),
            ledger: Vec::new(),
            fault: HttpFault::None,
            login: (user.to_owned(), password.to_owned()),
            connections: 0,
        }));
        let address = listener.local_addr()?;
        let serving = tokio::spawn(server::serve(listener, (tls, other), state.clone())).abort_handle();
        Ok(Self { address, ca, state, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CA of its certificate, in PEM.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// From now on it has this fault.
    pub fn break_with(&self, fault: HttpFault) {
        lock(&self.state).fault = fault;
    }

    /// What it was asked, oldest first, without the logins.
    pub fn ledger(&self) -> Vec<Noted> {
        lock(&self.state).ledger.clone()
    }

    /// What it was asked to change.
    pub fn writes(&self) -> Vec<Noted> {
        lock(&self.state).ledger.iter().filter(|noted| noted.writes).cloned().collect()
    }

    /// The configuration it has.
    pub fn running(&self) -> String {
        lock(&self.state).persona.running()
    }

    /// Connections that it has taken.
    pub fn connections(&self) -> u64 {
        lock(&self.state).connections
    }
}

impl Drop for HttpDevice {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A server's side of TLS for `name`, and the CA that signed its certificate.
fn certificate(name: &str) -> Result<(Arc<ServerConfig>, String), Box<dyn std::error::Error + Send + Sync>> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name = DistinguishedName::new();
    ca.distinguished_name.push(DnType::CommonName, "simulated CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &ca)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((Arc::new(config), ca.pem()))
}
