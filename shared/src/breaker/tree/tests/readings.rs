//! Promises about readings after a doubt.

use super::*;

impl Site {
    fn read(&mut self, n: usize) -> Result<Admission, NotNow> {
        let (now, device) = (self.now, device(n));
        self.tree.try_acquire_in_doubt(&reading(&device, now), now)
    }

    fn look_at_keys(&mut self, n: usize) -> Result<Admission, NotNow> {
        let (now, device) = (self.now, device(n));
        self.tree.try_acquire_keys(&reading(&device, now), now)
    }

    fn is_quarantined(&mut self, n: usize) -> bool {
        match self.start(n) {
            Ok(admission) => {
                self.end(admission, Class::NotStarted);
                false
            }
            Err(_) => true,
        }
    }
}

fn reading(device: &DeviceName, now: Timestamp) -> Attempt<'_> {
    let deadline = now.plus(Duration::from_secs(100));
    let connect_timeout = Duration::from_secs(30);
    Attempt { device, credential: "env:X", connect_timeout, deadline, first: false }
}

#[test]
fn a_quarantine_lets_readings_through_and_ends_when_one_settles_the_doubt() {
    for class in [Class::LostAfterWrite, Class::RollbackFailed, Class::Inconclusive] {
        let mut site = Site::flowing();
        site.run(1, class);
        site.tree.take_reports();
        assert!(site.is_quarantined(1), "for everything else");
        for failed in [Class::PrecheckFailed, Class::Timeout, Class::NotStarted, Class::Ok] {
            let reading = site.read(1).unwrap();
            site.end(reading, failed);
            assert!(site.is_quarantined(1), "a reading that ends {failed} has settled nothing by itself");
        }
        let reading = site.read(1).unwrap();
        site.end(reading, Class::Ok);
        site.tree.settled(&device(1), site.now);
        let report = site.tree.take_reports().pop().unwrap();
        assert_eq!((report.state, report.reason.as_str()), (State::Closed, "it was read back"));
        assert!(!site.is_quarantined(1));
    }
}

#[test]
fn a_reading_passes_no_breaker_but_the_quarantine() {
    let mut site = Site::flowing();
    site.run(1, Class::AuthFailed);
    assert!(site.read(1).is_err(), "every try may lock the account");
    site.tree.settled(&device(1), site.now);
    assert!(site.read(1).is_err(), "there was no doubt to settle");
    let name = Name::Device(device(2));
    site.tree.trip(&name, "ann", "hands off", site.now).unwrap();
    assert!(site.read(2).is_err(), "an operator's word wins");
    let mut dark = Site::opened();
    assert!(dark.read(1).is_err(), "its site is open");
}

#[test]
fn a_login_that_is_refused_to_a_reading_is_not_tried_again() {
    let mut site = Site::flowing();
    site.run(1, Class::LostAfterWrite);
    let reading = site.read(1).unwrap();
    site.end(reading, Class::AuthFailed);
    assert!(site.read(1).is_err());
}

#[test]
fn a_strange_host_key_keeps_nobody_from_looking_at_the_keys_and_a_look_closes_nothing() {
    let mut site = Site::flowing();
    site.run(1, Class::HostKeyMismatch);
    let report = site.tree.take_reports().pop().unwrap();
    assert!(
        report.is_of_a_strange_key() && report.reason.contains("switchyard device trust d01"),
        "{report:?}"
    );
    assert!(site.read(1).is_err(), "a reading logs in");
    for class in [Class::Ok, Class::Unreachable] {
        let look = site.look_at_keys(1).unwrap();
        site.end(look, class);
        assert!(site.is_quarantined(1), "after a look that ended {class}");
    }
    site.wait(1800.0);
    let look = site.look_at_keys(1).unwrap();
    site.end(look, Class::Ok);
    assert_ne!(site.tree.reports()[1].state, State::Closed, "a look is no probe");
}

#[test]
fn a_look_at_the_keys_passes_no_other_breaker() {
    let mut site = Site::flowing();
    site.run(1, Class::AuthFailed);
    assert!(site.look_at_keys(1).is_err());
    (0..3).for_each(|_| site.run(2, Class::Timeout));
    assert!(site.look_at_keys(2).is_err(), "it does not answer");
    site.run(3, Class::HostKeyMismatch);
    site.tree.trip(&Name::Device(device(3)), "ann", "hands off", site.now).unwrap();
    assert!(site.look_at_keys(3).is_err(), "an operator's word wins");
    let mut dark = Site::opened();
    assert!(dark.look_at_keys(1).is_err(), "its site is open");
}
