//! A device's own breaker: waste is bounded, accounts are not locked, doubt waits for a person.

use super::*;

#[test]
fn a_device_opens_after_three_failures_in_a_row_and_one_probe_closes_it() {
    let mut site = Site::flowing();
    site.run(1, Class::Timeout);
    site.run(1, Class::Timeout);
    site.run(1, Class::Ok);
    (0..3).for_each(|_| site.run(1, Class::Timeout));
    let not_now = site.start(1).unwrap_err();
    assert_eq!((not_now.who, not_now.why), (Name::Device(device(1)), "open: silent 3 times in a row".into()));
    let wait = not_now.retry_at.unwrap().since(site.now);
    assert!((seconds(48.0)..=seconds(72.0)).contains(&wait), "60 s give or take 20 %: {wait:?}");
    let other = site.start(2).unwrap();
    site.end(other, Class::Ok);
    site.wait(wait.as_secs_f64());
    site.run(1, Class::Ok);
    assert!(site.start(1).is_ok());
}

#[test]
fn a_device_that_fails_its_probe_waits_twice_as_long_and_never_beyond_half_an_hour() {
    let mut site = Site::flowing();
    (0..3).for_each(|_| site.run(1, Class::Timeout));
    let mut last = Duration::ZERO;
    for round in 0..12 {
        let wait = site.start(1).unwrap_err().retry_at.unwrap().since(site.now);
        assert!(wait <= crate::breaker::device::DEVICE_WAIT_MAX);
        assert!(round > 4 || wait > last, "{wait:?} after {last:?}");
        last = wait;
        site.wait(wait.as_secs_f64());
        site.run(1, Class::Timeout);
    }
    assert!(last >= seconds(0.8 * 1800.0));
}

#[test]
fn a_refused_credential_opens_its_device_at_once_and_no_timer_tries_again() {
    let mut site = Site::flowing();
    site.run(1, Class::AuthFailed);
    let report = site.tree.reports()[1].clone();
    assert_eq!((report.state, report.retry_at), (State::Open, None));
    assert_eq!(
        report.reason,
        "refused the credential: put the secret right and it is tried again, or switchyard breaker reset \
         device/d01 --reason WHY"
    );
    site.wait(100_000.0);
    assert!(site.start(1).is_err(), "every try may lock the account");
    site.tree.reset(&Name::Device(device(1)), "ann", "fixed", site.now).unwrap();
    assert!(site.start(1).is_ok());
}

#[test]
fn a_strange_host_key_opens_its_device_at_once_for_half_an_hour() {
    let mut site = Site::flowing();
    site.run(1, Class::HostKeyMismatch);
    let wait = site.tree.reports()[1].retry_at.unwrap().since(site.now);
    assert!((seconds(1440.0)..=seconds(1800.0)).contains(&wait), "{wait:?}");
}

#[test]
fn a_device_in_doubt_is_quarantined_until_somebody_has_read_it() {
    for class in [Class::LostAfterWrite, Class::RollbackFailed, Class::Inconclusive] {
        let mut site = Site::flowing();
        site.run(1, class);
        let not_now = site.start(1).unwrap_err();
        let way_on = match class == Class::RollbackFailed {
            true => {
                "switchyard rollback ROLLOUT --device d01 tries again to put it back; or put it back by hand, then"
            }
            false => "read it back, then",
        };
        let says = format!(
            "open: nobody knows what it was left as ({class}): {way_on} switchyard breaker reset device/d01 --reason WHY"
        );
        assert_eq!((not_now.why, not_now.retry_at), (says, None));
        site.wait(100_000.0);
        assert!(site.start(1).is_err());
        site.tree.reset(&Name::Device(device(1)), "ann", "read it", site.now).unwrap();
        assert!(site.start(1).is_ok());
        assert_eq!(site.state(), State::Closed, "the site goes on");
    }
}

#[test]
fn a_result_from_before_a_reset_moves_no_device() {
    let mut site = Site::flowing();
    let running = site.start(1).unwrap();
    let name = Name::Device(device(1));
    site.tree.trip(&name, "ann", "x", site.now).unwrap();
    site.tree.reset(&name, "ann", "x", site.now).unwrap();
    assert_eq!(site.end(running, Class::AuthFailed).device, Finished::Late);
    assert!(site.start(1).is_ok());
}

#[test]
fn a_device_that_answers_again_is_forgotten() {
    let mut site = Site::flowing();
    site.run(1, Class::Timeout);
    site.run(1, Class::Ok);
    assert_eq!(site.tree.devices.len(), 0);
}
