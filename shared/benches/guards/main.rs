//! What a guarded call costs, beside the breakers and limiters of others in the same run: `cargo bench -p switchyard-shared`.

mod breakers;
mod pace;
mod peers;
mod summary;

use criterion::Criterion;
use std::process::ExitCode;
use std::time::Duration;

/// The group of all guarded calls.
const GUARDED_CALL: &str = "guarded_call";
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let folder = summary::folder();
    summary::forget(&folder);
    let criterion = Criterion::default().output_directory(&folder).warm_up_time(WARM_UP);
    let mut criterion = criterion.measurement_time(MEASURE).configure_from_args();
    peers::all(&mut criterion);
    breakers::all(&mut criterion);
    pace::all(&mut criterion);
    criterion.final_summary();
    if summary::print(&folder) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
