//! A full disk: nothing new starts and no credit is granted, until there is room.

use super::*;

const FULL: &str = "write the journal in /data/journal: the disk is full (no space)";

fn with_a_full_disk() -> World {
    let mut world = World::new(4);
    world.assign([op(1), op(2)]);
    world.write(op(1));
    world.assign([attempt_at("other", 1, 1)]);
    world.event(Event::JournalFull(Some(FULL.into())));
    world
}

#[test]
fn on_a_full_disk_what_waits_goes_back_what_has_not_written_is_called_off_and_what_has_ends() {
    let mut world = with_a_full_disk();
    assert_eq!(world.last_result(), (Class::NotStarted, format!("failed to {FULL}")));
    assert_eq!(world.called_off, [(op(2), "called off: the disk of this agent is full".into())]);
    let (credit, started) = (world.credit, world.started.len());
    world.end(op(1), Class::Ok);
    world.end(op(2), Class::Cancelled);
    assert_eq!((world.credit, world.results().len()), (credit, 3), "results go on, credit does not");
    world.assign([op(3)]);
    assert_eq!((world.started.len(), world.last_result().0), (started, Class::NotStarted));
}

fn last_of_site(world: &World) -> (BreakerState, String) {
    let of_site = |message: &FromAgent| {
        let FromAgent::Breaker(report) = message else { return None };
        matches!(report.name, Name::Site(_)).then(|| (report.state, report.reason.clone()))
    };
    world.said.iter().rev().find_map(of_site).unwrap()
}

#[test]
fn while_the_disk_is_full_the_site_is_shown_as_held_because_of_it_in_a_new_session_too() {
    let mut world = with_a_full_disk();
    let held = (BreakerState::Held, format!("failed to {FULL}"));
    assert_eq!(last_of_site(&world), held);
    world.event(Event::Disconnected);
    (world.credit, world.said) = (0, vec![]);
    world.event(Event::Connected(welcome(0, 1)));
    assert_eq!(last_of_site(&world), held);
    world.event(Event::JournalFull(None));
    assert_eq!(last_of_site(&world).0, BreakerState::Closed);
}

#[test]
fn a_full_disk_is_asked_once_a_second_and_never_twice_at_a_time() {
    let mut world = with_a_full_disk();
    assert_eq!(world.core.poll_timeout(), Some(world.now.plus(Duration::from_secs(1))));
    for _ in 0..3 {
        world.now = world.now.plus(Duration::from_secs(1));
        world.settle();
    }
    assert_eq!(world.asked_for_room, 1, "an answer is waited for");
    world.event(Event::AskedForRoom);
    assert_eq!(world.asked_for_room, 1);
    world.now = world.now.plus(Duration::from_secs(1));
    world.settle();
    assert_eq!(world.asked_for_room, 2);
}

#[test]
fn when_there_is_room_again_credit_is_granted_and_work_starts() {
    let mut world = with_a_full_disk();
    world.end(op(1), Class::Ok);
    world.end(op(2), Class::Cancelled);
    let (credit, started) = (world.credit, world.started.len());
    world.event(Event::JournalFull(None));
    assert!(world.credit > credit);
    world.assign([op(3)]);
    assert_eq!(world.started.len(), started + 1);
    world.now = world.now.plus(Duration::from_secs(5));
    world.settle();
    assert_eq!(world.asked_for_room, 0, "nobody asks any more");
}

#[test]
fn a_result_that_only_memory_holds_is_sent_all_the_same() {
    let mut world = World::new(4);
    world.assign([op(1)]);
    world.write(op(1));
    let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", world.now);
    world.core.handle(
        Event::Ended(Ended { op: op(1), outcome, wrote: true, diff: String::new(), keys: vec![] }),
        world.now,
    );
    assert!(!world.core.has_outgoing(), "not before the journal has spoken");
    world.core.handle(Event::Durable(1), world.now);
    assert!(matches!(world.core.poll_outgoing(), Some(FromAgent::Result { sequence: 1, .. })));
}
