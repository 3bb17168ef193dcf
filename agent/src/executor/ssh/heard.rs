//! The client's side of a connection: notes every sign of life, and keeps what came before the handshake.

use super::cut::CutStream;
use crate::executor::Hearing;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes that are kept of a device's first words.
const FIRST_WORDS_BYTES_MAX: usize = 256;

/// What a device says first, shared with the attempt.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstWords(Arc<Mutex<Vec<u8>>>);

impl FirstWords {
    /// The line in front of any SSH greeting, if there is one.
    pub(super) fn before_greeting(&self) -> Option<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        (!line.starts_with("SSH-")).then(|| line.to_owned())
    }

    /// The greeting itself, such as `SSH-2.0-OpenSSH_9.2`.
    pub(super) fn greeting(&self) -> Option<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.lines().map(str::trim).find(|line| line.starts_with("SSH-")).map(str::to_owned)
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = FIRST_WORDS_BYTES_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// A connection that is listened to.
pub(super) struct HeardStream<S> {
    stream: CutStream<S>,
    hearing: Option<Arc<Hearing>>,
    first_words: FirstWords,
}

impl<S> HeardStream<S> {
    pub(super) fn new(stream: CutStream<S>, hearing: Option<Arc<Hearing>>, first_words: FirstWords) -> Self {
        Self { stream, hearing, first_words }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeardStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let fresh = &buffer.filled()[before..];
        if !fresh.is_empty() {
            self.first_words.add(fresh);
            if let Some(hearing) = &self.hearing {
                hearing.heard();
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeardStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
