//! What all trials on one fleet share: the plan of the real planner, and who is who in it.

use super::model::{Cause, Model};
use super::{fleet, random};
use crate::filter::Lookup;
use crate::id::SiteName;
use crate::inventory::{Device, Inventory, lookup};
use crate::pace::{Group, Watched};
use crate::plan::{Plan, PlanError, PlanInput, build};
use crate::rollout::{Layout, LayoutDevice};
use crate::spec::{Order, RolloutSpec};
use crate::task::{BreakerSettings, PoolSettings, Timeouts};
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

/// One fleet and the plan for it. Devices are numbered by their place in the inventory, so that every
/// spec meets the same world.
#[derive(Debug)]
pub struct Ground {
    pub(super) plan: Plan,
    layout: Layout,
    /// How many devices the inventory has.
    pub(super) inventory: usize,
    /// The planned devices, by rank.
    planned: Vec<u32>,
    /// The rank of each device; meaningless for one that is not planned.
    rank_of: Vec<u32>,
    /// The planned devices, in the order of the inventory.
    pub(super) listed: Vec<u32>,
    pub(super) sites: Vec<SiteName>,
    /// The number of each planned device's site.
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
        let planned =
            build(PlanInput { spec, inventory, files, vars, created_by, now: Timestamp::default() })?;
        let plan = planned.plan;
        let layout = plan.layout();
        let sites: Vec<SiteName> = layout.sites().iter().cloned().collect();
        let numbers: BTreeMap<&SiteName, u32> = sites.iter().zip(0u32..).collect();
        let by_number = inventory.devices.iter().zip(0u32..);
        let ranks = by_number.filter_map(|(device, number)| Some((layout.rank(&device.name)?, number)));
        let places: BTreeMap<u32, u32> = ranks.collect();
        let planned: Vec<u32> = places.into_values().collect();
        let mut rank_of = vec![0; inventory.devices.len()];
        for (number, rank) in planned.iter().zip(0u32..) {
            rank_of[*number as usize] = rank;
        }
        let mut listed = planned.clone();
        listed.sort_unstable();
        let site_of = |device: &Device| numbers.get(&device.site).copied().unwrap_or(0);
        let any = spec.strategy.canary.iter().map(|canary| canary.select.is_empty());
        let any = any.chain(spec.strategy.waves.iter().map(|wave| wave.filter.is_none()));
        let any: Vec<bool> = if plan.waves.len() == 1 { vec![true] } else { any.collect() };
        Ok(Self {
            inventory: inventory.devices.len(),
            planned,
            rank_of,
            listed,
            site_of: inventory.devices.iter().map(site_of).collect(),
            own_pools: sites.iter().map(|site| inventory.sites.get(site)?.max_in_flight).collect(),
            touched: model.failures.causes.iter().map(|cause| touched(cause, inventory)).collect(),
            platform_of: platforms(inventory),
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

    /// Draws the fleet with this number and plans `piece` for it; `None` when the model has no fleet.
    pub fn drawn(piece: Piece<'_>, model: &Model, seed: u64, number: u64) -> Result<Option<Self>, PlanError> {
        let Some(fleet) = &model.fleet else { return Ok(None) };
        let none = BTreeMap::new();
        let culprits = model.failures.causes.first().map_or(&none, |cause| &cause.labels);
        let inventory = fleet::draw(fleet, culprits, seed, number);
        Self::new(piece, &inventory, model).map(Some)
    }

    /// How many devices the plan has.
    pub fn devices(&self) -> usize {
        self.listed.len()
    }

    /// At how many sites.
    pub fn sites(&self) -> usize {
        self.sites.len()
    }

    /// The devices by rank in one trial: each trial has a shuffle of its own, as each plan has. Waves that
    /// take any device exchange theirs; a wave with a filter keeps its own.
    pub(super) fn ranked(&self, seed: u64, trial: u64) -> Vec<u32> {
        if !self.shuffled {
            return self.planned.clone();
        }
        let wave_of = |number: &u32| self.layout.devices[self.rank_of[*number as usize] as usize].wave;
        let is_free = |number: &u32| self.any.get(wave_of(number) as usize).copied().unwrap_or(false);
        let (mut free, mut bound): (Vec<u32>, Vec<u32>) = self.listed.iter().partition(|n| is_free(n));
        crate::plan::shuffle(&mut free, random::bytes(seed, "order", trial));
        crate::plan::shuffle(&mut bound, random::bytes(seed, "order within waves", trial));
        bound.sort_by_key(wave_of);
        let (mut free, mut bound) = (free.into_iter(), bound.into_iter());
        let next = |old: &u32| if is_free(old) { free.next() } else { bound.next() };
        self.planned.iter().filter_map(next).collect()
    }

    /// The plan's layout with its devices in the order of one trial.
    pub(super) fn layout_of(&self, ranked: &[u32]) -> Layout {
        let place = |(number, place): (&u32, &LayoutDevice)| {
            let device = &self.layout.devices[self.rank_of[*number as usize] as usize];
            LayoutDevice { name: device.name.clone(), site: device.site.clone(), wave: place.wave }
        };
        let devices = ranked.iter().zip(&self.layout.devices).map(place).collect();
        let mut layout = Layout::new(devices, self.layout.waves.clone(), self.layout.retry.clone());
        layout.max_parallel = self.layout.max_parallel;
        layout.max_parallel_per_site = self.layout.max_parallel_per_site;
        layout.skip_after = self.layout.skip_after;
        layout.device_wait = self.layout.device_wait;
        layout.site_probes = self.layout.site_probes;
        layout.connect_timeout = self.layout.connect_timeout;
        layout.budget = self.layout.budget;
        let of = |number: &u32| self.layout.watched.of[self.rank_of[*number as usize] as usize].clone();
        let Watched { keys, values, .. } = self.layout.watched.as_ref();
        let of = ranked.iter().map(of).collect();
        layout.watched = Arc::new(Watched { keys: *keys, values: values.clone(), of });
        layout
    }

    /// The planned devices of a group.
    pub(super) fn members(&self, group: &Group) -> Vec<u32> {
        let values: Vec<u16> = group
            .as_str()
            .split('&')
            .filter_map(|part| {
                self.layout.watched.values.iter().position(|value| value.label.to_string() == part)
            })
            .filter_map(|index| u16::try_from(index).ok())
            .collect();
        let has = |number: &&u32| {
            let own = &self.layout.watched.of[self.rank_of[**number as usize] as usize];
            !values.is_empty() && values.iter().all(|value| own.contains(value))
        };
        self.listed.iter().filter(has).copied().collect()
    }
}

fn touched(cause: &Cause, inventory: &Inventory) -> Vec<bool> {
    let is_touched = |device: &Device| {
        let site = inventory.sites.get(&device.site);
        let has = |(key, value): (&String, &String)| match lookup(device, site, &[key]) {
            Lookup::Text(own) => own == value.as_str(),
            Lookup::List(_) | Lookup::Unset | Lookup::Unknown | Lookup::Conflict(_) => false,
        };
        let there = cause.sites.is_empty() || cause.sites.iter().any(|site| site == device.site.as_str());
        there && cause.labels.iter().all(has)
    };
    inventory.devices.iter().map(is_touched).collect()
}

fn platforms(inventory: &Inventory) -> Vec<u32> {
    let names: BTreeSet<Option<&str>> =
        inventory.devices.iter().map(|device| device.platform.as_deref()).collect();
    let numbers: BTreeMap<Option<&str>, u32> = names.into_iter().zip(0u32..).collect();
    inventory.devices.iter().map(|device| numbers[&device.platform.as_deref()]).collect()
}
