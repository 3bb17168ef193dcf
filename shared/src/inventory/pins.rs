//! Documents of the kind HostKeys: the host keys that a person has accepted, laid over those of an inventory.

use super::{DEVICES_MAX, HOST_KEYS_MAX, Inventory, value};
use crate::yaml::{self, Field, INVENTORY_BYTES_MAX, Position, Problem, Problems, did_you_mean, shown};
use std::collections::BTreeMap;

impl Inventory {
    /// Pins what a document of at most [`INVENTORY_BYTES_MAX`] bytes says, in the place of what was pinned for its
    /// devices; all problems come at once, and then nothing is pinned.
    pub fn pin(&mut self, text: &str, source: &str) -> Result<(), Vec<Problem>> {
        let problems = Problems::new(source);
        let known: BTreeMap<&str, usize> =
            self.devices.iter().zip(0..).map(|(device, index)| (device.name.as_str(), index)).collect();
        let node = yaml::parse(text, INVENTORY_BYTES_MAX, &problems);
        let pins = node.and_then(|node| {
            let mut root = Field::root(&node, &problems).section()?;
            root.envelope("HostKeys");
            let devices = root.require("devices", "devices: {dev001: {host_keys: [\"SHA256:…\"]}}")?;
            let pin = |(name, at, field): (&str, Position, Field<'_>)| pins_of(name, at, &field, &known);
            Some(devices.map(DEVICES_MAX)?.into_iter().filter_map(pin).collect::<Vec<_>>())
        });
        for (index, keys) in problems.into_result(pins)? {
            self.devices[index].host_keys = keys;
        }
        Ok(())
    }
}

fn pins_of(
    name: &str,
    at: Position,
    field: &Field<'_>,
    known: &BTreeMap<&str, usize>,
) -> Option<(usize, Vec<String>)> {
    let mut section = field.section()?;
    let listed = section.require("host_keys", "host_keys: [\"SHA256:…\"]")?;
    let items = listed.list(HOST_KEYS_MAX)?;
    if items.is_empty() {
        listed.problem("no key would be pinned", "leave the device out to keep what is pinned for it");
    }
    let keys = items.iter().filter_map(value::host_key).collect();
    let Some(index) = known.get(name) else {
        let hint = did_you_mean(name, known.keys().copied());
        field.problem_at(at, format!("the inventory has no device {}", shown(name)), hint);
        return None;
    };
    Some((*index, keys))
}
