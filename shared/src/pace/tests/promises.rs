//! The promises that an operator relies on, one test each.

use super::super::Verdict;
use super::bench::{Bench, budget, fleet};

#[test]
fn everything_failing_harms_two_devices_whatever_the_budget() {
    for devices in [2, 3, 10, 1000] {
        for limit in [3, 10, 100] {
            let mut bench = Bench::new(&fleet(devices, |n| format!("os={}", n % 2)), budget(limit));
            assert_eq!(bench.run(|_| Verdict::Failed).len(), 2, "{devices} devices, budget {limit}");
            assert_eq!(bench.pace.harm().failed, 2);
        }
    }
}

#[test]
fn a_clean_rollout_reaches_everybody_and_holds_nothing() {
    for devices in [1, 2, 3, 50, 2000] {
        let mut bench = Bench::new(&fleet(devices, |n| format!("os={} role={}", n % 3, n % 7)), budget(10));
        let mut started = bench.run(|_| Verdict::Ok);
        started.sort_unstable();
        assert_eq!(started, (0..devices).collect::<Vec<_>>());
        assert_eq!(bench.stops(), Vec::<String>::new());
        assert_eq!(bench.pace.limit(), None);
    }
}

#[test]
fn a_bad_value_is_held_alone_and_named() {
    let labels = fleet(500, |n| format!("os={} role={}", n % 5, n % 7));
    let mut bench = Bench::new(&labels, budget(10));
    let started = bench.run(|n| if n % 5 == 3 { Verdict::Failed } else { Verdict::Ok });
    assert_eq!(bench.stops(), ["os=3"]);
    assert!(bench.pace.harm().failed <= 4, "{:?}", bench.pace.harm());
    assert_eq!(started.iter().filter(|n| *n % 5 != 3).count(), 400);
    assert!(bench.pace.only_held_wait());
}
