//! The devices that a spec selects.

use super::PlanError;
use crate::filter::Filter;
use crate::inventory::{self, Inventory, STATUS_ACTIVE};
use crate::spec::RolloutSpec;
use crate::yaml::Problem;
use std::collections::BTreeSet;

const NAMES_SHOWN_MAX: usize = 3;

/// Indexes into the inventory, in its order.
pub(super) struct Selection {
    pub(super) devices: Vec<usize>,
    pub(super) warnings: Vec<String>,
}

/// The devices that `filter` matches; a filter that cannot be answered becomes a problem at `path`.
pub(super) fn matching(
    spec: &RolloutSpec,
    inventory: &Inventory,
    filter: &Filter,
    path: &str,
    problems: &mut Vec<Problem>,
) -> BTreeSet<usize> {
    match inventory::select(inventory, filter) {
        Ok(devices) => devices.into_iter().collect(),
        Err(error) => {
            problems.push(spec.places.problem(path, error.to_string(), ""));
            BTreeSet::new()
        }
    }
}

pub(super) fn select(
    spec: &RolloutSpec,
    inventory: &Inventory,
    problems: &mut Vec<Problem>,
) -> Result<Selection, PlanError> {
    let all = || (0..inventory.devices.len()).collect();
    let targets = &spec.targets;
    let filtered = targets.filter.as_ref();
    let mut selected = filtered
        .map_or_else(all, |filter| matching(spec, inventory, filter, "spec.targets.filter", problems));
    let matched = selected.len();
    if let Some(exclude) = &targets.exclude {
        for excluded in matching(spec, inventory, exclude, "spec.targets.exclude", problems) {
            selected.remove(&excluded);
        }
    }
    let excluded = matched - selected.len();
    let is_active = |index: &usize| inventory.devices[*index].status == STATUS_ACTIVE;
    let (devices, inactive): (Vec<usize>, Vec<usize>) = selected.into_iter().partition(is_active);
    let warnings: Vec<String> = left_out(inventory, &inactive).into_iter().collect();
    if devices.is_empty() && !targets.allow_empty && problems.is_empty() {
        let filter = filtered.map_or("every device".into(), |filter| format!("the filter {filter}"));
        let mut message = format!("{filter} selects {matched} of {} devices", inventory.devices.len());
        if excluded > 0 {
            message += &format!("; {excluded} of them are excluded");
        }
        for warning in warnings {
            message += &format!("; {warning}");
        }
        return Err(PlanError::NoTargets(message));
    }
    Ok(Selection { devices, warnings })
}

fn left_out(inventory: &Inventory, inactive: &[usize]) -> Option<String> {
    let name =
        |index: &usize| format!("{} ({})", inventory.devices[*index].name, inventory.devices[*index].status);
    let shown: Vec<String> = inactive.iter().take(NAMES_SHOWN_MAX).map(name).collect();
    let more = if inactive.len() > shown.len() { ", …" } else { "" };
    let (count, shown) = (inactive.len(), shown.join(", "));
    let are = if count == 1 { "device is" } else { "devices are" };
    (count > 0).then(|| format!("{count} {are} left out because their status is not active: {shown}{more}"))
}
