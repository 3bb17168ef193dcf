//! What an agent promises, event by event, with no clock, no task and no socket.

use super::*;
use crate::attempt::Ended;
use std::time::Duration;
use switchyard_proto::convert::link::{Assignment, BreakerAction, FromAgent};
use switchyard_shared::breaker::{Name, State as BreakerState};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::{BreakerSettings, Endpoint, Timeouts};

/// An agent, and a coordinator that keeps to the credit and never stops asking.
struct World {
    core: Core,
    now: Timestamp,
    started: Vec<OpId>,
    called_off: Vec<(OpId, String)>,
    said: Vec<FromAgent>,
    appended: Vec<Entry>,
    credit: u64,
    sent: u64,
}

fn op(n: usize) -> OpId {
    attempt_at("ntp", n, 1)
}

fn attempt_at(rollout: &str, n: usize, attempt: u32) -> OpId {
    OpId {
        rollout: RolloutName::new(rollout).unwrap(),
        device: DeviceName::new(format!("d{n:03}")).unwrap(),
        attempt,
    }
}

fn task(op: OpId) -> Task {
    Task {
        op,
        endpoint: Endpoint {
            hostname: "127.0.0.1".into(),
            port: 22,
            username: "admin".into(),
            credential_ref: "env:X".into(),
            host_keys: vec!["SHA256:x".into()],
        },
        command: "configure".into(),
        configuration: b"x".as_slice().into(),
        timeouts: Timeouts { connect: Duration::from_secs(5), command: Duration::from_secs(60) },
        breakers: BreakerSettings::default(),
    }
}

fn welcome(acked_sequence: u64, coordinator_epoch: u64) -> Welcome {
    Welcome {
        coordinator_epoch,
        acked_sequence,
        heartbeat_interval: Duration::from_secs(2),
        lease: Duration::from_secs(10),
        site: SiteName::new("lon").unwrap(),
        agent: AgentName::new("lon").unwrap(),
    }
}

impl World {
    fn new(pool: usize) -> Self {
        Self::after(pool, State::default())
    }

    fn after(pool: usize, state: State) -> Self {
        let mut world = Self {
            core: Core::new(SiteName::new("lon").unwrap(), pool, state, Timestamp(0)),
            now: Timestamp(0),
            started: vec![],
            called_off: vec![],
            said: vec![],
            appended: vec![],
            credit: 0,
            sent: 0,
        };
        world.event(Event::Connected(welcome(0, 1)));
        world
    }

    /// One event, with everything that follows from it; the disk is instant.
    fn event(&mut self, event: Event) {
        self.core.handle(event, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            self.core.pump(self.now, true);
            let mut quiet = true;
            while let Some(effect) = self.core.poll_effect() {
                quiet = false;
                match effect {
                    Effect::Start(task) => self.started.push(task.op.clone()),
                    Effect::CallOff { op, message } => self.called_off.push((op, message)),
                    Effect::Append { entries, results_to } => {
                        self.appended.extend(entries);
                        if let Some(sequence) = results_to {
                            self.core.handle(Event::Durable(sequence), self.now);
                        }
                    }
                }
            }
            while let Some(message) = self.core.poll_outgoing() {
                if let FromAgent::Credit(total) = message {
                    assert!(total > self.credit, "credit only rises");
                    self.credit = total;
                }
                self.said.push(message);
            }
            assert!(self.core.pool.in_flight() + self.core.queue.len() <= self.core.pool.size());
            if quiet {
                return;
            }
        }
    }

    fn assign(&mut self, ops: impl IntoIterator<Item = OpId>) {
        let tasks: Vec<Task> = ops.into_iter().map(task).collect();
        self.sent += u64::try_from(tasks.len()).unwrap();
        let assignment = Assignment { tasks, unusable: vec![] };
        self.event(Event::Down(FromCoordinator::Assignment(assignment)));
    }

    fn end(&mut self, op: OpId, class: Class) {
        let left_as = if class == Class::Ok { LeftAs::Changed } else { LeftAs::Unchanged };
        let outcome = Outcome::new(class, Phase::Connect, left_as, "", self.now);
        self.event(Event::Ended(Ended { op, outcome, wrote: class == Class::Ok }));
    }

    fn results(&self) -> Vec<(u64, String, Class, String)> {
        let mut results = vec![];
        for message in &self.said {
            if let FromAgent::Result { sequence, op, outcome } = message {
                results.push((*sequence, op.to_string(), outcome.class, outcome.message.clone()));
            }
        }
        results
    }

    fn last_result(&self) -> (Class, String) {
        let (_, _, class, message) = self.results().pop().unwrap();
        (class, message)
    }
}

