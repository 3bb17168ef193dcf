//! What starts, what is held back, and what the credit says of it.

use super::*;
use switchyard_shared::task::{Rate, SiteSettings};

#[test]
fn a_site_that_goes_silent_is_contacted_at_most_pool_plus_four_times() {
    for pool in [1, 2, 5, 10, 64] {
        let mut world = World::new(pool);
        let mut next = 0;
        let mut ended = 0;
        while world.core.breakers.reports()[0].state != BreakerState::Open {
            while world.sent < world.credit {
                world.assign([op(next)]);
                next += 1;
            }
            let silent = world.started[ended].clone();
            world.end(silent, Class::Timeout);
            ended += 1;
        }
        assert_eq!(ended, 4);
        assert!(world.started.len() <= pool + 4, "{} with a pool of {pool}", world.started.len());
        let mut called_off: Vec<_> = world.called_off.iter().map(|(op, _)| op.clone()).collect();
        called_off.dedup();
        assert_eq!(called_off, world.started[ended..], "everything that still runs is called off");
        assert!(world.called_off.iter().all(|(_, why)| why == "called off: site/lon opened"));
        world.assign([op(900)]);
        assert!(!world.started.contains(&op(900)));
    }
}

#[test]
fn a_refused_task_is_answered_with_the_breaker_and_the_time() {
    let mut world = World::new(10);
    world.assign((0..9).map(op));
    (0..4).for_each(|n| world.end(op(n), Class::Timeout));
    world.assign([op(20)]);
    let at = world.core.breakers.reports()[0].retry_at.unwrap().clock();
    let why = format!("site/lon is open: 4 silent, 0 answered since; it tries again at {at}");
    assert_eq!(world.last_result(), (Class::NotStarted, why));
    assert_eq!(world.started.len(), 9);
}

#[test]
fn the_coordinator_hears_of_the_opening_before_what_it_called_off() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..4).for_each(|n| world.end(op(n), Class::Timeout));
    (4..10).for_each(|n| world.end(op(n), Class::Cancelled));
    let opened = world.said.iter().position(
        |message| matches!(message, FromAgent::Breaker(report) if report.state == BreakerState::Open),
    );
    let called_off = world.said.iter().position(
        |message| matches!(message, FromAgent::Result { outcome, .. } if outcome.class == Class::Cancelled),
    );
    assert!(opened.unwrap() < called_off.unwrap());
}

#[test]
fn a_failure_is_known_to_the_breakers_before_anything_new_starts() {
    let mut world = World::new(1);
    for n in 0..4 {
        world.assign([op(n)]);
        world.end(op(n), Class::Unreachable);
    }
    assert_eq!(world.started.len(), 4);
    world.assign([op(4)]);
    assert_eq!(world.started.len(), 4);
}

#[test]
fn credit_is_never_more_than_the_pool_and_comes_back_with_every_end() {
    let mut world = World::new(3);
    assert_eq!(world.credit, 3);
    world.assign((0..3).map(op));
    assert_eq!(world.credit, 3);
    world.end(op(1), Class::Ok);
    assert_eq!(world.credit, 4);
    world.assign([op(3)]);
    world.assign([op(4)]);
    assert_eq!(world.last_result(), (Class::NotStarted, "sent beyond the credit of 4".into()));
    assert_eq!(world.started.len(), 4);
}

#[test]
fn what_cannot_start_without_session_or_lease_never_asks_to_be_woken_in_the_past() {
    let paced = || {
        let mut world = World::new(10);
        let connect_rate = Some(Rate { per_1000s: 2000 });
        let settings = SiteSettings { connect_rate, ..SiteSettings::default() };
        world.event(Event::Down(FromCoordinator::Site(settings)));
        world.assign([op(1), op(2)]);
        assert_eq!(world.core.poll_timeout(), Some(Timestamp(500_000)));
        world
    };
    let now = Timestamp(600_000);
    let mut cut_off = paced();
    cut_off.core.handle(Event::Disconnected, Timestamp(400_000));
    assert!(cut_off.core.poll_timeout().unwrap() > now, "what was queued is forgotten, and so is its time");
    let mut without_lease = paced();
    without_lease.core.pump(now, false);
    assert_eq!(without_lease.core.poll_timeout(), Some(now.plus(LEASE_LOOK)));
    without_lease.now = now.plus(LEASE_LOOK);
    without_lease.settle();
    assert_eq!(without_lease.started.len(), 2, "the lease is back");
    let mut shutting_down = paced();
    shutting_down.core.handle(Event::Drain, now);
    shutting_down.core.pump(now, true);
    assert!(shutting_down.core.poll_timeout().unwrap() > now);
}

