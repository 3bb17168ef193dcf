//! What a part of the campaign did, measured and found violated, as text and as JSON.

use serde_json::{Value, json};
use std::time::Duration;

/// Violations that are printed of one part; the rest is counted.
const SHOWN_MAX: usize = 20;

/// The report of one part.
pub struct Report {
    part: &'static str,
    seed: u64,
    figures: Vec<(String, f64)>,
    violations: Vec<String>,
}

impl Report {
    /// An empty one.
    pub fn new(part: &'static str, seed: u64) -> Self {
        Self { part, seed, figures: Vec::new(), violations: Vec::new() }
    }

    /// Sets a figure.
    pub fn figure(&mut self, name: &str, value: f64) {
        match self.figures.iter_mut().find(|(known, _)| known == name) {
            Some((_, before)) => *before = value,
            None => self.figures.push((name.to_owned(), value)),
        }
    }

    /// Adds to a figure that counts.
    pub fn add(&mut self, name: &str, more: usize) {
        let before = self.figures.iter().find(|(known, _)| known == name).map_or(0.0, |(_, value)| *value);
        self.figure(name, before + more as f64);
    }

    /// The greatest of all.
    pub fn most(&mut self, name: &str, value: f64) {
        let before = self.figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        self.figure(name, before.map_or(value, |before| before.max(value)));
    }

    /// Median, 95 %, 99 % and worst of `times`, in seconds; gives the share of 95 and of 99 %.
    pub fn times(&mut self, name: &str, times: &[Duration]) -> (f64, f64) {
        let mut seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * seconds.len() as f64).ceil() as usize;
            seconds.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        self.figure(&format!("{name}: measured"), times.len() as f64);
        for (word, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1.0)] {
            self.figure(&format!("{name}: {word} s"), at(share));
        }
        (at(0.95), at(0.99))
    }

    /// Takes another one in: what counts is added, of what is measured the greatest stays.
    pub fn merge(&mut self, other: Self) {
        for (name, value) in other.figures {
            match name.ends_with(", s") {
                true => self.most(&name, value),
                false => self.add(&name, value as usize),
            }
        }
        self.violations.extend(other.violations);
    }

    /// Notes something that must never be.
    pub fn violation(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.violations.len() < SHOWN_MAX {
            eprintln!("VIOLATION in {}: {what}", self.part);
        }
        self.violations.push(what);
    }

    /// Whether anything was violated.
    pub fn is_broken(&self) -> bool {
        !self.violations.is_empty()
    }
}

/// The table for people.
pub fn print(reports: &[Report]) {
    for report in reports {
        println!("\n{} (seed {})", report.part, report.seed);
        for (name, value) in &report.figures {
            println!("  {name:<48} {}", number(*value));
        }
        println!("  {:<48} {}", "violations", report.violations.len());
        for violation in report.violations.iter().take(SHOWN_MAX) {
            println!("    {violation}");
        }
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:>10.0}") } else { format!("{value:>14.3}") }
}

/// The same for programs.
pub fn json(reports: &[Report]) -> Value {
    let parts = reports.iter().map(|report| {
        let figures: serde_json::Map<String, Value> =
            report.figures.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "part": report.part,
            "seed": report.seed,
            "figures": figures,
            "violations": report.violations,
        })
    });
    json!({"parts": parts.collect::<Vec<_>>(), "violated": reports.iter().any(Report::is_broken)})
}
