//! How long a stop takes: from the moment the coordinator holds the deciding word to the last device start anywhere.
//!
//! A real coordinator and 200 real agents in one process, on plaintext loopback links, with devices that
//! take their time and do nothing. Run it with `cargo bench -p switchyard-tests --bench stop_latency`.

mod devices;
mod fleet;
mod operator;
mod report;
mod stop;

use clap::Parser;
use fleet::Fleet;
use report::Report;
use std::time::Duration;
use stop::Kind;

/// A stop that is not over after this long will never be.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// Measures stops.
#[derive(Parser)]
struct Args {
    /// How many stops.
    #[arg(long, default_value_t = 200)]
    stops: usize,
    /// Connected agents, each for a site of its own.
    #[arg(long, default_value_t = 200)]
    agents: usize,
    /// Devices of one site in flight at once.
    #[arg(long, default_value_t = 2)]
    parallel: u32,
    /// How long a device takes in the mean, in milliseconds; with the default numbers about 1,000 start a second.
    #[arg(long, default_value_t = 360)]
    device_ms: u64,
    /// Device starts before a rollout is stopped.
    #[arg(long, default_value_t = 1500)]
    after: usize,
    /// Only these stops; both kinds take turns otherwise.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Cargo passes it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut fleet = Fleet::start(args.agents, Duration::from_millis(args.device_ms)).await?;
    let kinds = match args.kind {
        Some(kind) => vec![kind],
        None => vec![Kind::Pace, Kind::Abort],
    };
    let mut report = Report::default();
    for (turn, kind) in kinds.iter().cycle().take(args.stops).enumerate() {
        let began = fleet.clock.now();
        let stopped = stop::one(&mut fleet, *kind, turn, args.parallel, args.after);
        let stopped = tokio::time::timeout(STOP_WITHIN, stopped).await;
        let stopped = stopped.map_err(|_| anyhow::anyhow!("stop {turn} did not come to its end"))??;
        let took = fleet.clock.now().since(began).as_millis();
        eprintln!("stop {turn} of {}: {kind:?} {stopped:?}, all of it {took} ms", args.stops);
        report.add(*kind, stopped);
    }
    let met = report.print(args.agents);
    fleet.stop().await?;
    anyhow::ensure!(met, "a stop takes longer than promised");
    Ok(())
}
