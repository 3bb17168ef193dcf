//! Which devices of the inventory a group means, for a rollout that cannot hold them by itself.

use super::world::{Active, World};
use crate::refused::Refused;
use switchyard_shared::filter::{Filter, Lookup};
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
        let live = self.rollouts.values().filter(|active| !active.rollout.has_ended());
        live.flat_map(|active| &active.rollout.layout.watched.values).any(|value| value.label.key == key)
    }

    /// Whether a rollout has devices of `group`.
    pub(super) fn concerns(&self, active: &Active, group: &Group) -> bool {
        let planned = |device: &&Device| active.rollout.layout.rank(&device.name).is_some();
        let devices = self.inventory.devices.iter().filter(planned);
        let mut of_group = devices.filter(|device| {
            group.as_str().split('&').all(|label| match label.split_once('=') {
                Some(("template", value)) => template(active, device) == Some(value),
                Some((key, value)) => self.has(device, key, value),
                None => false,
            })
        });
        of_group.next().is_some()
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

fn template<'a>(active: &'a Active, device: &Device) -> Option<&'a str> {
    let rank = active.rollout.layout.rank(&device.name)?;
    Some(&active.plan.devices.get(rank as usize)?.template)
}
