//! The promises that an operator relies on, one test each.

use super::super::{Budget, Decision, Entry, Group, Mode, Share, Verdict};
use super::bench::{Bench, SECOND, budget, fleet};
use crate::outcome::Class;
use std::time::Duration;

fn group(text: &str) -> Group {
    Group::parse(text).unwrap()
}

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
        let labels = fleet(devices, |n| format!("os={} role={}", n % 3, n % 7));
        let mut bench = Bench::new(&labels, budget(10));
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
    let decisions = bench.decisions();
    let [Decision::Hold { group, evidence, reason }] = &decisions[..] else { panic!("{decisions:?}") };
    assert_eq!(group.as_str(), "os=3");
    assert_eq!((evidence.failed, evidence.others_failed), (2, 0));
    assert!(reason.starts_with("2 of 2 with os=3 failed, "), "{reason}");
    assert!(bench.pace.harm().failed <= 4, "{:?}", bench.pace.harm());
    assert_eq!(started.iter().filter(|n| *n % 5 != 3).count(), 400);
    assert!(bench.pace.only_held_wait());
}

#[test]
fn the_first_device_goes_alone_and_successes_double_the_flight() {
    let mut bench = Bench::new(&fleet(3000, |_| String::new()), budget(10));
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let flight = bench.start_all();
        rounds.push(flight.len());
        bench.now = bench.now.plus(SECOND);
        for rank in flight {
            bench.pace.finish(rank, Verdict::Ok, Some(SECOND), bench.now);
        }
        bench.now = bench.now.plus(2 * SECOND);
        bench.pace.tick(bench.now);
    }
    assert_eq!(rounds[0], 1);
    assert!(rounds.windows(2).all(|pair| pair[1] >= 2 * pair[0]), "{rounds:?}");
}

#[test]
fn one_failure_shrinks_the_flight_at_once() {
    let mut bench = Bench::new(&fleet(3000, |_| String::new()), budget(10));
    let mut flight = Vec::new();
    for _ in 0..60 {
        flight.extend(bench.start_all());
        bench.end(flight.remove(0), Verdict::Ok);
    }
    let before = bench.start_all().len() + flight.len();
    bench.end(flight.remove(0), Verdict::Failed);
    assert_eq!(bench.start_one(), None, "{before} in flight");
    assert!(bench.pace.limit().unwrap().starts_with("pace: "), "{:?}", bench.pace.limit());
}

#[test]
fn the_stop_comes_with_the_first_result_that_uses_the_budget_up_held_groups_included() {
    let labels = fleet(3000, |n| format!("os={} role={}", n % 10, n % 7));
    let mut bench = Bench::new(&labels, budget(3));
    let mut flight = bench.start_all();
    let of_group = |flight: &[u32]| flight.iter().copied().filter(|n| n % 10 == 4).collect::<Vec<_>>();
    while of_group(&flight).len() < 12 {
        bench.end(flight.remove(0), Verdict::Ok);
        flight.extend(bench.start_all());
    }
    assert!(bench.pace.hold(&group("os=4")));
    let mut stopped_at = None;
    for rank in of_group(&flight) {
        bench.end(rank, Verdict::Failed);
        let harm = bench.pace.harm();
        let used_up = f64::from(harm.failed) - 0.01 * f64::from(harm.results) >= 3.0;
        assert_eq!(bench.pace.is_stopped(), used_up, "{harm:?}");
        stopped_at = stopped_at.or(used_up.then_some(harm.failed));
    }
    assert!(stopped_at.is_some_and(|failed| failed > 3), "{stopped_at:?}");
    assert_eq!(bench.stops(), ["STOP"]);
    assert_eq!(bench.start_one(), None);
}

#[test]
fn after_a_stop_the_harm_ends_at_most_at_failed_plus_in_flight() {
    let mut bench = Bench::new(&fleet(5000, |n| format!("os={}", n % 9)), budget(10));
    let mut flight = bench.start_all();
    let mut turn = 0;
    let mut bound = u32::MAX;
    while !flight.is_empty() {
        turn += 1;
        let rank = flight.remove(0);
        bench.end(rank, if turn > 150 && turn % 3 == 0 { Verdict::Failed } else { Verdict::Ok });
        if bench.pace.is_stopped() && bound == u32::MAX {
            bound = bench.pace.harm().failed + bench.pace.harm().in_flight;
        }
        flight.extend(bench.start_all());
    }
    assert!(bench.pace.harm().failed <= bound && bound < 1000, "{bound}");
}

