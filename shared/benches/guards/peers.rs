//! The others: recloser, failsafe, a semaphore and a rate limiter, each around a call that succeeds.

use crate::GUARDED_CALL;
use criterion::Criterion;
use failsafe::{CircuitBreaker, backoff, failure_policy};
use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use recloser::Recloser;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(GUARDED_CALL);
    let call = || black_box(Ok::<u32, ()>(1));
    group.bench_function("nothing", |b| b.iter(call));
    let breaker = Recloser::default();
    group.bench_function("recloser", |b| b.iter(|| breaker.call(call)));
    let policy = failure_policy::consecutive_failures(5, backoff::constant(Duration::from_secs(30)));
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    group.bench_function("failsafe", |b| b.iter(|| breaker.call(call)));
    let semaphore = tokio::sync::Semaphore::new(64);
    group.bench_function("tokio_semaphore", |b| {
        b.iter(|| semaphore.try_acquire().map(|permit| (call(), drop(permit))).is_ok());
    });
    // The time stands still for it as it does for ours: neither reads a clock, and no call is refused.
    let limiter =
        RateLimiter::direct_with_clock(Quota::per_second(NonZeroU32::MAX), FakeRelativeClock::default());
    group.bench_function("governor", |b| b.iter(|| limiter.check().map(|_| call())));
    group.finish();
}
