//! Silence of what is established already, and our own.

use super::*;
use switchyard_shared::procedure::{Procedure, Transport};

/// So many sessions, established now and being written to.
fn with_sessions(count: usize) -> World {
    let mut world = World::new(10);
    world.assign((0..count).map(op));
    (0..count).for_each(|n| world.write(op(n)));
    world
}

impl World {
    fn site(&self) -> BreakerState {
        self.core.breakers.reports()[0].state
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
    }

    /// What the driver does when it wakes: those of `talking` have been heard just now.
    fn wake(&mut self, talking: &[usize]) {
        self.wake_with(talking.iter().map(|n| (op(*n), self.now, true)).collect());
    }

    fn wake_with(&mut self, heard: Vec<(OpId, Timestamp, bool)>) {
        if self.core.wants_hearing(self.now) {
            let heard = heard.into_iter().map(|(op, at, is_asking)| Heard { op, at, is_asking });
            self.event(Event::Heard(heard.collect()));
        }
        self.settle();
    }

    /// Whatever is due by then is done when it is due; of those of `without` no session is open.
    fn wait_and_wake(&mut self, time: Duration, without: &[usize]) {
        let end = self.now.plus(time);
        let mut looks = 0;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.wake_with(without.iter().map(|n| (op(*n), Timestamp(0), false)).collect());
            looks += 1;
            assert!(looks < 100, "it looks all the time");
        }
        self.now = end;
    }
}

fn over(transport: Transport, n: usize) -> Task {
    let procedure = Procedure::new(transport, "x");
    Task { work: Work::Driver(Arc::new(procedure)), ..task(op(n)) }
}

const SILENCE: Duration = Duration::from_secs(15);

#[test]
fn sessions_that_fall_silent_together_hold_the_site_long_before_their_deadline() {
    for count in [2, 3, 10] {
        let mut world = with_sessions(count);
        assert_eq!(world.core.poll_timeout(), Some(Timestamp(0).plus(SILENCE)));
        world.wait(SILENCE);
        world.wake(&[]);
        assert_eq!(world.site(), BreakerState::Held, "{count}");
        let why = world.core.breakers.reports()[0].reason.clone();
        assert!(why.starts_with(&format!("{count} established sessions have been silent for 15s")), "{why}");
        assert!(world.credit - world.sent <= 10, "one probe at a time, beside what was granted before");
        assert!(world.called_off.is_empty(), "what writes is never called off");
    }
}

#[test]
fn one_session_that_is_heard_speaks_for_the_link() {
    let mut world = with_sessions(3);
    world.wait(SILENCE);
    world.wake(&[1]);
    assert_eq!(world.site(), BreakerState::Closed);
    world.wait(Duration::from_secs(14));
    world.wake(&[]);
    assert_eq!(world.site(), BreakerState::Closed);
    world.wait(Duration::from_secs(1));
    world.wake(&[]);
    assert_eq!(world.site(), BreakerState::Held);
}

#[test]
fn a_single_silent_session_is_a_slow_device() {
    let mut world = with_sessions(1);
    world.wait(Duration::from_secs(50));
    world.wake(&[]);
    assert_eq!(world.site(), BreakerState::Closed);
}

#[test]
fn attempts_that_take_long_without_a_session_that_asks_for_signs_of_life_hold_nothing() {
    let mut world = World::new(10);
    let silent = [Transport::LocalExec, Transport::LocalExec, Transport::Gnmi, Transport::Http];
    world.assign_tasks(silent.into_iter().zip(0..).map(|(transport, n)| over(transport, n)).collect());
    (0..silent.len()).for_each(|n| world.write(op(n)));
    world.wait_and_wake(Duration::from_secs(60), &[]);
    assert_eq!(world.site(), BreakerState::Closed);
    let mut world = with_sessions(2);
    world.wait_and_wake(Duration::from_secs(300), &[0, 1]);
    assert_eq!(world.site(), BreakerState::Closed, "they wait for devices to go back by themselves");
    let opened_at = world.now;
    while world.site() == BreakerState::Closed {
        world.now = world.core.poll_timeout().unwrap();
        world.wake_with(vec![(op(0), opened_at, true), (op(1), opened_at, true)]);
    }
    assert!(world.now <= opened_at.plus(2 * SILENCE), "new sessions that fall silent are noticed");
}

#[test]
fn silent_sessions_hold_their_site_whatever_runs_beside_them_unless_that_answers() {
    for (transport, state) in
        [(Transport::LocalExec, BreakerState::Held), (Transport::Gnmi, BreakerState::Closed)]
    {
        let mut world = with_sessions(2);
        world.wait(Duration::from_secs(14));
        world.assign_tasks(vec![over(transport, 5)]);
        world.write(op(5));
        world.wait(Duration::from_secs(1));
        world.wake(&[]);
        assert_eq!(world.site(), state, "{transport}");
        if state == BreakerState::Held {
            let why = world.core.breakers.reports()[0].reason.clone();
            assert!(why.starts_with("2 established sessions") && why.contains("d000, d001"), "{why}");
            assert!(!why.contains("d005"), "{why}");
        }
    }
}

