//! Silence is evidence before the timeout: held, released, opened, always in the order of the starts.

use super::*;

impl Site {
    fn start_all(&mut self, devices: std::ops::Range<usize>) -> Vec<Admission> {
        devices.map(|n| self.start(n).unwrap()).collect()
    }
}

#[test]
fn a_site_starts_with_one_and_doubles_with_each_that_answers() {
    let mut site = Site::new();
    assert_eq!((site.state(), site.allowance()), (State::Closed, Some(1)));
    assert_eq!(site.reason(), "slow start: 1 at once, more with each that answers");
    let mut allowances = vec![];
    for n in 0..4 {
        let admission = site.start(n).unwrap();
        let not_now = if n == 0 { Some(site.start(50).unwrap_err()) } else { None };
        if let Some(not_now) = not_now {
            assert!(not_now.soon);
            let says =
                "site/lon is slow start: 1 at once, more with each that answers; it tries again at 00:00:03";
            assert_eq!(not_now.to_string(), says);
        }
        site.answer(&admission);
        allowances.push(site.allowance());
    }
    assert_eq!(allowances, [Some(2), Some(4), Some(8), None], "16 are more than the pool");
    assert_eq!(site.reason(), "");
}

#[test]
fn a_site_that_is_dark_from_the_start_is_contacted_five_times() {
    let mut site = Site::new();
    let mut contacted = vec![];
    for _ in 0..400 {
        if site.state() == State::Open {
            break;
        }
        if let Ok(admission) = site.start(contacted.len()) {
            contacted.push(admission);
        }
        site.wait(0.1);
    }
    assert_eq!(site.state(), State::Open);
    assert_eq!(contacted.len(), 5);
    assert!(site.now <= Timestamp(16_000_000), "{}", site.now.0);
}

#[test]
fn three_silent_for_longer_than_usual_hold_the_site_and_four_for_five_seconds_open_it() {
    let mut site = Site::flowing();
    let silent = site.start_all(0..10);
    site.wait(0.69);
    assert_eq!(site.state(), State::Closed);
    site.wait(0.01);
    assert_eq!(site.state(), State::Held);
    assert_eq!(site.reason(), "10 silent for over 0.7s, 0 answered since; one probe at a time");
    assert_eq!(site.report().since, site.now);
    site.wait(4.29);
    assert_eq!(site.state(), State::Held);
    site.wait(0.01);
    assert_eq!(site.state(), State::Open);
    assert_eq!(site.reason(), "10 silent for over 5s, 0 answered since");
    assert_eq!(site.moves(), [("site/lon".into(), State::Held), ("site/lon".into(), State::Open)]);
    drop(silent);
}

#[test]
fn two_silent_devices_hold_nothing() {
    let mut site = Site::flowing();
    let _silent = site.start_all(0..2);
    site.wait(20.0);
    assert_eq!(site.state(), State::Closed);
}

#[test]
fn an_answer_takes_the_suspicion_back() {
    let mut site = Site::flowing();
    let slow = site.start_all(0..3);
    site.wait(0.7);
    assert_eq!((site.state(), site.allowance()), (State::Held, Some(1)));
    site.answer(&slow[0]);
    assert_eq!(site.allowance(), Some(2), "2 x 2.3 is still above half of the level");
    site.answer(&slow[1]);
    assert_eq!((site.state(), site.allowance()), (State::Closed, None));
    assert_eq!(site.moves(), [("site/lon".into(), State::Held), ("site/lon".into(), State::Closed)]);
    site.wait(20.0);
    assert_eq!(site.state(), State::Closed, "the third is not held against it again");
}

#[test]
fn held_it_lets_one_probe_through_and_the_next_when_that_has_been_silent_for_a_while() {
    let mut site = Site::flowing();
    let _silent = site.start_all(0..3);
    site.wait(0.7);
    let not_now = site.start(3).map(|_probe| site.start(4).unwrap_err()).unwrap();
    assert_eq!(not_now.why, "held: 3 silent for over 0.7s, 0 answered since; one probe at a time");
    assert!(not_now.soon, "an answer may come any moment");
    site.wait(0.7);
    assert!(site.start(4).is_err(), "its probe is silent too");
    site.wait(2.7);
    assert!(site.start(4).is_err());
    assert!(site.tree.poll_timeout().unwrap().0.since(site.now) <= seconds(0.1));
    site.wait(0.1);
    assert!(site.start(4).is_ok());
    assert!(site.start(5).is_err());
}

#[test]
fn fifty_four_silent_in_a_row_at_a_pool_of_ten_are_contacted_at_most_thirteen_times() {
    for (work, timeout) in [(0.05, 5.0), (0.5, 5.0), (2.0, 5.0), (0.5, 30.0), (2.0, 30.0)] {
        let mut site = Site::new();
        let (mut next, mut silent) = (0, 0);
        let mut running: Vec<(f64, Option<f64>, Admission)> = vec![];
        let mut clock = 0.0;
        while site.state() != State::Open && next < 100 {
            let mut kept = vec![];
            for (connected, ends, admission) in running {
                if (clock - connected).abs() < 0.001 {
                    site.answer(&admission);
                }
                match ends {
                    Some(ends) if ends <= clock => {
                        site.end(admission, Class::Ok);
                    }
                    Some(_) => kept.push((connected, ends, admission)),
                    None if clock >= connected => {
                        site.end(admission, Class::Timeout);
                    }
                    None => kept.push((connected, ends, admission)),
                }
            }
            running = kept;
            while running.len() < 10
                && next < 100
                && site.state() != State::Open
                && let Ok(admission) = site.start(next)
            {
                let answers = next < 46;
                silent += usize::from(!answers);
                running.push(match answers {
                    true => (clock + 0.1, Some(clock + 0.1 + work), admission),
                    false => (clock + timeout, None, admission),
                });
                next += 1;
            }
            site.wait(0.05);
            clock = ((clock + 0.05) * 100.0).round() / 100.0;
        }
        assert_eq!(site.state(), State::Open, "work {work}, timeout {timeout}");
        assert!(silent <= 13, "{silent} contacted with work {work}, timeout {timeout}");
    }
}

