//! `switchyard-agent simulate`: runs simulated devices, or changes how running ones behave.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;
use switchyard_agent::simulator::gnmi::{GnmiFaults, GnmiFleet};
use switchyard_agent::simulator::{
    Fault, Fleet, FleetConfig, Plays, SiteRanges, parse_sites, raise_descriptor_limit, send_order,
};
use switchyard_shared::time::parse_duration;

/// Descriptors beside one for each device: files, and connections in progress.
const SPARE_DESCRIPTORS: u64 = 200;

/// Run simulated devices: real SSH on loopback addresses, each with its own ledger.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Faults: good, slow, wait (for another one), reject, slow-failure, stall, hang, refuse, auth, overloaded, cut, drop-after-write, half.
With --platform also: locked, session-limit, partial, half-reading, forged-prompt, forged-prompts, other-prompt, banner, paging, one-byte, many-lines,
drop-before-confirm; of these netconf knows locked, session-limit, partial, one-byte and drop-before-confirm, and
lying-chunk, wrong-framing, bomb, deep, masked; and linux reload-fails and drop-before-reload. A line that holds the word nonsense is refused by every platform.
Ranges count devices from 1: 47-100, 3, 3,5-9.

Examples:
  switchyard-agent simulate --devices 100 --fault hang:47-100
  switchyard-agent simulate --devices 100 --sites ams:1-20,fra:21-40,lon:41-100
  switchyard-agent simulate --devices 100 --cut-after 46
  switchyard-agent simulate --devices 8 --platform cisco_ios --platform juniper_junos:5-8 --fault locked:3
  switchyard-agent simulate --devices 8 --gnmi --port 9339 --gnmi-fault drop-after-write:3
  switchyard-agent simulate --set good:47-100     (while the first one runs)")]
pub struct Args {
    /// How many devices to simulate.
    #[arg(long, value_name = "N", required_unless_present = "set")]
    devices: Option<usize>,
    /// Devices that misbehave; may be given several times, the last one wins.
    #[arg(long, value_name = "MODE:RANGE")]
    fault: Vec<Fault>,
    /// Port of all devices; 0 gives each one of its own.
    #[arg(long, default_value_t = 2222)]
    port: u16,
    /// Address of the first device; the others follow it.
    #[arg(long, value_name = "BASE", default_value_t = Ipv4Addr::new(127, 10, 0, 1))]
    address: Ipv4Addr,
    /// Folder for inventory, keys, configurations and ledgers.
    #[arg(long, value_name = "DIR", default_value = "simulated-devices")]
    data: PathBuf,
    /// Which devices are at which site [default: all at lab].
    #[arg(long, value_name = "NAME:RANGE,...")]
    sites: Option<String>,
    /// Cut the link to all devices once so many were served: sessions freeze, connections are swallowed.
    #[arg(long, value_name = "N")]
    cut_after: Option<usize>,
    /// Play a platform's command line, such as cisco_ios or juniper_junos:5-8, a host with one file (linux), or NETCONF
    /// (netconf, netconf-1.0, netconf-startup); may be given several times.
    #[arg(long, value_name = "PLATFORM[:RANGE]")]
    platform: Vec<Plays>,
    /// Play gNMI targets over TLS, with an inventory that pins their CA.
    #[arg(long, conflicts_with_all = ["fault", "sites", "cut_after", "platform", "set"])]
    gnmi: bool,
    /// gNMI targets that misbehave, such as drop-after-write:1-3; a wrong mode lists all; may be given several times.
    #[arg(long, value_name = "MODE:RANGE", requires = "gnmi")]
    gnmi_fault: Vec<GnmiFaults>,
    /// How late slow devices answer.
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration)]
    slow_delay: Duration,
    /// Change how devices of the simulator that runs in --data behave, and exit.
    #[arg(long, value_name = "MODE:RANGE", conflicts_with_all = ["devices", "fault", "sites", "cut_after", "platform"])]
    set: Vec<Fault>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a whole number and ms, s, m or h, such as 500ms".into())
}

/// Simulates until Ctrl-C or SIGTERM; with `--set`, changes a running simulator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Some(devices) = args.devices else {
        for fault in &args.set {
            println!("{}", send_order(&args.data, fault).await?);
        }
        return Ok(());
    };
    if args.gnmi {
        let fleet = GnmiFleet::start(&args.data, devices, args.address, args.port).await.map_err(failed)?;
        for GnmiFaults { fault, targets } in &args.gnmi_fault {
            let last = targets.last();
            anyhow::ensure!(last <= devices, "failed to find target {last}: there are {devices}");
            let chosen = fleet.targets().iter().zip(1..).filter(|(_, number)| targets.contains(*number));
            chosen.for_each(|((_, target), _)| target.behave(*fault));
        }
        println!("simulating {} gNMI targets", fleet.targets().len());
        println!("  inventory  {}", fleet.data().join("inventory.yaml").display());
        println!("  ledgers    {}", fleet.data().join("devices/*/ledger.jsonl").display());
        println!("  Ctrl-C stops them");
        return stopped().await;
    }
    let sites = args.sites.as_deref().map(parse_sites).transpose();
    let sites: Vec<SiteRanges> = sites.map_err(failed)?.unwrap_or_default();
    let limit = raise_descriptor_limit();
    let needed = devices as u64 + SPARE_DESCRIPTORS;
    anyhow::ensure!(
        limit >= needed,
        "failed to simulate {devices} devices: {needed} descriptors are needed and {limit} allowed; \
         try `ulimit -n {needed}` first"
    );
    let config = FleetConfig {
        data: args.data,
        devices,
        address: args.address,
        port: args.port,
        faults: args.fault,
        sites,
        slow_delay: args.slow_delay,
        password: None,
        cut_after: args.cut_after,
        plays: args.platform,
    };
    let fleet = Fleet::start(config).await.map_err(failed)?;
    announce(&fleet);
    stopped().await
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}

fn announce(fleet: &Fleet) {
    let entries = fleet.entries();
    println!("simulating {} devices", entries.len());
    if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
        println!("  {} at {} to {} at {}", first.name, first.address, last.name, last.address);
    }
    println!("  inventory  {}", fleet.data().join("inventory.yaml").display());
    println!("  ledgers    {}", fleet.data().join("devices/*/ledger.jsonl").display());
    println!("  Ctrl-C stops them");
}

async fn stopped() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
