//! Five of a hundred devices are silent, which ones is drawn anew in every run: no site may open for that.
//!
//! Runs against real OpenSSH with a connect timeout of 5 s, and against simulated devices with 30 s. Run it
//! with `cargo bench --profile dev -p switchyard-tests --bench random_silence`.

use clap::Parser;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use switchyard_tests::wait::timed;
use switchyard_tests::world::{TEMPLATE, World, document, spec, text};

const DEVICES: usize = 100;
const SILENT: usize = 5;
/// Simulated fleets at once: most of a run is waiting for timeouts.
const SIMULATED_AT_ONCE: u64 = 5;

/// Counts false openings.
#[derive(Parser)]
struct Args {
    /// Runs of each kind.
    #[arg(long, default_value_t = 50)]
    runs: u64,
    /// Cargo passes it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    OpenSsh,
    Simulated,
}

/// What happened in one run.
struct Run {
    took: Duration,
    opened: bool,
    holds: usize,
    truthful: bool,
}

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    println!("{SILENT} of {DEVICES} devices silent at random, 10 at once, {} runs each\n", args.runs);
    println!(
        "| devices | connect timeout | runs | false openings | runs with a hold | mean time | longest | counts true |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let good = [(Kind::OpenSsh, 1), (Kind::Simulated, SIMULATED_AT_ONCE)].map(|(kind, at_once)| {
        let runs = all(kind, args.runs, at_once);
        print(kind, &runs);
        runs.iter().all(|run| run.truthful && !run.opened)
    });
    if good == [true, true] { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

fn all(kind: Kind, runs: u64, at_once: u64) -> Vec<Run> {
    let (next, done) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= runs {
                        return;
                    }
                    let run = one(kind, seed);
                    done.lock().expect("no run panics").push(run);
                }
            });
        }
    });
    done.into_inner().expect("no run panics")
}

fn one(kind: Kind, seed: u64) -> Run {
    let silent = draw(seed).iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut world = World::new();
    match kind {
        Kind::OpenSsh => world.openssh(DEVICES, Some(&silent)),
        Kind::Simulated => world.simulate(DEVICES, &format!("lab:1-{DEVICES}"), &[&format!("hang:{silent}")]),
    }
    world.start_coordinator();
    world.start_agent("lab");
    world.import(&world.path("devices/inventory.yaml"));
    world.write("device.cfg.j2", TEMPLATE);
    let more = format!("  timeouts: {{connect: {}, command: 30s}}\n", timeout(kind));
    let path = world.write("run.yaml", &spec("run", "site = \"lab\"", 10, &more)).display().to_string();
    let (output, took) = timed(|| world.run(&["apply", "-f", &path, "-o", "json"]));
    let end = document(&output);
    let truthful = end["devices"]["succeeded"] == DEVICES - SILENT && end["devices"]["failed"] == SILENT;
    let moves = world.moves("run", "site/lab");
    let opened = moves.iter().any(|(state, _)| state == "OPEN");
    if opened || !truthful {
        println!("{kind:?} run {seed}, silent {silent}: {moves:?}\n{}", text(&output));
    }
    let holds = moves.iter().filter(|(state, _)| state == "HELD").count();
    Run { took, opened, holds, truthful }
}

fn timeout(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenSsh => "5s",
        Kind::Simulated => "30s",
    }
}

/// Which devices are silent in a run: the same ones for the same seed (splitmix64).
fn draw(seed: u64) -> BTreeSet<usize> {
    let (mut state, mut silent) = (seed.wrapping_mul(0xD134_2543_DE82_EF95), BTreeSet::new());
    while silent.len() < SILENT {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        silent.insert((mixed % DEVICES as u64) as usize + 1);
    }
    silent
}

fn print(kind: Kind, runs: &[Run]) {
    let count = |of: &dyn Fn(&Run) -> bool| runs.iter().filter(|run| of(run)).count();
    let total: Duration = runs.iter().map(|run| run.took).sum();
    let mean = total.as_secs_f64() / runs.len().max(1) as f64;
    let longest = runs.iter().map(|run| run.took).max().unwrap_or_default().as_secs_f64();
    println!(
        "| {kind:?} | {} | {} | {} | {} | {mean:.1} s | {longest:.1} s | {} |",
        timeout(kind),
        runs.len(),
        count(&|run| run.opened),
        count(&|run| run.holds > 0),
        count(&|run| run.truthful),
    );
}