// The three findings of why the walk goes in the order of the starts.

#[test]
fn a_few_slow_devices_that_fail_in_a_clump_after_all_successes_hold_nothing() {
    // In the order of completion the successes come first and three failures follow in a row.
    let mut site = Site::flowing();
    let burst = site.start_all(0..30);
    site.wait(0.1);
    let slow = [5, 15, 25];
    for (n, admission) in burst.iter().enumerate() {
        if !slow.contains(&n) {
            site.answer(admission);
        }
    }
    site.wait(5.0);
    assert_eq!(site.moves(), [], "each slow one was followed by nine that answered");
}

#[test]
fn timeouts_that_end_together_at_the_tail_of_the_queue_open_nothing() {
    // Five timeouts in a row at the end, as every wave barrier makes them: 5 % of the devices.
    let mut site = Site::flowing();
    let all = site.start_all(0..100);
    site.wait(0.1);
    let mut silent = vec![];
    for (n, admission) in all.into_iter().enumerate() {
        if n % 20 == 19 {
            silent.push(admission);
        } else {
            site.answer(&admission);
            site.end(admission, Class::Ok);
        }
    }
    site.wait(29.9);
    for admission in silent {
        site.end(admission, Class::Timeout);
    }
    assert_eq!(site.moves(), []);
}

#[test]
fn silent_connects_that_pile_up_among_successes_hold_nothing() {
    // A plain count of silent connects in flight would see six of them at once.
    let mut site = Site::flowing();
    let mut silent = vec![];
    for n in 0..120 {
        let admission = site.start(n).unwrap();
        if n % 20 == 10 {
            silent.push(admission);
            continue;
        }
        site.wait(0.1);
        site.answer(&admission);
        site.end(admission, Class::Ok);
    }
    assert_eq!(silent.len(), 6);
    assert_eq!(site.moves(), []);
}

#[test]
fn every_second_device_silent_holds_and_opens_the_site() {
    let mut site = Site::flowing();
    for n in 0..40 {
        if site.state() == State::Open {
            return;
        }
        let Ok(admission) = site.start(n) else {
            site.wait(0.5);
            continue;
        };
        if n % 2 == 0 {
            site.wait(0.1);
            site.answer(&admission);
            site.end(admission, Class::Ok);
        }
    }
    site.wait(10.0);
    assert_eq!(site.state(), State::Open, "a counter of failures in a row would never see it");
}

#[test]
fn what_an_opening_called_off_comes_back_and_does_not_count_twice() {
    let mut site = Site::flowing();
    let silent = site.start_all(0..10);
    site.wait(5.0);
    assert_eq!(site.state(), State::Open);
    for mut admission in silent {
        site.tree.cancelled(&mut admission, site.now);
        site.end(admission, Class::Cancelled);
    }
    site.wait_over();
    (20..23).for_each(|n| site.run(n, Class::Ok));
    site.flow();
    let _again = site.start_all(0..10);
    site.wait(29.0);
    assert_eq!(site.moves(), [], "their silence is known");
    let _others = site.start_all(30..33);
    site.wait(0.7);
    assert_eq!(site.state(), State::Held, "that of others is news");
}

#[test]
fn a_second_attempt_of_a_rollout_at_a_device_is_no_new_evidence() {
    let mut site = Site::flowing();
    let _again: Vec<_> = (0..10).map(|n| site.try_start(n, "env:X", false).unwrap()).collect();
    site.wait(20.0);
    assert_eq!(site.moves(), []);
}

#[test]
fn what_was_called_off_is_neither_failure_nor_success_and_its_answer_is_dropped() {
    let mut site = Site::flowing();
    let mut silent = site.start_all(0..3);
    site.wait(0.5);
    site.tree.cancelled(&mut silent[0], site.now);
    site.wait(10.0);
    assert_eq!(site.moves(), [], "two are left");
    let _third = site.start(3).unwrap();
    site.wait(0.7);
    assert_eq!(site.state(), State::Held);
    assert_eq!(site.answer(&silent[0]), Finished::Late);
    site.end(silent.remove(0), Class::Ok);
    assert_eq!((site.state(), site.allowance()), (State::Held, Some(1)));
}

#[test]
fn what_never_started_leaves_no_trace() {
    let mut site = Site::new();
    for _ in 0..5 {
        let admission = site.start(1).unwrap();
        site.end(admission, Class::NotStarted);
        assert_eq!(site.allowance(), Some(1), "the pool was full: that costs no probe");
    }
    site.wait(600.0);
    assert_eq!(site.moves(), []);
}

#[test]
fn a_site_that_nobody_worked_at_for_ten_minutes_starts_slowly_again() {
    let mut site = Site::flowing();
    site.wait(599.0);
    assert_eq!(site.allowance(), None);
    site.wait(2.0);
    assert_eq!((site.state(), site.allowance()), (State::Closed, Some(1)));
}

#[test]
fn a_suspicion_during_the_slow_start_is_shown_as_one() {
    let mut site = Site::new();
    (0..3).for_each(|n| site.run(n, Class::Unreachable));
    assert_eq!(site.state(), State::Held);
    assert_eq!(site.reason(), "3 unreachable, 0 answered since; one probe at a time");
}
