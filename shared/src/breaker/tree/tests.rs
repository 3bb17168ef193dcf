//! What the breakers of a site promise, each a trap that others fell into.

use super::*;
use std::time::Duration;

struct Site {
    tree: Tree,
    now: Timestamp,
}

fn device(n: usize) -> DeviceName {
    DeviceName::new(format!("d{n:02}")).unwrap()
}

fn settings() -> BreakerSettings {
    BreakerSettings::default()
}

impl Site {
    fn new() -> Self {
        let site = SiteName::new("lon").unwrap();
        Self { tree: Tree::new(site, Timestamp(0)), now: Timestamp(0) }
    }

    fn with(settings: BreakerSettings) -> Self {
        let mut site = Self::new();
        site.tree.set_settings(settings, site.now);
        site
    }

    fn start(&mut self, n: usize) -> Result<Admission, Refusal> {
        self.tree.try_acquire(&device(n), self.now.plus(Duration::from_secs(5)), self.now)
    }

    fn end(&mut self, admission: Admission, class: Class) -> Finished {
        self.tree.finish(admission, class, self.now)
    }

    fn run(&mut self, n: usize, class: Class) {
        let admission = self.start(n).unwrap();
        self.end(admission, class);
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.tree.handle_timeout(self.now);
    }

    fn opened() -> Self {
        let mut site = Self::new();
        (0..5).for_each(|n| site.run(n, Class::Timeout));
        assert_eq!(site.state(), State::Open);
        site
    }

    fn state(&self) -> State {
        self.tree.reports()[0].state
    }

    fn reason(&self) -> String {
        self.tree.reports()[0].reason.clone()
    }
}

#[test]
fn a_site_with_five_dead_devices_stops_itself() {
    let mut site = Site::new();
    (0..4).for_each(|n| site.run(n, Class::Unreachable));
    assert_eq!(site.state(), State::Closed);
    site.run(4, Class::Unreachable);
    assert_eq!(site.state(), State::Open);
    assert_eq!(site.reason(), "5 of the last 5 devices unreachable");
    let refusal = site.start(9).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "site/lon is open: 5 of the last 5 devices unreachable; it tries again at 00:00:30"
    );
}

#[test]
fn the_reason_says_silent_or_unreachable_precisely() {
    assert_eq!(Site::opened().reason(), "5 of the last 5 devices silent");
    let mut mixed = Site::new();
    (0..4).for_each(|n| mixed.run(n, Class::Timeout));
    mixed.run(4, Class::Unreachable);
    assert_eq!(mixed.reason(), "5 of the last 5 devices silent or unreachable");
}

#[test]
fn one_dead_device_cannot_open_its_site() {
    let mut site = Site::with(BreakerSettings { device_consecutive_failures: 100, ..settings() });
    (0..50).for_each(|_| site.run(1, Class::Unreachable));
    assert_eq!(site.state(), State::Closed);
}

#[test]
fn half_of_the_last_twenty_open_a_site_although_successes_come_between() {
    let mut site = Site::new();
    for n in 0..4 {
        site.run(n * 2, Class::Ok);
        site.run(n * 2 + 1, Class::Unreachable);
    }
    assert_eq!(site.state(), State::Closed);
    site.run(8, Class::Ok);
    site.run(9, Class::Timeout);
    assert_eq!(site.state(), State::Open);
    assert_eq!(site.reason(), "5 of the last 10 devices silent or unreachable");
}

#[test]
fn fewer_than_half_of_the_last_twenty_do_not() {
    let mut site = Site::new();
    (0..11).for_each(|n| site.run(n, Class::Ok));
    for n in 11..15 {
        site.run(n, Class::Unreachable);
    }
    site.run(15, Class::Ok);
    (16..20).for_each(|n| site.run(n, Class::Unreachable));
    assert_eq!(site.state(), State::Closed, "8 of 20");
    site.run(20, Class::Unreachable);
    assert_eq!(site.state(), State::Open, "five in a row");
}

