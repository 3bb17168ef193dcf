//! The operator's words win, and are shown.

use super::*;

#[test]
fn an_operators_word_does_not_heal_with_time_and_reset_clears_everything() {
    let mut site = Site::flowing();
    site.tree.trip(&site_name(), "ann", "fibre works", site.now).unwrap();
    assert_eq!(site.tree.poll_timeout(), None);
    site.wait(86_400.0);
    assert_eq!(site.start(1).unwrap_err().to_string(), "site/lon is opened by ann: fibre works");
    site.tree.reset(&site_name(), "ann", "done", site.now).unwrap();
    assert_eq!(site.state(), State::Closed);
    assert_eq!(site.reason(), "done; slow start: 1 at once, more with each that answers");
    site.run(1, Class::Ok);
    let other = Name::parse("site/ams").unwrap();
    assert!(site.tree.trip(&other, "ann", "x", site.now).is_err());
}

#[test]
fn kept_closed_it_lets_everything_through_and_still_shows_the_evidence() {
    let mut site = Site::opened();
    site.tree.force_closed(&site_name(), "ann", "half the site is on strike", site.now).unwrap();
    site.tree.take_reports();
    assert_eq!((site.state(), site.allowance()), (State::ForcedClosed, None));
    (10..30).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.state(), State::ForcedClosed);
    let report = site.report();
    assert_eq!(report.by, "ann");
    assert!(report.reason.starts_with("half the site is on strike; it would be open: "), "{}", report.reason);
    assert_eq!((report.failed, report.seen), (20, 20));
    assert!(!site.moves().is_empty(), "what it would be is reported");
    site.wait(86_400.0);
    assert_eq!(site.state(), State::ForcedClosed, "an operator's word does not end with time");
    site.tree.reset(&site_name(), "ann", "over", site.now).unwrap();
    assert_eq!((site.state(), site.allowance()), (State::Closed, Some(1)));
    site.run(40, Class::Timeout);
    assert_eq!(site.state(), State::Closed, "what was seen while it was kept closed is gone");
}

#[test]
fn a_device_can_be_kept_open_and_kept_closed() {
    let mut site = Site::flowing();
    let name = Name::Device(device(1));
    site.tree.trip(&name, "ann", "in the lab", site.now).unwrap();
    site.wait(86_400.0);
    assert!(site.start(1).is_err());
    site.tree.force_closed(&name, "ann", "it flaps", site.now).unwrap();
    (0..10).for_each(|_| site.run(1, Class::Timeout));
    assert_eq!(site.tree.reports()[1].state, State::ForcedClosed);
    assert!(site.start(1).is_ok());
}
