//! From open back to closed: reserved probes on different devices, never stuck, never a stampede.

use super::*;
use crate::breaker::State::{Closed, HalfOpen, Open};

#[test]
fn half_open_lets_one_probe_through_and_not_a_stampede() {
    let mut site = Site::half_open();
    let admitted: Vec<_> = (10..60).filter_map(|n| site.start(n).ok()).collect();
    assert_eq!(admitted.len(), 1);
    assert!(admitted[0].is_probe());
    assert_eq!(site.allowance(), Some(0));
}

#[test]
fn three_probes_in_a_row_close_it_when_their_handshakes_are_done_and_it_starts_slowly() {
    let mut site = Site::half_open();
    let mut running = vec![];
    for n in 10..13 {
        assert_eq!(site.state(), HalfOpen);
        let probe = site.start(n).unwrap();
        assert_eq!(site.answer(&probe), Finished::Counted);
        running.push(probe);
    }
    assert_eq!(site.state(), Closed, "their work still runs");
    assert_eq!(
        site.reason(),
        "3 probes succeeded in a row; slow start: 1 at once, more with each that answers"
    );
    assert_eq!(site.allowance(), Some(1), "one success must not restore full load");
    site.run(13, Class::Timeout);
    assert_eq!(site.state(), Closed, "the failures from before are forgotten");
}

#[test]
fn a_failed_probe_opens_it_again_for_twice_as_long() {
    let mut site = Site::opened();
    let first = site.report();
    site.wait_over();
    site.run(10, Class::Ok);
    site.run(11, Class::Timeout);
    let report = site.report();
    assert_eq!((report.state, report.opened_times), (Open, 2));
    assert_eq!(report.reason, "the probe of d11 found it silent");
    let wait = report.retry_at.unwrap().since(site.now);
    assert!((seconds(48.0)..=seconds(72.0)).contains(&wait), "60 s give or take 20 %: {wait:?}");
    assert_eq!(report.first_opened_at, first.first_opened_at);
    site.wait_over();
    (12..14).for_each(|n| site.run(n, Class::Ok));
    assert_eq!(site.state(), HalfOpen, "the success of the earlier round does not count");
}

#[test]
fn a_probe_goes_to_another_device_than_the_last_one_while_there_is_another() {
    let mut site = Site::half_open();
    site.run(10, Class::Timeout);
    site.wait_over();
    let not_now = site.start(10).unwrap_err();
    assert_eq!(not_now.why, "half-open, and d10 was its last probe: another device goes first");
    assert!(not_now.soon);
    site.run(11, Class::Ok);
    assert!(site.start(11).is_err(), "three successes are three devices");
    site.run(12, Class::Ok);
    site.run(13, Class::Ok);
    assert_eq!(site.state(), Closed);
}

#[test]
fn a_site_whose_only_device_left_is_the_last_probe_is_not_stuck() {
    let mut site = Site::half_open();
    site.run(10, Class::Timeout);
    site.wait_over();
    let at = site.start(10).unwrap_err().retry_at.unwrap();
    assert_eq!(site.tree.poll_timeout().map(|(at, ..)| at), Some(at), "it wakes whoever was refused");
    site.wait(5.0);
    assert!(site.start(10).is_ok());
    let mut two = Site::new();
    two.tree.set_devices(2, two.now);
    (0..2).for_each(|n| two.run(n, Class::Unreachable));
    two.wait_over();
    for n in [0, 1, 0] {
        let probe = two.start(n).unwrap_or_else(|_| {
            two.wait(5.0);
            two.start(n).unwrap()
        });
        two.end(probe, Class::Ok);
    }
    assert_eq!(two.state(), Closed);
}

#[test]
fn the_wait_never_exceeds_its_cap() {
    let mut site = Site::opened();
    for _ in 0..40 {
        let retry_at = site.report().retry_at.unwrap();
        assert!(retry_at.since(site.now) <= Duration::from_secs(600));
        site.wait(605.0);
        site.run(11, Class::Timeout);
        site.tree.reset(&Name::Device(device(11)), "t", "t", site.now).unwrap();
    }
    assert_eq!(site.report().opened_times, 41);
    assert!(site.report().retry_at.unwrap().since(site.now) >= Duration::from_secs(480));
}

