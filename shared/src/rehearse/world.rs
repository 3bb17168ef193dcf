//! One world: which devices are broken or silent, and how long each takes. Every rule meets the same one.

use super::ground::Ground;
use super::model::{Dark, DarkWhen, Handshake, Model, Spread};
use super::random::Stream;
use super::replay::{Recorded, Seen};
use std::time::Duration;

/// An instant that never comes.
const NEVER: i64 = i64::MAX;

/// Devices are numbered by their place in the inventory; durations are microseconds since the rollout began.
#[derive(Debug)]
pub(super) struct World {
    /// From when on the change breaks the device.
    bad_from: Vec<i64>,
    /// Whether its post-check says so.
    pub(super) told: Vec<bool>,
    pub(super) silent: Vec<bool>,
    pub(super) handshake: Vec<i64>,
    work: Vec<i64>,
    slower: f64,
    /// The size of each site's pool.
    pub(super) pools: Vec<usize>,
    pub(super) connect_timeout: i64,
    /// When each site goes dark, if it does.
    pub(super) dark: Vec<Option<DarkWhen>>,
}

impl World {
    pub(super) fn draw(ground: &Ground, model: &Model, seed: u64, trial: u64) -> Self {
        let mut truth = Stream::new(seed, "truth", trial);
        let mut time = Stream::new(seed, "time", trial);
        let mut chance = Stream::new(seed, "circumstances", trial);
        let count = ground.inventory;
        let bad_from: Vec<i64> =
            (0..count).map(|device| bad_from(ground, model, device, &mut truth)).collect();
        let silent = (0..count).map(|_| truth.chance(model.unreachable)).collect();
        let told = (0..count).map(|_| truth.chance(model.sensitivity)).collect();
        let latency = one_of(&model.latency, &mut chance);
        let shaken = one_of(&model.handshake, &mut chance);
        let work = (0..count).map(|_| duration(latency, &mut time)).collect();
        let handshake = (0..count).map(|_| answer(shaken, &mut time)).collect();
        let pool = model.fleet.as_ref().map(|fleet| *one_of(&fleet.pools, &mut chance));
        let timeouts = model.dark.as_ref().map_or(&[][..], |dark| &dark.timeouts);
        let timeout =
            if timeouts.is_empty() { ground.timeouts.connect } else { *one_of(timeouts, &mut chance) };
        Self {
            bad_from,
            told,
            silent,
            handshake,
            work,
            slower: model.failures.slower,
            pools: ground.own_pools.iter().map(|own| pool_size(ground, *own, pool)).collect(),
            connect_timeout: micros(timeout),
            dark: ground.sites.iter().map(|site| dark(model.dark.as_ref(), site.as_str())).collect(),
        }
    }

    /// The world of a rollout that happened; a device of which nothing is known is good and takes as long
    /// as half of the others.
    pub(super) fn recorded(ground: &Ground, recorded: &[Recorded]) -> Self {
        let known = recorded.iter().filter(|device| matches!(device.seen, Seen::Good | Seen::Broken));
        let mut took: Vec<i64> = known.map(|device| micros(device.took)).collect();
        took.sort_unstable();
        let usual = took.get(took.len() / 2).copied().unwrap_or(0);
        let work = |device: &Recorded| match device.seen {
            Seen::Good | Seen::Broken => micros(device.took),
            Seen::Silent | Seen::Untried => usual,
        };
        Self {
            bad_from: recorded.iter().map(|d| if d.seen == Seen::Broken { 0 } else { NEVER }).collect(),
            told: vec![true; recorded.len()],
            silent: recorded.iter().map(|device| device.seen == Seen::Silent).collect(),
            handshake: vec![0; recorded.len()],
            work: recorded.iter().map(work).collect(),
            slower: 1.0,
            pools: ground.own_pools.iter().map(|own| pool_size(ground, *own, None)).collect(),
            connect_timeout: micros(ground.timeouts.connect),
            dark: vec![None; ground.sites.len()],
        }
    }

    /// Whether the change breaks the device when an attempt begins at this instant.
    pub(super) fn breaks(&self, device: u32, at: i64) -> bool {
        at >= self.bad_from[device as usize]
    }

    /// Whether the change ever breaks the device.
    pub(super) fn is_bad(&self, device: u32) -> bool {
        self.bad_from[device as usize] != NEVER
    }

    /// Whether the change never breaks it and it can be reached.
    pub(super) fn is_good(&self, device: u32) -> bool {
        !self.is_bad(device) && !self.silent[device as usize]
    }

    /// How long the work takes after the handshake.
    pub(super) fn work(&self, device: u32, breaks: bool) -> i64 {
        let work = self.work[device as usize];
        if breaks { scaled(work, self.slower) } else { work }
    }

    /// How long an attempt takes in all, at a site that is not dark.
    pub(super) fn whole(&self, device: u32, breaks: bool) -> i64 {
        if self.silent[device as usize] {
            self.connect_timeout
        } else {
            self.handshake[device as usize].min(self.connect_timeout) + self.work(device, breaks)
        }
    }
}

fn bad_from(ground: &Ground, model: &Model, device: usize, truth: &mut Stream) -> i64 {
    let mut from = if truth.chance(model.failures.overall) { 0 } else { NEVER };
    for (cause, touched) in model.failures.causes.iter().zip(&ground.touched) {
        if truth.chance(cause.probability) && touched[device] {
            from = from.min(micros(cause.from));
        }
    }
    from
}

fn pool_size(ground: &Ground, own: Option<u32>, drawn: Option<u32>) -> usize {
    let per_site = Some(ground.max_parallel_per_site).filter(|most| *most > 0);
    let least = [own, drawn, ground.pools.max_in_flight, per_site].into_iter().flatten().min();
    least.map_or(crate::pool::MAX_IN_FLIGHT_DEFAULT, |size| usize::try_from(size).unwrap_or(usize::MAX))
}

fn dark(dark: Option<&Dark>, site: &str) -> Option<DarkWhen> {
    let dark = dark?;
    dark.sites.iter().any(|named| named == site).then_some(dark.when)
}

fn one_of<'a, T>(all: &'a [T], stream: &mut Stream) -> &'a T {
    &all[stream.below(all.len())]
}

fn answer(handshake: &Handshake, stream: &mut Stream) -> i64 {
    let usual = duration(&handshake.spread, stream);
    if !handshake.stragglers {
        return usual;
    }
    let (lost, slow, extra) = (stream.share(), stream.chance(0.02), stream.share());
    match (slow, lost) {
        (true, _) => scaled(1_000_000, 2.0 + 4.0 * extra),
        (false, lost) if lost < 0.002 => usual + 3_000_000,
        (false, lost) if lost < 0.012 => usual + 1_000_000,
        (false, _) => usual,
    }
}

fn duration(spread: &Spread, stream: &mut Stream) -> i64 {
    match spread {
        Spread::LogNormal { median, sigma } => scaled(micros(*median), (sigma * stream.normal()).exp()),
        Spread::Even { from, to } => micros(*from) + scaled(micros(*to) - micros(*from), stream.share()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "days in microseconds fit a double"
)]
fn scaled(micros: i64, by: f64) -> i64 {
    (micros as f64 * by) as i64
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
