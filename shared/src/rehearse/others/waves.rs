//! Waves of 1, 5, 25, 125, … with a barrier after each, and a detector that was told to watch the platform.

use super::{Floor, Ground, Track, World};
use std::collections::VecDeque;

/// Log-likelihood steps for a share of 10 % against 1 %: a failure, and a success.
const UP: f64 = std::f64::consts::LN_10;
const DOWN: f64 = -0.095_310_179_804_324_87;
/// A platform is held at this, the rollout stops at that; the second is lower for the first ten results.
const HOLD: f64 = 6.9;
const STOP: f64 = 9.2;
const STOP_FIRST: f64 = 4.595;
const FIRST: usize = 10;

struct Waves<'a> {
    floor: Floor<'a>,
    platforms: usize,
    held: Vec<bool>,
    log: Vec<(u32, bool)>,
    scores: Vec<f64>,
    /// Platforms with a success; until then each has one device in flight.
    proven: Vec<bool>,
    flying: Vec<u32>,
    waiting: Vec<VecDeque<u32>>,
    next: usize,
}

pub(super) fn run(ground: &Ground, world: &World) -> Track {
    let platforms = ground.platform_of.iter().max().map_or(0, |most| *most as usize + 1);
    let floor = Floor::new(ground, world);
    let (held, scores) = (vec![false; platforms], vec![0.0; platforms + 1]);
    let (proven, flying) = (vec![false; platforms], vec![0; platforms]);
    let waiting = vec![VecDeque::new(); platforms];
    let log = Vec::new();
    let mut waves = Waves { floor, platforms, held, log, scores, proven, flying, waiting, next: 0 };
    let mut size = 1;
    while waves.next < ground.listed.len() && !waves.floor.track.stopped {
        waves.wave(size);
        size *= 5;
    }
    waves.floor.track
}

impl Waves<'_> {
    fn wave(&mut self, size: usize) {
        let listed = &self.floor.ground.listed;
        let mut taken = 0;
        while taken < size && self.next < listed.len() {
            let device = listed[self.next];
            self.next += 1;
            if !self.is_held(device) {
                taken += 1;
                self.start(device);
            }
        }
        while let Some((device, failed)) = self.floor.next() {
            let platform = self.platform(device);
            self.flying[platform] = self.flying[platform].saturating_sub(1);
            if let Some(failed) = failed {
                self.learn(device, failed);
            }
            let site = self.floor.site(device);
            let at_site = std::mem::take(&mut self.floor.waiting[site]);
            let of_platform = std::mem::take(&mut self.waiting[platform]);
            at_site.into_iter().chain(of_platform).for_each(|device| self.start(device));
        }
    }

    /// Starts a device, or has it wait for its site or for the first success of its platform.
    fn start(&mut self, device: u32) {
        let platform = self.platform(device);
        if self.floor.track.stopped || self.held[platform] {
            return;
        }
        if !self.proven[platform] && self.flying[platform] > 0 {
            self.waiting[platform].push_back(device);
        } else if self.floor.start(device) {
            self.flying[platform] += 1;
        }
    }

    fn platform(&self, device: u32) -> usize {
        self.floor.ground.platform_of[device as usize] as usize
    }

    fn is_held(&self, device: u32) -> bool {
        self.held[self.platform(device)]
    }

    fn learn(&mut self, device: u32, failed: bool) {
        self.log.push((device, failed));
        if self.is_held(device) {
            return;
        }
        let platform = self.platform(device);
        self.step(platform, failed);
        if !failed {
            self.proven[platform] = true;
            return;
        }
        if self.scores[platform] >= HOLD {
            self.hold(platform);
        }
        let stop = if self.log.len() <= FIRST { STOP_FIRST } else { STOP };
        let held = self.held.iter().filter(|held| **held).count();
        self.floor.track.stopped |=
            self.scores[self.platforms] >= stop || held >= (self.platforms / 2).clamp(1, 3);
    }

    fn step(&mut self, platform: usize, failed: bool) {
        for level in [platform, self.platforms] {
            let step = if failed { UP } else { DOWN };
            self.scores[level] = (self.scores[level] + step).max(0.0);
        }
    }

    /// Holds a platform and counts the others anew, as if it had never been there.
    fn hold(&mut self, platform: usize) {
        self.held[platform] = true;
        self.scores.fill(0.0);
        for (device, failed) in std::mem::take(&mut self.log) {
            if !self.is_held(device) {
                let platform = self.platform(device);
                self.step(platform, failed);
            }
            self.log.push((device, failed));
        }
    }
}
