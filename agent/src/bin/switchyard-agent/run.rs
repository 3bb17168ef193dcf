//! `switchyard-agent run`: one site's agent until it is told to stop.

use super::connector::Dial;
use super::vault;
use anyhow::Context as _;
use std::path::PathBuf;
use std::sync::Arc;
use switchyard_agent::clock::SystemClock;
use switchyard_agent::executor::executors::Executors;
use switchyard_agent::fs::RealFs;
use switchyard_agent::platform::Platforms;
use switchyard_agent::secrets::Secrets;
use switchyard_agent::{Agent, Config, enroll};
use switchyard_proto::tls::client::Security;
use switchyard_shared::id::SiteName;
use switchyard_shared::pool::{MAX_IN_FLIGHT_DEFAULT, MAX_IN_FLIGHT_MAX};
use switchyard_shared::spec::server_address;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit status after a second signal, as shells count it.
const INTERRUPTED: i32 = 130;

/// Configure the devices of one site for a coordinator.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Secrets that an inventory or a rollout names as file:PATH are read in --data, env:NAME in this environment,
vault:MOUNT/PATH#KEY in the Vault of --vault-address. exec:NAME#ARGUMENT runs a program that secret-commands.yaml
in --data allows.

Examples:
  switchyard-agent run --site lon --coordinator https://coordinator:7443 --data /var/lib/switchyard-agent --join TOKEN
  switchyard-agent run --site lon --coordinator https://coordinator:7443 --data /var/lib/switchyard-agent")]
pub struct Args {
    /// The site whose devices this agent configures.
    #[arg(long, env = "SWITCHYARD_SITE", value_name = "NAME", value_parser = site)]
    site: SiteName,
    /// Where the coordinator listens, such as https://coordinator:7443.
    #[arg(long, env = "SWITCHYARD_COORDINATOR", value_name = "URL")]
    coordinator: String,
    /// Folder for this agent's credentials and journal; one agent for each folder.
    #[arg(long, env = "SWITCHYARD_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Folder with definitions of platforms (*.yaml) besides those that come with the agent; platforms in --data
    /// unless this is given.
    #[arg(long, env = "SWITCHYARD_PLATFORMS", value_name = "DIR")]
    platforms: Option<PathBuf>,
    /// Single-use token of `switchyard agent token create`; needed at the first start only.
    #[arg(long, env = "SWITCHYARD_JOIN", hide_env_values = true, value_name = "TOKEN")]
    join: Option<String>,
    /// Plaintext to a coordinator on this very machine, for trying things out.
    #[arg(long, conflicts_with = "join")]
    insecure_loopback: bool,
    /// Devices worked on at once.
    #[arg(long, env = "SWITCHYARD_MAX_IN_FLIGHT", value_name = "N", default_value_t = MAX_IN_FLIGHT_DEFAULT,
          value_parser = pool_size)]
    max_in_flight: usize,
    /// The Prometheus that checks ask which name none.
    #[arg(long, env = "SWITCHYARD_PROMETHEUS", value_name = "URL", value_parser = server_address)]
    prometheus: Option<String>,
    #[command(flatten)]
    vault: vault::Args,
}

fn site(text: &str) -> Result<SiteName, String> {
    SiteName::new(text).map_err(|error| format!("failed to {error}"))
}

fn pool_size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (1..=MAX_IN_FLIGHT_MAX).contains(size));
    size.ok_or_else(|| format!("write a number from 1 to {MAX_IN_FLIGHT_MAX}"))
}

/// Runs until SIGTERM or Ctrl-C, then lets what runs end; a second signal ends it at once.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let clock = SystemClock::shared();
    let folder = args.platforms.unwrap_or_else(|| args.data.join("platforms"));
    let platforms = Platforms::built_in().with_folder(&folder, &RealFs).map_err(failed)?;
    let security = if args.insecure_loopback {
        Security::InsecureLoopback
    } else {
        let join = args.join.as_deref();
        let credentials =
            enroll::credentials(&args.data, &args.site, &args.coordinator, join, clock.now()).await;
        Security::Tls(credentials.map_err(failed)?)
    };
    let config = Config { site: args.site, data: args.data.clone(), max_in_flight: args.max_in_flight };
    let connector = Arc::new(Dial { coordinator: args.coordinator, security });
    let vault = args.vault.open(clock.clone()).await?;
    let secrets = Secrets::new(&args.data).with_vault(vault.clone());
    let _token = vault.map(|vault| tokio::spawn(vault.keep_token()));
    let executors = Executors::with_platforms(&args.data, secrets, platforms, clock.clone());
    let executor = Arc::new(executors.map_err(failed)?.with_prometheus(args.prometheus));
    let shutdown = CancellationToken::new();
    stop_on_signal(shutdown.clone())?;
    let agent = Agent::start(config, connector, executor, clock, shutdown).map_err(failed)?;
    agent.ended().await.map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}

fn stop_on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        shutdown.cancel();
        next(&mut interrupt, &mut terminate).await;
        tracing::warn!(
            "stopped by a second signal; what was running is reported as inconclusive at the next start"
        );
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
