//! The simulated network between agents and coordinator: plaintext, with each end known by its address.

use crate::outflow::{Flow, Outflow};
use crate::scenario::SITES;
use crate::wire::Wire;
use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use switchyard_agent::session::{ConnectFailure, Connector};
use switchyard_proto::identity::{Identity, Peer, PeerInfo};
use switchyard_shared::id::{AgentName, SiteName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint};
use turmoil::net::{TcpListener, TcpStream};

/// The coordinator's host.
pub const COORDINATOR: &str = "coordinator";
/// Its port.
pub const PORT: u16 = 7443;
const SPARE: &str = "spare-";
const DIAL_WITHIN: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(5);

/// The name of the host of a site's agent.
pub fn agent_host(site: &SiteName) -> String {
    format!("agent-{site}")
}

/// What the agent is called that takes over the site of this number; its host is called so too.
pub fn spare_name(site: usize) -> SiteName {
    SiteName::new(format!("{SPARE}{}", SITES[site])).expect("a name that is written here")
}

/// A connection that the coordinator accepted.
pub struct Accepted {
    stream: Flow,
    info: PeerInfo,
}

/// Connections of the coordinator's port, until `stop`.
pub async fn incoming(
    outflow: Outflow,
    stop: CancellationToken,
) -> io::Result<impl Stream<Item = io::Result<Accepted>> + Send + 'static> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    Ok(Box::pin(stream::unfold((listener, outflow, stop), |(listener, outflow, stop)| async {
        loop {
            let accepted = stop.run_until_cancelled(listener.accept()).await?;
            // A server that is asked to stop and for a connection at once tosses a coin.
            if stop.is_cancelled() {
                return None;
            }
            if let Ok((stream, address)) = accepted {
                let info = PeerInfo { peer: who(address), address };
                let accepted = Accepted { stream: outflow.take(stream), info };
                return Some((Ok(accepted), (listener, outflow, stop)));
            }
        }
    })))
}

fn who(address: SocketAddr) -> Peer {
    let host = turmoil::reverse_lookup(address.ip()).unwrap_or_default();
    let site = host.strip_prefix("agent-").or(host.strip_prefix(SPARE));
    let known = site.and_then(|site| {
        // As with certificates, no agent is called like its site.
        let name = if host.starts_with(SPARE) { host.clone() } else { format!("{site}-1") };
        let (site, agent) = (SiteName::new(site).ok()?, AgentName::new(name).ok()?);
        Some(Peer::Known(Identity::Agent { site, agent }))
    });
    known.unwrap_or(Peer::Anonymous)
}

impl Connected for Accepted {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.info.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Dials the coordinator.
pub struct Dial {
    /// What its messages go through.
    pub wire: Wire,
}

impl Connector for Dial {
    fn connect(&self) -> BoxFuture<'_, Result<Channel, ConnectFailure>> {
        Box::pin(async {
            let endpoint = Endpoint::from_static("http://coordinator:7443")
                .http2_keep_alive_interval(KEEPALIVE)
                .keep_alive_timeout(KEEPALIVE)
                .keep_alive_while_idle(true);
            let dial = endpoint.connect_with_connector(tower::service_fn(|_| async {
                TcpStream::connect((COORDINATOR, PORT)).await.map(TokioIo::new)
            }));
            let failed = |message: String| ConnectFailure { message, fatal: false };
            let dial = async { self.wire.before(dial.await?).await };
            match tokio::time::timeout(DIAL_WITHIN, dial).await {
                Ok(Ok(channel)) => Ok(channel),
                Ok(Err(error)) => Err(failed(format!("reach the coordinator: {error}"))),
                Err(_) => Err(failed("reach the coordinator: it does not answer".into())),
            }
        })
    }

    fn peer(&self) -> String {
        "the simulated coordinator".into()
    }
}
