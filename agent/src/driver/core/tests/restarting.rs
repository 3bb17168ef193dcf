//! Breakers across a restart of the agent.

use super::*;

fn again(remembered: Remembered, now: Timestamp) -> World {
    let mut world = World::new(10);
    world.now = now;
    world.core = Core::new(SiteName::new("lon").unwrap(), 10, State::default(), Some(remembered), now);
    (world.credit, world.sent) = (0, 0);
    world.event(Event::Connected(welcome(0, 1)));
    world
}

fn at(seconds: u64) -> Timestamp {
    Timestamp(0).plus(Duration::from_secs(seconds))
}

/// A site that has just opened, and what was kept of it.
fn opened() -> (Timestamp, Remembered) {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..4).for_each(|n| world.end(op(n), Class::Timeout));
    let report = world.core.breakers.reports()[0].clone();
    assert_eq!(report.state, BreakerState::Open);
    (report.retry_at.unwrap(), world.kept.unwrap())
}

#[test]
fn an_open_site_stays_open_for_what_remains_of_its_wait() {
    let (retry_at, kept) = opened();
    let mut world = again(kept, at(10));
    assert_eq!(world.core.breakers.reports()[0].state, BreakerState::Open);
    assert_eq!(world.core.breakers.reports()[0].retry_at, Some(retry_at), "ten seconds less than before");
    assert_eq!(world.credit, 0);
    world.now = retry_at;
    world.settle();
    assert_eq!(world.core.breakers.reports()[0].state, BreakerState::HalfOpen);
    assert_eq!(world.credit, 1, "one probe");
}

#[test]
fn a_wait_that_ended_while_the_agent_was_down_is_over() {
    let (_, kept) = opened();
    let world = again(kept, at(86_400));
    assert_eq!(world.core.breakers.reports()[0].state, BreakerState::HalfOpen);
}

#[test]
fn every_move_of_a_breaker_is_kept_and_nothing_else() {
    let mut world = World::new(10);
    world.assign([op(1)]);
    world.end(op(1), Class::Ok);
    assert_eq!(world.kept, None);
    let name = Name::parse("device/d009").unwrap();
    let (by, reason) = ("ann".to_owned(), "works on the fibre".to_owned());
    world.event(Event::Down(FromCoordinator::Breaker { name, action: BreakerAction::Trip, by, reason }));
    let mut world = again(world.kept.unwrap(), at(1));
    world.assign([op(9)]);
    let (class, message) = world.last_result();
    assert_eq!(
        (class, message.as_str()),
        (Class::NotStarted, "device/d009 is opened by ann: works on the fibre")
    );
}

#[test]
fn a_site_that_was_closed_starts_slowly_again() {
    let mut world = World::new(10);
    world.assign([op(1)]);
    let remembered = Remembered { breakers: world.core.breakers.snapshot(world.now), as_of: world.now };
    let mut world = again(remembered, at(1));
    assert_eq!((world.credit, world.core.breakers.reports()[0].state), (1, BreakerState::Closed));
    world.assign([op(1)]);
    world.sign(op(1), SignKind::Answered { accepted: true });
    assert_eq!(world.credit - world.sent, 2, "twice as many with each that answers");
}