#[test]
fn a_bad_change_never_opens_a_site() {
    let mut site = Site::new();
    for n in 0..20 {
        site.run(n, [Class::Rejected, Class::LostAfterWrite, Class::AuthFailed, Class::Cancelled][n % 4]);
    }
    assert_eq!(site.state(), State::Closed);
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
fn half_open_lets_one_probe_through_and_not_a_stampede() {
    let mut site = Site::opened();
    site.wait(30);
    assert_eq!((site.state(), site.tree.allowance()), (State::HalfOpen, Some(1)));
    let admitted: Vec<_> = (10..60).filter_map(|n| site.start(n).ok()).collect();
    assert_eq!(admitted.len(), 1);
    assert!(admitted[0].at_site.probe);
    assert_eq!(site.tree.allowance(), Some(0));
}

#[test]
fn three_probes_in_a_row_close_it_and_clear_its_counters() {
    let mut site = Site::opened();
    site.wait(30);
    (10..12).for_each(|n| site.run(n, Class::Ok));
    assert_eq!(site.state(), State::HalfOpen);
    site.run(12, Class::Unchanged);
    assert_eq!(site.state(), State::Closed);
    assert_eq!(site.reason(), "3 probes succeeded in a row");
    site.run(13, Class::Timeout);
    assert_eq!(site.state(), State::Closed, "the failures from before are forgotten");
}

#[test]
fn a_failed_probe_opens_it_again_for_twice_as_long() {
    let mut site = Site::opened();
    let first = site.tree.reports()[0].clone();
    site.wait(30);
    site.run(10, Class::Ok);
    site.run(11, Class::Timeout);
    let report = site.tree.reports()[0].clone();
    assert_eq!((report.state, report.opened_times), (State::Open, 2));
    assert_eq!(report.reason, "the probe of d11 found it silent");
    assert_eq!(report.retry_at, Some(site.now.plus(Duration::from_secs(60))));
    assert_eq!(report.first_opened_at, first.first_opened_at);
    site.wait(60);
    (10..12).for_each(|n| site.run(n, Class::Ok));
    assert_eq!(site.state(), State::HalfOpen, "the success of the earlier round does not count");
}

#[test]
fn the_wait_never_exceeds_its_cap() {
    let mut site = Site::opened();
    for _ in 0..40 {
        let retry_at = site.tree.reports()[0].retry_at.unwrap();
        assert!(retry_at.since(site.now) <= Duration::from_secs(600));
        site.wait(600);
        site.run(11, Class::Timeout);
        site.tree.reset(&Name::Device(device(11)), "t", "t", site.now).unwrap();
    }
    assert_eq!(site.tree.reports()[0].opened_times, 41);
}

#[test]
fn a_cancelled_probe_gives_its_permit_back() {
    let mut site = Site::opened();
    site.wait(30);
    for class in [Class::Cancelled, Class::NotStarted, Class::AgentError, Class::Rejected] {
        site.run(10, class);
        assert_eq!((site.state(), site.tree.allowance()), (State::HalfOpen, Some(1)), "{class}");
    }
}

#[test]
fn a_probe_that_hangs_opens_it_again_by_its_deadline() {
    let mut site = Site::opened();
    site.wait(30);
    let hung = site.start(10).unwrap();
    let (at, name, wake) = site.tree.poll_timeout().unwrap();
    assert_eq!((at, wake), (site.now.plus(Duration::from_secs(5)), Wake::ProbeOverdue));
    assert_eq!(name.to_string(), "site/lon");
    site.wait(5);
    assert_eq!(site.state(), State::Open);
    assert_eq!(site.reason(), "the probe of d10 never came back");
    assert_eq!(site.end(hung, Class::Ok), Finished::Late);
    assert_eq!(site.state(), State::Open);
}

#[test]
fn a_success_begun_before_the_opening_does_not_close_it() {
    let mut site = Site::new();
    let slow: Vec<_> = (20..24).map(|n| site.start(n).unwrap()).collect();
    (0..5).for_each(|n| site.run(n, Class::Timeout));
    site.wait(30);
    for admission in slow {
        assert_eq!(site.end(admission, Class::Ok), Finished::Late);
    }
    assert_eq!(site.state(), State::HalfOpen);
}

#[test]
fn late_failures_neither_open_it_again_nor_extend_the_wait() {
    let mut site = Site::new();
    let late: Vec<_> = (20..30).map(|n| site.start(n).unwrap()).collect();
    (0..5).for_each(|n| site.run(n, Class::Timeout));
    let before = site.tree.reports()[0].clone();
    site.tree.take_reports();
    site.wait(3);
    for admission in late {
        site.end(admission, Class::Timeout);
    }
    assert_eq!(site.tree.reports()[0], before);
    assert_eq!(site.tree.take_reports(), [], "nothing moved, so nothing is reported");
}

#[test]
fn a_site_that_flaps_waits_longer_each_time_and_a_calm_one_is_forgiven() {
    let mut site = Site::opened();
    let reopen = |site: &mut Site| {
        site.wait(600);
        (10..13).for_each(|n| site.run(n, Class::Ok));
        assert_eq!(site.state(), State::Closed);
    };
    reopen(&mut site);
    (20..25).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.tree.reports()[0].opened_times, 2, "closed for no time at all");
    reopen(&mut site);
    site.wait(3600);
    (30..35).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.tree.reports()[0].opened_times, 1);
}

