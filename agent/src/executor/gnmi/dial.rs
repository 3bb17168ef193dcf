//! From a device's address to an HTTP/2 connection that is proven to be its own; it is made once and never again.

use crate::executor::Failure;
use crate::executor::device::Job;
use crate::executor::tls_dial::{Manner, Stream, TlsDial, Trust};
use crate::secrets::Secrets;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::task::Endpoint;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;
use tower::service_fn;

/// What TLS calls HTTP/2.
const ALPN_HTTP2: &[u8] = b"h2";

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

/// The CAs of devices that speak gNMI. It is never spoken in clear over a network (gNMI authentication, "Encryption").
pub(super) fn trust() -> Arc<Trust> {
    Trust::new(Manner {
        options: "gnmi",
        alpn: &[ALPN_HTTP2],
        clear_over_networks: false,
        if_refused: "check that gNMI is on at the device, on this port (9339, 57400 and 6030 are usual), and that it \
                     may be reached from the agent",
        if_no_tls: "correct the port, or turn TLS on for gNMI at the device",
    })
}

/// Connects to the device of `job`.
pub async fn connect(job: &Job<'_>, secrets: &Secrets, trust: &Arc<Trust>) -> Result<Connection, Failure> {
    let dial = TlsDial::new(job, secrets, trust).await?;
    let (channel, line) = channel(dial.connect().await?, &job.task.endpoint).await.map_err(|why| {
        let message = format!("{} does not speak HTTP/2: {why}", dial.place);
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
