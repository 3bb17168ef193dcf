//! The labels of a device that may explain why a change fails on it.

use super::PlannedDevice;
use crate::inventory::{Device, Inventory};
use crate::pace::Label;
use std::collections::BTreeMap;

/// Fields of a device's data that are watched like labels.
const DATA_KEYS: [&str; 2] = ["model", "version"];

/// The labels of each planned device, in rank order: platform, model, role, version, template, region,
/// groups and labels, never the site.
pub(super) fn watched(inventory: &Inventory, devices: &[PlannedDevice]) -> Vec<Vec<Label>> {
    let known: BTreeMap<&str, &Device> =
        inventory.devices.iter().map(|device| (device.name.as_str(), device)).collect();
    devices
        .iter()
        .map(|planned| of_device(inventory, planned, known.get(planned.name.as_str()).copied()))
        .collect()
}

fn of_device(inventory: &Inventory, planned: &PlannedDevice, device: Option<&Device>) -> Vec<Label> {
    let mut labels = Vec::new();
    let mut add = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty() && !value.contains('&')) {
            labels.push(Label { key: key.to_owned(), value: value.to_owned() });
        }
    };
    add("platform", planned.platform.as_deref());
    add("role", planned.role.as_deref());
    add("template", Some(&planned.template));
    add("region", inventory.sites.get(&planned.site).and_then(|site| site.region.as_deref()));
    for (key, value) in &planned.labels {
        add(key, Some(value));
    }
    let Some(device) = device else { return labels };
    for group in &device.groups {
        add("group", Some(group));
    }
    for key in DATA_KEYS {
        let value = device.data.get(key);
        let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        add(key, text.as_deref());
    }
    labels
}
