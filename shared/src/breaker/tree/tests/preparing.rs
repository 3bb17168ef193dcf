//! Promises about attempts that fetch their secrets first.

use super::*;

/// Longest wait for secrets.
const WAIT: Duration = Duration::from_secs(20);

impl Site {
    fn prepare(&mut self, n: usize) -> Admission {
        let admission = self.start(n).unwrap();
        self.tree.prepares(&admission, WAIT);
        self.tree.handle_timeout(self.now);
        admission
    }

    fn connects(&mut self, admission: &Admission) {
        self.tree.connects(admission, self.now, self.now);
        self.tree.handle_timeout(self.now);
    }
}

#[test]
fn what_waits_for_its_secrets_is_no_silence_of_its_device_however_slow_they_are() {
    let mut site = Site::flowing();
    let preparing: Vec<Admission> = (0..10).map(|n| site.prepare(n)).collect();
    site.wait(19.9);
    assert_eq!(site.state(), State::Closed, "{}", site.reason());
    assert!(site.moves().is_empty());
    preparing.iter().for_each(|admission| site.connects(admission));
    site.wait(0.6);
    assert_eq!(site.state(), State::Closed);
    for admission in &preparing {
        site.answer(admission);
    }
    assert_eq!((site.state(), site.allowance()), (State::Closed, None));
}

#[test]
fn a_device_that_is_silent_once_its_secrets_are_there_counts_as_any_other_from_then_on() {
    let mut site = Site::flowing();
    let preparing: Vec<Admission> = (0..10).map(|n| site.prepare(n)).collect();
    site.wait(3.0);
    preparing.iter().for_each(|admission| site.connects(admission));
    site.wait(0.69);
    assert_eq!(site.state(), State::Closed);
    site.wait(0.01);
    assert_eq!(site.state(), State::Held);
    site.wait(4.3);
    assert_eq!(site.state(), State::Open);
}

#[test]
fn whoever_never_says_that_it_connects_is_waited_for_from_the_end_of_its_time_on() {
    let mut site = Site::flowing();
    let _preparing: Vec<Admission> = (0..10).map(|n| site.prepare(n)).collect();
    site.wait(20.7);
    assert_eq!(site.state(), State::Held);
}

#[test]
fn a_held_site_lets_no_second_probe_start_while_the_first_waits_for_its_secrets() {
    let mut site = Site::new();
    let _probe = site.prepare(0);
    assert!(site.start(1).is_err());
    site.wait(15.0);
    assert!(site.start(1).is_err());
}

#[test]
fn the_probe_of_an_open_site_may_wait_for_its_secrets() {
    let mut site = Site::half_open();
    let probe = site.prepare(1);
    site.wait(45.0);
    assert_eq!(site.state(), State::HalfOpen, "{}", site.reason());
    site.connects(&probe);
    site.answer(&probe);
    assert_ne!(site.state(), State::Open);
}
