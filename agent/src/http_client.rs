//! HTTP/1.1 with one server: one connection, bounded answers, and no redirect is ever followed.

pub mod tls;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

/// Largest head of an answer, in bytes, give or take what is read at once.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header lines of an answer.
const HEADERS_MAX: usize = 64;

/// A question.
pub type Request = hyper::Request<Full<Bytes>>;

/// An answer of any status.
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its header.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoReply {
    /// Not one byte of the question has left.
    NotSent(String),
    /// The connection ended before the answer did, or the answer is no HTTP.
    Lost(String),
    /// The answer is larger than what was allowed, in bytes.
    TooLarge(usize),
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(why) | Self::Lost(why) => f.write_str(why),
            Self::TooLarge(max) => write!(f, "its answer is larger than {max} bytes"),
        }
    }
}

/// An open connection; it ends when this is dropped.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _ended: AbortOnDrop,
}

impl Connection {
    /// Speaks HTTP/1.1 over `stream`; says nothing yet.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self, NoReply> {
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| NoReply::NotSent(error.to_string()))?;
        let connection = tokio::spawn(connection);
        Ok(Self { sender, _ended: AbortOnDrop(connection.abort_handle()) })
    }

    /// Asks and waits for the whole answer, with a body of at most `body_max` bytes; the caller bounds the time.
    pub async fn ask(&mut self, request: Request, body_max: usize) -> Result<Reply, NoReply> {
        self.sender.ready().await.map_err(|error| NoReply::NotSent(said(&error)))?;
        let response = self.sender.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message().is_some();
            let why = said(error.error());
            if unsent { NoReply::NotSent(why) } else { NoReply::Lost(why) }
        })?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, body_max).collect().await {
            Ok(body) => Zeroizing::new(body.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => return Err(NoReply::TooLarge(body_max)),
            Err(error) => return Err(NoReply::Lost(format!("its answer broke off ({error})"))),
        };
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// An error with what lies under it.
fn said(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Ends a connection with whoever asked.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
