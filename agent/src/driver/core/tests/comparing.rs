//! Comparisons that nobody waits for any more: what waits never starts, what runs gives its place back.

use super::*;
use switchyard_shared::task::{COMPARISON, Purpose};

fn comparison(rollout: &str, n: usize) -> Task {
    Task {
        work: Work::command("configure", Some("show")),
        purpose: Purpose::Compare,
        ..task(attempt_at(rollout, n, COMPARISON))
    }
}

fn call_off(world: &mut World, devices: impl IntoIterator<Item = usize>) {
    let (rollout, reason) = (RolloutName::new("ntp").unwrap(), "nobody waits for it any more".into());
    let devices = devices.into_iter().map(|n| op(n).device).collect();
    world.event(Event::Down(FromCoordinator::Cancel { rollout, devices, reason, comparisons: true }));
}

fn compared(world: &World) -> Vec<(String, Class)> {
    let mut told = vec![];
    for message in &world.said {
        if let FromAgent::Compared(compared) = message {
            told.push((compared.op.to_string(), compared.outcome.class));
        }
    }
    told
}

fn called_off(world: &World) -> Vec<&OpId> {
    world.called_off.iter().map(|(op, _)| op).collect()
}

#[test]
fn a_comparison_that_is_called_off_while_it_waits_never_starts_and_others_go_on() {
    let mut world = World::new(6);
    world.assign_tasks(vec![comparison("ntp", 1)]);
    let waiting = [comparison("ntp", 2), comparison("ntp", 3), comparison("dns", 4), task(op(5))];
    world.core.queue.extend(waiting);
    call_off(&mut world, [1, 2, 5]);
    let ran = [("ntp", 1), ("ntp", 3), ("dns", 4)].map(|(rollout, n)| attempt_at(rollout, n, COMPARISON));
    assert_eq!(world.started, [&ran[..], &[op(5)]].concat(), "only the second one never starts");
    assert_eq!(called_off(&world), [&ran[0]]);
    let unstarted = attempt_at("ntp", 2, COMPARISON).to_string();
    assert_eq!(compared(&world), [(unstarted, Class::Cancelled)], "and it is answered at once");
}

#[test]
fn places_of_comparisons_that_are_called_off_are_there_for_the_next_plan() {
    let mut world = World::new(2);
    let both = || vec![comparison("ntp", 1), comparison("ntp", 2)];
    world.assign_tasks(both());
    let used_up = world.credit;
    call_off(&mut world, [1, 2]);
    assert_eq!(called_off(&world).len(), 2);
    both().into_iter().for_each(|task| world.end(task.op, Class::Cancelled));
    assert_eq!((world.core.running(), world.credit), (0, used_up + 2));
    world.assign_tasks(both());
    assert_eq!((world.started.len(), world.core.running()), (4, 2));
    assert_eq!(compared(&world).len(), 2, "a device that was called off is no retry that has to wait");
}

#[test]
fn a_call_off_of_a_rollout_leaves_the_comparisons_that_bear_its_name() {
    let mut world = World::new(4);
    world.assign_tasks(vec![comparison("ntp", 1), task(op(2))]);
    let (rollout, reason) = (RolloutName::new("ntp").unwrap(), "aborted by anna".into());
    let cancel = FromCoordinator::Cancel { rollout, devices: vec![], reason, comparisons: false };
    world.event(Event::Down(cancel));
    assert_eq!(called_off(&world), [&op(2)]);
}

#[test]
fn a_lost_link_calls_off_what_compares_and_lets_the_rollouts_work_end() {
    let mut world = World::new(4);
    world.assign_tasks(vec![comparison("ntp", 1), task(op(2))]);
    world.event(Event::Disconnected);
    assert_eq!(called_off(&world), [&attempt_at("ntp", 1, COMPARISON)]);
    world.end(attempt_at("ntp", 1, COMPARISON), Class::Cancelled);
    world.credit = 0;
    world.event(Event::Connected(welcome(0, 1)));
    assert_eq!((compared(&world), world.core.running()), (vec![], 1), "the next session hears nothing of it");
}
