//! An agent that stood still is not a silent site.

use super::*;

#[test]
fn a_timer_that_fires_late_makes_what_is_in_flight_younger_and_holds_nothing() {
    let mut site = Site::flowing();
    let in_flight: Vec<_> = (0..10).map(|n| site.start(n).unwrap()).collect();
    site.tree.handle_timeout(site.now);
    site.now = site.now.plus(seconds(20.0));
    site.tree.handle_timeout(site.now);
    assert_eq!(site.state(), State::Held, "the timer itself was due: what it was set for has happened");
    for admission in &in_flight {
        site.answer(admission);
    }
    assert_eq!(site.state(), State::Closed);
    assert_eq!(site.moves().len(), 2, "but nothing opened");
}

#[test]
fn answers_that_were_waiting_while_we_stood_still_count_first_and_by_their_own_time() {
    let mut site = Site::flowing();
    let in_flight: Vec<_> = (0..10).map(|n| site.start(n).unwrap()).collect();
    site.tree.handle_timeout(site.now);
    site.now = site.now.plus(seconds(20.0));
    for admission in &in_flight {
        site.tree.handshake(admission, site.now, site.now);
    }
    site.tree.handle_timeout(site.now);
    assert!(!site.moves().iter().any(|(_, state)| *state == State::Open));
    let _silent: Vec<_> = (20..23).map(|n| site.start(n).unwrap()).collect();
    site.wait(0.7);
    assert_eq!(site.state(), State::Held, "the stall did not make 20 s a usual handshake");
}

#[test]
fn a_timer_a_little_late_forgives_nothing() {
    let mut site = Site::flowing();
    let _silent: Vec<_> = (0..10).map(|n| site.start(n).unwrap()).collect();
    site.tree.handle_timeout(site.now);
    site.now = site.now.plus(seconds(0.7 + 0.24));
    site.tree.handle_timeout(site.now);
    assert_eq!(site.state(), State::Held);
    site.wait(5.0 - 0.94);
    assert_eq!(site.state(), State::Open);
}

#[test]
fn a_stall_does_not_cost_a_probe_its_lease() {
    let mut site = Site::half_open();
    let probe = site.start(10).unwrap();
    site.tree.handle_timeout(site.now);
    site.now = site.now.plus(seconds(1000.0));
    site.answer(&probe);
    assert_eq!((site.state(), site.allowance()), (State::HalfOpen, Some(1)));
}

#[test]
fn a_timer_that_is_always_late_does_not_put_off_the_opening_for_good() {
    let mut site = Site::flowing();
    let _silent: Vec<_> = (0..10).map(|n| site.start(n).unwrap()).collect();
    for _ in 0..20 {
        let Some((at, ..)) = site.tree.poll_timeout() else { break };
        site.now = site.now.max(at.plus(seconds(1.0)));
        site.tree.handle_timeout(site.now);
        if site.state() == State::Open {
            return;
        }
    }
    panic!("a dark site was never opened");
}
