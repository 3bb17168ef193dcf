//! `switchyard serve`: run the coordinator.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use switchyard_coordinator::{Coordinator, ServeConfig, ServeError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Run the coordinator.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Where it keeps everything; made when there is none
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where it listens; port 0 picks one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:7443")]
    pub listen: SocketAddr,
    /// Plaintext and no certificates; only on a loopback address
    #[arg(long)]
    pub insecure_loopback: bool,
    /// A further DNS name or address for the server's certificate; may be given again
    #[arg(long = "name", value_name = "DNS")]
    pub names: Vec<String>,
}

impl Serve {
    /// Serves until SIGTERM or Ctrl-C; running rollouts go on when it is started again.
    pub async fn run(self, _session: &mut Session) -> Result<Exit, Failure> {
        init_log();
        let listener = TcpListener::bind(self.listen).await.map_err(|error| {
            let cause = format!("failed to listen on {}: {error}", self.listen);
            Failure::new(Exit::Error, "LISTEN", cause)
                .hint("is another coordinator running? choose another --listen")
        })?;
        let (data, insecure_loopback, names) = (self.data, self.insecure_loopback, self.names);
        let config = ServeConfig { data, insecure_loopback, names };
        let stop = CancellationToken::new();
        let coordinator =
            Coordinator::start(config, listener, stop.clone()).await.map_err(|error| failed(&error))?;
        println!("listening on {}", coordinator.address);
        tokio::spawn(stop_at_signal(stop));
        coordinator.ended().await.map_err(|error| failed(&error))?;
        Ok(Exit::Ok)
    }
}

/// How the system says that a disk is full, whoever passes it on.
const NO_ROOM: &str = "os error 28";

fn failed(error: &ServeError) -> Failure {
    let failure = Failure::new(Exit::Error, "SERVE", format!("failed to {error}"));
    let is_full = failure.message.contains(NO_ROOM);
    if is_full { failure.hint("make room on that disk, then start again; nothing is lost") } else { failure }
}

/// Logs to standard error; `SWITCHYARD_LOG` takes a filter such as `debug`.
fn init_log() {
    let filter = EnvFilter::try_from_env("SWITCHYARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let color = std::io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .try_init();
}

async fn stop_at_signal(stop: CancellationToken) {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
    tracing::info!("stopping; running rollouts go on when the coordinator is started again");
    stop.cancel();
}
