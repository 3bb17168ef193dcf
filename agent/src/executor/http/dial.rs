//! From a device's address to a connection that is proven to be its own, or is allowed to be in clear.

use crate::executor::device::Job;
use crate::executor::{Failure, Hearing, ssh};
use crate::http_client::tls::{self, TlsFailure};
use crate::http_client::{Connection, NoReply};
use crate::secrets::Secrets;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::task::Task;
use switchyard_shared::tls::Protection;

/// Most sets of CAs that are kept ready.
const TRUSTED_MAX: usize = 64;

/// The CAs that devices are trusted by, ready for use, by their text.
#[derive(Default)]
pub(super) struct Trust(Mutex<BTreeMap<String, Arc<ClientConfig>>>);

/// How to reach one device.
pub(super) struct Dial {
    task: Task,
    hearing: Option<Arc<Hearing>>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) place: String,
}

impl Trust {
    async fn of(&self, job: &Job<'_>, secrets: &Secrets) -> Result<Arc<ClientConfig>, Failure> {
        let device = &job.task.op.device;
        let unusable = |why: String| {
            let message = format!("{device}: the CAs to trust cannot be used: {why}");
            Failure::new(Class::CredentialUnavailable, Phase::Queue, message)
                .with_hint("nothing was sent; correct connection_options.http.ca_ref, or put the CA there")
        };
        let Some(reference) = &job.task.endpoint.tls.ca_ref else {
            let key = String::new();
            if let Some(known) = self.get(&key) {
                return Ok(known);
            }
            let config = tls::trust_file(None).await.map_err(unusable)?;
            return Ok(self.keep(key, config));
        };
        let pem = secrets.value(reference).await;
        let pem = pem.map_err(|error| unusable(format!("{reference}: failed to {error}")))?;
        if let Some(known) = self.get(pem.reveal()) {
            return Ok(known);
        }
        let config = tls::trust(pem.reveal().as_bytes());
        Ok(self.keep(pem.reveal().to_owned(), config.map_err(|why| unusable(format!("{reference} {why}")))?))
    }

    fn get(&self, key: &str) -> Option<Arc<ClientConfig>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: String, config: Arc<ClientConfig>) -> Arc<ClientConfig> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= TRUSTED_MAX {
            kept.clear();
        }
        kept.insert(key, config.clone());
        config
    }
}

impl Dial {
    /// Reads the CA; connects to nothing yet.
    pub(super) async fn new(job: &Job<'_>, secrets: &Secrets, trust: &Trust) -> Result<Self, Failure> {
        let task = job.task;
        let endpoint = &task.endpoint;
        let place = format!("{} ({}:{})", task.op.device, endpoint.hostname, endpoint.port);
        let in_clear = match endpoint.tls.protection {
            Protection::Verified => false,
            Protection::Clear => true,
            Protection::ClearOnLoopback if is_loopback(&endpoint.hostname) => true,
            Protection::ClearOnLoopback => {
                let message = format!(
                    "{place} is not on the agent's own machine, so the login is not sent to it in clear"
                );
                return Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(
                    "nothing was sent; turn HTTPS on at the device and write tls: verified, or tls: clear if everybody \
                     on the way may read the login",
                ));
            }
        };
        let tls = match in_clear {
            true => None,
            false => {
                let name = endpoint.tls.server_name.as_ref().unwrap_or(&endpoint.hostname);
                let name = ServerName::try_from(name.clone()).map_err(|_| {
                    let message = format!("{place}: no certificate can hold the name {name:?}");
                    Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(
                        "name what stands in its certificate in connection_options.http.server_name",
                    )
                })?;
                Some((trust.of(job, secrets).await?, name))
            }
        };
        Ok(Self { task: task.clone(), hearing: job.context.hearing(), tls, place })
    }

    /// What a request names as its host.
    pub(super) fn host(&self) -> String {
        let (host, port) = (&self.task.endpoint.hostname, self.task.endpoint.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Connects and shakes hands.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let stream = ssh::dial(&self.task, self.hearing.clone()).await.map_err(|failure| {
            match failure.class == Class::Unreachable && failure.message.contains("refused the connection") {
                true => failure.with_hint(
                    "check that its HTTPS server runs on this port and that it may be reached from the agent",
                ),
                false => failure,
            }
        })?;
        let connection = match &self.tls {
            None => Connection::over(stream).await,
            Some((config, name)) => {
                let shaken = tls::connect(stream, config.clone(), name.clone()).await;
                Connection::over(shaken.map_err(|failure| self.no_tls(&failure))?).await
            }
        };
        connection.map_err(|error: NoReply| {
            Failure::new(Class::Unreachable, Phase::Connect, format!("{} {error}", self.place))
        })
    }

    fn no_tls(&self, failure: &TlsFailure) -> Failure {
        let message = format!("{}: {failure}", self.place);
        let (class, hint) = match failure {
            TlsFailure::NotProven(_) => (
                Class::HostKeyMismatch,
                "no login was sent. Compare connection_options.http.ca_ref and server_name with the device's certificate; \
                 if they are right, somebody may be in between",
            ),
            TlsFailure::Certificate(_) => {
                (Class::Unreachable, "no login was sent; give the device a certificate that is valid now")
            }
            TlsFailure::NoTls => (
                Class::Unreachable,
                "no login was sent; correct the port (443 is usual), or turn HTTPS on at the device",
            ),
            TlsFailure::Other(_) => {
                (Class::Unreachable, "no login was sent; the device must speak TLS 1.2 or 1.3")
            }
        };
        Failure::new(class, Phase::Connect, message).with_hint(hint)
    }
}

/// Whether `hostname` is an address of this machine, or the name that always means it (RFC 6761 section 6.3).
fn is_loopback(hostname: &str) -> bool {
    hostname == "localhost" || hostname.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
