//! What an import would change.

use super::{Device, Inventory};
use crate::id::DeviceName;
use std::collections::BTreeMap;

/// The devices that differ between two inventories, each list by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryDiff {
    /// In the new one only.
    pub added: Vec<DeviceName>,
    /// In both, and not the same.
    pub changed: Vec<DeviceName>,
    /// In the old one only.
    pub removed: Vec<DeviceName>,
}

/// What becomes of `old` when it is replaced by `new`.
pub fn diff(old: &Inventory, new: &Inventory) -> InventoryDiff {
    let (old, new) = (by_name(old), by_name(new));
    let mut diff = InventoryDiff::default();
    for (name, device) in &new {
        match old.get(*name) {
            None => diff.added.push((*name).clone()),
            Some(before) if before != device => diff.changed.push((*name).clone()),
            Some(_) => {}
        }
    }
    diff.removed = old.into_keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    diff
}

fn by_name(inventory: &Inventory) -> BTreeMap<&DeviceName, &Device> {
    inventory.devices.iter().map(|device| (&device.name, device)).collect()
}
