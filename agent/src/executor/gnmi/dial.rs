//! From a device's address to an HTTP/2 connection that is proven to be its own; it is made once and never again.

use super::place;
use crate::executor::device::Job;
use crate::executor::{Failure, ssh};
use crate::http_client::tls::{self, TlsFailure};
use crate::secrets::Secrets;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::task::Endpoint;
use switchyard_shared::tls::Protection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;
use tower::service_fn;

/// What TLS calls HTTP/2.
const ALPN_HTTP2: &[u8] = b"h2";

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The connection of a session; everything of it ends when its line is dropped.
pub struct Connection {
    pub(super) channel: Channel,
    pub(super) line: Line,
}

/// What runs for a connection.
pub struct Line {
    tasks: TaskTracker,
    _cut: DropGuard,
}

impl Line {
    /// Waits until the device has been told goodbye; the channel must be gone by then. The caller bounds the time.
    pub async fn end(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The connection is gone, and a session does not make another one.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the session is over")]
pub struct SessionOver;

/// Connects to the device of `job`.
pub async fn connect(job: &Job<'_>, secrets: &Secrets) -> Result<Connection, Failure> {
    let endpoint = &job.task.endpoint;
    let trust = match endpoint.tls.protection {
        Protection::Verified => Some((trust(job, secrets).await?, name(job)?)),
        Protection::ClearOnLoopback | Protection::Clear => {
            only_loopback(job)?;
            None
        }
    };
    let stream = ssh::dial(job.task, job.context.hearing()).await.map_err(|failure| {
        match failure.message.contains("refused the connection") {
            true => failure.with_hint(
                "check that gNMI is on at the device, on this port (9339, 57400 and 6030 are usual), and that it may \
                 be reached from the agent",
            ),
            false => failure,
        }
    })?;
    let stream: Box<dyn Stream> = match trust {
        None => Box::new(stream),
        Some((config, name)) => {
            let shaken = tls::connect(stream, config, name).await;
            Box::new(shaken.map_err(|failure| no_tls(job, &failure))?)
        }
    };
    let (channel, line) = channel(stream, endpoint).await.map_err(|why| {
        let message = format!("{} does not speak HTTP/2: {why}", place(job));
        Failure::new(Class::Unreachable, Phase::Connect, message)
            .with_hint("no login was sent; correct the port, or turn gNMI on at the device")
    })?;
    Ok(Connection { channel, line })
}

/// A channel over `stream` alone: one that is lost is not replaced behind anybody's back.
async fn channel(stream: Box<dyn Stream>, endpoint: &Endpoint) -> Result<(Channel, Line), String> {
    let first = Arc::new(Mutex::new(Some(stream)));
    let connector = service_fn(move |_| {
        let stream = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        async move { stream.map(TokioIo::new).ok_or(SessionOver) }
    });
    let host = &endpoint.hostname;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let uri = format!("http://{host}:{}", endpoint.port);
    let token = CancellationToken::new();
    let tasks = TaskTracker::new();
    let line = Line { tasks: tasks.clone(), _cut: token.clone().drop_guard() };
    let endpoint = Channel::from_shared(uri).map_err(|error| error.to_string())?;
    let endpoint = endpoint.executor(Until(token, tasks));
    let channel = endpoint.connect_with_connector(connector).await;
    Ok((channel.map_err(|error| super::trouble::root(&error))?, line))
}

/// Runs what the HTTP library spawns until the session is over, so that nothing waits for a silent device.
struct Until(CancellationToken, TaskTracker);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl hyper::rt::Executor<Work> for Until {
    fn execute(&self, work: Work) {
        let token = self.0.clone();
        self.1.spawn(async move { token.run_until_cancelled(work).await });
    }
}

async fn trust(job: &Job<'_>, secrets: &Secrets) -> Result<Arc<ClientConfig>, Failure> {
    let unusable = |why: String| {
        let message = format!("{}: the CAs to trust cannot be used: {why}", place(job));
        Failure::new(Class::CredentialUnavailable, Phase::Queue, message)
            .with_hint("nothing was sent; correct connection_options.gnmi.ca_ref, or put the CA there")
    };
    let config = match &job.task.endpoint.tls.ca_ref {
        None => tls::trust_file(None).await.map_err(unusable)?,
        Some(reference) => {
            let pem = secrets.value(reference).await;
            let pem = pem.map_err(|error| unusable(format!("{reference}: failed to {error}")))?;
            tls::trust(pem.reveal().as_bytes()).map_err(|why| unusable(format!("{reference} {why}")))?
        }
    };
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    Ok(Arc::new(config))
}

fn name(job: &Job<'_>) -> Result<ServerName<'static>, Failure> {
    let endpoint = &job.task.endpoint;
    let name = endpoint.tls.server_name.as_ref().unwrap_or(&endpoint.hostname);
    ServerName::try_from(name.clone()).map_err(|_| {
        let message = format!("{}: no certificate can hold the name {name:?}", place(job));
        Failure::new(Class::PrecheckFailed, Phase::Queue, message)
            .with_hint("name what stands in its certificate in connection_options.gnmi.server_name")
    })
}

/// gNMI is never spoken in clear over a network (gNMI authentication, "Encryption").
fn only_loopback(job: &Job<'_>) -> Result<(), Failure> {
    let hostname = job.task.endpoint.hostname.as_str();
    if hostname == "localhost" || hostname.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return Ok(());
    }
    let message =
        format!("{} is not on the agent's own machine, so no login is sent to it in clear", place(job));
    Err(Failure::new(Class::PrecheckFailed, Phase::Queue, message).with_hint(
        "nothing was sent; turn TLS on at the device and write tls: verified in connection_options.gnmi",
    ))
}

fn no_tls(job: &Job<'_>, failure: &TlsFailure) -> Failure {
    let (class, hint) = match failure {
        TlsFailure::NotProven(_) => (
            Class::HostKeyMismatch,
            "no login was sent. Compare connection_options.gnmi.ca_ref and server_name with the device's certificate; \
             if they are right, somebody may be in between",
        ),
        TlsFailure::Certificate(_) => {
            (Class::Unreachable, "no login was sent; give the device a certificate that is valid now")
        }
        TlsFailure::NoTls => {
            (Class::Unreachable, "no login was sent; correct the port, or turn TLS on for gNMI at the device")
        }
        TlsFailure::Other(_) => {
            (Class::Unreachable, "no login was sent; see which TLS versions and ciphers the device allows")
        }
    };
    Failure::new(class, Phase::Connect, format!("{}: {failure}", place(job))).with_hint(hint)
}
