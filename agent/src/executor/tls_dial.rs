//! From a device's address to a stream that is proven to be its own, or is allowed to be in clear.

use super::device::Job;
use super::{Failure, Hearing, ssh};
use crate::http_client::tls::{self, TlsFailure};
use crate::secrets::Secrets;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::task::Task;
use switchyard_shared::tls::Protection;
use tokio::io::{AsyncRead, AsyncWrite};

/// Most sets of CAs that are kept ready.
const TRUSTED_MAX: usize = 64;

/// What a transport says of itself.
pub(super) struct Manner {
    /// Its part of a device's `connection_options`.
    pub(super) options: &'static str,
    /// What TLS calls the protocols that it speaks, the best first; empty where nobody asks.
    pub(super) alpn: &'static [&'static [u8]],
    /// Whether it may be spoken in clear over a network where the inventory says so.
    pub(super) clear_over_networks: bool,
    /// What to check where the connection is refused.
    pub(super) if_refused: &'static str,
    /// What to do where something else than TLS answers.
    pub(super) if_no_tls: &'static str,
}

/// A way to a device, in clear or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The CAs that devices of one transport are trusted by, ready for use, by their text.
pub(super) struct Trust {
    manner: Manner,
    ready: Mutex<BTreeMap<String, Arc<ClientConfig>>>,
}

/// How to reach one device.
pub(super) struct TlsDial {
    task: Task,
    hearing: Option<Arc<Hearing>>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    trust: Arc<Trust>,
    /// How messages name the device.
    pub(super) place: String,
}

impl Trust {
    /// Nobody yet.
    pub(super) fn new(manner: Manner) -> Arc<Self> {
        Arc::new(Self { manner, ready: Mutex::default() })
    }

    async fn of(&self, task: &Task, secrets: &Secrets) -> Result<Arc<ClientConfig>, Failure> {
        let unusable = |why: String| {
            let message = format!("{}: the CAs to trust cannot be used: {why}", place(task));
            let hint = format!(
                "nothing was sent; correct connection_options.{}.ca_ref, or put the CA there",
                self.manner.options
            );
            Failure::new(Class::CredentialUnavailable, Phase::Queue, message).with_hint(hint)
        };
        let Some(reference) = &task.endpoint.tls.ca_ref else {
            let system = String::new();
            if let Some(known) = self.get(&system) {
                return Ok(known);
            }
            let config = tls::trust_file(None).await.map_err(unusable)?;
            return Ok(self.keep(system, config));
        };
        let pem = secrets.value(reference).await;
        let pem = pem.map_err(|error| unusable(format!("{reference}: failed to {error}")))?;
        if let Some(known) = self.get(pem.reveal()) {
            return Ok(known);
        }
        let config = tls::trust(pem.reveal().as_bytes());
        Ok(self.keep(pem.reveal().to_owned(), config.map_err(|why| unusable(format!("{reference} {why}")))?))
    }

    fn get(&self, pem: &str) -> Option<Arc<ClientConfig>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).get(pem).cloned()
    }

    fn keep(&self, pem: String, config: Arc<ClientConfig>) -> Arc<ClientConfig> {
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = self.manner.alpn.iter().map(|name| name.to_vec()).collect();
        let config = Arc::new(config);
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= TRUSTED_MAX {
            ready.clear();
        }
        ready.insert(pem, config.clone());
        config
    }
}

impl TlsDial {
    /// Reads the CA; connects to nothing yet.
    pub(super) async fn new(job: &Job<'_>, secrets: &Secrets, trust: &Arc<Trust>) -> Result<Self, Failure> {
        let (task, options) = (job.task, trust.manner.options);
        let tls = if in_clear(task, &trust.manner)? {
            None
        } else {
            let name = task.endpoint.tls.server_name.as_ref().unwrap_or(&task.endpoint.hostname);
            let name = ServerName::try_from(name.clone()).map_err(|_| {
                let message = format!("{}: no certificate can hold the name {name:?}", place(task));
                Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(format!(
                    "name what stands in its certificate in connection_options.{options}.server_name"
                ))
            })?;
            Some((trust.of(task, secrets).await?, name))
        };
        let hearing = job.context.hearing();
        Ok(Self { task: task.clone(), hearing, tls, trust: trust.clone(), place: place(task) })
    }

    /// What a request names as its host.
    pub(super) fn host(&self) -> String {
        let (host, port) = (&self.task.endpoint.hostname, self.task.endpoint.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Connects and shakes hands.
    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, Failure> {
        let stream = ssh::dial(&self.task, self.hearing.clone()).await.map_err(|failure| {
            match failure.class == Class::Unreachable && failure.message.contains("refused the connection") {
                true => failure.with_hint(self.trust.manner.if_refused),
                false => failure,
            }
        })?;
        let Some((config, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let shaken = tls::connect(stream, config.clone(), name.clone()).await;
        Ok(Box::new(shaken.map_err(|failure| self.no_tls(&failure))?))
    }

    fn no_tls(&self, failure: &TlsFailure) -> Failure {
        let (class, next) = match failure {
            TlsFailure::NotProven(_) => {
                let next = format!(
                    "compare connection_options.{}.ca_ref and server_name with the device's certificate; if they are \
                     right, somebody may be in between",
                    self.trust.manner.options
                );
                (Class::HostKeyMismatch, next)
            }
            TlsFailure::Certificate(_) => {
                (Class::Unreachable, "give the device a certificate that is valid now".to_owned())
            }
            TlsFailure::NoTls => (Class::Unreachable, self.trust.manner.if_no_tls.to_owned()),
            TlsFailure::Other(_) => (
                Class::Unreachable,
                "the device must speak TLS 1.2 or 1.3: see which versions and ciphers it allows".to_owned(),
            ),
        };
        Failure::new(class, Phase::Connect, format!("{}: {failure}", self.place))
            .with_hint(format!("no login was sent; {next}"))
    }
}

/// Whether the device of `task` is spoken to in clear; a failure where it would be and may not.
fn in_clear(task: &Task, manner: &Manner) -> Result<bool, Failure> {
    match task.endpoint.tls.protection {
        Protection::Verified => return Ok(false),
        Protection::Clear if manner.clear_over_networks => return Ok(true),
        Protection::Clear | Protection::ClearOnLoopback => {}
    }
    // RFC 6761 section 6.3.
    let hostname = task.endpoint.hostname.as_str();
    if hostname == "localhost" || hostname.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return Ok(true);
    }
    let message =
        format!("{} is not on the agent's own machine, so no login is sent to it in clear", place(task));
    let options = manner.options;
    let hint = format!(
        "nothing was sent; turn TLS on at the device and write tls: verified in connection_options.{options}{}",
        match manner.clear_over_networks {
            true => ", or tls: clear if everybody on the way may read the login",
            false => "",
        }
    );
    Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(hint))
}

fn place(task: &Task) -> String {
    format!("{} ({}:{})", task.op.device, task.endpoint.hostname, task.endpoint.port)
}
