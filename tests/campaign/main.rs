//! The campaign: the real programs are killed, frozen, cut off and lied to while they roll out.
//!
//! Every part takes its faults from a seed, believes the devices' own ledgers, and prints what it did, its
//! figures and what was violated. `cargo run -p switchyard-tests --bin campaign -- --only kills --count 20`.

mod aborts;
mod chance;
mod checks;
mod clocks;
mod failpoints;
mod freezes;
mod full_disks;
mod kills;
mod net;
mod partitions;
mod power_cuts;
mod report;
mod stage;

use chance::Chance;
use clap::{Parser, ValueEnum};
use report::Report;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use switchyard_tests::wait;

/// How much of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Size {
    /// What every change goes through.
    Quick,
    /// Once a night.
    Nightly,
    /// Before a release.
    Release,
}

/// How the table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Kills, freezes, cuts off and lies to the real programs while they roll out.
#[derive(Debug, Parser)]
struct Args {
    /// How much of each part.
    #[arg(long, value_enum, default_value = "quick")]
    size: Size,
    /// Only these parts: kills, failpoints, freezes, partitions, clocks, power-cuts, full-disks, aborts; may be given again.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// So many of each: kills, deaths at each point, freezes, partitions, jumps, cuts, full disks, aborts; whatever the size says.
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Decides every fault; drawn from the clock when it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// How the table is printed.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// One part of the campaign.
struct Part {
    name: &'static str,
    /// How many faults: quick, nightly, release.
    counts: [usize; 3],
    run: fn(usize, &mut Chance, &mut Report),
}

const PARTS: [Part; 8] = [
    Part { name: "kills", counts: [20, 200, 1000], run: kills::run },
    Part { name: "failpoints", counts: [0, 3, 10], run: failpoints::run },
    Part { name: "freezes", counts: [0, 6, 30], run: freezes::run },
    Part { name: "partitions", counts: [0, 100, 540], run: partitions::run },
    Part { name: "clocks", counts: [0, 6, 40], run: clocks::run },
    Part { name: "power-cuts", counts: [0, 30, 100], run: power_cuts::run },
    Part { name: "full-disks", counts: [0, 9, 60], run: full_disks::run },
    Part { name: "aborts", counts: [5, 200, 200], run: aborts::run },
];

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(unknown) = args.only.iter().find(|name| PARTS.iter().all(|part| part.name != **name)) {
        eprintln!("error: there is no part {unknown}");
        return ExitCode::from(64);
    }
    let seed = args.seed.unwrap_or_else(|| wait::wall().0.unsigned_abs());
    let mut reports = Vec::new();
    for part in &PARTS {
        let wanted = args.only.is_empty() || args.only.iter().any(|name| name == part.name);
        let count = args.count.unwrap_or(part.counts[args.size as usize]);
        if !wanted || count == 0 {
            continue;
        }
        eprintln!("== {}: {count}, seed {seed}", part.name);
        let mut report = Report::new(part.name, seed);
        let mut chance = Chance::new(seed);
        let ((), took) = wait::timed(|| {
            let done = catch_unwind(AssertUnwindSafe(|| (part.run)(count, &mut chance, &mut report)));
            if let Err(panic) = done {
                report.violation(format!("it broke off: {}", words(&*panic)));
            }
        });
        report.figure("seconds in all", took.as_secs_f64());
        reports.push(report);
    }
    match args.output {
        Output::Text => report::print(&reports),
        Output::Json => println!("{}", report::json(&reports)),
    }
    if reports.iter().any(Report::is_broken) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
