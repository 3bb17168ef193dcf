//! How many device results become durable in a second, beside what its parts could do alone.
//!
//! A real coordinator in a process of its own, with its real store; agents that answer each assignment at
//! once, over plaintext loopback links, in this process. In the same run: the same messages through a bare
//! stream, and the same rows into bare SQLite. Run it with `cargo bench -p switchyard-tests --bench control_path`.

mod agent;
mod bare_sqlite;
mod bare_stream;
mod held;
mod idle;
mod run;

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// Measures the control path.
#[derive(Parser)]
struct Args {
    /// Agents, each with a site, a connection and a stream of its own; several make several runs.
    #[arg(long, value_delimiter = ',', default_values_t = [4, 32])]
    agents: Vec<usize>,
    /// Devices of each run.
    #[arg(long, default_value_t = 100_000)]
    devices: usize,
    /// Rollouts at once that share them.
    #[arg(long, value_delimiter = ',', default_values_t = [1])]
    rollouts: Vec<usize>,
    /// Agents that are connected and idle, for memory and the cost of heartbeats; 0 leaves that out.
    #[arg(long, default_value_t = 1000)]
    idle: usize,
    /// Devices that are imported, planned and started while words to stop are spoken; 0 leaves that out.
    #[arg(long, default_value_t = 100_000)]
    held: usize,
    /// How long they are idle, in seconds.
    #[arg(long, default_value_t = 20)]
    idle_seconds: u64,
    /// Be the coordinator, on this folder.
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
    /// Cargo passes it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(folder) = args.serve {
        return switchyard_tests::measured::coordinator::serve(folder).await;
    }
    println!("agents rollouts  results/s  coordinator CPU us/result  agents CPU us/result  RSS MB");
    let mut best = 0.0_f64;
    let mut rows = None;
    for agents in &args.agents {
        for rollouts in &args.rollouts {
            let figures = run::one(*agents, *rollouts, args.devices).await?;
            println!("{figures}");
            best = best.max(figures.per_second);
            rows = Some(figures.rows);
        }
    }
    if best > 0.0 {
        for at_once in [1, 64] {
            let stream = bare_stream::per_second(args.devices, at_once).await?;
            println!(
                "bare stream, {at_once} to a message: {stream:.0} results/s; the coordinator does {:.2} of that",
                best / stream
            );
        }
    }
    if let Some(rows) = rows {
        let sqlite = bare_sqlite::per_second(&rows)?;
        let per_row = args.devices as f64 / rows.len() as f64;
        println!(
            "bare SQLite, groups of {}: {sqlite:.0} rows/s of {:.0} bytes; the coordinator writes {:.2} results in a row, \
             so {:.2} of what the rows could carry",
            bare_sqlite::GROUP,
            rows.iter().map(|row| row.body.len()).sum::<usize>() as f64 / rows.len() as f64,
            per_row,
            best / (sqlite * per_row),
        );
    }
    if args.idle > 0 {
        println!("{}", idle::measure(args.idle, Duration::from_secs(args.idle_seconds)).await?);
    }
    if args.held > 0 {
        held::measure(args.held).await?;
    }
    println!("goal: 100000 results/s; best here {best:.0}");
    Ok(())
}
