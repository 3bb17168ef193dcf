//! What all trials on one fleet share: the plan of the real planner, and who is who in it.

use super::model::{Cause, Model};
use super::{fleet, random};
use crate::filter::Lookup;
use crate::id::SiteName;
use crate::inventory::{Inventory, lookup};
use crate::plan::{Plan, PlanError, PlanInput, build};
use crate::rollout::{Layout, LayoutDevice};
use crate::spec::{Order, RolloutSpec};
use crate::task::{BreakerSettings, PoolSettings, Timeouts};
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a rehearsal plans.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The spec.
    pub spec: &'a RolloutSpec,
    /// The files of the spec, by the path that it names.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// Vars of the command line.
    pub vars: &'a BTreeMap<String, Value>,
}

/// One fleet and the plan for it. Devices are numbered by their place in this plan.
#[derive(Debug)]
pub struct Ground {
    pub(super) plan: Plan,
    pub(super) layout: Layout,
    /// The device numbers in the order of the inventory.
    pub(super) listed: Vec<u32>,
    pub(super) sites: Vec<SiteName>,
    /// The number of each device's site.
    pub(super) site_of: Vec<u32>,
    /// The pool that the inventory gives each site.
    pub(super) own_pools: Vec<Option<u32>>,
    /// For each cause, whether it is about a device.
    pub(super) touched: Vec<Vec<bool>>,
    /// A number for each device's platform.
    pub(super) platform_of: Vec<u32>,
    pub(super) max_parallel_per_site: u32,
    pub(super) breakers: BreakerSettings,
    pub(super) pools: PoolSettings,
    pub(super) timeouts: Timeouts,
    shuffled: bool,
    /// Whether the devices of a wave were taken without a filter.
    any: Vec<bool>,
}

impl Ground {
    /// Plans `piece` for `inventory`.
    pub fn new(piece: Piece<'_>, inventory: &Inventory, model: &Model) -> Result<Self, PlanError> {
        let Piece { spec, files, vars } = piece;
        let created_by = "rehearsal";
        let planned = build(PlanInput { spec, inventory, files, vars, created_by, now: Timestamp::default() })?;
        let (plan, layout) = (planned.plan.clone(), planned.plan.layout());
        let sites: Vec<SiteName> = layout.sites().iter().cloned().collect();
        let numbers: BTreeMap<&SiteName, u32> = sites.iter().zip(0u32..).collect();
        let site_of = layout.devices.iter().map(|device| numbers[&device.site]).collect();
        let own_pools = sites.iter().map(|site| inventory.sites.get(site)?.max_in_flight).collect();
        let any = spec.strategy.canary.iter().map(|canary| canary.select.is_empty());
        let any = any.chain(spec.strategy.waves.iter().map(|wave| wave.filter.is_none()));
        let any: Vec<bool> = if plan.waves.len() == 1 { vec![true] } else { any.collect() };
        Ok(Self {
            listed: inventory.devices.iter().filter_map(|device| layout.rank(&device.name)).collect(),
            touched: model.failures.causes.iter().map(|cause| touched(cause, inventory, &layout)).collect(),
            platform_of: platforms(&plan),
            site_of,
            own_pools,
            sites,
            max_parallel_per_site: spec.strategy.max_parallel_per_site,
            breakers: spec.breakers,
            pools: spec.pools,
            timeouts: spec.timeouts,
            shuffled: spec.strategy.order == Order::Shuffled,
            any,
            plan,
            layout,
        })
    }

    /// Draws the fleet with this number and plans `piece` for it.
    pub fn drawn(piece: Piece<'_>, model: &Model, seed: u64, number: u64) -> Result<Option<Self>, PlanError> {
        let Some(fleet) = &model.fleet else { return Ok(None) };
        let none = BTreeMap::new();
        let culprits = model.failures.causes.first().map_or(&none, |cause| &cause.labels);
        let inventory = fleet::draw(fleet, culprits, seed, number);
        Self::new(piece, &inventory, model).map(Some)
    }

    /// How many devices the plan has.
    pub fn devices(&self) -> usize {
        self.site_of.len()
    }

    /// The device numbers by rank in one trial: each trial has a shuffle of its own, as each plan has.
    /// Waves that take any device exchange theirs; a wave with a filter keeps its own.
    pub(super) fn ranked(&self, seed: u64, trial: u64) -> Vec<u32> {
        let count = u32::try_from(self.devices()).unwrap_or(u32::MAX);
        if !self.shuffled {
            return (0..count).collect();
        }
        let wave_of = |number: &u32| self.layout.devices[*number as usize].wave;
        let is_free = |number: &u32| self.any.get(wave_of(number) as usize).copied().unwrap_or(false);
        let (mut free, mut bound): (Vec<u32>, Vec<u32>) = (0..count).partition(is_free);
        crate::plan::shuffle(&mut free, random::bytes(seed, "order", trial));
        crate::plan::shuffle(&mut bound, random::bytes(seed, "order within waves", trial));
        bound.sort_by_key(wave_of);
        let (mut free, mut bound) = (free.into_iter(), bound.into_iter());
        let next = |place: u32| if is_free(&place) { free.next() } else { bound.next() };
        (0..count).filter_map(next).collect()
    }

    /// The plan's layout with its devices in the order of one trial.
    pub(super) fn layout_of(&self, ranked: &[u32]) -> Layout {
        let place = |(number, place): (&u32, &LayoutDevice)| {
            let device = &self.layout.devices[*number as usize];
            LayoutDevice { name: device.name.clone(), site: device.site.clone(), wave: place.wave }
        };
        let devices = ranked.iter().zip(&self.layout.devices).map(place).collect();
        let mut layout = Layout::new(devices, self.layout.waves.clone(), self.layout.retry.clone());
        layout.max_parallel = self.layout.max_parallel;
        layout.max_parallel_per_site = self.layout.max_parallel_per_site;
        layout.skip_after = self.layout.skip_after;
        layout.device_wait = self.layout.device_wait;
        layout.site_probes = self.layout.site_probes;
        layout
    }
}

fn touched(cause: &Cause, inventory: &Inventory, layout: &Layout) -> Vec<bool> {
    let mut touched = vec![false; layout.devices.len()];
    for device in &inventory.devices {
        let Some(number) = layout.rank(&device.name) else { continue };
        let site = inventory.sites.get(&device.site);
        let has = |(key, value): (&String, &String)| match lookup(device, site, &[key]) {
            Lookup::Text(own) => own == value.as_str(),
            Lookup::List(_) | Lookup::Unset | Lookup::Unknown | Lookup::Conflict(_) => false,
        };
        let there = cause.sites.is_empty() || cause.sites.iter().any(|site| site == device.site.as_str());
        touched[number as usize] = there && cause.labels.iter().all(has);
    }
    touched
}

fn platforms(plan: &Plan) -> Vec<u32> {
    let names: BTreeSet<Option<&str>> = plan.devices.iter().map(|device| device.platform.as_deref()).collect();
    let numbers: BTreeMap<Option<&str>, u32> = names.into_iter().zip(0u32..).collect();
    plan.devices.iter().map(|device| numbers[&device.platform.as_deref()]).collect()
}
