//! What a pool promises.

use super::*;
use proptest::prelude::*;

fn device(n: usize) -> DeviceName {
    DeviceName::new(format!("d{n}")).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn take(pool: &mut Pool, n: usize, change: fn(&mut Ask<'_>)) -> Result<Lease, Scarce> {
    take_at(pool, n, at(0), change)
}

fn take_at(pool: &mut Pool, n: usize, now: Timestamp, change: fn(&mut Ask<'_>)) -> Result<Lease, Scarce> {
    let device = device(n);
    let deadline = now.plus(Duration::from_secs(100));
    let mut ask = Ask { device: &device, credential: "env:X", retry: false, work: Work::Rollout, deadline };
    change(&mut ask);
    pool.try_acquire(&ask, now).map_err(|refused| refused.what)
}

fn plain(_: &mut Ask<'_>) {}

fn retry(ask: &mut Ask<'_>) {
    ask.retry = true;
}

fn rollback(ask: &mut Ask<'_>) {
    ask.work = Work::Rollback;
}

/// A pool that stands at `size`.
fn fixed(size: usize) -> Pool {
    let mut pool = Pool::new(size);
    pool.set_settings(PoolSettings { adaptive: false, ..PoolSettings::default() });
    pool
}

#[test]
fn never_more_than_its_limit_and_one_for_each_device() {
    let mut pool = fixed(2);
    let first = take(&mut pool, 1, plain).unwrap();
    assert_eq!(take(&mut pool, 1, plain), Err(Scarce::Device));
    let _second = take(&mut pool, 2, plain).unwrap();
    assert_eq!(take(&mut pool, 3, plain), Err(Scarce::Places));
    assert!(pool.release(first, Class::Ok, at(0)));
    let _third = take(&mut pool, 3, plain).unwrap();
    assert_eq!(pool.in_flight(), 2);
}

#[test]
fn a_pool_of_nothing_still_works() {
    assert_eq!(Pool::new(0).limit(), 1);
    assert_eq!(fixed(usize::MAX).limit(), MAX_IN_FLIGHT_MAX);
}

#[test]
fn the_least_of_all_maxima_holds_and_a_fixed_pool_stands_at_it() {
    let mut pool = Pool::new(64);
    assert_eq!((pool.limit(), pool.max()), (LIMIT_START, 64));
    pool.set_site(SiteSettings { max_in_flight: Some(40), ..SiteSettings::default() });
    pool.set_settings(PoolSettings { max_in_flight: Some(25), ..PoolSettings::default() });
    assert_eq!((pool.limit(), pool.max()), (LIMIT_START, 25));
    pool.set_settings(PoolSettings { adaptive: false, ..PoolSettings::default() });
    assert_eq!(pool.limit(), 40);
    pool.set_site(SiteSettings { max_in_flight: Some(4), ..SiteSettings::default() });
    assert_eq!((pool.limit(), pool.max()), (4, 4));
    let told: Vec<(usize, usize)> =
        pool.take_changes().iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(told, [(10, 40), (40, 4)]);
}

#[test]
fn a_permit_that_is_never_given_back_comes_back_at_its_deadline() {
    let mut pool = fixed(1);
    let hung = take(&mut pool, 1, plain).unwrap();
    assert_eq!(pool.poll_timeout(), Some(at(100)));
    assert_eq!(pool.handle_timeout(at(99)), []);
    assert_eq!(pool.handle_timeout(at(100)), [device(1)]);
    let again = take_at(&mut pool, 1, at(100), plain).unwrap();
    assert!(!pool.release(hung, Class::Ok, at(101)), "a late return frees nobody else's place");
    assert_eq!(pool.in_flight(), 1);
    assert!(pool.release(again, Class::Ok, at(101)));
}

#[test]
fn retries_are_at_most_a_tenth_of_what_runs_and_at_least_one() {
    let mut pool = fixed(40);
    let first = take(&mut pool, 1, retry).unwrap();
    assert_eq!(take(&mut pool, 2, retry), Err(Scarce::Retries), "one of one");
    let running: Vec<Lease> = (10..28).map(|n| take(&mut pool, n, plain).unwrap()).collect();
    let second = take(&mut pool, 2, retry).unwrap();
    assert_eq!(take(&mut pool, 3, retry), Err(Scarce::Retries), "two of twenty");
    drop(running);
    assert!(pool.release(first, Class::Timeout, at(0)) && pool.release(second, Class::Timeout, at(0)));
    let _next = take(&mut pool, 3, retry).unwrap();
}

#[test]
fn a_rollback_never_queues_behind_a_rollout() {
    let mut pool = fixed(2);
    let _running = [take(&mut pool, 1, plain).unwrap(), take(&mut pool, 2, plain).unwrap()];
    assert_eq!(take(&mut pool, 3, plain), Err(Scarce::Places));
    let rolling_back = take(&mut pool, 4, rollback).unwrap();
    assert_eq!(take(&mut pool, 5, rollback), Err(Scarce::Places), "one place is reserved, not the world");
    assert_eq!(take(&mut pool, 3, plain), Err(Scarce::Places), "nobody else gets it");
    assert!(pool.release(rolling_back, Class::Ok, at(0)));
}

#[test]
fn a_refusal_costs_no_start() {
    let mut pool = fixed(10);
    let rate = Some(Rate { per_1000s: 1000 });
    let adaptive = false;
    pool.set_settings(PoolSettings {
        adaptive,
        connect_rate: rate,
        credential_rate: rate,
        max_in_flight: None,
    });
    let _one = take(&mut pool, 1, plain).unwrap();
    (0..100).for_each(|_| assert_eq!(take(&mut pool, 2, plain), Err(Scarce::Starts)));
    assert_eq!(take_at(&mut pool, 1, at(1), plain), Err(Scarce::Device));
    let _two = take_at(&mut pool, 2, at(1), plain).unwrap();
}

#[test]
fn a_credential_has_a_rate_of_its_own_and_says_when() {
    let mut pool = fixed(10);
    let credential_rate = Some(Rate { per_1000s: 100 });
    pool.set_settings(PoolSettings { adaptive: false, credential_rate, ..PoolSettings::default() });
    let _one = take(&mut pool, 1, plain).unwrap();
    assert_eq!(take(&mut pool, 2, plain), Err(Scarce::Logins));
    let other = |ask: &mut Ask<'_>| ask.credential = "env:OTHER";
    let _two = take(&mut pool, 2, other).unwrap();
    let three = device(3);
    let deadline = at(100);
    let ask = Ask { device: &three, credential: "env:X", retry: false, work: Work::Rollout, deadline };
    let refused = pool.try_acquire(&ask, at(0)).unwrap_err();
    assert_eq!(refused.retry_at, Some(at(10)));
    assert_eq!(refused.to_string(), "the credential's start rate is reached; again at 00:00:10");
}

#[test]
fn work_is_asked_for_a_second_ahead_of_the_rate_and_within_the_limit() {
    let mut pool = fixed(10);
    assert_eq!((pool.room(0), pool.room(4), pool.room(11)), (10, 6, 0));
    let connect_rate = Some(Rate { per_1000s: 3000 });
    pool.set_settings(PoolSettings { adaptive: false, connect_rate, ..PoolSettings::default() });
    assert_eq!((pool.room(0), pool.room(2), pool.room(3)), (3, 1, 0));
}

#[test]
fn the_limit_follows_the_ends_and_tells_why() {
    let mut pool = Pool::new(64);
    let leases: Vec<Lease> = (0..10).map(|n| take(&mut pool, n, plain).unwrap()).collect();
    for (n, lease) in leases.into_iter().enumerate() {
        assert!(pool.release(lease, Class::Ok, at(0)));
        let _more = take(&mut pool, 100 + n, plain).unwrap();
    }
    assert_eq!(pool.limit(), 20);
    let overloaded = take(&mut pool, 7, plain).unwrap();
    assert!(pool.release(overloaded, Class::Overloaded, at(1)));
    let told: Vec<Change> = pool.take_changes().into();
    let told: Vec<_> = told.iter().map(|change| (change.from, change.to, change.why.as_str())).collect();
    assert_eq!(told, [(10, 20, "10 in a row were carried"), (20, 14, "d7 is overloaded")]);
}

#[derive(Debug, Clone)]
enum Step {
    Ask { n: usize, retry: bool, rollback: bool },
    End { pick: usize, class: Class },
    Wait(u64),
    Settings { max: u32, adaptive: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..30_usize, any::<bool>(), any::<bool>()).prop_map(|(n, retry, rollback)| Step::Ask {
            n,
            retry,
            rollback
        }),
        (any::<usize>(), prop::sample::select(Class::ALL))
            .prop_map(|(pick, class)| Step::End { pick, class }),
        (0..60_u64).prop_map(Step::Wait),
        (1..20_u32, any::<bool>()).prop_map(|(max, adaptive)| Step::Settings { max, adaptive }),
    ]
}

proptest! {
    #[test]
    fn no_permit_is_lost_or_given_twice_whatever_happens(steps in prop::collection::vec(step(), 1..200)) {
        let (mut pool, mut now, mut leases) = (Pool::new(16), at(0), vec![]);
        for step in steps {
            match step {
                Step::Ask { n, retry, rollback } => {
                    let (device, work) = (device(n), if rollback { Work::Rollback } else { Work::Rollout });
                    let deadline = now.plus(Duration::from_secs(40));
                    let ask = Ask { device: &device, credential: "env:X", retry, work, deadline };
                    let before = pool.in_flight();
                    if let Ok(lease) = pool.try_acquire(&ask, now) {
                        prop_assert!(before < pool.limit() + usize::from(rollback));
                        leases.push(lease);
                    } else {
                        prop_assert_eq!(before, pool.in_flight());
                    }
                }
                Step::End { pick, class } if !leases.is_empty() => {
                    let lease = leases.swap_remove(pick % leases.len());
                    pool.release(lease, class, now);
                }
                Step::End { .. } => {}
                Step::Wait(seconds) => {
                    now = now.plus(Duration::from_secs(seconds));
                    pool.handle_timeout(now);
                }
                Step::Settings { max, adaptive } => {
                    let max_in_flight = Some(max);
                    pool.set_settings(PoolSettings { max_in_flight, adaptive, ..PoolSettings::default() });
                }
            }
            prop_assert!((1..=pool.max()).contains(&pool.limit()));
            prop_assert!(pool.in_flight() <= leases.len());
        }
        pool.handle_timeout(now.plus(Duration::from_secs(40)));
        prop_assert_eq!(pool.in_flight(), 0);
    }
}
