//! A TCP stream with an end that somebody else can order, so that no session outlives its attempt.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The SSH library runs a session in a task of its own, which would wait for a silent peer for ever;
/// once the token is cancelled every read and write here fails, and that task ends.
pub(crate) struct CutStream<S = TcpStream> {
    stream: S,
    /// One for each direction: a future wakes only whoever asked it last.
    read_cut: Cut,
    write_cut: Cut,
}

type Cut = Pin<Box<WaitForCancellationFutureOwned>>;

impl<S> CutStream<S> {
    pub(crate) fn new(stream: S, cut: CancellationToken) -> Self {
        let (read_cut, write_cut) =
            (Box::pin(cut.clone().cancelled_owned()), Box::pin(cut.cancelled_owned()));
        Self { stream, read_cut, write_cut }
    }
}

fn check(cut: &mut Cut, cx: &mut Context<'_>) -> io::Result<()> {
    match cut.as_mut().poll(cx) {
        Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
        Poll::Pending => Ok(()),
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CutStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        check(&mut self.read_cut, cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        check(&mut self.write_cut, cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        check(&mut self.write_cut, cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
