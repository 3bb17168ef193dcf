//! A client's connection, plaintext or TLS.

use super::Dialer;
use crate::tls::client::ConnectError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::client::TlsStream;

/// A client's connection; tells the listener once what the first read brought. With TLS 1.3 a server
/// refuses a certificate only after the client's handshake is done, so this is where it shows.
pub(in crate::tls) struct ClientIo {
    pub(super) stream: Stream,
    pub(super) listener: Option<Listener>,
}

/// Who is told, and who knows what a failure means.
pub(super) struct Listener {
    pub(super) dialer: Arc<Dialer>,
    pub(super) sender: oneshot::Sender<Result<(), ConnectError>>,
}

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for ClientIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if let Poll::Ready(result) = &read
            && let Some(Listener { dialer, sender }) = this.listener.take()
        {
            let heard = match result {
                Ok(()) if begins_http2(&buf.filled()[before..]) => Ok(()),
                Ok(()) => Err(dialer.closed()),
                Err(error) => Err(dialer.classify(error)),
            };
            // The one who asked may have given up.
            let _ = sender.send(heard);
        }
        read
    }
}

/// A server's first frame is SETTINGS, type 4. A TLS server answers plaintext with an alert instead.
fn begins_http2(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [_, _, _, kind, ..] => *kind == 4,
        _ => true,
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