#[test]
fn while_only_probes_are_in_flight_failed_and_in_flight_stay_within_the_budget() {
    let labels = fleet(400, |n| format!("os={} role={}", n % 20, (n / 20) % 20));
    let mut bench = Bench::new(&labels, budget(5));
    let mut flight = Vec::new();
    for turn in 0..60 {
        flight.extend(bench.start_all());
        let harm = bench.pace.harm();
        let tolerated = 0.01 * f64::from(harm.results);
        if bench.pace.probes == harm.in_flight {
            assert!(f64::from(harm.failed + harm.in_flight) <= 5.0 + tolerated + 1.0, "{harm:?}");
        }
        if flight.is_empty() {
            break;
        }
        bench.end(flight.remove(0), if turn % 9 == 4 { Verdict::Failed } else { Verdict::Ok });
    }
}

#[test]
fn a_refused_device_keeps_its_rank() {
    let labels = fleet(300, |n| format!("os={}", if n % 3 == 0 { "x" } else { "y" }));
    let mut bench = Bench::new(&labels, budget(3));
    let mut of_x = bench.run(|_| Verdict::Ok);
    of_x.retain(|rank| rank % 3 == 0);
    let mut sorted = of_x.clone();
    sorted.sort_unstable();
    assert_eq!(of_x, sorted);
}

#[test]
fn devices_with_two_suspect_values_are_not_overtaken_until_both_look_clean() {
    let labels = fleet(4000, |n| format!("os={} role={} area={}", n % 8, (n / 8) % 5, (n / 40) % 4));
    let mut bench = Bench::new(&labels, budget(10));
    let bad = |n: u32| n % 8 == 3 && (n / 8) % 5 == 2;
    bench.run(|n| if bad(n) { Verdict::Failed } else { Verdict::Ok });
    let harm = bench.pace.harm();
    assert!(harm.failed <= 20, "{harm:?} {:?}", bench.stops());
}

#[test]
fn an_overdue_device_slows_and_never_stops() {
    let mut bench = Bench::new(&fleet(3000, |n| format!("os={}", n % 4)), budget(10));
    let mut flight = bench.start_all();
    for _ in 0..60 {
        bench.end(flight.remove(0), Verdict::Ok);
        flight.extend(bench.start_all());
    }
    bench.now = bench.now.plus(3600 * SECOND);
    bench.pace.tick(bench.now);
    let all = bench.pace.all().clone();
    assert_eq!(all.late as usize, flight.len());
    assert!(all.reserve > bench.pace.rule.reserve(all.mature, all.failed, 0));
    assert!(bench.pace.reserved() > 0.5 * f64::from(all.late));
    assert_eq!(bench.decisions(), []);
    for rank in flight {
        bench.end(rank, Verdict::Ok);
    }
    assert_eq!(bench.pace.all().late, 0);
    assert!(bench.start_one().is_some());
}

#[test]
fn three_bad_values_of_one_key_are_three_holds_and_no_stop() {
    let labels = fleet(3000, |n| format!("model={} role={}", n % 30, (n / 30) % 3));
    let mut bench = Bench::new(&labels, budget(20));
    bench.run(|n| if n % 30 == n / 400 && n < 1200 { Verdict::Failed } else { Verdict::Ok });
    let mut stops = bench.stops();
    stops.sort();
    assert_eq!(stops, ["model=0", "model=1", "model=2"]);
}

#[test]
fn more_than_half_of_the_fleet_held_stops_everything() {
    let labels = fleet(300, |n| format!("os={}", if n % 5 < 3 { "x" } else { "y" }));
    let mut bench = Bench::new(&labels, budget(10));
    bench.run(|n| if n % 5 < 3 { Verdict::Failed } else { Verdict::Ok });
    assert!(bench.stops().contains(&"STOP".to_owned()));
}

#[test]
fn a_silent_first_device_does_not_freeze_the_rollout() {
    let mut bench = Bench::new(&fleet(50, |_| String::new()), budget(10));
    let first = bench.pace.next(bench.now, &mut |_| Entry::Free).unwrap();
    bench.pace.start(first, bench.now);
    assert_eq!(bench.start_one(), None);
    assert_eq!(bench.pace.limit().unwrap(), "pace: the first device is in flight");
    let due = bench.pace.poll_timeout().unwrap();
    assert_eq!(due, bench.now.plus(3 * SECOND));
    bench.now = due;
    let second = bench.start_one();
    assert!(second.is_some());
    bench.pace.wrote(first, bench.now);
    bench.end(second.unwrap(), Verdict::Neutral);
    assert_eq!(bench.start_one(), None, "the first one writes now: it blocks again");
}

