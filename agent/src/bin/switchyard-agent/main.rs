//! `switchyard-agent`: configures the devices of one site, or plays devices that are not there.

mod connector;
mod journal;
mod run;
mod simulate;
mod vault;

use clap::{Parser, Subcommand};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The agent of a Switchyard site.
#[derive(Debug, Parser)]
#[command(name = "switchyard-agent", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Configure the devices of one site for a coordinator.
    Run(run::Args),
    /// Set a journal aside that cannot be used.
    Journal(journal::Args),
    /// Run simulated devices.
    Simulate(simulate::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SWITCHYARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args).await,
        Command::Journal(args) => journal::run(args),
        Command::Simulate(args) => simulate::run(args).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_command_can_be_typed() {
        Cli::command().debug_assert();
    }
}
