//! What the pool lets start, and what the credit says of it.

use super::*;
use switchyard_shared::task::{Rate, SiteSettings};

fn site(settings: SiteSettings) -> Event {
    Event::Down(FromCoordinator::Site(settings))
}

#[test]
fn the_credit_follows_the_pool_at_once_when_the_site_says_how_much() {
    let mut world = World::new(64);
    assert_eq!(world.credit, 10);
    world.assign((0..10).map(op));
    world.event(site(SiteSettings { max_in_flight: Some(4), ..SiteSettings::default() }));
    (0..6).for_each(|n| world.end(op(n), Class::Ok));
    assert_eq!(world.credit, world.sent, "four still run");
    world.event(site(SiteSettings { max_in_flight: Some(9), ..SiteSettings::default() }));
    assert_eq!(world.credit - world.sent, 5);
}

#[test]
fn a_site_that_carries_its_pool_gets_a_larger_one() {
    let mut world = World::new(64);
    let mut next = 0;
    while world.started.len() < 40 {
        let more: Vec<OpId> =
            (next..next + usize::try_from(world.credit - world.sent).unwrap()).map(op).collect();
        next += more.len();
        world.assign(more);
        let oldest = world.core.running.keys().next().unwrap().clone();
        world.end(oldest, Class::Ok);
    }
    assert!(world.core.pool.limit() >= 20, "{}", world.core.pool.limit());
    let before = world.core.pool.limit();
    let oldest = world.core.running.keys().next().unwrap().clone();
    world.end(oldest, Class::Overloaded);
    assert_eq!(world.core.pool.limit(), before * 7 / 10);
}

#[test]
fn a_retry_storm_leaves_the_pool_to_first_attempts_and_keeps_its_rank() {
    let mut world = World::new(10);
    let tried = [0, 20];
    world.assign(tried.map(op));
    tried.iter().for_each(|n| world.end(op(*n), Class::Overloaded));
    world.assign([attempt_at("ntp", 0, 2), attempt_at("ntp", 20, 2), op(3), op(4)]);
    let retry = |n| attempt_at("ntp", n, 2);
    assert_eq!(world.started[2..], [retry(0), op(3), op(4)], "the second retry waits, others pass it");
    world.end(retry(0), Class::Ok);
    assert_eq!(world.started.last(), Some(&retry(20)));
}

#[test]
fn a_retry_counts_from_its_place_to_its_end_and_while_it_waits_for_nothing() {
    let mut world = World::new(10);
    let tried = [0, 20, 21];
    world.assign(tried.map(op));
    tried.iter().for_each(|n| world.end(op(*n), Class::Overloaded));
    let retry = |n| attempt_at("ntp", n, 2);
    world.assign(tried.map(retry));
    assert_eq!(
        (&world.started[3..], world.core.queue.len()),
        (&[retry(0)][..], 2),
        "it counts before it connects"
    );
    world.sign(retry(0), SignKind::Answered { accepted: true });
    assert_eq!(world.core.queue.len(), 2, "and after");
    world.end(retry(0), Class::Ok);
    assert_eq!(world.started[4..], [retry(20)], "those that wait do not keep each other out");
    world.end(retry(20), Class::Ok);
    assert_eq!(world.started[5..], [retry(21)]);
}

#[test]
fn an_attempt_that_was_called_off_is_no_retry() {
    let mut world = World::new(10);
    world.assign([op(1), op(2)]);
    [1, 2].iter().for_each(|n| world.end(op(*n), Class::Cancelled));
    world.assign([attempt_at("ntp", 1, 2), attempt_at("ntp", 2, 2)]);
    assert_eq!(world.started.len(), 4);
}

#[test]
fn starts_are_paced_by_the_sites_rate_and_wake_by_themselves() {
    let mut world = World::new(10);
    let connect_rate = Some(Rate { per_1000s: 2000 });
    world.event(site(SiteSettings { connect_rate, ..SiteSettings::default() }));
    world.assign((0..4).map(op));
    assert_eq!(world.started.len(), 1);
    assert_eq!(world.core.poll_timeout(), Some(Timestamp(500_000)));
    world.now = Timestamp(500_000);
    world.settle();
    assert_eq!(world.started.len(), 2);
    let refused = world.results().len();
    world.now = Timestamp(1_500_000);
    world.settle();
    world.now = Timestamp(2_000_000);
    world.settle();
    assert_eq!((world.started.len(), world.results().len()), (4, refused), "waiting is not refusing");
}

#[test]
fn one_credential_has_one_rate_whatever_the_rollout() {
    let mut world = World::new(10);
    let credential_rate = Some(Rate { per_1000s: 1000 });
    let paced = |op, reference: &str| {
        let mut task = task(op);
        task.pools = PoolSettings { credential_rate, ..PoolSettings::default() };
        task.endpoint.credential_ref = reference.into();
        task
    };
    world.assign_tasks(vec![
        paced(op(1), "env:A"),
        paced(attempt_at("other", 2, 1), "env:A"),
        paced(op(3), "env:B"),
    ]);
    assert_eq!(world.started, [op(1), op(3)]);
    world.now = Timestamp(1_000_000);
    world.settle();
    assert_eq!(world.started.last(), Some(&attempt_at("other", 2, 1)));
}

#[test]
fn an_attempt_that_never_ends_gives_its_place_back() {
    let mut world = World::new(1);
    world.assign([op(1)]);
    world.now = world.now.plus(Duration::from_secs(5 + 60 + 15 + 60));
    world.settle();
    assert_eq!(world.core.pool.in_flight(), 0);
    world.assign([op(2)]);
    assert_eq!(world.started.last(), Some(&op(2)));
    world.end(op(1), Class::Ok);
    assert_eq!(world.last_result().0, Class::Ok, "a late result is still taken");
    assert_eq!(world.core.pool.in_flight(), 1);
}

#[test]
fn a_site_of_two_devices_opens_when_both_are_silent_and_a_lone_device_never_opens_its_site() {
    for (devices, state) in [(2_usize, BreakerState::Open), (1, BreakerState::Closed)] {
        let mut world = World::new(10);
        world.event(site(SiteSettings { devices: devices as u32, ..SiteSettings::default() }));
        for n in 0..devices {
            world.assign([op(n)]);
            world.end(op(n), Class::Timeout);
        }
        assert_eq!(world.core.breakers.reports()[0].state, state, "{devices} devices");
    }
}
