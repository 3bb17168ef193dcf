//! A link that can be cut: a stream that stands still, and a listener that swallows connections.

use crate::executor::ssh::cut::CutStream;
use rustix::net::listen;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Mode;

/// Connections that may wait for a device that listens.
const WAITING_MAX: i32 = 1024;

type Thaw = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection behind the link: while the device is cut off, nothing comes and nothing goes.
pub(super) struct FrozenStream {
    stream: CutStream,
    mode: watch::Receiver<Mode>,
    reading: Option<Thaw>,
    writing: Option<Thaw>,
}

impl FrozenStream {
    pub(super) fn new(stream: CutStream, mode: watch::Receiver<Mode>) -> Self {
        Self { stream, mode, reading: None, writing: None }
    }
}

/// Ready while the link works.
fn link(mode: &watch::Receiver<Mode>, thaw: &mut Option<Thaw>, cx: &mut Context<'_>) -> Poll<()> {
    if *mode.borrow() != Mode::Cut {
        *thaw = None;
        return Poll::Ready(());
    }
    let waiting = thaw.get_or_insert_with(|| {
        let mut mode = mode.clone();
        Box::pin(async move {
            let _device_is_gone = mode.wait_for(|mode| *mode != Mode::Cut).await;
        })
    });
    let polled = waiting.as_mut().poll(cx);
    if polled.is_ready() {
        *thaw = None;
    }
    polled
}

impl AsyncRead for FrozenStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match link(&this.mode, &mut this.reading, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Pin::new(&mut this.stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for FrozenStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match link(&this.mode, &mut this.writing, cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Pin::new(&mut this.stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Fills the listener's queue, so that the system drops every further SYN as a cut link does.
#[derive(Default)]
pub(super) struct Swallow {
    fillers: Vec<TcpStream>,
    ours: Vec<SocketAddr>,
}

impl Swallow {
    /// From now on connections are swallowed. On Linux a queue for none takes one.
    pub(super) async fn begin(&mut self, listener: &TcpListener) -> io::Result<()> {
        if !self.fillers.is_empty() {
            return Ok(());
        }
        listen(listener, 0)?;
        let filler = TcpStream::connect(listener.local_addr()?).await?;
        self.ours.push(filler.local_addr()?);
        self.fillers.push(filler);
        Ok(())
    }

    /// From now on connections are accepted again.
    pub(super) fn end(&mut self, listener: &TcpListener) -> io::Result<()> {
        self.fillers.clear();
        listen(listener, WAITING_MAX)?;
        Ok(())
    }

    /// Whether a connection is one of those that filled the queue.
    pub(super) fn is_ours(&mut self, client: SocketAddr) -> bool {
        let before = self.ours.len();
        self.ours.retain(|ours| *ours != client);
        self.ours.len() < before
    }
}
