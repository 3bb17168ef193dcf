//! `switchyard serve`: run the coordinator.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Serves until told to stop.
    pub async fn run(self, _session: &mut Session) -> Result<Exit, Failure> {
        Err(Failure::new(Exit::Error, "NOT_BUILT", "this program was built without the coordinator"))
    }
}