#[test]
fn an_operators_word_does_not_heal_with_time_and_reset_clears_everything() {
    let mut site = Site::new();
    let name = Name::parse("site/lon").unwrap();
    site.tree.trip(&name, "ann", "fibre works", site.now).unwrap();
    assert_eq!(site.tree.poll_timeout(), None);
    site.wait(86_400);
    assert_eq!(site.start(1).unwrap_err().to_string(), "site/lon is opened by ann: fibre works");
    site.tree.reset(&name, "ann", "done", site.now).unwrap();
    assert_eq!(site.state(), State::Closed);
    site.run(1, Class::Ok);
    let other = Name::parse("site/ams").unwrap();
    assert!(site.tree.trip(&other, "ann", "x", site.now).is_err());
}

#[test]
fn switched_off_it_never_opens_by_itself_but_can_be_tripped() {
    let mut site = Site::opened();
    let off = BreakerSettings { site_enabled: false, ..settings() };
    site.tree.set_settings(off, site.now);
    assert_eq!(site.state(), State::Closed);
    (10..40).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.state(), State::Closed);
    site.tree.trip(&Name::parse("site/lon").unwrap(), "ann", "stop", site.now).unwrap();
    site.tree.set_settings(off, site.now);
    assert_eq!(site.state(), State::ForcedOpen);
}

#[test]
fn what_failed_while_it_was_switched_off_never_opens_it_later() {
    let off = BreakerSettings { site_enabled: false, ..settings() };
    let mut site = Site::new();
    (0..4).for_each(|n| site.run(n, Class::Timeout));
    site.run(5, Class::HostKeyMismatch);
    site.tree.set_settings(off, site.now);
    (10..40).for_each(|n| site.run(n, Class::Timeout));
    (40..43).for_each(|n| site.run(n, Class::HostKeyMismatch));
    site.tree.set_settings(settings(), site.now);
    site.run(50, Class::HostKeyMismatch);
    (51..54).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.state(), State::Closed, "only what ends from now on counts");
    (54..56).for_each(|n| site.run(n, Class::Timeout));
    assert_eq!(site.state(), State::Open);
}

#[test]
fn a_device_opens_after_three_failures_in_a_row_and_one_probe_closes_it() {
    let mut site = Site::new();
    site.run(1, Class::Timeout);
    site.run(1, Class::Timeout);
    site.run(1, Class::Ok);
    (0..3).for_each(|_| site.run(1, Class::Timeout));
    let refusal = site.start(1).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "device/d01 is open: silent 3 times in a row; it tries again at 00:01:00"
    );
    assert!(site.start(2).is_ok(), "the site goes on");
    site.wait(60);
    site.run(1, Class::Ok);
    assert!(site.start(1).is_ok());
}

#[test]
fn a_refused_credential_opens_its_device_at_once_and_for_long() {
    let mut site = Site::new();
    site.run(1, Class::AuthFailed);
    let report = site.tree.reports()[1].clone();
    assert_eq!(
        (report.state, report.retry_at),
        (State::Open, Some(Timestamp(0).plus(crate::breaker::device::DEVICE_WAIT_MAX)))
    );
    assert_eq!(
        report.reason,
        "refused the credential; fix it: it is tried again by itself after 30m, or at once after \
         switchyard breaker reset device/d01 --reason WHY"
    );
    site.wait(30 * 60);
    assert!(site.start(1).is_ok(), "it is tried again by itself, as it says");
    assert_eq!(site.state(), State::Closed);
}

#[test]
fn a_device_refused_by_its_own_breaker_holds_no_probe_of_its_site() {
    let mut site = Site::new();
    site.run(11, Class::AuthFailed);
    (0..5).for_each(|n| site.run(n, Class::Timeout));
    site.wait(30);
    assert_eq!(site.start(11).unwrap_err().who, Name::Device(device(11)));
    assert_eq!(site.tree.allowance(), Some(1));
}

#[test]
fn every_move_is_reported_once_and_in_order() {
    let mut site = Site::opened();
    site.wait(30);
    (10..13).for_each(|n| site.run(n, Class::Ok));
    let moves: Vec<State> = site.tree.take_reports().iter().map(|report| report.state).collect();
    assert_eq!(moves, [State::Open, State::HalfOpen, State::Closed]);
    assert_eq!(site.tree.take_reports(), []);
}

#[test]
fn the_state_is_data_and_survives_being_written_down() {
    let mut site = Site::opened();
    site.run_failed_device();
    let text = serde_json::to_string(&site.tree).unwrap();
    assert_eq!(serde_json::from_str::<Tree>(&text).unwrap(), site.tree);
}

impl Site {
    fn run_failed_device(&mut self) {
        self.wait(30);
        let _probe = self.start(40).unwrap();
    }
}
