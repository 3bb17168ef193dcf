//! Asks whether the link to a site works, by a TCP connection to something there that should answer.

use futures_util::future::BoxFuture;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest wait for a sentinel.
pub const SENTINEL_WAIT: Duration = Duration::from_secs(2);

/// What asking a sentinel showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It answered, were it with a refusal: the link works.
    Alive,
    /// Nothing came back.
    Dead,
    /// The agent could not ask.
    Unknown,
}

/// The way to a sentinel.
pub trait Sentinel: Send + Sync + 'static {
    /// Asks `address`, a `host:port`; answers within [`SENTINEL_WAIT`].
    fn probe(&self, address: String) -> BoxFuture<'static, Reached>;
}

/// Asks over the network.
pub struct TcpSentinel;

impl Sentinel for TcpSentinel {
    fn probe(&self, address: String) -> BoxFuture<'static, Reached> {
        Box::pin(async move {
            match tokio::time::timeout(SENTINEL_WAIT, TcpStream::connect(&address)).await {
                Err(_) => Reached::Dead,
                Ok(Ok(_)) => Reached::Alive,
                Ok(Err(error)) => {
                    let reached = judge(&error);
                    if reached == Reached::Unknown {
                        tracing::warn!(
                            "failed to ask the sentinel {address}: {error}; check that its name resolves here and \
                             that this agent has file descriptors left"
                        );
                    }
                    reached
                }
            }
        })
    }
}

fn judge(error: &io::Error) -> Reached {
    use io::ErrorKind as Kind;
    let is = |kinds: &[Kind]| kinds.contains(&error.kind());
    if is(&[Kind::ConnectionRefused, Kind::ConnectionReset]) {
        Reached::Alive
    } else if is(&[Kind::TimedOut, Kind::HostUnreachable, Kind::NetworkUnreachable]) {
        Reached::Dead
    } else {
        Reached::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_sentinel_that_answers_or_refuses_shows_that_the_link_works() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(TcpSentinel.probe(address.clone()).await, Reached::Alive);
        drop(listener);
        assert_eq!(TcpSentinel.probe(address).await, Reached::Alive);
    }

    #[test]
    fn a_route_that_is_gone_is_a_dead_link_and_our_own_trouble_says_nothing() {
        for (code, reached) in
            [(110, Reached::Dead), (113, Reached::Dead), (101, Reached::Dead), (24, Reached::Unknown)]
        {
            assert_eq!(judge(&io::Error::from_raw_os_error(code)), reached, "{code}");
        }
        let no_name = io::Error::other("failed to lookup address information");
        assert_eq!(judge(&no_name), Reached::Unknown);
    }
}