#[test]
fn a_lost_device_is_unknown_and_as_suspicious_as_a_failure() {
    let labels = fleet(300, |n| format!("os={}", n % 3));
    let mut bench = Bench::new(&labels, budget(10));
    bench.run(|n| if n % 3 == 1 { Verdict::Lost } else { Verdict::Ok });
    assert_eq!(bench.stops(), ["os=1"]);
    let harm = bench.pace.harm();
    assert_eq!((harm.failed, harm.unknown), (0, 2));
}

#[test]
fn unknown_devices_slow_and_never_deadlock() {
    let labels = fleet(200, |n| format!("agent={}", n % 4));
    let mut bench = Bench::new(&labels, budget(10));
    bench.run(|n| if n < 50 { Verdict::Doubtful } else { Verdict::Ok });
    assert_eq!(bench.stops(), Vec::<String>::new());
    assert_eq!(bench.pace.harm().unknown, 50);
    assert_eq!(bench.pace.harm().results, 150);
    for rank in 0..50 {
        bench.pace.settle(rank, rank < 3);
    }
    assert_eq!((bench.pace.harm().unknown, bench.pace.harm().failed), (0, 3));
    assert_eq!((bench.pace.all().doubt, bench.pace.reserved()), (0, 0.0));
}

#[test]
fn strict_never_has_more_at_risk_than_the_budget() {
    let strict = Budget { mode: Mode::Strict, ..budget(4) };
    let mut bench = Bench::new(&fleet(500, |n| format!("os={}", n % 3)), strict);
    let mut flight = Vec::new();
    let mut turn = 0;
    loop {
        flight.extend(bench.start_all());
        let harm = bench.pace.harm();
        assert!(harm.failed + harm.in_flight + harm.unknown <= 4, "{harm:?}");
        if flight.is_empty() {
            break;
        }
        turn += 1;
        let verdict = match turn % 60 {
            30 => Verdict::Failed,
            45 => Verdict::Doubtful,
            _ => Verdict::Ok,
        };
        bench.end(flight.remove(0), verdict);
    }
    assert_eq!(bench.stops(), ["STOP"]);
}

#[test]
fn a_released_group_goes_one_device_first_and_one_failure_holds_it_again() {
    for name in ["os=3", "os=3&role=2"] {
        let labels = fleet(600, |n| format!("os={} role={}", n % 5, n % 3));
        let mut bench = Bench::new(&labels, budget(30));
        assert!(bench.pace.hold(&group(name)));
        let of_group = |n: &u32| n % 5 == 3 && (name == "os=3" || n % 3 == 2);
        assert!(!bench.run(|_| Verdict::Ok).iter().any(of_group));
        assert!(bench.pace.only_held_wait());
        assert!(bench.pace.release(&group(name)) && !bench.pace.release(&group(name)));
        let first = bench.start_all();
        assert_eq!(first.len(), 1, "{name}");
        assert_eq!(bench.pace.limit().unwrap().matches("os=3").count(), 1, "{:?}", bench.pace.limit());
        bench.end(first[0], Verdict::Failed);
        assert_eq!(bench.stops(), [name]);
        assert!(bench.pace.only_held_wait());
        assert!(bench.pace.release(&group(name)));
        assert!(bench.run(|_| Verdict::Ok).len() > 30);
        assert_eq!(bench.stops(), Vec::<String>::new());
    }
}

#[test]
fn a_resumed_rollout_goes_one_device_first_and_one_failure_stops_it_again() {
    let mut bench = Bench::new(&fleet(300, |n| format!("os={}", n % 3)), budget(10));
    bench.run(|_| Verdict::Failed);
    assert_eq!(bench.stops(), ["STOP"]);
    bench.pace.resume();
    assert!(!bench.pace.is_stopped());
    let first = bench.start_all();
    assert_eq!(first.len(), 1);
    bench.end(first[0], Verdict::Failed);
    assert_eq!(bench.stops(), ["STOP"]);
    assert_eq!(bench.start_one(), None);
    bench.pace.resume();
    assert_eq!(bench.run(|_| Verdict::Ok).len(), 297);
    assert_eq!(bench.pace.harm().failed, 3);
}

