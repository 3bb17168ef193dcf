//! Across a restart: what remains of a wait, never an instant of a clock that may jump.

use super::*;

/// The same agent, `gap` seconds later by its new clock, which began anew.
fn restarted(site: &Site, clock: i64) -> Site {
    let text = serde_json::to_string(&site.tree.snapshot(site.now)).unwrap();
    let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
    let now = Timestamp(clock);
    Site { tree: Tree::restore(SiteName::new("lon").unwrap(), snapshot, 7, now), now }
}

#[test]
fn an_open_site_stays_open_for_the_remainder_whatever_the_clock_says() {
    let mut site = Site::opened();
    site.wait(10.0);
    let left = site.report().retry_at.unwrap().since(site.now);
    for clock in [0, -86_400_000_000, 4_000_000_000_000_000] {
        let mut again = restarted(&site, clock);
        let report = again.report();
        assert_eq!((report.state, report.retry_at), (State::Open, Some(again.now.plus(left))));
        assert_eq!((report.reason.as_str(), report.opened_times), ("4 silent, 0 answered since", 1));
        assert!(again.start(9).is_err());
        again.wait_over();
        assert_eq!(again.state(), State::HalfOpen);
    }
}

#[test]
fn a_half_open_site_comes_back_open_and_probes_at_once() {
    let mut site = Site::half_open();
    let _lost = site.start(10).unwrap();
    let mut again = restarted(&site, 0);
    assert_eq!(again.state(), State::Open);
    again.wait(0.0);
    assert_eq!(
        (again.state(), again.allowance()),
        (State::HalfOpen, Some(1)),
        "the lost probe holds nothing"
    );
    (11..14).for_each(|n| again.run(n, Class::Ok));
    assert_eq!(again.state(), State::Closed);
}

#[test]
fn a_row_of_openings_an_operators_word_and_a_quarantine_survive() {
    let mut site = Site::half_open();
    site.run(10, Class::Timeout);
    assert_eq!(restarted(&site, 5).report().opened_times, 2);
    let mut site = Site::flowing();
    site.run(1, Class::LostAfterWrite);
    site.tree.credential_changed("env:X", 4, site.now);
    site.run(2, Class::AuthFailed);
    site.run(3, Class::AuthFailed);
    site.tree.trip(&site_name(), "ann", "fibre works", site.now).unwrap();
    let mut again = restarted(&site, 5);
    assert_eq!(again.start(9).unwrap_err().to_string(), "site/lon is opened by ann: fibre works");
    again.tree.reset(&site_name(), "ann", "x", again.now).unwrap();
    assert_eq!(again.try_start(1, "env:Y", true).unwrap_err().who, Name::Device(device(1)));
    assert!(again.start(9).is_err(), "the credential is still refused");
    again.tree.credential_changed("env:X", 5, again.now);
    assert!(again.start(9).is_ok());
}

#[test]
fn a_closed_site_starts_slowly_and_remembers_what_its_handshakes_take() {
    let mut again = restarted(&Site::flowing(), 0);
    assert_eq!((again.state(), again.allowance()), (State::Closed, Some(1)));
    let _silent = again.start(1).unwrap();
    again.wait(0.7);
    assert!(again.start(2).is_err(), "0.7 s is silence here, not 3 s");
    let (at, ..) = again.tree.poll_timeout().unwrap();
    assert_eq!(at, Timestamp(3_500_000), "the next probe");
}

#[test]
fn the_state_is_data_and_survives_being_written_down() {
    let mut site = Site::half_open();
    let _probe = site.start(40).unwrap();
    let text = serde_json::to_string(&site.tree).unwrap();
    assert_eq!(serde_json::from_str::<Tree>(&text).unwrap(), site.tree);
}
