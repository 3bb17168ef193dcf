//! The labels of a device that may explain why a change fails on it.

use super::PlannedDevice;
use crate::inventory::{Device, Inventory};
use crate::pace::{GROUP_BYTES_MAX, Group, Label};
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
        let label = value.map(|value| Label { key: key.to_owned(), value: value.to_owned() });
        labels.extend(label.filter(can_be_held));
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

/// Whether the text of a group with this label, and of a pair with it, reads back from the log.
fn can_be_held(label: &Label) -> bool {
    let text = label.to_string();
    text.len() < GROUP_BYTES_MAX / 2 && !text.contains('&') && Group::parse(&text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_whose_group_could_not_be_read_back_from_the_log_is_not_watched() {
        let label = |value: &str| Label { key: "version".into(), value: value.into() };
        assert!(can_be_held(&label("17.9")));
        for bad in ["", "17.9\n", "a&b", &"x".repeat(300)] {
            assert!(!can_be_held(&label(bad)), "{bad:?}");
        }
        let longest = label(&"x".repeat(GROUP_BYTES_MAX / 2 - 9));
        assert!(can_be_held(&longest));
        assert!(Group::parse(Group::of_pair(&longest, &longest).as_str()).is_ok());
    }
}