#[test]
fn a_probe_that_says_nothing_gives_its_permit_back() {
    let mut site = Site::half_open();
    for class in [Class::Cancelled, Class::NotStarted, Class::AgentError, Class::Overloaded] {
        site.run(10, class);
        assert_eq!((site.state(), site.allowance()), (HalfOpen, Some(1)), "{class}");
    }
    let mut called_off = site.start(10).unwrap();
    site.tree.cancelled(&mut called_off, site.now);
    assert_eq!((site.state(), site.allowance()), (HalfOpen, Some(1)));
    assert_eq!(site.answer(&called_off), Finished::Late);
    site.end(called_off, Class::Ok);
    assert_eq!((site.state(), site.allowance()), (HalfOpen, Some(1)));
    (11..13).for_each(|n| site.run(n, Class::Ok));
    assert_eq!(site.state(), HalfOpen, "what was called off is no success");
}

#[test]
fn a_device_that_refuses_the_change_is_reached_all_the_same() {
    let mut site = Site::half_open();
    site.run(10, Class::Rejected);
    site.run(11, Class::AuthFailed);
    site.run(12, Class::PostcheckFailed);
    assert_eq!(site.state(), Closed);
}

#[test]
fn a_probe_that_hangs_opens_it_again_by_its_lease() {
    let mut site = Site::half_open();
    let hung = site.start(10).unwrap();
    let (at, name, wake) = site.tree.poll_timeout().unwrap();
    assert_eq!((at, wake), (site.now.plus(Duration::from_secs(35)), Wake::ProbeOverdue));
    assert_eq!(name, site_name());
    site.wait(35.0);
    assert_eq!(site.state(), Open);
    assert_eq!(site.reason(), "the probe of d10 never came back");
    assert_eq!(site.end(hung, Class::Ok).site, Finished::Late);
    assert_eq!(site.state(), Open);
}

#[test]
fn a_success_begun_before_the_opening_does_not_close_it() {
    let mut site = Site::flowing();
    let slow: Vec<_> = (20..24).map(|n| site.start(n).unwrap()).collect();
    (0..4).for_each(|n| site.run(n, Class::Unreachable));
    site.wait_over();
    for admission in slow {
        assert_eq!(site.answer(&admission), Finished::Late);
        assert_eq!(site.end(admission, Class::Ok).site, Finished::Late);
    }
    assert_eq!(site.state(), HalfOpen);
}

#[test]
fn a_site_that_only_a_person_resets_never_half_opens_by_itself() {
    let mut site = Site::with(BreakerSettings { site_reset_manual: true, ..settings() });
    site.flow();
    (0..4).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!((site.state(), site.report().retry_at), (Open, None));
    assert!(site.reason().ends_with("closed only by switchyard breaker reset site/lon --reason WHY"));
    site.wait(100_000.0);
    assert_eq!(site.state(), Open);
    site.tree.reset(&site_name(), "ann", "link is back", site.now).unwrap();
    assert_eq!((site.state(), site.allowance()), (Closed, Some(1)));
    let mut later = Site::opened();
    later.tree.set_settings(BreakerSettings { site_reset_manual: true, ..settings() }, later.now);
    later.wait(100_000.0);
    assert_eq!(later.state(), Open, "also one that was open already");
}

#[test]
fn a_half_open_site_opens_without_traffic_by_a_timer_and_not_by_a_call() {
    let mut site = Site::opened();
    let (at, _, wake) = site.tree.poll_timeout().unwrap();
    assert_eq!((Some(at), wake), (site.report().retry_at, Wake::WaitOver));
    site.wait_over();
    assert_eq!(site.moves().last(), Some(&("site/lon".into(), HalfOpen)));
}

#[test]
fn a_device_refused_by_its_own_breaker_holds_no_probe_of_its_site() {
    let mut site = Site::flowing();
    site.run(11, Class::AuthFailed);
    (0..4).for_each(|n| site.run(n, Class::Timeout));
    site.wait_over();
    assert_eq!(site.start(11).unwrap_err().who, Name::Device(device(11)));
    assert_eq!(site.allowance(), Some(1));
}
