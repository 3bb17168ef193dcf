//! One device's socket: every connection becomes a real sshd, or is held in silence.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use switchyard_agent::clock::Clock;
use switchyard_agent::simulator::{Event, Kind, LEDGER_FILE};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;

/// Most connections that one device holds at once; more wait in the kernel.
const CONNECTIONS_MAX: usize = 64;
/// Rest after a connection could not be accepted, as when descriptors run out.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How to start a server.
pub(crate) struct Server {
    pub(crate) sshd: &'static str,
    pub(crate) config: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Accepts for ever; dropping this ends every session of the device.
pub(super) async fn listen(socket: TcpListener, folder: PathBuf, hang: bool, server: Arc<Server>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            _ = sessions.join_next(), if !sessions.is_empty() => {}
            accepted = socket.accept(), if sessions.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, client)) => {
                    if let Err(error) = note_contact(&folder, &server, client) {
                        eprintln!("failed to write the ledger in {}: {error}", folder.display());
                        continue;
                    }
                    let server = Arc::clone(&server);
                    sessions.spawn(async move {
                        let ended = if hang { hold(stream).await } else { serve(stream, &server).await };
                        if let Err(error) = ended {
                            eprintln!("failed to serve {client}: {error}");
                        }
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
        }
    }
}

fn note_contact(folder: &Path, server: &Server, client: SocketAddr) -> io::Result<()> {
    let event = Event {
        at_us: server.clock.now().0,
        event: Kind::Contact,
        client: client.to_string(),
        apply: None,
        bytes: None,
        sha256: None,
        detail: None,
    };
    let line = format!("{}\n", serde_json::to_string(&event)?);
    OpenOptions::new().create(true).append(true).open(folder.join(LEDGER_FILE))?.write_all(line.as_bytes())
}

/// Reads and never speaks, until the client has had enough.
async fn hold(mut stream: TcpStream) -> io::Result<()> {
    let mut unheard = [0; 512];
    while matches!(stream.read(&mut unheard).await, Ok(1..)) {}
    Ok(())
}

/// A real server on this connection; it is killed when this is dropped.
pub(crate) async fn serve(stream: TcpStream, server: &Server) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    let input = OwnedFd::from(stream);
    let output = input.try_clone()?;
    let mut command = Command::new(server.sshd);
    command.arg("-i").arg("-f").arg(&server.config).kill_on_drop(true);
    command.stdin(input).stdout(output).stderr(Stdio::null());
    let mut child = command.spawn()?;
    // The command holds our copies of the connection: the client would never see its end.
    drop(command);
    child.wait().await.map(drop)
}
