//! Which devices of the inventory a group means, for a rollout that cannot hold them by itself.

use super::world::{Active, World};
use crate::refused::Refused;
use std::collections::BTreeSet;
use switchyard_shared::filter::{Filter, Lookup};
use switchyard_shared::id::DeviceName;
use switchyard_shared::inventory::{self, Device};
use switchyard_shared::pace::Group;

/// Keys that the pace watches and that are no field of a device of the inventory.
const WATCHED_ONLY: [&str; 4] = ["template", "group", "model", "version"];

impl World {
    /// A key that no device has holds nothing, now and later: it is a slip.
    pub(super) fn check_group(&self, group: &Group) -> Result<(), Refused> {
        for part in group.as_str().split('&') {
            let key = part.split_once('=').map_or(part, |(key, _)| key);
            if WATCHED_ONLY.contains(&key) || self.is_watched(key) {
                continue;
            }
            let known = Filter::parse(&format!("{key}:*"))
                .and_then(|filter| inventory::select(&self.inventory, &filter).map(|_| ()));
            if let Err(error) = known {
                return Err(Refused::BadRequest { field: "name".into(), why: error.message });
            }
        }
        Ok(())
    }

    fn is_watched(&self, key: &str) -> bool {
        let live = self.rollouts.live();
        live.flat_map(|active| &active.rollout.layout.watched.values).any(|value| value.label.key == key)
    }

    /// Whether a rollout has devices of `group`.
    pub(super) fn concerns(&self, active: &Active, group: &Group) -> bool {
        self.inventory.devices.iter().any(|device| self.has_in(active, device, group))
    }

    /// How many devices of the inventory and of the live rollouts have every label of `group`.
    pub(super) fn devices_of(&self, group: &Group) -> usize {
        let plain = |device: &&Device| self.has_all(device, group, None);
        let mut found: BTreeSet<&DeviceName> =
            self.inventory.devices.iter().filter(plain).map(|device| &device.name).collect();
        for active in self.rollouts.live() {
            let here = self.inventory.devices.iter().filter(|device| self.has_in(active, device, group));
            found.extend(here.map(|device| &device.name));
            found.extend(watched(active, group));
        }
        found.len()
    }

    fn has_in(&self, active: &Active, device: &Device, group: &Group) -> bool {
        active.rollout.layout.rank(&device.name).is_some() && self.has_all(device, group, Some(active))
    }

    fn has_all(&self, device: &Device, group: &Group, active: Option<&Active>) -> bool {
        group.as_str().split('&').all(|label| match label.split_once('=') {
            Some(("template", value)) => active.and_then(|active| template(active, device)) == Some(value),
            Some((key, value)) => self.has(device, key, value),
            None => false,
        })
    }

    fn has(&self, device: &Device, key: &str, value: &str) -> bool {
        let path: Vec<&str> = if key == "group" { vec!["groups"] } else { key.split('.').collect() };
        match inventory::lookup(device, self.inventory.sites.get(&device.site), &path) {
            Lookup::Text(text) => text == value,
            Lookup::List(items) => items.iter().any(|item| item == value),
            Lookup::Unknown | Lookup::Unset => false,
            Lookup::Conflict(_) => device.labels.get(key).is_some_and(|label| label == value),
        }
    }
}

/// The devices whose watched labels include those of `group`.
fn watched<'a>(active: &'a Active, group: &Group) -> Vec<&'a DeviceName> {
    let layout = &active.rollout.layout;
    let has = |of: &[u16], label: &str| {
        let mut values = of.iter().filter_map(|index| layout.watched.values.get(usize::from(*index)));
        values.any(|value| value.label.to_string() == label)
    };
    let devices = layout.devices.iter().zip(&layout.watched.of);
    let of_group = devices.filter(|(_, of)| group.as_str().split('&').all(|label| has(of, label)));
    of_group.map(|(place, _)| &place.name).collect()
}

fn template<'a>(active: &'a Active, device: &Device) -> Option<&'a str> {
    let rank = active.rollout.layout.rank(&device.name)?;
    Some(&active.plan.devices.get(rank as usize)?.template)
}
