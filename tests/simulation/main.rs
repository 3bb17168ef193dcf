//! The whole of Switchyard in simulated time, from seeds: `simulation --mode safety --seeds 0..200`; without
//! one of its guards, which must be noticed: `--without lease`, and each in turn: `--guards --seeds 0..300`.

mod change;
mod deeds;
mod devices;
mod dice;
mod executor;
mod guards;
mod hardware;
mod hosts;
mod link;
mod mischief;
mod outflow;
mod people;
mod run;
mod scenario;
mod show;
mod store;
mod time;
mod unrest;
mod watch;
mod wire;
mod world;

#[cfg(test)]
mod tests;

use clap::Parser;
use scenario::{Mode, Scenario};
use std::process::ExitCode;
use switchyard_shared::guard::Guard;

/// Runs coordinator, agents and devices in simulated time, once for each seed.
#[derive(Debug, Parser)]
struct Words {
    /// What is to be shown.
    #[arg(long, value_enum, default_value_t = Mode::Safety)]
    mode: Mode,
    /// One seed, with all that happened.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Seeds from A up to but without B, as `A..B`.
    #[arg(long, default_value = "0..20", value_parser = range)]
    seeds: (u64, u64),
    /// Runs every seed twice and compares the digests.
    #[arg(long)]
    twice: bool,
    /// Takes this guard of the protocol away, such as `second-gate-check`.
    #[arg(long, value_parser = guards::parse)]
    without: Option<Guard>,
    /// Takes each guard away in turn, until a seed notices: fails when none does.
    #[arg(long, conflicts_with_all = ["seed", "without", "twice"])]
    guards: bool,
    /// Prints a line with the digest of each seed, to compare with another process.
    #[arg(long)]
    digests: bool,
    /// Prints every line that the digest of one seed is of, to find where two processes part.
    #[arg(long, requires = "seed")]
    lines: bool,
    /// What the programs log of one seed, such as `info`.
    #[arg(long, requires = "seed")]
    log: Option<String>,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("say it as A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    Ok((number(from)?, number(to)?))
}

fn main() -> ExitCode {
    let words = Words::parse();
    if let Some(filter) = &words.log {
        tracing_subscriber::fmt()
            .with_env_filter(filter.as_str())
            .with_writer(std::io::stderr)
            .without_time()
            .init();
    }
    let (from, to) = words.seed.map_or(words.seeds, |seed| (seed, seed + 1));
    if words.guards {
        return if guards::search(from..to) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let one = |seed| guards::run_without(words.without, Scenario::new(seed, words.mode));
    let mut total = show::Total::default();
    for seed in from..to {
        let report = one(seed);
        if words.digests {
            println!("{seed} {}", report.digest);
        }
        if words.lines {
            report.lines.iter().for_each(|line| println!("{line}"));
        } else if words.seed.is_some() {
            show::all(&report, &Scenario::new(seed, words.mode));
        }
        if words.twice {
            let again = one(seed);
            total.compare(&report, &again, words.mode);
        }
        total.add(&report, words.mode);
    }
    total.print(words.mode);
    if total.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
