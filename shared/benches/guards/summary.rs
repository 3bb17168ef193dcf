//! The ratios that the project promises, from the figures of this run.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the figures that criterion wrote")]

use crate::GUARDED_CALL;
use std::path::{Path, PathBuf};

/// What may cost how many times what: name, its benchmark, levels it is divided by, most times recloser.
const PROMISES: [(&str, &str, f64, f64); 4] = [
    ("each of the three breakers", "guarded_call/breakers", 3.0, 2.0),
    ("each level, breakers and pool", "guarded_call/tree", 4.0, 2.0),
    ("the same with 64 in flight", "guarded_call/tree_busy", 4.0, 2.0),
    ("a start and a result of the pace", "pace/start_and_result", 1.0, 100.0),
];

/// Where criterion keeps its figures.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).join("criterion")
}

/// Removes the last run's figures, so that only this run's are compared; those to compare with over
/// time stay.
pub fn forget(folder: &Path) {
    for group in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        for one in std::fs::read_dir(group.path()).into_iter().flatten().flatten() {
            let _there_may_be_none = std::fs::remove_dir_all(one.path().join("new"));
        }
    }
}

/// Prints a line for each promise whose figures this run has; tells whether all are kept.
pub fn print(folder: &Path) -> bool {
    let Some(recloser) = median(folder, &format!("{GUARDED_CALL}/recloser")) else { return true };
    let mut kept = true;
    println!("beside recloser ({recloser:.1} ns for a guarded call, median):");
    for (name, benchmark, levels, bound) in PROMISES {
        let Some(ours) = median(folder, benchmark) else { continue };
        let times = ours / levels / recloser;
        kept &= times <= bound;
        let word = if times <= bound { "within" } else { "BEYOND" };
        println!(
            "  {name:<32} {:>8.1} ns = {times:>6.2} x recloser, {word} the bound of {bound} x",
            ours / levels
        );
    }
    kept
}

fn median(folder: &Path, benchmark: &str) -> Option<f64> {
    let text = std::fs::read(folder.join(benchmark).join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_slice(&text).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
