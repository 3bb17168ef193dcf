//! Ours: one level, and the whole tree of site, device and pool, around a call that succeeds.

use crate::GUARDED_CALL;
use criterion::Criterion;
use std::hint::black_box;
use std::time::Duration;
use switchyard_shared::breaker::{Attempt, Tree};
use switchyard_shared::id::{DeviceName, SiteName};
use switchyard_shared::outcome::Class;
use switchyard_shared::pool::{Ask, Pool, Work};
use switchyard_shared::time::Timestamp;

/// Devices that take turns, so that no window holds one of them twice in a row.
const DEVICES: usize = 1000;
/// Time between two calls.
const STEP: Duration = Duration::from_micros(100);
const LEASE: Duration = Duration::from_secs(60);
const CREDENTIAL: &str = "file:/etc/switchyard/key";

pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(GUARDED_CALL);
    let devices = devices();
    let site = SiteName::new("lon").expect("a name");
    group.bench_function("breakers", |b| {
        let (mut turn, mut now) = (0, Timestamp(0));
        let mut tree = Tree::new(site.clone(), 7, now);
        b.iter(|| {
            let device = &devices[turn % DEVICES];
            (turn, now) = (turn + 1, now.plus(STEP));
            let admission = tree.try_acquire(&attempt(device, now), now).expect("closed");
            tree.finish(admission, black_box(Class::Ok), now)
        });
    });
    group.bench_function("tree", |b| {
        let (mut turn, mut now) = (0, Timestamp(0));
        let mut tree = Tree::new(site.clone(), 7, now);
        let mut pool = Pool::new(64);
        b.iter(|| {
            let device = &devices[turn % DEVICES];
            (turn, now) = (turn + 1, now.plus(STEP));
            let admission = tree.try_acquire(&attempt(device, now), now).expect("closed");
            let deadline = now.plus(LEASE);
            let ask = Ask { device, credential: CREDENTIAL, retry: false, work: Work::Rollout, deadline };
            let lease = pool.try_acquire(&ask, now).expect("room");
            let finished = tree.finish(admission, black_box(Class::Ok), now);
            (pool.release(lease, Class::Ok, now), finished)
        });
    });
    group.finish();
}

fn attempt(device: &DeviceName, now: Timestamp) -> Attempt<'_> {
    let connect_timeout = Duration::from_secs(5);
    Attempt { device, credential: CREDENTIAL, connect_timeout, deadline: now.plus(LEASE), first: true }
}

fn devices() -> Vec<DeviceName> {
    (0..DEVICES).map(|n| DeviceName::new(format!("edge-{n:04}")).expect("a name")).collect()
}
