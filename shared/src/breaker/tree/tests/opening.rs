//! What opens a site and what never does.

use super::*;

#[test]
fn four_devices_in_a_row_that_cannot_be_reached_open_their_site() {
    let mut site = Site::flowing();
    (0..3).for_each(|n| site.run(n, Class::Unreachable));
    assert_eq!(site.state(), State::Held);
    site.run(3, Class::Unreachable);
    assert_eq!(site.state(), State::Open);
    assert_eq!(site.reason(), "4 unreachable, 0 answered since");
    let report = site.report();
    assert_eq!((report.failed, report.seen), (4, 4));
    let not_now = site.start(9).unwrap_err();
    let at = report.retry_at.unwrap();
    assert_eq!((not_now.who.clone(), not_now.retry_at, not_now.soon), (site_name(), Some(at), false));
    let says = format!("site/lon is open: 4 unreachable, 0 answered since; it tries again at {}", at.clock());
    assert_eq!(not_now.to_string(), says);
}

#[test]
fn the_reason_says_silent_or_unreachable_precisely() {
    assert_eq!(Site::opened().reason(), "4 silent, 0 answered since");
    let mut mixed = Site::flowing();
    (0..3).for_each(|n| mixed.run(n, Class::Timeout));
    mixed.run(4, Class::Unreachable);
    assert_eq!(mixed.reason(), "4 silent or unreachable, 0 answered since");
}

#[test]
fn one_dead_device_cannot_open_its_site() {
    let mut site = Site::with(BreakerSettings { device_consecutive_failures: 100, ..settings() });
    (0..50).for_each(|_| site.run(1, Class::Unreachable));
    assert_eq!(site.state(), State::Closed);
    site.flow();
    for _ in 0..20 {
        site.run(1, Class::Timeout);
        site.wait(1.0);
    }
    assert_eq!(site.state(), State::Closed);
}

#[test]
fn half_of_the_devices_open_a_site_although_successes_come_between() {
    let mut site = Site::new();
    for n in 0..4 {
        site.run(n * 2, Class::Ok);
        site.run(n * 2 + 1, Class::Unreachable);
    }
    assert_ne!(site.state(), State::Open);
    site.run(8, Class::Ok);
    site.run(9, Class::Timeout);
    assert_eq!(site.reason(), "5 of the last 10 devices silent or unreachable");
}

#[test]
fn one_in_five_does_not() {
    let mut site = Site::flowing();
    for n in 0..200 {
        let class = if n % 5 == 0 { Class::Unreachable } else { Class::Ok };
        site.run(n, class);
        assert_eq!(site.state(), State::Closed, "device {n}");
    }
}

#[test]
fn outcomes_older_than_ten_minutes_say_nothing_about_now() {
    let mut site = Site::new();
    (0..3).for_each(|n| site.run(n, Class::Unreachable));
    (10..14).for_each(|n| site.run(n, Class::Ok));
    (3..4).for_each(|n| site.run(n, Class::Unreachable));
    site.wait(601.0);
    site.run(4, Class::Unreachable);
    assert_ne!(site.state(), State::Open);
}

#[test]
fn a_bad_change_never_opens_a_site() {
    let mut site = Site::new();
    for n in 0..40 {
        let class = [
            Class::Rejected,
            Class::LostAfterWrite,
            Class::AuthFailed,
            Class::Cancelled,
            Class::PostcheckFailed,
        ];
        let admission = site.try_start(n, &format!("env:{n}"), true).unwrap();
        site.end(admission, class[n % class.len()]);
        assert_eq!(site.state(), State::Closed);
    }
}

#[test]
fn our_own_trouble_never_opens_a_site() {
    let mut site = Site::flowing();
    for n in 0..40 {
        let class = [Class::AgentError, Class::CredentialUnavailable, Class::Overloaded, Class::NotStarted];
        let admission = site.try_start(n, &format!("env:{n}"), true).unwrap();
        site.end(admission, class[n % class.len()]);
        assert_eq!((site.state(), site.allowance()), (State::Closed, None));
    }
}

#[test]
fn two_devices_with_strange_keys_open_their_site() {
    let mut site = Site::new();
    site.run(1, Class::HostKeyMismatch);
    assert_eq!(site.state(), State::Closed);
    site.run(2, Class::HostKeyMismatch);
    assert_eq!(site.reason(), "2 devices showed host keys that are not pinned: d01, d02");
}

