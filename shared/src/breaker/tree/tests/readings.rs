//! Promises about readings after a doubt.

use super::*;

impl Site {
    fn read(&mut self, n: usize) -> Result<Admission, NotNow> {
        let device = device(n);
        let attempt = Attempt {
            device: &device,
            credential: "env:X",
            connect_timeout: Duration::from_secs(30),
            deadline: self.now.plus(Duration::from_secs(100)),
            first: false,
        };
        self.tree.try_acquire_reading(&attempt, self.now)
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

#[test]
fn a_quarantine_lets_readings_through_and_ends_when_one_settles_the_doubt() {
    for class in [Class::LostAfterWrite, Class::Inconclusive] {
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
