//! What the coordinator's connections send, in an order that is the seed's and nobody else's.
//!
//! The libraries wake the connections of a server in an order of their own dice: what one instant sends is put
//! together for each connection and leaves a moment later, connection by connection.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use turmoil::net::TcpStream;

/// How much later what was sent leaves.
const LATER: Duration = Duration::from_millis(1);
/// How soon a connection that takes no more is tried again.
const AGAIN: Duration = Duration::from_millis(10);
/// What may wait on one connection, in bytes; the windows of HTTP/2 keep it far below.
const WAITING_MAX: usize = 64 << 20;

struct Way {
    stream: TcpStream,
    waiting: Vec<u8>,
    /// Nothing more is sent.
    over: bool,
    /// Nobody holds it any more.
    left: bool,
    failed: Option<io::ErrorKind>,
}

#[derive(Default)]
struct Ways {
    next: u64,
    open: BTreeMap<u64, Way>,
}

/// The connections of one listener; its clones are the same.
#[derive(Clone, Default)]
pub struct Outflow {
    ways: Arc<Mutex<Ways>>,
    wake: Arc<Notify>,
}

/// One connection.
pub struct Flow {
    number: u64,
    of: Outflow,
}

impl Outflow {
    /// Takes a connection in.
    pub fn take(&self, stream: TcpStream) -> Flow {
        let mut ways = self.ways();
        ways.next += 1;
        let number = ways.next;
        let way = Way { stream, waiting: Vec::new(), over: false, left: false, failed: None };
        ways.open.insert(number, way);
        Flow { number, of: self.clone() }
    }

    /// Sends what waits, again and again, for as long as the machine runs.
    pub async fn run(self) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(LATER).await;
            while !self.send() {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Whether everything has left.
    fn send(&self) -> bool {
        let mut ways = self.ways();
        for way in ways.open.values_mut() {
            way.send();
        }
        ways.open.retain(|_, way| !way.left || !way.waiting.is_empty());
        ways.open.values().all(|way| way.waiting.is_empty())
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    fn send(&mut self) {
        while !self.waiting.is_empty() {
            match self.stream.try_write(&self.waiting) {
                Ok(sent) => drop(self.waiting.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.failed = Some(error.kind());
                    self.waiting.clear();
                }
            }
        }
        if self.over {
            let mut nobody = Context::from_waker(std::task::Waker::noop());
            let _closed_or_gone = Pin::new(&mut self.stream).poll_shutdown(&mut nobody);
        }
    }
}

impl Flow {
    fn with<T>(&self, then: impl FnOnce(&mut Way) -> io::Result<T>) -> io::Result<T> {
        let mut ways = self.of.ways();
        then(ways.open.get_mut(&self.number).ok_or(io::ErrorKind::NotConnected)?)
    }
}

impl AsyncRead for Flow {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.with(|way| Ok(Pin::new(&mut way.stream).poll_read(cx, buf)));
        read.unwrap_or_else(|gone| Poll::Ready(Err(gone)))
    }
}

impl AsyncWrite for Flow {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = self.with(|way| match way.failed {
            Some(failed) => Err(failed.into()),
            None if way.waiting.len() + bytes.len() > WAITING_MAX => Err(io::ErrorKind::OutOfMemory.into()),
            None => {
                way.waiting.extend_from_slice(bytes);
                Ok(bytes.len())
            }
        });
        self.of.wake.notify_one();
        Poll::Ready(taken)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = self.with(|way| {
            way.over = true;
            Ok(())
        });
        self.of.wake.notify_one();
        Poll::Ready(closed)
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let _gone_already = self.with(|way| {
            way.left = true;
            Ok(())
        });
        self.of.wake.notify_one();
    }
}