#[test]
fn a_site_that_goes_silent_is_contacted_at_most_pool_plus_four_times() {
    for pool in [1, 2, 5, 10, 64] {
        let mut world = World::new(pool);
        let mut next = 0;
        let mut ended = 0;
        while world.core.breakers.site_state() == BreakerState::Closed {
            while world.sent < world.credit {
                world.assign([op(next)]);
                next += 1;
            }
            let silent = world.started[ended].clone();
            world.end(silent, Class::Timeout);
            ended += 1;
        }
        assert_eq!(ended, 5);
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
    world.assign((0..10).map(op));
    (0..5).for_each(|n| world.end(op(n), Class::Timeout));
    world.assign([op(20)]);
    let why = "site/lon is open: 5 of the last 5 devices silent; it tries again at 00:00:30";
    assert_eq!(world.last_result(), (Class::NotStarted, why.into()));
    assert_eq!(world.started.len(), 10);
}

#[test]
fn the_coordinator_hears_of_the_opening_before_what_it_called_off() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..5).for_each(|n| world.end(op(n), Class::Timeout));
    (5..10).for_each(|n| world.end(op(n), Class::Cancelled));
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
    for n in 0..5 {
        world.assign([op(n)]);
        world.end(op(n), Class::Unreachable);
    }
    assert_eq!(world.started.len(), 5);
    world.assign([op(5)]);
    assert_eq!(world.started.len(), 5);
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
fn a_half_open_site_grants_no_more_than_its_probes() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..5).for_each(|n| world.end(op(n), Class::Timeout));
    (5..10).for_each(|n| world.end(op(n), Class::Cancelled));
    // What was granted before the opening cannot be taken back, but refusing it grants nothing new.
    while world.sent < world.credit {
        world.assign([op(100 + usize::try_from(world.sent).unwrap())]);
        assert_eq!(world.last_result().0, Class::NotStarted);
    }
    world.now = world.now.plus(Duration::from_secs(30));
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
    assert_eq!(world.credit - world.sent, 50);
}

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
fn an_operation_that_wrote_is_not_run_again_even_after_its_acknowledgement() {
    let mut world = World::new(4);
    world.assign([op(1), op(2)]);
    world.end(op(1), Class::Ok);
    world.end(op(2), Class::Timeout);
    world.event(Event::Down(FromCoordinator::Ack(2)));
    world.assign([op(1)]);
    assert_eq!(world.started, [op(1), op(2)]);
    assert_eq!(world.last_result().0, Class::Inconclusive);
    world.assign([op(2)]);
    assert_eq!(world.started.len(), 3, "what never wrote may be asked for again");
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
    let mut core = Core::new(SiteName::new("lon").unwrap(), 2, State::default(), Timestamp(0));
    core.handle(Event::Connected(welcome(0, 1)), Timestamp(0));
    core.pump(Timestamp(0), true);
    let assignment = Assignment { tasks: vec![task(op(1))], unusable: vec![] };
    core.handle(Event::Down(FromCoordinator::Assignment(assignment)), Timestamp(0));
    core.pump(Timestamp(0), true);
    let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1));
    core.handle(Event::Ended(Ended { op: op(1), outcome, wrote: true }), Timestamp(1));
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
        reason: "aborted by ann".into(),
    };
    world.event(Event::Down(cancel));
    assert_eq!(world.called_off, [(op(1), "called off: aborted by ann".into())]);
    assert_eq!(world.last_result(), (Class::Cancelled, "called off: aborted by ann".into()));
    assert_eq!(world.core.running(), 2);
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
fn a_restart_tells_of_the_write_in_doubt_and_goes_on_counting() {
    let mut state = State::default();
    state.apply(Entry::Epoch { coordinator_epoch: 7 });
    state.apply(Entry::Acked { sequence: 41 });
    state.apply(Entry::Intent { op: op(1), at: Timestamp(5) });
    state.settle_intents(Timestamp(9));
    let mut world = World::after(4, state);
    assert_eq!(world.core.hello().coordinator_epoch, 7);
    assert_eq!(
        world.results(),
        [(
            42,
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
    world.assign([op(1)]);
    world.event(Event::Drain);
    world.assign([op(2)]);
    assert_eq!(world.last_result(), (Class::NotStarted, "this agent is shutting down".into()));
    assert!(!world.core.is_idle());
    world.end(op(1), Class::Ok);
    assert!(world.core.is_idle());
}

#[test]
fn a_session_begins_with_the_whole_picture_of_the_breakers() {
    let mut world = World::new(10);
    world.assign((0..10).map(op));
    (0..5).for_each(|n| world.end(op(n), Class::Timeout));
    world.event(Event::Disconnected);
    world.said.clear();
    world.credit = 0;
    world.event(Event::Connected(welcome(0, 1)));
    assert!(matches!(&world.said[0], FromAgent::Breaker(report) if report.state == BreakerState::Open));
}
