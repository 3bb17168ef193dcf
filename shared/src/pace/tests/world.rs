//! Modelled fleets: labels that depend on each other, devices that the change breaks, how long each takes.

use super::super::{Label, Value, Watched};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

pub(super) const SITES: u32 = 100;
const KEYS: [(&str, usize); 7] =
    [("platform", 10), ("model", 30), ("os", 15), ("role", 6), ("template", 8), ("region", 5), ("agent", 3)];

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// Share of all devices that the change breaks.
    pub(super) bad: f64,
    /// Key and value that must all be there ...
    pub(super) of: &'static [(&'static str, u16)],
    /// ... for this share of them to be broken.
    pub(super) share: f64,
    /// Share that nobody reaches.
    pub(super) silent: f64,
    /// How many times longer a failure takes.
    pub(super) slow: f64,
    /// Share of the broken ones that the post-check finds.
    pub(super) found: f64,
}

pub(super) const NONE: Spec = Spec { bad: 0.0, of: &[], share: 1.0, silent: 0.0, slow: 1.0, found: 1.0 };

pub(super) struct Device {
    pub(super) site: u32,
    pub(super) bad: bool,
    pub(super) found: bool,
    pub(super) silent: bool,
    pub(super) micros: u64,
}

pub(super) struct World {
    pub(super) devices: Vec<Device>,
    pub(super) watched: Arc<Watched>,
}

/// Random numbers that are the same everywhere.
pub(super) struct Dice(ChaCha12Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// From 0 to below 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (self.share() * f64::from(bound)) as u32
    }

    /// The index of one of `shares`, which add up to 1.
    fn pick(&mut self, shares: &[f64]) -> u32 {
        let mut left = self.share();
        let before = |share: &&f64| {
            left -= **share;
            left >= 0.0
        };
        (shares.iter().take_while(before).count() as u32).min(shares.len() as u32 - 1)
    }

    fn normal(&mut self) -> f64 {
        let (one, other) = (1.0 - self.share(), self.share());
        (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
    }
}

impl World {
    /// A fleet of `count` devices in rank order: the order is random already.
    pub(super) fn new(dice: &mut Dice, count: usize, spec: &Spec) -> Self {
        let mut labels = Vec::with_capacity(count);
        let mut devices = Vec::with_capacity(count);
        for _ in 0..count {
            let (site, of) = labels_of(dice);
            let selected = spec.of.iter().all(|(key, value)| {
                KEYS.iter().zip(of).any(|((name, _), has)| name == key && has == u32::from(*value))
            });
            let chosen = !spec.of.is_empty() && selected && dice.share() < spec.share;
            let bad = dice.share() < spec.bad || chosen;
            let silent = dice.share() < spec.silent;
            let found = bad && dice.share() < spec.found;
            let slow = if silent { 3.0 } else { 1.0 } * if bad { spec.slow } else { 1.0 };
            let micros = (10e6 * (0.4 * dice.normal()).exp() * slow) as u64;
            devices.push(Device { site, bad, found, silent, micros });
            labels.push(of);
        }
        Self { devices, watched: Arc::new(watch(&labels)) }
    }

    /// Whether less than 30 % of the devices with all of `names` are broken.
    pub(super) fn is_wrong(&self, group: &str) -> bool {
        let wanted: Vec<u16> = group
            .split('&')
            .filter_map(|name| self.watched.values.iter().position(|value| value.label.to_string() == name))
            .map(|value| value as u16)
            .collect();
        let has = |of: &[u16]| wanted.iter().all(|value| of.contains(value));
        let members = || self.watched.of.iter().zip(&self.devices).filter(|(of, _)| has(of));
        let bad = members().filter(|(_, device)| device.bad).count();
        (bad as f64) < 0.3 * members().count() as f64
    }
}

fn labels_of(dice: &mut Dice) -> (u32, [u32; 7]) {
    let site = dice.below(SITES);
    let platform = dice.below(10);
    let model = platform * 3 + dice.pick(&[0.6, 0.3, 0.1]);
    let step = [0, 3, 7][dice.pick(&[0.6, 0.3, 0.1]) as usize];
    let os = (platform + step + if platform >= 5 { 2 } else { 0 }) % 15;
    let role = dice.pick(&[0.4, 0.25, 0.15, 0.1, 0.06, 0.04]);
    let template = if dice.share() < 0.5 { role } else { dice.below(8) };
    let agent = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][site as usize % 10];
    (site, [platform, model, os, role, template, site / 20, agent])
}

fn watch(labels: &[[u32; 7]]) -> Watched {
    let mut counts: Vec<Vec<u32>> = KEYS.iter().map(|(_, values)| vec![0; *values]).collect();
    for of in labels {
        for (key, value) in of.iter().enumerate() {
            counts[key][*value as usize] += 1;
        }
    }
    let mut values = Vec::new();
    let mut index: Vec<Vec<u16>> = KEYS.iter().map(|(_, values)| vec![0; *values]).collect();
    for (key, (name, _)) in KEYS.iter().enumerate() {
        for (value, devices) in counts[key].iter().enumerate().filter(|(_, devices)| **devices > 0) {
            index[key][value] = values.len() as u16;
            let label = Label { key: (*name).into(), value: value.to_string() };
            values.push(Value { label, devices: *devices });
        }
    }
    let of = labels
        .iter()
        .map(|of| of.iter().enumerate().map(|(key, value)| index[key][*value as usize]).collect())
        .collect();
    Watched { keys: KEYS.len() as u32, values, of }
}
