//! A credential's breaker: accounts are not locked, and another secret heals what the old one opened.

use super::*;

fn name() -> Name {
    Name::parse("credential/lon/env:X").unwrap()
}

fn refused_twice() -> Site {
    let mut site = Site::flowing();
    site.tree.credential_changed("env:X", 1, site.now);
    site.run(1, Class::AuthFailed);
    assert!(site.start(20).is_ok());
    site.run(2, Class::AuthFailed);
    site
}

#[test]
fn two_devices_that_refuse_a_credential_stop_its_use() {
    let mut site = refused_twice();
    let not_now = site.start(3).unwrap_err();
    assert_eq!(not_now.who, name());
    assert_eq!(
        not_now.to_string(),
        "credential/lon/env:X is open: 2 devices refused it: d01, d02; change it, or switchyard breaker reset \
         credential/lon/env:X --reason WHY"
    );
    assert!(site.try_start(3, "env:OTHER", true).is_ok(), "the site goes on with another one");
    site.wait(100_000.0);
    assert!(site.start(4).is_err(), "no clock heals a wrong secret");
    assert_eq!(site.state(), State::Closed);
}

#[test]
fn a_success_between_them_says_that_it_is_the_device() {
    let mut site = Site::flowing();
    site.run(1, Class::AuthFailed);
    let accepted = site.start(3).unwrap();
    site.answer(&accepted);
    site.tree.accepted(&accepted);
    site.run(2, Class::AuthFailed);
    assert!(site.start(4).is_ok());
    (0..3).for_each(|_| {
        site.tree.reset(&Name::Device(device(2)), "t", "t", site.now).unwrap();
        site.run(2, Class::AuthFailed);
    });
    assert!(site.start(5).is_ok(), "one device, however often, is one device");
}

#[test]
fn another_secret_closes_the_credential_and_its_devices() {
    let mut site = refused_twice();
    site.tree.take_reports();
    site.tree.credential_changed("env:X", 1, site.now);
    assert!(site.start(3).is_err(), "it is the same");
    site.tree.credential_changed("env:X", 2, site.now);
    let closed = |name: &str| (name.to_owned(), State::Closed);
    assert_eq!(site.moves(), [closed("credential/lon/env:X"), closed("device/d01"), closed("device/d02")]);
    site.run(1, Class::Ok);
    site.run(3, Class::Ok);
}

#[test]
fn a_credential_that_cannot_be_had_is_not_asked_for_again_until_it_is_there() {
    let mut site = Site::flowing();
    site.tree.credential_changed("env:X", 1, site.now);
    site.run(1, Class::CredentialUnavailable);
    assert_eq!(site.start(2).unwrap_err().who, name());
    site.wait(100_000.0);
    assert!(site.start(2).is_err());
    site.tree.credential_changed("env:X", 1, site.now);
    assert!(site.start(2).is_ok(), "the same secret, but it is there again");
}

#[test]
fn an_operator_moves_a_credential_like_any_breaker() {
    let mut site = refused_twice();
    site.tree.reset(&name(), "ann", "unlocked", site.now).unwrap();
    let running = site.start(3).unwrap();
    site.tree.trip(&name(), "ann", "leaked", site.now).unwrap();
    assert_eq!(site.start(4).unwrap_err().to_string(), "credential/lon/env:X is opened by ann: leaked");
    site.tree.credential_changed("env:X", 9, site.now);
    assert!(site.start(4).is_err(), "an operator's word stays");
    assert_eq!(site.end(running, Class::AuthFailed).credential, Finished::Late);
    site.tree.force_closed(&name(), "ann", "sure", site.now).unwrap();
    (5..9).for_each(|n| site.run(n, Class::AuthFailed));
    assert!(site.start(10).is_ok());
    let elsewhere = Name::parse("credential/ams/env:X").unwrap();
    assert!(site.tree.trip(&elsewhere, "ann", "x", site.now).is_err());
}

#[test]
fn a_refusal_by_a_credential_holds_nothing_of_its_site() {
    let mut site = refused_twice();
    site.tree.reset(&site_name(), "ann", "slowly", site.now).unwrap();
    assert_eq!(site.allowance(), Some(1));
    (0..5).for_each(|_| assert_eq!(site.start(7).unwrap_err().who, name()));
    assert_eq!(site.allowance(), Some(1));
    assert!(site.try_start(7, "env:OTHER", true).is_ok());
}
