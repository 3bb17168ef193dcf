//! How soon a coordinator serves that has a long history, and what an idle device of a rollout costs in memory.
//!
//! A data folder is filled straight through the store as an earlier version would have left it, so that the
//! first start brings it up; the figures are of the starts after it, of a coordinator in a process of its own.
//! Run it with `cargo bench -p switchyard-tests --bench recovery`.

mod history;

use clap::Parser;
use std::path::{Path, PathBuf};
use switchyard_tests::measured::coordinator::{Operator, Process, serve};
use switchyard_tests::measured::process::{Watch, cpu_seconds, memory};

/// Sites of the active rollout.
const SITES: usize = 100;
/// Most seconds to the first answer.
const SERVES_WITHIN: f64 = 2.0;
/// Most bytes for each idle device of an active rollout.
const DEVICE_BYTES_MAX: f64 = 1024.0;

/// Measures recovery.
#[derive(Parser)]
struct Args {
    /// Ended rollouts in the history.
    #[arg(long, default_value_t = 100)]
    ended: usize,
    /// Device results of each.
    #[arg(long, default_value_t = 10_000)]
    results: usize,
    /// Devices of the one active rollout.
    #[arg(long, default_value_t = 100_000)]
    active: usize,
    /// How often each of them is then handed out and comes back, as in a long rollout with trouble.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
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
        return serve(folder).await;
    }
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("coordinator");
    let mut process = start("empty folder", &data).await?.0;
    Operator::new(&process.url).await?.import(SITES, args.active).await?;
    drop(process);
    let bytes = history::write(&data, args.ended, args.results).await?;
    println!(
        "history: {} results in {} rollouts, {:.0} MB",
        args.ended * args.results,
        args.ended,
        bytes / 1e6
    );
    start("first start, which writes down how each ended", &data).await?;
    let (without_process, without, _) = start("with the history", &data).await?;
    process = without_process;
    let mut operator = Operator::new(&process.url).await?;
    let watch = Watch::start();
    let found = operator.results("rollouts/history-0").await?;
    println!("devices of an ended rollout, read again: {found} in {:.2} s", watch.elapsed().as_secs_f64());
    let plan = operator.plan("active", "role:*").await?;
    let name = operator.start(&plan).await?;
    operator.pause(&name).await?;
    drop(process);
    let (process, with, seconds) = start("with the history and an active, paused rollout", &data).await?;
    let each = (with - without) / args.active as f64;
    println!("memory of each of {} idle devices: {each:.0} bytes (goal {DEVICE_BYTES_MAX})", args.active);
    println!("time to the first answer: {seconds:.2} s (goal {SERVES_WITHIN})");
    drop(process);
    let events = history::prolong(&data, &name, SITES, args.active, args.rounds).await?;
    let (_process, _, long) = start("the same, with a long log of the active rollout", &data).await?;
    println!(
        "{events} events more of the active rollout make the first answer {:.2} s later",
        long - seconds
    );
    anyhow::ensure!(seconds <= SERVES_WITHIN, "it serves too late");
    anyhow::ensure!(each < DEVICE_BYTES_MAX, "an idle device takes too much memory");
    Ok(())
}

/// Starts a coordinator and asks it something; gives its memory and the seconds that it took.
async fn start(what: &str, data: &Path) -> anyhow::Result<(Process, f64, f64)> {
    let watch = Watch::start();
    let process = Process::start(data)?;
    let mut operator = Operator::new(&process.url).await?;
    let newest = operator.newest().await?;
    let seconds = watch.elapsed().as_secs_f64();
    let (bytes, cpu) = (memory(process.id()), cpu_seconds(process.id()));
    let newest = newest.map(|rollout| rollout.name).unwrap_or_default();
    println!(
        "{what}: first answer after {seconds:.2} s ({cpu:.2} s of processor), {:.0} MB, newest {newest:?}",
        bytes / 1e6
    );
    Ok((process, bytes, seconds))
}
