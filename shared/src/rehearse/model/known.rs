//! The labels and sites that a model file may name.

use super::FleetModel;
use crate::filter::Lookup;
use crate::inventory::{Inventory, lookup};
use crate::yaml::{Field, Position, did_you_mean, shown};
use std::collections::{BTreeMap, BTreeSet};

/// Labels with their values, and sites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    labels: BTreeMap<String, BTreeSet<String>>,
    sites: BTreeSet<String>,
}

/// Fields of a device that count as labels.
const FIELDS: [&str; 5] = ["platform", "role", "region", "model", "version"];

impl Known {
    /// Everything that the devices of an inventory have.
    pub fn of_inventory(inventory: &Inventory) -> Self {
        let mut known = Self::default();
        known.sites.extend(inventory.sites.keys().map(|site| site.as_str().to_owned()));
        for device in &inventory.devices {
            let site = inventory.sites.get(&device.site);
            let own = device.labels.keys().map(String::as_str);
            for key in own.chain(FIELDS) {
                if let Lookup::Text(value) = lookup(device, site, &[key]) {
                    known.add(key, &value);
                }
            }
        }
        known
    }

    /// Everything that a drawn fleet may have.
    pub fn of_fleet(fleet: &FleetModel) -> Self {
        let mut known = Self::default();
        known.sites.extend((0..fleet.sites).map(|number| fleet.site_name(number)));
        for label in &fleet.labels {
            for value in 0..label.values {
                known.add(&label.key, &value.to_string());
            }
        }
        known
    }

    fn add(&mut self, key: &str, value: &str) {
        match self.labels.get_mut(key) {
            Some(values) if values.contains(value) => {}
            Some(values) => drop(values.insert(value.to_owned())),
            None => drop(self.labels.insert(key.to_owned(), BTreeSet::from([value.to_owned()]))),
        }
    }

    /// Reports a label that no device has.
    pub(super) fn check_label(&self, key: &str, at: Position, value: &str, field: &Field<'_>) {
        let Some(values) = self.labels.get(key) else {
            let hint = did_you_mean(key, self.labels.keys().map(String::as_str));
            field.problem_at(at, format!("no device has a label called {}", shown(key)), hint);
            return;
        };
        if !values.contains(value) {
            let hint = did_you_mean(value, values.iter().map(String::as_str));
            field.problem(format!("no device has {key}={value}"), hint);
        }
    }

    /// Reports a site that does not exist.
    pub(super) fn check_site(&self, site: &str, field: &Field<'_>) {
        if !self.sites.contains(site) {
            let hint = did_you_mean(site, self.sites.iter().map(String::as_str));
            field.problem(format!("there is no site {}", shown(site)), hint);
        }
    }
}
