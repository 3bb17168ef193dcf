//! After a release or a resume only a device that starts later decides.

use super::super::{Group, Verdict};
use super::bench::{Bench, budget, fleet};

fn group(name: &str) -> Group {
    Group::parse(name).unwrap()
}

/// A rollout with some devices done and a few in flight.
fn under_way(rounds: u32) -> (Bench, Vec<u32>) {
    let mut bench = Bench::new(&fleet(600, |n| format!("os={} role={}", n % 2, n % 3)), budget(10));
    let mut flight = std::collections::VecDeque::new();
    for _ in 0..rounds {
        flight.extend(bench.start_all());
        let rank = flight.pop_front().unwrap();
        bench.end(rank, Verdict::Ok);
    }
    assert!(flight.len() > 4);
    (bench, flight.into())
}

#[test]
fn a_device_started_before_the_resume_neither_proves_nor_fails_it() {
    let (mut bench, flight) = under_way(40);
    bench.pace.resume();
    bench.end(flight[0], Verdict::Failed);
    assert!(!bench.pace.is_stopped(), "it started before the resume");
    bench.end(flight[1], Verdict::Ok);
    assert!(bench.pace.all().trial && !bench.pace.all().proven);
    assert_eq!((bench.pace.line.failed, bench.pace.line.results), (1, 2), "the ledger has both");
    for rank in &flight[2..] {
        bench.end(*rank, Verdict::Ok);
    }
    let first = bench.start_all();
    assert_eq!(first.len(), 1);
    bench.end(first[0], Verdict::Failed);
    assert!(bench.pace.is_stopped());
}

#[test]
fn a_device_started_before_the_release_neither_proves_nor_fails_the_group() {
    for name in ["os=0", "os=0&role=0"] {
        let (mut bench, flight) = under_way(120);
        let of_group = |n: &&u32| (**n).is_multiple_of(2) && (name == "os=0" || (**n).is_multiple_of(3));
        let earlier: Vec<u32> = flight.iter().filter(of_group).copied().collect();
        assert!(bench.pace.hold(&group(name)) && bench.pace.release(&group(name)));
        bench.end(earlier[0], Verdict::Failed);
        assert!(bench.pace.holds().is_empty(), "{name}: it started before the release");
        bench.end(earlier[1], Verdict::Ok);
        let on_trial = match name {
            "os=0" => bench.pace.tallies.iter().any(|tally| tally.trial && !tally.proven),
            _ => bench.pace.trials.len() == 1,
        };
        assert!(on_trial, "{name} still waits for its first device");
    }
}

#[test]
fn a_pair_released_twice_is_held_once_by_one_failure() {
    let mut bench = Bench::new(&fleet(600, |n| format!("os={} role={}", n % 5, n % 3)), budget(30));
    let pair = group("os=3&role=2");
    bench.pace.hold(&pair);
    bench.run(|_| Verdict::Ok);
    bench.pace.release(&pair);
    bench.pace.hold(&pair);
    bench.pace.release(&pair);
    let first = bench.start_all();
    bench.end(first[0], Verdict::Failed);
    assert_eq!(bench.stops(), ["os=3&role=2"]);
    assert_eq!(bench.pace.holds().len(), 1);
}