#[test]
fn connects_that_are_not_answered_yet_are_no_established_sessions() {
    let mut world = World::new(10);
    world.assign((0..2).map(op));
    world.write(op(0));
    assert!(!world.core.wants_hearing(Timestamp(0).plus(SILENCE)));
}

#[test]
fn a_silence_is_told_once_and_the_next_one_again() {
    let mut world = with_sessions(3);
    world.wait(SILENCE);
    world.wake(&[]);
    let held = |world: &World| {
        let is_held = |said: &&FromAgent| matches!(said, FromAgent::Breaker(report) if report.state == BreakerState::Held);
        world.said.iter().filter(is_held).count()
    };
    assert_eq!(held(&world), 1);
    world.wait(SILENCE);
    world.wake(&[]);
    assert_eq!(held(&world), 1);
    // The link is back: a probe answers and the site flows.
    world.assign([op(5)]);
    world.write(op(5));
    assert_eq!(world.site(), BreakerState::Closed);
    world.wait(SILENCE);
    world.wake(&[]);
    assert_eq!((held(&world), world.site()), (2, BreakerState::Held));
}

#[test]
fn a_late_look_at_the_sessions_is_not_a_silent_site() {
    let mut world = with_sessions(3);
    world.wait(SILENCE + Duration::from_secs(20));
    world.wake(&[]);
    assert_eq!(world.site(), BreakerState::Closed, "we stood still");
    world.wait(Duration::from_secs(6));
    world.wake(&[]);
    assert_eq!(world.site(), BreakerState::Held, "they had time to be heard");
}

#[test]
fn a_late_timer_is_not_a_silent_site() {
    for late in [false, true] {
        let mut world = World::new(10);
        world.assign((0..10).map(op));
        // Either ten connects stay silent while we watch, or we stand still as long.
        let end = Timestamp(0).plus(Duration::from_secs(60));
        while !late && world.core.poll_timeout().is_some_and(|at| at <= end) && world.called_off.is_empty() {
            world.now = world.core.poll_timeout().unwrap();
            world.settle();
        }
        world.now = end;
        world.settle();
        assert_eq!(world.called_off.is_empty(), late, "late: {late}");
        if late {
            (0..10).for_each(|n| world.sign(op(n), SignKind::Answered { accepted: true }));
            assert_eq!(world.site(), BreakerState::Closed, "they had answered, we had not listened");
        } else {
            assert_ne!(world.site(), BreakerState::Closed);
        }
    }
}

#[test]
fn what_was_asked_for_before_a_hold_goes_back_within_two_seconds_and_only_probes_are_asked_for_again() {
    let mut world = with_sessions(3);
    world.wait(SILENCE);
    world.wake(&[]);
    let held_at = world.now;
    assert_eq!((world.site(), world.credit - world.sent), (BreakerState::Held, 7));
    world.assign((10..16).map(op));
    assert_eq!((world.started.len(), world.core.queue.len()), (4, 5), "one probe, and the rest waits");
    assert!(world.core.poll_timeout().unwrap() <= held_at.plus(start::HELD_WAIT_MAX));
    world.now = held_at.plus(start::HELD_WAIT_MAX);
    world.wake(&[]);
    assert_eq!((world.core.queue.len(), world.results().len()), (0, 5));
    for (_, op, class, why) in world.results() {
        assert_eq!(class, Class::NotStarted, "{op}");
        assert!(why.starts_with("site/lon is held: 3 established sessions"), "{why}");
    }
    world.assign([op(16)]);
    assert_eq!(
        (world.results().len(), world.core.queue.len()),
        (6, 0),
        "the last old credit: no second wait"
    );
    assert_eq!(world.credit, world.sent, "going back grants nothing");
    while world.credit == world.sent {
        let next = world.core.poll_timeout().unwrap();
        assert!(
            next > world.now && next <= held_at.plus(Duration::from_secs(10)),
            "a next probe is asked for"
        );
        world.now = next;
        world.wake(&[]);
    }
    assert_eq!((world.site(), world.credit), (BreakerState::Held, world.sent + 1));
    world.assign([op(17)]);
    assert_eq!((world.started.last(), world.credit), (Some(&op(17)), world.sent), "it starts at once");
    world.write(op(17));
    assert!(world.credit > world.sent, "an answer lets work flow again");
}

#[test]
fn a_site_is_not_held_for_secrets_that_take_long_and_is_for_devices_that_are_silent_after_them() {
    let with_secrets = |n| {
        let mut procedure = Procedure::new(Transport::SshCli, "frr");
        procedure.secrets.insert("k".into(), "vault:kv/k#k".into());
        Task { work: Work::Driver(Arc::new(procedure)), ..task(op(n)) }
    };
    let mut world = World::new(10);
    world.assign_tasks((0..5).map(with_secrets).collect());
    assert_eq!(world.started.len(), 5);
    world.wait(Duration::from_secs(15));
    world.wake(&[]);
    assert_eq!(world.site(), BreakerState::Closed);
    (0..5).for_each(|n| world.sign(op(n), SignKind::Connects));
    let asked_at = world.now;
    while world.site() == BreakerState::Closed {
        world.now = world.core.poll_timeout().unwrap();
        world.wake(&[]);
    }
    assert_eq!(world.site(), BreakerState::Held);
    assert!(world.now <= asked_at.plus(Duration::from_secs(3)), "{:?}", world.now);
}
