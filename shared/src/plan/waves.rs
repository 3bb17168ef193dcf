//! Which device belongs to which wave: the canary first, then the waves in order, first match wins.

use super::select::matching;
use crate::inventory::Inventory;
use crate::spec::{CANARY, Promote, RolloutSpec, WaveSpec};
use crate::yaml::Problem;
use std::collections::BTreeSet;
use std::time::Duration;

/// One wave and its devices, in rank order.
pub(super) struct Wave {
    pub(super) name: String,
    pub(super) canary: bool,
    pub(super) soak: Duration,
    pub(super) promote: Promote,
    pub(super) devices: Vec<usize>,
}

/// Splits `ranked` (indexes into the inventory, in rank order) into waves.
pub(super) fn split(
    spec: &RolloutSpec,
    inventory: &Inventory,
    ranked: &[usize],
    problems: &mut Vec<Problem>,
) -> Vec<Wave> {
    let mut waves = Vec::new();
    let mut rest: Vec<usize> = ranked.to_vec();
    let mut take = |size: Option<usize>, wanted: Option<&BTreeSet<usize>>| -> Vec<usize> {
        let mut room = size.unwrap_or(usize::MAX);
        let (taken, left) = std::mem::take(&mut rest).into_iter().partition(|device| {
            let takes = room > 0 && wanted.is_none_or(|wanted| wanted.contains(device));
            room -= usize::from(takes);
            takes
        });
        rest = left;
        taken
    };
    if let Some(canary) = &spec.strategy.canary {
        let wanted = canary_candidates(spec, inventory, ranked, problems);
        let devices = take(canary.size.map(|size| size.of(ranked.len())), wanted.as_ref());
        let (soak, promote) = (canary.soak, canary.promote);
        waves.push(Wave { name: CANARY.into(), canary: true, soak, promote, devices });
    }
    let all = [WaveSpec {
        name: "all".into(),
        size: None,
        filter: None,
        soak: Duration::ZERO,
        promote: Promote::Auto,
    }];
    let specs = if spec.strategy.waves.is_empty() { &all } else { spec.strategy.waves.as_slice() };
    for (index, wave) in specs.iter().enumerate() {
        let path = format!("spec.strategy.waves[{index}].filter");
        let wanted = wave.filter.as_ref().map(|filter| matching(spec, inventory, filter, &path, problems));
        let devices = take(wave.size.map(|size| size.of(ranked.len())), wanted.as_ref());
        let (name, soak, promote) = (wave.name.clone(), wave.soak, wave.promote);
        waves.push(Wave { name, canary: false, soak, promote, devices });
    }
    if let Some(first) = rest.first()
        && problems.is_empty()
    {
        let name = &inventory.devices[*first].name;
        let message =
            format!("UNASSIGNED: no wave takes {} of {} devices, such as {name}", rest.len(), ranked.len());
        let hint = "end with a wave that has neither size nor filter, such as {name: rest}";
        problems.push(spec.places.problem("spec.strategy.waves", message, hint));
    }
    waves
}

/// The devices that may be canaries; `None` means any. Naming a canary that is not there is a problem:
/// none of none would look healthy.
fn canary_candidates(
    spec: &RolloutSpec,
    inventory: &Inventory,
    ranked: &[usize],
    problems: &mut Vec<Problem>,
) -> Option<BTreeSet<usize>> {
    let canary = spec.strategy.canary.as_ref()?;
    if canary.select.is_empty() && canary.size.is_some() {
        return None;
    }
    let selected: BTreeSet<usize> = ranked.iter().copied().collect();
    let mut candidates = BTreeSet::new();
    for (index, filter) in canary.select.iter().enumerate() {
        let path = format!("spec.strategy.canary.select[{index}]");
        let known = problems.len();
        let found: BTreeSet<usize> = matching(spec, inventory, filter, &path, problems);
        let found: BTreeSet<usize> = found.intersection(&selected).copied().collect();
        if found.is_empty() && problems.len() == known && !selected.is_empty() {
            let message = format!("{filter} matches none of the {} selected devices", selected.len());
            problems.push(spec.places.problem(&path, message, "a canary must exist"));
        }
        candidates.extend(found);
    }
    Some(candidates)
}