#[test]
fn a_small_site_opens_when_half_of_it_has_failed_and_at_least_two() {
    for (devices, opens_at) in [(2, 2), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4), (9, 4)] {
        let mut site = Site::new();
        site.tree.set_devices(devices, site.now);
        for n in 0..opens_at - 1 {
            site.run(n, Class::Unreachable);
            assert_ne!(site.state(), State::Open, "{n} of {devices}");
        }
        site.run(opens_at, Class::Unreachable);
        assert_eq!(site.state(), State::Open, "{opens_at} of {devices}");
    }
    let mut nine = Site::new();
    nine.tree.set_devices(9, nine.now);
    for n in 0..4 {
        nine.run(n, Class::Unreachable);
        nine.run(n + 4, Class::Ok);
    }
    assert_ne!(nine.state(), State::Open, "4 of 9 with successes between");
    nine.run(8, Class::Unreachable);
    assert_eq!(nine.state(), State::Open, "5 of 9");
}

#[test]
fn a_site_of_one_device_has_no_breaker_of_its_own() {
    let mut site = Site::with(BreakerSettings { device_consecutive_failures: 100, ..settings() });
    site.tree.set_devices(1, site.now);
    assert_eq!(site.allowance(), None);
    (0..20).for_each(|_| site.run(1, Class::Unreachable));
    assert_eq!(site.state(), State::Closed);
}

#[test]
fn late_failures_neither_open_it_again_nor_extend_the_wait() {
    let mut site = Site::flowing();
    let late: Vec<_> = (20..30).map(|n| site.start(n).unwrap()).collect();
    (0..4).for_each(|n| site.run(n, Class::Unreachable));
    let before = site.report();
    assert_eq!(before.state, State::Open);
    site.tree.take_reports();
    site.wait(3.0);
    for admission in late {
        assert_eq!(site.end(admission, Class::Timeout).site, Finished::Late);
    }
    assert_eq!(site.report(), before);
    assert_eq!(site.moves(), [], "nothing moved, so nothing is reported");
}

#[test]
fn switched_off_it_never_opens_by_itself_but_can_be_tripped() {
    let mut site = Site::opened();
    let off = BreakerSettings { site_enabled: false, ..settings() };
    site.tree.set_settings(off, site.now);
    assert_eq!((site.state(), site.allowance()), (State::Closed, None));
    (10..40).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.state(), State::Closed);
    site.tree.trip(&site_name(), "ann", "stop", site.now).unwrap();
    site.tree.set_settings(off, site.now);
    assert_eq!(site.state(), State::ForcedOpen);
}

#[test]
fn what_failed_while_it_was_switched_off_never_opens_it_later() {
    let off = BreakerSettings { site_enabled: false, ..settings() };
    let mut site = Site::new();
    (0..3).for_each(|n| site.run(n, Class::Timeout));
    site.run(5, Class::HostKeyMismatch);
    site.tree.set_settings(off, site.now);
    (10..40).for_each(|n| site.run(n, Class::Timeout));
    (40..43).for_each(|n| site.run(n, Class::HostKeyMismatch));
    site.tree.set_settings(settings(), site.now);
    site.run(50, Class::HostKeyMismatch);
    (51..54).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.state(), State::Held, "only what ends from now on counts");
    site.run(54, Class::Timeout);
    assert_eq!(site.state(), State::Open);
}

#[test]
fn every_move_is_reported_once_and_in_order() {
    let mut site = Site::opened();
    site.wait_over();
    (10..13).for_each(|n| site.run(n, Class::Ok));
    let moves: Vec<State> = site.moves().into_iter().map(|(_, state)| state).collect();
    assert_eq!(moves, [State::Held, State::Open, State::HalfOpen, State::Closed]);
    assert_eq!(site.moves(), []);
}

#[test]
fn the_longer_a_site_flaps_the_longer_it_waits_and_a_calm_one_is_forgiven() {
    let mut site = Site::opened();
    let reopen = |site: &mut Site| {
        site.wait_over();
        (10..13).for_each(|n| site.run(n, Class::Ok));
        assert_eq!(site.state(), State::Closed);
    };
    reopen(&mut site);
    (20..24).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.report().opened_times, 2, "closed for no time at all");
    reopen(&mut site);
    site.wait(3600.0);
    (30..34).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.report().opened_times, 1);
}

#[test]
fn devices_to_which_there_is_no_way_open_the_site_and_count_once() {
    let mut site = Site::flowing();
    for n in 0..4 {
        let mut admission = site.start(n).unwrap();
        for _ in 0..2 {
            site.tree.way_lost(&mut admission, site.now);
        }
        assert_eq!(site.report().failed, u32::try_from(n + 1).unwrap());
        site.end(admission, Class::AgentError);
    }
    assert_eq!(site.state(), State::Open);
    assert_eq!(site.tree.reports().len(), 1, "and no breaker of a device");
}
