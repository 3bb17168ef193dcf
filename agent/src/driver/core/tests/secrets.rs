//! Credentials that are refused, and what closes their breakers.

use super::*;

fn credential(world: &World) -> BreakerState {
    let reports = world.core.breakers.reports();
    let of_credential = reports.iter().find(|report| matches!(report.name, Name::Credential { .. }));
    of_credential.map_or(BreakerState::Closed, |report| report.state)
}

/// A secret that two devices refused.
fn refused() -> World {
    let mut world = World::new(10);
    world.assign([op(1), op(2), op(3)]);
    (1..4).for_each(|n| world.sign(op(n), SignKind::Secret(7)));
    for n in [1, 2] {
        world.sign(op(n), SignKind::Answered { accepted: false });
        world.end(op(n), Class::AuthFailed);
    }
    world
}

#[test]
fn a_credential_that_two_devices_refuse_is_used_no_more_and_what_waits_with_it_is_called_off() {
    let mut world = refused();
    assert_eq!(credential(&world), BreakerState::Open);
    assert_eq!(world.called_off.iter().map(|(op, _)| op.clone()).collect::<Vec<_>>(), [op(3)]);
    world.assign([op(4)]);
    let (class, message) = world.last_result();
    assert_eq!(class, Class::NotStarted);
    assert!(message.starts_with("credential/lon/env:X is open"), "{message}");
}

#[test]
fn another_secret_closes_what_the_old_one_opened_although_nobody_could_use_it() {
    let mut world = refused();
    assert!(world.looked_at.is_empty());
    world.now = world.now.plus(Duration::from_secs(10));
    world.settle();
    assert_eq!(world.looked_at, ["env:X"]);
    let seen = |fingerprint| Event::Secret { reference: "env:X".into(), fingerprint };
    world.event(seen(Some(7)));
    world.event(seen(None));
    assert_eq!(credential(&world), BreakerState::Open, "the same secret, or none");
    world.event(seen(Some(8)));
    assert_eq!(credential(&world), BreakerState::Closed);
    world.assign([op(4)]);
    assert_eq!(world.started.last(), Some(&op(4)));
}

#[test]
fn an_operator_resets_a_credential() {
    let mut world = refused();
    let name = Name::parse("credential/lon/env:X").unwrap();
    let (by, reason) = ("ann".to_owned(), "changed by hand".to_owned());
    world.event(Event::Down(FromCoordinator::Breaker { name, action: BreakerAction::Reset, by, reason }));
    assert_eq!(credential(&world), BreakerState::Closed);
}

#[test]
fn an_accepted_login_between_two_refusals_keeps_the_credential() {
    let mut world = World::new(10);
    world.assign([op(1), op(2), op(3)]);
    world.end(op(1), Class::AuthFailed);
    world.sign(op(2), SignKind::Answered { accepted: true });
    world.end(op(3), Class::AuthFailed);
    assert_eq!(credential(&world), BreakerState::Closed);
}

#[test]
fn a_change_whose_own_secret_is_missing_stops_nobody_elses_work_and_says_nothing_good_of_the_login() {
    let mut world = World::new(10);
    world.assign([op(1), op(2), op(3), op(4)]);
    world.end(op(1), Class::AuthFailed);
    let missing = "secret bgp (vault:kv/net/bgp#pasword): failed to find pasword";
    let outcome = Outcome::new(Class::PrecheckFailed, Phase::Queue, LeftAs::Unchanged, missing, world.now);
    world.event(Event::Ended(Ended {
        op: op(2),
        outcome,
        wrote: false,
        diff: String::new(),
        keys: Vec::new(),
    }));
    assert_eq!(world.last_result(), (Class::PrecheckFailed, missing.to_owned()));
    assert_eq!(credential(&world), BreakerState::Closed, "it was not the login's");
    assert!(world.called_off.is_empty() && world.looked_at.is_empty());
    world.end(op(3), Class::AuthFailed);
    assert_eq!(credential(&world), BreakerState::Open, "no device accepted it between the two refusals");
}
