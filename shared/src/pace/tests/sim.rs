//! Rollouts over modelled fleets in virtual time.

use super::super::{Budget, Decision, Entry, Pace, Verdict};
use super::world::{Dice, SITES, Spec, World};
use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

const POOL: u32 = 10;

/// How one rollout went.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) harmed: u32,
    /// Share of the good and reachable devices that got it.
    pub(super) delivered: f64,
    pub(super) stopped: bool,
    pub(super) held: Vec<String>,
    pub(super) wrong: u32,
    /// Duration over that of the same world with no stops and full parallelism.
    pub(super) price: f64,
}

/// One paced rollout.
pub(super) fn run(world: &World, budget: Budget) -> Run {
    let devices = &world.devices;
    let sites = devices.iter().map(|device| device.site).collect();
    let mut pace = Pace::new(world.watched.clone(), sites, budget);
    (0..devices.len() as u32).for_each(|rank| pace.offer(rank));
    let mut used = [0_u32; SITES as usize];
    let mut flight: BinaryHeap<Reverse<(Timestamp, u32)>> = BinaryHeap::new();
    let (mut now, mut harmed, mut delivered) = (Timestamp(0), 0, 0_u32);
    let mut end = now;
    loop {
        let mut door = |rank: u32| match used[devices[rank as usize].site as usize] {
            0..POOL => Entry::Free,
            POOL.. => Entry::SiteFull,
        };
        if let Some(rank) = pace.next(now, &mut door) {
            let device = &devices[rank as usize];
            pace.start(rank, now);
            used[device.site as usize] += 1;
            if !device.silent {
                pace.wrote(rank, now);
                harmed += u32::from(device.bad);
                delivered += u32::from(!device.bad);
            }
            flight.push(Reverse((now.plus(Duration::from_micros(device.micros)), rank)));
            continue;
        }
        let Some(Reverse((at, rank))) = flight.peek().copied() else { break };
        if let Some(due) = pace.poll_timeout().filter(|due| *due < at) {
            now = due;
            pace.tick(now);
            continue;
        }
        flight.pop();
        (now, end) = (at, at);
        let device = &devices[rank as usize];
        let verdict = match (device.silent, device.found) {
            (true, _) => Verdict::Neutral,
            (false, true) => Verdict::Failed,
            (false, false) => Verdict::Ok,
        };
        pace.finish(rank, verdict, (!device.silent).then(|| Duration::from_micros(device.micros)), now);
        used[device.site as usize] -= 1;
        pace.wake_site(device.site, 1);
    }
    let mut run = Run {
        harmed,
        delivered: f64::from(delivered)
            / devices.iter().filter(|device| !device.bad && !device.silent).count().max(1) as f64,
        stopped: pace.is_stopped(),
        held: Vec::new(),
        wrong: 0,
        price: end.0 as f64 / unpaced(world) as f64,
    };
    let decisions: Vec<Decision> = std::iter::from_fn(|| pace.poll_decision()).collect();
    for decision in decisions {
        if let Decision::Hold { group, .. } = decision {
            run.wrong += u32::from(world.is_wrong(group.as_str()));
            run.held.push(group.to_string());
        }
    }
    run
}

/// How long the world takes with no stops and everything in parallel that the pools let through.
fn unpaced(world: &World) -> i64 {
    let mut queues = vec![VecDeque::new(); SITES as usize];
    let mut fresh: BTreeSet<usize> = (0..world.devices.len()).collect();
    let mut used = [0_u32; SITES as usize];
    let mut flight = BinaryHeap::new();
    let mut now = 0;
    loop {
        while flight.len() < 1000 {
            let Some(rank) = fresh.pop_first() else { break };
            let device = &world.devices[rank];
            let site = device.site as usize;
            if used[site] == POOL {
                queues[site].push_back(rank);
                continue;
            }
            used[site] += 1;
            flight.push(Reverse((now + device.micros as i64, rank)));
        }
        let Some(Reverse((at, rank))) = flight.pop() else { return now };
        now = at;
        let site = world.devices[rank].site as usize;
        used[site] -= 1;
        fresh.extend(queues[site].pop_front());
    }
}

/// Many rollouts of one model.
pub(super) struct Runs(Vec<Run>);

impl Runs {
    pub(super) fn new(spec: &Spec, devices: usize, trials: u64, seed: u64, budget: Budget) -> Self {
        let one = |trial| run(&World::new(&mut Dice::new(seed * 1_000_003 + trial), devices, spec), budget);
        Self((0..trials).map(one).collect())
    }

    pub(super) fn all(&self) -> &[Run] {
        &self.0
    }

    /// Median, 95th percentile and worst of the harm.
    pub(super) fn harm(&self) -> (u32, u32, u32) {
        let mut harmed: Vec<u32> = self.0.iter().map(|run| run.harmed).collect();
        harmed.sort_unstable();
        let at = |share: f64| harmed[((harmed.len() - 1) as f64 * share).ceil() as usize];
        (at(0.5), at(0.95), at(1.0))
    }

    pub(super) fn mean(&self, of: impl Fn(&Run) -> f64) -> f64 {
        self.0.iter().map(of).sum::<f64>() / self.0.len() as f64
    }

    /// Median and 95th percentile of the price of the rollouts that were not stopped.
    pub(super) fn price(&self) -> (f64, f64) {
        let mut prices: Vec<f64> = self.0.iter().filter(|run| !run.stopped).map(|run| run.price).collect();
        prices.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            prices
                .get(((prices.len().max(1) - 1) as f64 * share).ceil() as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        (at(0.5), at(0.95))
    }
}

impl std::fmt::Display for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (median, p95, worst) = self.harm();
        let (price, price_p95) = self.price();
        let stopped = 100.0 * self.mean(|run| f64::from(u32::from(run.stopped)));
        let good = 100.0 * self.mean(|run| run.delivered);
        let held = self.mean(|run| run.held.len() as f64);
        let wrong = self.mean(|run| f64::from(run.wrong));
        write!(
            f,
            "{median:4} {p95:4} {worst:4}  mean {:6.2}  good {good:6.2}%  stop {stopped:5.1}%  held {held:.2} wrong {wrong:.3}  price {price:.3} {price_p95:.3}",
            self.mean(|run| f64::from(run.harmed))
        )
    }
}
