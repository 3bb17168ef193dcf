//! Nothing is lost, nothing is done twice.

use super::*;
use crate::driver::ending::last_moment;

#[test]
fn an_operation_sent_twice_is_run_once() {
    let mut world = World::new(4);
    world.assign([op(1), op(1)]);
    world.assign([op(1)]);
    assert_eq!(world.started, [op(1)]);
    world.end(op(1), Class::Ok);
    let said = world.results().len();
    world.assign([op(1)]);
    assert_eq!(world.started, [op(1)]);
    assert_eq!(world.results().len(), said + 1, "its result is sent again");
    assert_eq!(world.results()[said].0, 1);
}

#[test]
fn an_operation_is_not_run_again_even_after_its_acknowledgement() {
    let mut world = World::new(4);
    world.assign([op(1), op(2)]);
    world.end(op(1), Class::Ok);
    world.end(op(2), Class::Timeout);
    world.event(Event::Down(FromCoordinator::Ack(2)));
    world.assign([op(1)]);
    assert_eq!(world.started, [op(1), op(2)]);
    assert_eq!(world.last_result().0, Class::Inconclusive);
    world.assign([op(2)]);
    assert_eq!(world.started.len(), 2, "another attempt may have written meanwhile");
    assert_eq!(world.last_result().0, Class::NotStarted);
}

#[test]
fn two_rollouts_at_one_device_take_turns_and_hold_nobody_up() {
    let mut world = World::new(4);
    world.assign([op(1), attempt_at("other", 1, 1), op(2)]);
    assert_eq!(world.started, [op(1), op(2)]);
    world.end(op(1), Class::Ok);
    assert_eq!(world.started[2], attempt_at("other", 1, 1));
}

#[test]
fn results_are_sent_again_until_they_are_acknowledged_and_in_order() {
    let mut world = World::new(4);
    world.assign((0..4).map(op));
    (0..4).for_each(|n| world.end(op(n), Class::Ok));
    world.said.clear();
    world.event(Event::Disconnected);
    assert_eq!(world.core.hello().in_hand, (0..4).map(op).collect::<Vec<_>>());
    world.credit = 0;
    world.event(Event::Connected(welcome(2, 1)));
    let sequences: Vec<u64> = world.results().iter().map(|result| result.0).collect();
    assert_eq!(sequences, [3, 4]);
    assert_eq!(world.core.hello().in_hand, [op(2), op(3)]);
}

#[test]
fn nothing_is_sent_before_it_is_on_disk() {
    let core = Core::new(SiteName::new("lon").unwrap(), 2, State::default(), None, Timestamp(0));
    let mut core = core.flowing(Timestamp(0));
    core.handle(Event::Connected(welcome(0, 1)), Timestamp(0));
    core.pump(Timestamp(0), true);
    let assignment = Assignment { tasks: vec![task(op(1))], unusable: vec![] };
    core.handle(Event::Down(FromCoordinator::Assignment(assignment)), Timestamp(0));
    core.pump(Timestamp(0), true);
    let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1));
    core.handle(
        Event::Ended(Ended { op: op(1), outcome, wrote: true, diff: String::new(), keys: vec![] }),
        Timestamp(1),
    );
    core.pump(Timestamp(1), true);
    let drain = |core: &mut Core| std::iter::from_fn(|| core.poll_outgoing()).collect::<Vec<_>>();
    assert!(!drain(&mut core).iter().any(|said| matches!(said, FromAgent::Result { .. })));
    assert!(!core.is_idle());
    core.handle(Event::Durable(1), Timestamp(2));
    assert!(matches!(drain(&mut core)[..], [FromAgent::Result { sequence: 1, .. }, ..]));
    assert!(core.is_idle());
}

#[test]
fn a_broken_session_drops_what_was_queued_and_keeps_what_runs() {
    let mut world = World::new(4);
    world.assign([op(1), attempt_at("other", 1, 1)]);
    world.event(Event::Disconnected);
    assert_eq!(world.core.hello().in_hand, [op(1)]);
    world.end(op(1), Class::Ok);
    assert_eq!(world.started, [op(1)], "nothing new starts while cut off");
    assert_eq!(world.core.hello().in_hand, [op(1)]);
}

