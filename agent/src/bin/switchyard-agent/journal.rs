//! `switchyard-agent journal`: what to do with a journal that cannot be used.

use clap::Subcommand;
use std::path::PathBuf;
use switchyard_agent::fs::RealFs;
use switchyard_agent::journal::aside::{set_aside, show};
use switchyard_agent::lock::DataLock;
use switchyard_shared::id::OpId;

/// Most operations that are named of each kind.
const NAMED_MAX: usize = 1000;

/// Look at the journal of an agent that does not start, or set it aside.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Move a journal that cannot be used out of the way, so that the agent starts with a new one.
    #[command(after_help = "\
Nothing is removed. When the agent has started again, the coordinator marks every device that was in flight at
this site as UNKNOWN and has those read back that can be read.

Examples:
  switchyard-agent journal set-aside --data /var/lib/switchyard-agent        (tells what it shows, moves nothing)
  switchyard-agent journal set-aside --data /var/lib/switchyard-agent --yes")]
    SetAside {
        /// The agent's data folder.
        #[arg(long, env = "SWITCHYARD_DATA", value_name = "DIR")]
        data: PathBuf,
        /// Move it.
        #[arg(long)]
        yes: bool,
    },
}

/// Tells what the journal shows, and moves it when told to.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Command::SetAside { data, yes } = args.command;
    let _lock = DataLock::take(&data).map_err(failed)?;
    let dir = data.join("journal");
    let shown = show(&RealFs, &dir).map_err(failed)?;
    println!("{}: {} bytes of it cannot be read", dir.display(), shown.unreadable_bytes);
    name("may have been written to, and no end is there", &shown.in_doubt);
    name("ended, and no acknowledgement is there", &shown.unacknowledged);
    anyhow::ensure!(yes, "nothing was moved; say --yes to move it");
    let to = set_aside(&RealFs, &dir).map_err(failed)?;
    println!("moved to {}", to.display());
    println!(
        "start the agent again: the coordinator marks what was in flight at this site as UNKNOWN and has it read back"
    );
    Ok(())
}

fn name(what: &str, ops: &[OpId]) {
    println!("  {} {what}", ops.len());
    ops.iter().take(NAMED_MAX).for_each(|op| println!("    {op}"));
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("failed to {error}")
}
