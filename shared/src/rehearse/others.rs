//! Other systems' rules in the same worlds: what they stop at, and when they notice. Unreachable devices
//! are neutral for each of them, which is kind to them.

mod waves;

use super::ground::Ground;
use super::model::Rule;
use super::track::Track;
use super::world::World;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Runs `rule` over the inventory's order.
pub(super) fn run(rule: Rule, ground: &Ground, world: &World) -> Track {
    match rule {
        Rule::Waves => waves::run(ground, world),
        Rule::None | Rule::Brief | Rule::Ansible | Rule::Aws => Simple::new(rule, ground, world).run(),
    }
}

/// Who runs where: sites with pools, and the next end.
struct Floor<'a> {
    ground: &'a Ground,
    world: &'a World,
    free: Vec<usize>,
    waiting: Vec<VecDeque<u32>>,
    ends: BinaryHeap<Reverse<(i64, u32, bool)>>,
    now: i64,
    track: Track,
}

impl<'a> Floor<'a> {
    fn new(ground: &'a Ground, world: &'a World) -> Self {
        let (free, waiting) = (world.pools.clone(), vec![VecDeque::new(); world.pools.len()]);
        Self { ground, world, free, waiting, ends: BinaryHeap::new(), now: 0, track: Track::default() }
    }

    fn site(&self, device: u32) -> usize {
        self.ground.site_of[device as usize] as usize
    }

    /// Starts a device, or has it wait for its site.
    fn start(&mut self, device: u32) -> bool {
        let site = self.site(device);
        if self.free[site] == 0 {
            self.waiting[site].push_back(device);
            return false;
        }
        self.free[site] -= 1;
        self.track.start(self.world, device, self.now);
        let breaks = self.world.breaks(device, self.now);
        let whole = self.world.whole(device, breaks);
        self.ends.push(Reverse((self.now.saturating_add(whole), device, breaks)));
        true
    }

    /// The next end: the device, and whether it says that it failed; `None` for one that was silent.
    fn next(&mut self) -> Option<(u32, Option<bool>)> {
        let Reverse((at, device, breaks)) = self.ends.pop()?;
        let site = self.site(device);
        self.now = at;
        self.track.duration = at;
        self.free[site] += 1;
        let silent = self.world.silent[device as usize];
        let failed = breaks && self.world.told[device as usize];
        Some((device, (!silent).then_some(failed)))
    }
}

struct Simple<'a> {
    rule: Rule,
    floor: Floor<'a>,
    next: usize,
    batch_end: usize,
    batch: (u32, u32),
    failed: u32,
    seen: u32,
    /// Starts in a minute, and when the next may be.
    rate: i64,
    start_from: i64,
}

impl<'a> Simple<'a> {
    fn new(rule: Rule, ground: &'a Ground, world: &'a World) -> Self {
        let floor = Floor::new(ground, world);
        let mut simple = Self {
            rule,
            floor,
            next: 0,
            batch_end: 0,
            batch: (0, 0),
            failed: 0,
            seen: 0,
            rate: 50,
            start_from: 0,
        };
        simple.batch_end = simple.batch_size().min(ground.listed.len());
        simple
    }

    fn batch_size(&self) -> usize {
        let all = self.floor.ground.listed.len();
        if self.rule == Rule::Ansible { (all / 10).max(1) } else { all }
    }

    fn run(mut self) -> Track {
        loop {
            self.fill();
            let paced = self.rule == Rule::Aws && !self.floor.track.stopped && self.next < self.batch_end;
            if paced && self.floor.ends.peek().is_none_or(|Reverse((at, _, _))| *at > self.start_from) {
                self.floor.now = self.floor.now.max(self.start_from);
                continue;
            }
            let Some((device, failed)) = self.floor.next() else {
                if self.next_batch() {
                    continue;
                }
                return self.floor.track;
            };
            self.learn(failed);
            let site = self.floor.site(device);
            if !self.floor.track.stopped
                && let Some(waiting) = self.floor.waiting[site].pop_front()
            {
                self.floor.start(waiting);
            }
        }
    }

    fn fill(&mut self) {
        while !self.floor.track.stopped && self.next < self.batch_end {
            if self.rule == Rule::Aws && self.start_from > self.floor.now {
                return;
            }
            let device = self.floor.ground.listed[self.next];
            self.next += 1;
            if self.floor.start(device) && self.rule == Rule::Aws {
                if self.floor.track.started.is_multiple_of(1000) {
                    self.rate = (self.rate * 2).min(1000);
                }
                self.start_from = self.floor.now + 60_000_000 / self.rate;
            }
        }
    }

    fn next_batch(&mut self) -> bool {
        let all = self.floor.ground.listed.len();
        if self.rule != Rule::Ansible || self.floor.track.stopped {
            return false;
        }
        let (failed, ended) = self.batch;
        if failed * 100 > 30 * ended {
            self.floor.track.stopped = true;
            return false;
        }
        self.batch = (0, 0);
        let more = self.next < all;
        self.batch_end = (self.batch_end + self.batch_size()).min(all);
        more
    }

    fn learn(&mut self, failed: Option<bool>) {
        self.batch.1 += 1;
        let Some(failed) = failed else { return };
        self.seen += 1;
        self.failed += u32::from(failed);
        self.batch.0 += u32::from(failed);
        let stops = match self.rule {
            Rule::Brief => failed && (self.failed >= 5 || self.failed * 2 > self.seen),
            Rule::Aws => self.seen >= 10 && self.failed * 5 >= self.seen,
            Rule::None | Rule::Ansible | Rule::Waves => false,
        };
        self.floor.track.stopped |= stops;
    }
}
