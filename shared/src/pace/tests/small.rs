//! Every order of results and every outcome of tiny fleets, one by one.

use super::super::{Budget, Entry, Mode, Pace, Verdict};
use super::bench::{budget, watch};
use super::invariants::{check_counts, check_end, check_start};
use crate::time::Timestamp;
use std::time::Duration;

const OUTCOMES: [Verdict; 4] = [Verdict::Ok, Verdict::Failed, Verdict::Lost, Verdict::Neutral];

struct Walk {
    ends: u32,
    stops: u32,
    holds: u32,
}

impl Walk {
    /// Starts all that may; then every device in flight is the next to end, in every way.
    fn step(&mut self, mut pace: Pace, now: Timestamp, mut flight: Vec<u32>) {
        while let Some(rank) = pace.next(now, &mut |_| Entry::Free) {
            check_start(&pace, rank);
            pace.start(rank, now);
            pace.wrote(rank, now);
            flight.push(rank);
        }
        check_counts(&pace);
        assert_eq!(pace.limit().is_some(), pace.waits > pace.held_wait && !pace.is_stopped());
        if flight.is_empty() {
            check_end(&pace);
            self.ends += 1;
            self.stops += u32::from(pace.is_stopped());
            self.holds += u32::from(!pace.holds().is_empty());
            return;
        }
        for index in 0..flight.len() {
            for verdict in OUTCOMES {
                let (mut pace, mut flight) = (pace.clone(), flight.clone());
                let rank = flight.remove(index);
                let now = now.plus(Duration::from_secs(1));
                pace.finish(rank, verdict, Some(Duration::from_secs(1)), now);
                let harm = pace.harm();
                let used_up = f64::from(pace.line.failed)
                    - pace.rule.tolerated * f64::from(pace.line.results)
                    >= pace.rule.devices();
                assert!(!used_up || pace.is_stopped(), "{harm:?} and no stop");
                self.step(pace, now, flight);
            }
        }
    }

    fn all(labels: &[&str], budget: Budget) -> Self {
        let labels: Vec<String> = labels.iter().map(|labels| (*labels).to_owned()).collect();
        let mut pace = Pace::new(watch(&labels), vec![0; labels.len()], budget);
        (0..labels.len() as u32).for_each(|rank| pace.offer(rank));
        let mut walk = Self { ends: 0, stops: 0, holds: 0 };
        walk.step(pace, Timestamp(0), Vec::new());
        walk
    }
}

#[test]
fn every_order_and_outcome_of_a_tiny_fleet_keeps_the_rules_and_comes_to_an_end() {
    let fleets: [&[&str]; 6] = [
        &["a=1"],
        &["a=1", "a=2"],
        &["a=1 b=1", "a=1 b=2", "a=2 b=1"],
        &["a=1 b=1", "a=1 b=2", "a=2 b=1", "a=2 b=2"],
        &["a=1 b=1", "a=1 b=1", "a=2 b=1", "a=2 b=2"],
        &["", "", "", ""],
    ];
    let (mut ends, mut stops, mut holds) = (0, 0, 0);
    for fleet in fleets {
        for limit in [1, 2, 10] {
            for mode in [Mode::Expected, Mode::Strict] {
                let walk = Walk::all(fleet, Budget { mode, ..budget(limit) });
                (ends, stops, holds) = (ends + walk.ends, stops + walk.stops, holds + walk.holds);
            }
        }
    }
    assert!(ends > 4_000 && stops > 1_000 && holds > 100, "{ends} {stops} {holds}");
}
