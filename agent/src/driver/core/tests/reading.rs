//! Readings after a doubt: treated like any other work, but never called off by a pause, an abort or a hold.

use super::*;
use switchyard_shared::task::Purpose;

fn reading(n: usize, attempt: u32) -> Task {
    Task {
        work: Work::command("configure", Some("show")),
        purpose: Purpose::Settle { before: None },
        ..task(attempt_at("ntp", n, attempt))
    }
}

fn cancel(world: &mut World, devices: Vec<DeviceName>) {
    let rollout = RolloutName::new("ntp").unwrap();
    let cancel =
        FromCoordinator::Cancel { rollout, devices, reason: "aborted by anna".into(), comparisons: false };
    world.event(Event::Down(cancel));
}

#[test]
fn a_pause_an_abort_or_a_hold_never_calls_off_a_reading() {
    for devices in [vec![], vec![op(1).device, op(2).device, op(3).device, op(4).device]] {
        let mut world = World::new(4);
        world.assign_tasks(vec![reading(1, 2), task(op(2))]);
        world.core.queue.extend([reading(3, 2), task(op(4))]);
        cancel(&mut world, devices);
        let called_off: Vec<&OpId> = world.called_off.iter().map(|(op, _)| op).collect();
        assert_eq!(called_off, [&op(2)], "the writing one, where it runs");
        let answered: Vec<String> = world.results().into_iter().map(|(_, op, _, _)| op).collect();
        assert_eq!(answered, [op(4).to_string()], "the writing one, where it waits");
        assert_eq!(world.started.last(), Some(&attempt_at("ntp", 3, 2)), "the waiting one goes on");
    }
}

#[test]
fn a_reading_that_ends_is_a_result_like_any_other() {
    let mut world = World::new(1);
    world.assign_tasks(vec![reading(1, 2)]);
    assert_eq!(world.started, [attempt_at("ntp", 1, 2)]);
    world.end(attempt_at("ntp", 1, 2), Class::PrecheckFailed);
    assert_eq!(world.last_result().0, Class::PrecheckFailed);
    assert!(world.core.is_idle());
    world.assign_tasks(vec![reading(1, 2)]);
    assert_eq!((world.started.len(), world.results().len()), (1, 2), "the same operation is answered again");
}

#[test]
fn a_device_in_doubt_is_read_in_spite_of_its_quarantine_and_a_settled_one_is_written_again() {
    use switchyard_shared::outcome::Found;
    for (found, written_again) in [
        (Some(Found::NotApplied), true),
        (Some(Found::Applied), true),
        (Some(Found::Different), false),
        (None, false),
    ] {
        let mut world = World::new(2);
        world.assign([op(1)]);
        world.write(op(1));
        world.lose(op(1));
        let reading = reading(1, 2);
        world.assign_tasks(vec![reading.clone()]);
        assert_eq!(world.started.last(), Some(&reading.op), "the quarantine waits for just this");
        let class = if found.is_some() { Class::Ok } else { Class::PrecheckFailed };
        let outcome = Outcome::new(class, Phase::Verify, LeftAs::Unknown, "", world.now);
        let outcome = Outcome { found, ..outcome };
        world.event(Event::Ended(Ended {
            op: reading.op.clone(),
            outcome,
            wrote: false,
            diff: String::new(),
            keys: vec![],
        }));
        world.assign([attempt_at("ntp", 1, 3)]);
        let again = world.started.last() == Some(&attempt_at("ntp", 1, 3));
        assert_eq!(again, written_again, "{found:?}: {:?}", world.last_result());
    }
}

fn restore(n: usize, attempt: u32) -> Task {
    let purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    Task { purpose, ..task(attempt_at("ntp", n, attempt)) }
}

/// The way back `op` ends so.
fn ended(op: &OpId, class: Class, left_as: LeftAs, now: Timestamp) -> Event {
    let outcome = Outcome::new(class, Phase::Revert, left_as, "", now);
    Event::Ended(Ended { op: op.clone(), outcome, wrote: true, diff: String::new(), keys: vec![] })
}

#[test]
fn a_device_whose_way_back_failed_is_put_back_by_a_persons_word_and_written_again_when_it_is_back() {
    let ends = [
        (Class::Ok, LeftAs::Reverted, true),
        (Class::Unchanged, LeftAs::Reverted, true),
        (Class::PostcheckFailed, LeftAs::Reverted, true),
        (Class::RollbackFailed, LeftAs::Unknown, false),
        (Class::RollbackFailed, LeftAs::Changed, false),
    ];
    for (class, left_as, written_again) in ends {
        let mut world = World::new(2);
        world.assign([op(1)]);
        world.write(op(1));
        world.event(ended(&op(1), Class::RollbackFailed, LeftAs::Unknown, world.now));
        world.assign([attempt_at("dns", 1, 1)]);
        assert_eq!(world.last_result().0, Class::NotStarted, "it is in quarantine");
        let back = restore(1, 2);
        world.assign_tasks(vec![back.clone()]);
        assert_eq!(world.started.last(), Some(&back.op));
        world.event(ended(&back.op, class, left_as, world.now));
        world.assign([attempt_at("dns", 1, 2)]);
        let again = world.started.last() == Some(&attempt_at("dns", 1, 2));
        assert_eq!(again, written_again, "{class}: {:?}", world.last_result());
    }
}

#[test]
fn no_persons_word_to_put_a_device_back_tries_a_login_that_was_refused_or_a_key_that_is_not_pinned() {
    for class in [Class::AuthFailed, Class::HostKeyMismatch] {
        let mut world = World::new(2);
        world.assign([op(1)]);
        world.end(op(1), class);
        world.assign_tasks(vec![restore(1, 2)]);
        assert_eq!((world.started.len(), world.last_result().0), (1, Class::NotStarted), "{class}");
    }
}

#[test]
fn an_agent_that_shuts_down_begins_no_reading() {
    let mut world = World::new(2);
    world.event(Event::Drain);
    world.assign_tasks(vec![reading(1, 2)]);
    assert_eq!((world.started.len(), world.last_result().0), (0, Class::NotStarted));
}
