//! The TCP socket of a session: dead ones are noticed by the system too.

use rustix::net::sockopt;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Silence on a connection before the system asks, and between its questions.
const ASK_AFTER: Duration = Duration::from_secs(15);
/// Questions without an answer that end a connection.
const QUESTIONS: u32 = 3;
/// Longest that sent data may stay without an acknowledgement: as long as all questions together.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(45);

/// Connects, with keepalive and a bound on what stays unacknowledged.
pub(super) async fn connect(address: (&str, u16)) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, ASK_AFTER)?;
    sockopt::set_tcp_keepintvl(&stream, ASK_AFTER)?;
    sockopt::set_tcp_keepcnt(&stream, QUESTIONS)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(
        &stream,
        u32::try_from(UNACKNOWLEDGED_MAX.as_millis()).unwrap_or(u32::MAX),
    )?;
    Ok(stream)
}
