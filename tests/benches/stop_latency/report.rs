//! The figures: p50, p99, worst, and what started after the decision beside what was in flight.

use crate::stop::{Kind, Stopped};
use std::collections::BTreeMap;

/// What 99 of 100 stops are to take at most, in milliseconds.
const GOAL_P99_MS: f64 = 50.0;

/// All stops so far.
#[derive(Debug, Default)]
pub struct Report {
    stops: BTreeMap<Kind, Vec<Stopped>>,
}

impl Report {
    pub fn add(&mut self, kind: Kind, stopped: Stopped) {
        self.stops.entry(kind).or_default().push(stopped);
    }

    /// Prints a line for each kind of stop and one for all; tells whether the goal is met.
    pub fn print(&self, agents: usize) -> bool {
        println!("{agents} agents on loopback; milliseconds to the last device start anywhere\n");
        println!(
            "| stop | stops | starts a second | p50 | p99 | worst | from the word: p50 | p99 | worst | after it, most | in flight |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|");
        for (kind, stops) in &self.stops {
            line(&format!("{kind:?}").to_lowercase(), stops);
        }
        let all: Vec<Stopped> = self.stops.values().flatten().copied().collect();
        line("all", &all);
        let p99 = percentile(&all, 99, |stopped| stopped.from_held);
        let beyond = all.iter().filter(|stopped| stopped.overshoot > stopped.in_flight).count();
        let word = if p99 <= GOAL_P99_MS { "within" } else { "BEYOND" };
        println!("\np99 {p99:.1} ms is {word} the goal of {GOAL_P99_MS} ms");
        println!(
            "{beyond} of {} stops started more devices after the decision than were in flight",
            all.len()
        );
        p99 <= GOAL_P99_MS && beyond == 0
    }
}

fn line(name: &str, stops: &[Stopped]) {
    let held = |share| percentile(stops, share, |stopped| stopped.from_held);
    let said = |share| percentile(stops, share, |stopped| stopped.from_said);
    let rate = stops.iter().map(|stopped| stopped.rate).sum::<usize>() / stops.len().max(1);
    let most = stops.iter().max_by_key(|stopped| stopped.overshoot);
    let (overshoot, in_flight) = most.map_or((0, 0), |stopped| (stopped.overshoot, stopped.in_flight));
    println!(
        "| {name} | {} | {rate} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {overshoot} | {in_flight} |",
        stops.len(),
        held(50),
        held(99),
        held(100),
        said(50),
        said(99),
        said(100),
    );
}

/// The value that `share` percent of the stops do not exceed, in milliseconds.
fn percentile(stops: &[Stopped], share: usize, of: impl Fn(&Stopped) -> i64) -> f64 {
    let mut values: Vec<i64> = stops.iter().map(of).collect();
    values.sort_unstable();
    let place = (values.len() * share).div_ceil(100).max(1) - 1;
    values.get(place).map_or(0.0, |micros| *micros as f64 / 1000.0)
}
