//! The command line: global flags, commands, and the way to each of them.

mod admin;
mod agent;
mod apply;
mod breaker;
mod completion;
mod device;
mod file;
mod inventory;
mod plan;
mod plans;
mod rehearse;
mod rollback;
mod rollout;
mod serve;
mod spec;
mod status;
mod watch;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{Session, Surroundings, format_of};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::time::Duration;

/// Rolls out configuration to fleets of network devices so that one failure never becomes an outage.
#[derive(Debug, Parser)]
#[command(name = "switchyard", version, propagate_version = true, after_help = AFTER)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Environment: SWITCHYARD_SERVER, SWITCHYARD_CONTEXT, SWITCHYARD_OUTPUT, NO_COLOR, CLICOLOR_FORCE
Exit status: 0 done · 1 error · 2 plan has changes (--detailed-exitcode) · 3 rollout failed, also in part
  4 not permitted · 5 aborted or undone · 6 a person is needed · 7 --timeout passed · 8 still running
  9 nothing selected · 10 stale · 12 no such resource · 13 invalid spec or inventory · 64 usage
  69 coordinator not reachable · 130 detached by Ctrl-C, the rollout goes on";

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// The coordinator: https://HOST:PORT, or http:// on loopback
    #[arg(long, global = true, value_name = "URL", help_heading = "Global")]
    pub server: Option<String>,
    /// The context that holds server and credentials: a name or its file
    #[arg(long, global = true, value_name = "NAME|FILE", help_heading = "Global")]
    pub context: Option<String>,
    /// How results are written
    #[arg(short, long, global = true, value_enum, help_heading = "Global")]
    pub output: Option<Format>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Global")]
    pub color: Color,
    /// Only the result
    #[arg(short, long, global = true, help_heading = "Global")]
    pub quiet: bool,
    /// More detail
    #[arg(short, long, global = true, help_heading = "Global")]
    pub verbose: bool,
    /// Do not ask
    #[arg(short, long, global = true, help_heading = "Global")]
    pub yes: bool,
    /// Never read from standard input
    #[arg(long, global = true, help_heading = "Global")]
    pub no_input: bool,
    /// Give up after this long, such as 30s or 2h
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, help_heading = "Global")]
    pub timeout: Option<Duration>,
    /// Wait this long for a coordinator that is about to start
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, help_heading = "Global")]
    pub wait: Option<Duration>,
    /// Makes repeating a command harmless: same id, same answer
    #[arg(long, global = true, value_name = "ID", help_heading = "Global")]
    pub request_id: Option<String>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Not supported yet.
    Yaml,
}

impl Format {
    /// The format that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        <Self as ValueEnum>::from_str(word, false).ok()
    }
}

/// When colour is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a rollout would do and how the devices differ from it; writes to none
    Plan(plan::Plan),
    /// Carry out a plan, and watch it
    Apply(apply::Apply),
    /// Follow a rollout to its end
    Watch(watch::Watch),
    /// Show where a rollout stands
    Status(status::Status),
    /// Put a device back to what it had before a rollout
    Rollback(rollback::Rollback),
    /// List, look into and steer rollouts
    #[command(subcommand)]
    Rollout(rollout::Rollout),
    /// List and show plans
    #[command(subcommand)]
    Plans(plans::Plans),
    /// Look at breakers, open, close and watch them
    #[command(subcommand)]
    Breaker(breaker::Breaker),
    /// Settle devices of which nobody knows what they have
    #[command(subcommand)]
    Device(device::Device),
    /// Check, import and list devices
    #[command(subcommand)]
    Inventory(inventory::Inventory),
    /// What only a person may decide for the whole coordinator
    #[command(subcommand)]
    Admin(admin::Admin),
    /// List agents, let new ones join, take a site from one
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Run a rollout many times against modelled devices, without touching any
    Rehearse(rehearse::Rehearse),
    /// Run the coordinator
    Serve(serve::Serve),
    /// Print a completion script for a shell
    Completion(completion::Completion),
}

fn duration(text: &str) -> Result<Duration, String> {
    switchyard_shared::time::parse_duration(text)
        .ok_or_else(|| "write a whole number and a unit: 500ms, 30s, 5m, 2h, 1d".to_owned())
}

/// Runs one command line within `around` and says how it ended.
pub async fn run(args: impl IntoIterator<Item = OsString>, mut around: Surroundings) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &mut around),
    };
    let format = match format_of(cli.globals.output, &around) {
        Ok(format) => format,
        Err(failure) => {
            let _ = writeln!(around.err, "{}", failure.to_text(false));
            return failure.exit;
        }
    };
    let mut session = Session::new(cli.globals, around, format);
    match dispatch(&mut session, cli.command).await {
        Ok(exit) => exit,
        Err(failure) => {
            session.complain(&failure);
            failure.exit
        }
    }
}

fn refuse(error: &clap::Error, around: &mut Surroundings) -> Exit {
    let shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let color = around.output_is_terminal && around.env("NO_COLOR").is_none();
    let text = if color { error.render().ansi().to_string() } else { error.render().to_string() };
    let stream = if shown { &mut around.out } else { &mut around.err };
    let _ = write!(stream, "{text}");
    if shown { Exit::Ok } else { Exit::Usage }
}

async fn dispatch(session: &mut Session, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Plan(args) => args.run(session).await,
        Command::Apply(args) => args.run(session).await,
        Command::Watch(args) => args.run(session).await,
        Command::Status(args) => args.run(session).await,
        Command::Rollback(args) => args.run(session).await,
        Command::Rollout(args) => args.run(session).await,
        Command::Plans(args) => args.run(session).await,
        Command::Breaker(args) => args.run(session).await,
        Command::Device(args) => args.run(session).await,
        Command::Inventory(args) => args.run(session).await,
        Command::Admin(args) => args.run(session).await,
        Command::Agent(args) => args.run(session).await,
        Command::Rehearse(args) => args.run(session).await,
        Command::Serve(args) => args.run(session).await,
        Command::Completion(args) => args.run(session),
    }
}

#[cfg(test)]
mod tests;
