//! `switchyard-agent`: configures the devices of one site, or plays devices that are not there.

mod connector;
mod journal;
mod run;
mod simulate;
mod vault;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How long what is still going on may take to be let go of at the end.
const LET_GO_WITHIN: Duration = Duration::from_secs(2);

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

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SWITCHYARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match to_its_end(run(Cli::parse().command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(args).await,
        Command::Journal(args) => journal::run(args),
        Command::Simulate(args) => simulate::run(args).await,
    }
}

/// Runs `work` and then waits for no thread that hangs: a file that gives no answer holds one for ever.
fn to_its_end(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start threads")?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(LET_GO_WITHIN);
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn every_command_can_be_typed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_thread_that_hangs_keeps_the_program_from_no_end() {
        let (let_go, hangs) = sync_channel::<()>(0);
        let (tell, told) = sync_channel(1);
        let program = std::thread::spawn(move || {
            let ended = to_its_end(async move {
                let _hanging = tokio::task::spawn_blocking(move || hangs.recv());
                Ok(())
            });
            tell.send(ended.is_ok())
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(true));
        drop(let_go);
        program.join().unwrap().unwrap();
    }
}