#[test]
fn a_half_open_site_grants_no_more_than_its_probes() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..4).for_each(|n| world.end(op(n), Class::Timeout));
    (4..10).for_each(|n| world.end(op(n), Class::Cancelled));
    // What was granted before the opening cannot be taken back, but refusing it grants nothing new.
    while world.sent < world.credit {
        world.assign([op(100 + usize::try_from(world.sent).unwrap())]);
        assert_eq!(world.last_result().0, Class::NotStarted);
    }
    world.now = world.core.breakers.reports()[0].retry_at.unwrap();
    world.settle();
    assert_eq!(world.credit, world.sent + 1, "half-open: one probe");
    world.assign([op(20)]);
    assert_eq!(world.credit, world.sent);
    world.end(op(20), Class::Ok);
    assert_eq!(world.credit, world.sent + 1);
}

#[test]
fn too_many_unacknowledged_results_stop_the_credit_until_they_are() {
    let mut world = World::new(50);
    for n in 0..UNACKED_MAX {
        world.assign([attempt_at(&format!("r{n}"), n % 900, 1)]);
        world.end(attempt_at(&format!("r{n}"), n % 900, 1), Class::Ok);
    }
    let granted = world.credit - world.sent;
    assert!(granted < 50, "{granted}");
    world.event(Event::Down(FromCoordinator::Ack(UNACKED_MAX as u64)));
    assert_eq!(world.credit - world.sent, 10, "what the pool starts with");
}

#[test]
fn an_operators_trip_calls_off_what_runs_and_reset_lets_work_flow() {
    let mut world = World::new(4);
    world.assign([op(1), op(2)]);
    let command = |name: &str, action| {
        Event::Down(FromCoordinator::Breaker {
            name: Name::parse(name).unwrap(),
            action,
            by: "ann".into(),
            reason: "fibre works".into(),
        })
    };
    world.event(command("device/d001", BreakerAction::Trip));
    assert_eq!(world.called_off, [(op(1), "called off: device/d001 opened".into())]);
    world.event(command("site/lon", BreakerAction::Trip));
    assert_eq!(world.called_off.len(), 3);
    world.assign([op(3)]);
    assert_eq!(world.last_result(), (Class::NotStarted, "site/lon is opened by ann: fibre works".into()));
    world.event(command("site/lon", BreakerAction::Reset));
    world.assign([op(4)]);
    assert_eq!(world.started.last(), Some(&op(4)));
}

#[test]
fn a_session_begins_with_the_whole_picture_of_the_breakers() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..4).for_each(|n| world.end(op(n), Class::Timeout));
    world.event(Event::Disconnected);
    world.said.clear();
    world.credit = 0;
    world.event(Event::Connected(welcome(0, 1)));
    assert!(matches!(&world.said[0], FromAgent::Breaker(report) if report.state == BreakerState::Open));
}

#[test]
fn a_lease_that_ends_calls_off_what_has_written_nothing_even_if_it_is_renewed_before_the_gate() {
    let mut world = World::new(4);
    world.assign([op(1), op(2)]);
    let wrote = Sign { op: op(1), kind: SignKind::Writes, at: world.now };
    world.event(Event::Sign(wrote));
    assert_eq!(world.core.poll_timeout().map(|at| at <= world.now.plus(LEASE_LOOK)), Some(true));
    world.core.pump(world.now, false);
    world.core.pump(world.now, true);
    world.settle();
    let said: Vec<_> =
        world.called_off.iter().map(|(op, why)| (op.device.to_string(), why.as_str())).collect();
    assert_eq!(said, [("d002".into(), "called off: no word from the coordinator for longer than its lease")]);
}
