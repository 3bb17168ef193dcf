//! A device that is put back: beside a full pool, beyond the credit, and never called off with its rollout.

use super::*;
use switchyard_shared::task::Purpose;

fn restore(n: usize) -> Task {
    Task {
        purpose: Purpose::Restore { attempt: 1, before: None, overwrite: false },
        ..task(attempt_at("ntp", n, 2))
    }
}

#[test]
fn a_rollback_starts_at_once_beside_a_full_pool_and_beyond_the_credit() {
    let mut world = World::new(2);
    world.assign([op(1), op(2)]);
    assert_eq!(world.started.len(), 2, "the pool is full");
    assert!(world.sent >= world.credit, "and the credit is used up");
    world.assign_tasks(vec![restore(3)]);
    assert_eq!(world.started.last(), Some(&attempt_at("ntp", 3, 2)));
    assert_eq!(world.results().len(), 0, "nothing was refused");
    world.end(op(1), Class::Ok);
    world.end(attempt_at("ntp", 3, 2), Class::Ok);
    assert!(world.credit > world.sent, "and credit is granted again");
}

#[test]
fn an_abort_of_the_rollout_does_not_call_off_the_way_back_of_a_device() {
    let mut world = World::new(4);
    world.assign_tasks(vec![restore(1), task(op(2))]);
    let rollout = RolloutName::new("ntp").unwrap();
    let cancel = FromCoordinator::Cancel {
        rollout,
        devices: vec![],
        reason: "aborted by anna".into(),
        comparisons: false,
    };
    world.event(Event::Down(cancel));
    let called_off: Vec<&OpId> = world.called_off.iter().map(|(op, _)| op).collect();
    assert_eq!(called_off, [&op(2)]);
}