#[test]
fn without_the_lease_nothing_starts() {
    let mut world = World::new(4);
    let assignment = Assignment { tasks: vec![task(op(1))], unusable: vec![] };
    world.core.handle(Event::Down(FromCoordinator::Assignment(assignment)), world.now);
    world.core.pump(world.now, false);
    assert_eq!(world.core.running(), 0);
    world.core.pump(world.now, true);
    assert_eq!(world.core.running(), 1);
}

#[test]
fn a_cancelled_rollout_is_called_off_and_others_go_on() {
    let mut world = World::new(4);
    world.assign([op(1), attempt_at("other", 2, 1), attempt_at("ntp", 2, 1)]);
    let cancel = FromCoordinator::Cancel {
        rollout: RolloutName::new("ntp").unwrap(),
        devices: Vec::new(),
        reason: "aborted by ann".into(),
        comparisons: false,
    };
    world.event(Event::Down(cancel));
    assert_eq!(world.called_off, [(op(1), "called off: aborted by ann".into())]);
    assert_eq!(world.last_result(), (Class::Cancelled, "called off: aborted by ann".into()));
    assert_eq!(world.core.running(), 2);
}

#[test]
fn a_restart_tells_of_the_write_in_doubt_and_goes_on_counting() {
    let mut state = State::default();
    state.apply(Entry::Epoch { coordinator_epoch: 7, site_epoch: 1 });
    state.apply(Entry::Acked { sequence: 41 });
    state.apply(Entry::Intent { op: op(1), at: Timestamp(5), before: None });
    state.settle_intents(Timestamp(9));
    let mut world = World::after(4, state);
    assert_eq!(world.core.hello().coordinator_epoch, 7);
    assert_eq!(
        world.results(),
        [(
            1_000_042,
            "ntp/d001/1".into(),
            Class::Inconclusive,
            "the agent stopped after it began to write and before the device answered".into()
        )]
    );
    world.assign([op(1)]);
    assert!(world.started.is_empty());
}

#[test]
fn a_new_data_folder_goes_on_where_the_coordinator_is() {
    let mut world = World::new(4);
    world.event(Event::Disconnected);
    world.credit = 0;
    world.event(Event::Connected(welcome(57, 2)));
    world.assign([op(1)]);
    world.end(op(1), Class::Ok);
    assert_eq!(world.results().last().unwrap().0, 58);
}

#[test]
fn without_a_journal_nothing_starts_and_what_is_known_is_still_said() {
    let mut world = World::new(4);
    world.assign([op(1), op(2), attempt_at("other", 1, 1)]);
    world.event(Event::JournalLost("write the journal /x: EIO".into()));
    assert_eq!(world.called_off.len(), 2);
    assert_eq!(world.last_result(), (Class::NotStarted, "failed to write the journal /x: EIO".into()));
    world.core.handle(
        Event::Ended(Ended {
            op: op(1),
            outcome: Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", world.now),
            wrote: true,
            diff: String::new(),
            keys: vec![],
        }),
        world.now,
    );
    assert!(
        matches!(world.core.poll_outgoing(), Some(FromAgent::Result { .. })),
        "not on disk, but better than silence"
    );
    let credit = world.credit;
    world.end(op(2), Class::AgentError);
    assert_eq!(world.credit, credit);
}

#[test]
fn a_draining_agent_starts_nothing_and_says_so() {
    let mut world = World::new(4);
    world.assign([op(1), op(3)]);
    world.event(Event::Sign(Sign { op: op(1), kind: SignKind::Writes, at: world.now }));
    world.event(Event::Drain);
    let called_off: Vec<_> = world.called_off.iter().map(|(op, _)| op.device.to_string()).collect();
    assert_eq!(called_off, ["d003"], "what is being written ends by itself");
    let given_up = |world: &World| last_moment(world.now, &world.core).since(world.now).as_secs();
    assert_eq!(given_up(&world), 60 + 5, "the write has the time it was given");
    world.end(op(3), Class::Cancelled);
    world.assign([op(2)]);
    assert_eq!(world.last_result(), (Class::NotStarted, "this agent is shutting down".into()));
    assert!(!world.core.is_idle());
    world.end(op(1), Class::Ok);
    assert!(world.core.is_idle());
    assert_eq!(given_up(&world), 30);
}