#[test]
fn a_group_that_no_device_has_cannot_be_held() {
    let mut bench = Bench::new(&fleet(60, |n| format!("os={} role={}", n % 2, n % 4)), budget(10));
    for name in ["os=7", "site=x", "os=0&role=1", "os=0&os=1"] {
        assert!(!bench.pace.hold(&group(name)), "{name}");
    }
    for name in ["os=0&role=2", "role=2&os=0"] {
        assert!(bench.pace.hold(&group(name)), "{name}");
    }
    assert_eq!(bench.pace.holds().len(), 1);
    assert_eq!(bench.decisions(), []);
}

#[test]
fn a_second_wave_starts_from_what_the_first_one_showed() {
    let mut bench = Bench::quiet(&fleet(400, |n| format!("os={}", n % 3)), budget(10));
    (0..100).for_each(|rank| bench.pace.offer(rank));
    assert_eq!(bench.run(|_| Verdict::Ok).len(), 100);
    (100..400).for_each(|rank| bench.pace.offer(rank));
    assert!(bench.start_all().len() > 100);
}

#[test]
fn a_full_site_keeps_rank_order_and_others_go_on() {
    let labels = fleet(40, |_| String::new());
    let sites = (0..40).map(|rank| rank % 2).collect();
    let watched = super::bench::watch(&labels);
    let mut pace = super::super::Pace::new(watched, sites, budget(10));
    (0..40).for_each(|rank| pace.offer(rank));
    let now = crate::time::Timestamp(0);
    let mut full = |rank: u32| if rank.is_multiple_of(2) { Entry::SiteFull } else { Entry::Free };
    for _ in 0..20 {
        let rank = pace.next(now, &mut full).unwrap();
        assert_eq!(rank % 2, 1);
        pace.start(rank, now);
        pace.finish(rank, Verdict::Ok, None, now);
    }
    assert_eq!(pace.next(now, &mut full), None);
    assert_eq!(pace.waiting_sites().collect::<Vec<_>>(), [0]);
    assert_eq!(pace.limit(), None);
    pace.wake_site(0, 1);
    assert_eq!(pace.next(now, &mut |_| Entry::Free), Some(0));
    pace.withdraw(0);
    pace.wake_site(0, 2);
    assert_eq!(pace.next(now, &mut |_| Entry::Free), Some(2));
}

#[test]
fn a_device_put_off_is_asked_again_only_when_offered() {
    let mut bench = Bench::new(&fleet(3, |_| String::new()), budget(10));
    let mut later = |rank: u32| if rank == 0 { Entry::Later } else { Entry::Free };
    assert_eq!(bench.pace.next(bench.now, &mut later), Some(1));
    bench.pace.withdraw(1);
    assert_eq!(bench.pace.next(bench.now, &mut |_| Entry::Free), Some(2));
    bench.pace.offer(0);
    assert_eq!(bench.pace.next(bench.now, &mut |_| Entry::Free), Some(0));
}

#[test]
fn nothing_is_tolerated_when_the_tolerated_share_is_zero() {
    let none = Budget { tolerated_share: Share(0), ..budget(3) };
    let mut bench = Bench::new(&fleet(2000, |_| String::new()), none);
    bench.run(|n| if n % 300 == 299 { Verdict::Failed } else { Verdict::Ok });
    assert_eq!(bench.pace.harm().failed, 3);
    assert_eq!(bench.stops(), ["STOP"]);
}

#[test]
fn a_result_counts_once_and_an_attempt_that_never_wrote_not_at_all() {
    let mut bench = Bench::new(&fleet(10, |_| String::new()), budget(10));
    let rank = bench.start_one().unwrap();
    bench.pace.start(rank, bench.now);
    for verdict in [Verdict::Neutral, Verdict::Failed, Verdict::Failed, Verdict::Ok] {
        bench.pace.finish(rank, verdict, Some(Duration::ZERO), bench.now);
    }
    let harm = bench.pace.harm();
    assert_eq!((harm.failed, harm.results, harm.in_flight), (1, 1, 0));
}

#[test]
fn only_the_change_s_own_failures_speak_against_it() {
    for class in Class::ALL {
        let verdict = Verdict::of(*class);
        let failed = ["REJECTED", "POSTCHECK_FAILED", "ROLLBACK_FAILED"].contains(&class.as_str());
        assert_eq!(verdict == Verdict::Failed, failed, "{class}");
        assert_eq!(verdict == Verdict::Lost, *class == Class::LostAfterWrite);
        assert_eq!(verdict == Verdict::Ok, matches!(class, Class::Ok | Class::Unchanged));
    }
}
