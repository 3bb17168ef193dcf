//! Orders to a running simulator, over a socket in its data folder: one line in, one line back.

use super::fleet::{FleetError, Members};
use super::mode::{Fault, ParseFaultError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// The socket's name in the data folder.
const SOCKET: &str = "control.sock";
/// Longest order or answer, in bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// Longest wait for an order, or for a device to follow one.
const ORDER_WAIT: Duration = Duration::from_secs(10);

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("reach a simulator in {0}: start one with `switchyard-agent simulate --data {0}`")]
    NotRunning(String),
    /// No answer in time.
    #[error("hear from the simulator in {0} within 10s")]
    Silent(String),
    /// The connection broke.
    #[error("talk to the simulator: {0}")]
    Broken(#[from] io::Error),
    /// The simulator said no.
    #[error("{0}")]
    Refused(String),
}

/// Sends one fault to the simulator of `data` and waits until the devices behave so; returns its answer.
pub async fn send(data: &Path, fault: &Fault) -> Result<String, ControlError> {
    let shown = data.display().to_string();
    let stream = UnixStream::connect(data.join(SOCKET)).await;
    let stream = stream.map_err(|_| ControlError::NotRunning(shown.clone()))?;
    let talk = async {
        let mut stream = BufReader::new(stream);
        stream.write_all(format!("{fault}\n").as_bytes()).await?;
        read_line(&mut stream).await
    };
    let answer = tokio::time::timeout(ORDER_WAIT, talk).await;
    let answer = answer.map_err(|_| ControlError::Silent(shown))??;
    match answer.split_once(' ') {
        Some(("ok", text)) => Ok(text.into()),
        Some(("error", text)) => Err(ControlError::Refused(text.into())),
        Some(_) | None => Err(ControlError::Broken(io::ErrorKind::InvalidData.into())),
    }
}

/// Takes the socket of `data`, unless a simulator answers on it.
pub(super) async fn bind(data: &Path) -> Result<UnixListener, FleetError> {
    let path = data.join(SOCKET);
    if UnixStream::connect(&path).await.is_ok() {
        return Err(FleetError::Running(data.into()));
    }
    let _ = std::fs::remove_file(&path);
    UnixListener::bind(&path).map_err(|error| FleetError::Data(data.into(), error))
}

/// Answers orders one after the other until the fleet stops.
pub(super) async fn serve(listener: UnixListener, members: Arc<Members>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { return };
        let _ = tokio::time::timeout(ORDER_WAIT, obey(BufReader::new(stream), &members)).await;
    }
}

async fn obey(mut stream: BufReader<UnixStream>, members: &Members) -> io::Result<()> {
    let line = read_line(&mut stream).await?;
    let answer = match line.parse::<Fault>() {
        Ok(fault) => match members.set_mode(fault.mode, &fault.devices).await {
            Ok(count) => format!("ok {count} devices are {} now\n", fault.mode),
            Err(error) => format!("error failed to {error}\n"),
        },
        Err(error) => format!("error failed to {}\n", one_line(&error)),
    };
    stream.write_all(answer.as_bytes()).await
}

fn one_line(error: &ParseFaultError) -> String {
    error.to_string().replace('\n', " ")
}

async fn read_line(stream: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.take(LINE_BYTES_MAX).read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}
