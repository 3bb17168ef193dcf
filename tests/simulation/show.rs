//! What people read of runs: figures, and of a failed one what was broken and how to see it again.

use crate::run::Report;
use crate::scenario::{Mode, Scenario};
use std::collections::BTreeMap;
use std::time::Duration;
use switchyard_tests::checkers::{History, Violation, end_of};

/// Most lines about the device of a violation.
const LINES_MAX: usize = 30;
/// Most violations of one seed that are shown.
const SHOWN_MAX: usize = 5;

/// The figures of many runs.
#[derive(Debug, Default)]
pub struct Total {
    seeds: u64,
    violations: u64,
    failed: Vec<u64>,
    differing: Vec<u64>,
    simulated: Duration,
    counts: BTreeMap<&'static str, u64>,
}

impl Total {
    /// Takes one run in, and shows what was broken in it.
    pub fn add(&mut self, report: &Report, mode: Mode) {
        self.seeds += 1;
        self.violations += report.violations.len() as u64;
        self.simulated += report.simulated;
        for (what, count) in &report.counts {
            *self.counts.entry(what).or_default() += count;
        }
        if !report.violations.is_empty() {
            self.failed.push(report.seed);
            failed(report, mode);
        }
    }

    /// Compares two runs of one seed.
    pub fn compare(&mut self, one: &Report, other: &Report, mode: Mode) {
        if one.digest != other.digest {
            self.differing.push(one.seed);
            let (seed, mode) = (one.seed, word(mode));
            println!("seed {seed} of {mode} came out in two ways: {} and {}", one.digest, other.digest);
            let differing = one.lines.iter().zip(&other.lines).filter(|(one, other)| one != other);
            if let Some((one, other)) = differing.min() {
                println!("  once  {one}\n  again {other}");
            }
        }
    }

    /// Whether nothing was broken.
    pub fn is_good(&self) -> bool {
        self.violations == 0 && self.differing.is_empty()
    }

    /// The figures.
    pub fn print(&self, mode: Mode) {
        let counts: Vec<String> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        println!(
            "{}: {} seeds, {} violations, {} s simulated; {}",
            word(mode),
            self.seeds,
            self.violations,
            self.simulated.as_secs(),
            counts.join(", ")
        );
        if !self.failed.is_empty() {
            println!("failed seeds: {:?}", self.failed);
        }
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Safety => "safety",
        Mode::Liveness => "liveness",
    }
}

fn failed(report: &Report, mode: Mode) {
    let (seed, mode) = (report.seed, word(mode));
    println!(
        "seed {seed} failed; see it again with: cargo run -p switchyard-tests --bin simulation -- --mode {mode} --seed {seed}"
    );
    for violation in report.violations.iter().take(SHOWN_MAX) {
        println!("  {violation}");
    }
    if let Some(first) = report.violations.iter().find(|violation| violation.device.is_some()) {
        around(&report.history, first).iter().for_each(|line| println!("    {line}"));
    }
}

/// The last that happened to the device of a violation.
fn around(history: &History, violation: &Violation) -> Vec<String> {
    let Some(device) = &violation.device else { return Vec::new() };
    let mut lines = Vec::new();
    for touch in history.touches.iter().filter(|touch| touch.device == *device) {
        let op = touch.op.as_ref().map(ToString::to_string).unwrap_or_default();
        lines.push((
            touch.at,
            format!("device {:?} {op} by {} in session {}", touch.mark, touch.by, touch.session),
        ));
    }
    for (name, log) in &history.rollouts {
        for recorded in &log.events {
            let text = serde_json::to_string(&recorded.event).unwrap_or_default();
            let is_about = end_of(&recorded.event).is_some_and(|(of, _)| of == device)
                || text.contains(&format!("\"{device}\""));
            if is_about {
                lines.push((
                    recorded.durable_at,
                    format!("{name} {}", text.chars().take(240).collect::<String>()),
                ));
            }
        }
    }
    for journalled in &history.journals {
        let text = serde_json::to_string(&journalled.entry).unwrap_or_default();
        if text.contains(&format!("\"{device}\"")) {
            lines.push((
                journalled.at,
                format!("journal of {} {}", journalled.site, text.chars().take(200).collect::<String>()),
            ));
        }
    }
    lines.sort();
    let first = lines.len().saturating_sub(LINES_MAX);
    lines.split_off(first).into_iter().map(|(at, line)| format!("{at} {line}")).collect()
}

/// All of one run.
pub fn all(report: &Report, scenario: &Scenario) {
    println!("{scenario:#?}");
    report.said.iter().for_each(|line| println!("{line}"));
    for (name, log) in &report.history.rollouts {
        for recorded in &log.events {
            let text = serde_json::to_string(&recorded.event).unwrap_or_default();
            println!("{} {name} {}", recorded.durable_at, text.chars().take(300).collect::<String>());
        }
    }
    println!("digest {}", report.digest);
}
