//! A small rollout to drive by hand: devices with labels, one site each unless said otherwise.

use super::super::{Budget, Decision, Entry, Label, Pace, Verdict, Watched};
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A pace and its clock.
pub(super) struct Bench {
    pub(super) pace: Pace,
    pub(super) now: Timestamp,
}

impl Bench {
    /// All `labels` (`key=value` words, one text a device) offered, at one site.
    pub(super) fn new(labels: &[String], budget: Budget) -> Self {
        let mut bench = Self::quiet(labels, budget);
        for rank in 0..labels.len() as u32 {
            bench.pace.offer(rank);
        }
        bench
    }

    /// The same, none offered.
    pub(super) fn quiet(labels: &[String], budget: Budget) -> Self {
        let pace = Pace::new(watch(labels), vec![0; labels.len()], budget);
        Self { pace, now: Timestamp(0) }
    }

    /// Starts whoever may, and lets it write at once.
    pub(super) fn start_one(&mut self) -> Option<u32> {
        let rank = self.pace.next(self.now, &mut |_| Entry::Free)?;
        self.pace.start(rank, self.now);
        self.pace.wrote(rank, self.now);
        Some(rank)
    }

    /// Starts everybody who may.
    pub(super) fn start_all(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.start_one()).collect()
    }

    /// A second later `rank` is done.
    pub(super) fn end(&mut self, rank: u32, verdict: Verdict) {
        self.now = self.now.plus(SECOND);
        self.pace.finish(rank, verdict, Some(SECOND), self.now);
    }

    /// Runs to the end, one device after the other finishing; returns who started, in order.
    pub(super) fn run(&mut self, verdict: impl Fn(u32) -> Verdict) -> Vec<u32> {
        let mut started = Vec::new();
        let mut flight = std::collections::VecDeque::new();
        loop {
            let new = self.start_all();
            flight.extend(&new);
            started.extend(new);
            let Some(rank) = flight.pop_front() else { return started };
            self.end(rank, verdict(rank));
        }
    }

    pub(super) fn decisions(&mut self) -> Vec<Decision> {
        std::iter::from_fn(|| self.pace.poll_decision()).collect()
    }

    /// The names of the groups held, and `STOP`.
    pub(super) fn stops(&mut self) -> Vec<String> {
        let name = |decision| match decision {
            Decision::Hold { group, .. } => group.to_string(),
            Decision::Stop { .. } => "STOP".to_owned(),
        };
        self.decisions().into_iter().map(name).collect()
    }
}

pub(super) fn watch(labels: &[String]) -> Arc<Watched> {
    let label = |word: &str| {
        let (key, value) = word.split_once('=').unwrap();
        Label { key: key.into(), value: value.into() }
    };
    let devices: Vec<Vec<Label>> =
        labels.iter().map(|words| words.split_whitespace().map(label).collect()).collect();
    Arc::new(Watched::new(&devices))
}

/// `count` devices; each gets the text that `labels` makes of its rank.
pub(super) fn fleet(count: u32, labels: impl Fn(u32) -> String) -> Vec<String> {
    (0..count).map(labels).collect()
}

pub(super) fn budget(devices: u32) -> Budget {
    Budget { devices, ..Budget::default() }
}
