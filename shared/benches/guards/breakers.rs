//! Ours: the breakers of site, credential and device, and with the pool, around a call that succeeds.

use crate::GUARDED_CALL;
use criterion::Criterion;
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;
use switchyard_shared::breaker::{Admission, Attempt, Fate, Tree};
use switchyard_shared::id::{DeviceName, SiteName};
use switchyard_shared::outcome::Class;
use switchyard_shared::pool::{Ask, Lease, Pool, Work};
use switchyard_shared::task::PoolSettings;
use switchyard_shared::time::Timestamp;

/// Devices that take turns, so that no window holds one of them twice in a row.
const DEVICES: usize = 1000;
/// Time between two calls.
const STEP: Duration = Duration::from_micros(100);
const LEASE: Duration = Duration::from_secs(60);
const CREDENTIAL: &str = "file:/etc/switchyard/key";
/// Attempts in flight where a site is busy: all that a pool takes by itself.
const BUSY: usize = 64;
/// Calls that succeed, one after the other, before the measurement.
const SLOW_START_CALLS: usize = 500;

pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(GUARDED_CALL);
    group.bench_function("breakers", |b| {
        let mut site = Site::new();
        b.iter(|| {
            let (device, _) = site.next();
            let admission = site.admit(device);
            site.end(admission)
        });
    });
    group.bench_function("tree", |b| {
        let mut site = Site::new();
        b.iter(|| site.call(1));
    });
    group.bench_function("tree_busy", |b| {
        let mut site = Site::new();
        for _ in 1..BUSY {
            site.start();
        }
        b.iter(|| site.call(BUSY));
    });
    group.finish();
}

/// A site whose slow start is over.
struct Site {
    tree: Tree,
    pool: Pool,
    devices: Vec<DeviceName>,
    turn: usize,
    now: Timestamp,
    flight: VecDeque<(Admission, Lease)>,
}

impl Site {
    fn new() -> Self {
        let now = Timestamp(0);
        let mut tree = Tree::new(SiteName::new("lon").expect("a name"), 7, now);
        tree.set_pool(u32::try_from(BUSY).expect("small"));
        tree.credential_changed(CREDENTIAL, 1, now);
        let mut pool = Pool::new(BUSY);
        pool.set_settings(PoolSettings { adaptive: false, ..PoolSettings::default() });
        let mut site = Self { tree, pool, devices: devices(), turn: 0, now, flight: VecDeque::new() };
        for _ in 0..SLOW_START_CALLS {
            site.call(1);
        }
        assert_eq!(site.tree.allowance(site.now), None, "the slow start is over");
        site
    }

    fn next(&mut self) -> (usize, Timestamp) {
        (self.turn, self.now) = ((self.turn + 1) % DEVICES, self.now.plus(STEP));
        (self.turn, self.now)
    }

    fn admit(&mut self, device: usize) -> Admission {
        let attempt = attempt(&self.devices[device], self.now);
        let admission = self.tree.try_acquire(&attempt, self.now).expect("closed");
        self.tree.handshake(&admission, self.now.plus(took(device)), self.now);
        self.tree.accepted(&admission);
        admission
    }

    fn end(&mut self, admission: Admission) -> Fate {
        self.tree.finish(admission, black_box(Class::Ok), self.now)
    }

    fn start(&mut self) {
        let (device, now) = self.next();
        let admission = self.admit(device);
        let (device, deadline) = (&self.devices[device], now.plus(LEASE));
        let ask = Ask { device, credential: CREDENTIAL, retry: false, work: Work::Rollout, deadline };
        let lease = self.pool.try_acquire(&ask, now).expect("room");
        self.flight.push_back((admission, lease));
    }

    /// Starts one; the oldest of `in_flight` ends.
    fn call(&mut self, in_flight: usize) -> bool {
        self.start();
        assert_eq!(self.flight.len(), in_flight);
        let (admission, lease) = self.flight.pop_front().expect("just started");
        self.end(admission);
        self.pool.release(lease, Class::Ok, self.now)
    }
}

/// Handshakes take 20 to 80 ms, each device's another time.
fn took(device: usize) -> Duration {
    Duration::from_millis(20 + (device as u64 * 37) % 61)
}

fn attempt(device: &DeviceName, now: Timestamp) -> Attempt<'_> {
    let connect_timeout = Duration::from_secs(5);
    Attempt { device, credential: CREDENTIAL, connect_timeout, deadline: now.plus(LEASE), first: true }
}

fn devices() -> Vec<DeviceName> {
    (0..DEVICES).map(|n| DeviceName::new(format!("edge-{n:04}")).expect("a name")).collect()
}
