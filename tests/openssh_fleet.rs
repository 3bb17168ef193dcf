//! Runs a fleet of real OpenSSH servers until it is stopped.

use clap::Parser;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use switchyard_agent::simulator::{Ranges, parse_sites, raise_descriptor_limit};
use switchyard_tests::openssh::{OpenSshConfig, OpenSshFleet};
use tokio::signal::unix::{SignalKind, signal};

/// A fleet of devices with real OpenSSH servers, each with its own address and ledger.
#[derive(Parser)]
struct Args {
    /// How many devices.
    #[arg(long)]
    devices: usize,
    /// Folder for inventory, keys, configurations and ledgers.
    #[arg(long)]
    dir: PathBuf,
    /// Devices that accept a connection and never speak.
    #[arg(long, value_name = "RANGE")]
    hang: Option<Ranges>,
    /// Devices that refuse every configuration.
    #[arg(long, value_name = "RANGE")]
    reject: Option<Ranges>,
    /// Address of the first device; the others follow it.
    #[arg(long, default_value_t = Ipv4Addr::new(127, 20, 0, 1))]
    address: Ipv4Addr,
    /// Port of all devices; 0 gives each one of its own.
    #[arg(long, default_value_t = 2200)]
    port: u16,
    /// Which devices are at which site, as NAME:RANGE,... [default: all at lab].
    #[arg(long)]
    sites: Option<String>,
    /// Devices with a command line like Cisco IOS instead of one command; not with --reject.
    #[arg(long, conflicts_with = "reject")]
    cli: bool,
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}

/// The forced command of devices with a command line: the program beside this one.
fn cli(dir: &Path) -> anyhow::Result<String> {
    let device = std::env::current_exe()?.with_file_name("cli-device");
    anyhow::ensure!(device.is_file(), "failed to find {}: build the package's programs", device.display());
    Ok(format!("ForceCommand {} {}", device.display(), std::path::absolute(dir)?.display()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    raise_descriptor_limit();
    let sites = args.sites.as_deref().map(parse_sites).transpose().map_err(failed)?;
    let sshd_lines = if args.cli { cli(&args.dir)? } else { String::new() };
    let mut terminate = signal(SignalKind::terminate())?;
    let fleet = OpenSshFleet::start(OpenSshConfig {
        dir: args.dir,
        devices: args.devices,
        address: args.address,
        port: args.port,
        hang: args.hang,
        reject: args.reject,
        sites: sites.unwrap_or_default(),
        sshd_lines,
    })
    .await
    .map_err(failed)?;
    println!("ready");
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    drop(fleet);
    Ok(())
}
