//! The pace rule: one start and one result, in the middle of a rollout to 10,000 devices.
#![expect(clippy::disallowed_methods, reason = "a benchmark times itself where the setup must not count")]

use criterion::Criterion;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use switchyard_shared::pace::{Budget, Entry, Label, Pace, Verdict, Watched};
use switchyard_shared::time::Timestamp;

const DEVICES: u32 = 10_000;
const SITES: u32 = 100;
/// The watched keys and how many values each has: 80 in all.
const KEYS: [(&str, u32); 7] = [
    ("platform", 5),
    ("model", 12),
    ("role", 6),
    ("version", 20),
    ("region", 10),
    ("template", 7),
    ("group", 20),
];
/// Results before the measurement begins.
const BEFORE: usize = 4000;
/// Starts and results that are measured of one rollout, before it is taken back to where it began.
const MEASURED: u64 = 2000;
/// Between two results, at the least.
const STEP: Duration = Duration::from_micros(100);
/// From the first byte that can change a device to its result.
const WROTE_FOR: Duration = Duration::from_secs(2);

pub fn all(criterion: &mut Criterion) {
    let steady = Rollout::in_the_middle();
    let mut group = criterion.benchmark_group("pace");
    group.bench_function("start_and_result", |b| {
        b.iter_custom(|count| {
            let (mut left, mut took) = (count, Duration::ZERO);
            while left > 0 {
                let mut rollout = steady.clone();
                let now = left.min(MEASURED);
                let began = Instant::now();
                (0..now).for_each(|_| rollout.result_and_start());
                took += began.elapsed();
                left -= now;
            }
            took
        });
    });
    group.finish();
}

#[derive(Clone)]
struct Rollout {
    pace: Pace,
    flight: VecDeque<(u32, Timestamp)>,
    now: Timestamp,
}

impl Rollout {
    fn in_the_middle() -> Self {
        let labels: Vec<Vec<Label>> = (0..DEVICES).map(labels).collect();
        let watched = Watched::new(&labels);
        assert_eq!((watched.keys, watched.values.len()), (7, 80));
        let mut pace =
            Pace::new(Arc::new(watched), (0..DEVICES).map(|rank| rank % SITES).collect(), Budget::default());
        (0..DEVICES).for_each(|rank| pace.offer(rank));
        let mut rollout = Self { pace, flight: VecDeque::new(), now: Timestamp(0) };
        for _ in 0..BEFORE {
            while rollout.start() {}
            rollout.result();
        }
        assert!(rollout.flight.len() > 500, "{} in flight", rollout.flight.len());
        rollout
    }

    fn start(&mut self) -> bool {
        let Some(rank) = self.pace.next(self.now, &mut |_| Entry::Free) else { return false };
        self.pace.start(rank, self.now);
        self.pace.wrote(rank, self.now);
        self.flight.push_back((rank, self.now));
        true
    }

    fn result(&mut self) {
        let (rank, wrote_at) = self.flight.pop_front().expect("always some in flight");
        self.now = self.now.plus(STEP).max(wrote_at.plus(WROTE_FOR));
        self.pace.finish(rank, Verdict::Ok, Some(WROTE_FOR), self.now);
    }

    fn result_and_start(&mut self) {
        self.result();
        assert!(self.start(), "one ended, so one starts");
    }
}

/// Labels that split the fleet independently of each other.
fn labels(rank: u32) -> Vec<Label> {
    let mut of = Vec::new();
    for (turn, (key, values)) in (0..).zip(KEYS) {
        let mixed = rank.wrapping_add(1).wrapping_mul(2_654_435_761).rotate_left(4 * turn) >> 8;
        of.push(Label { key: key.to_owned(), value: (mixed % values).to_string() });
    }
    of
}
