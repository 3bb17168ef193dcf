//! One trial in figures: what is compared, printed and averaged.

use super::ground::Ground;
use super::model::Model;
use super::track::Track;
use super::world::World;
use crate::pace::Group;
use std::collections::BTreeSet;

/// A held group is held wrongly when less than this share of it is truly broken.
const RIGHTLY: f64 = 0.3;

/// What one rule did in one world, judged by the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Truly broken devices that were started.
    pub harmed: u32,
    /// Share of the devices that are good and can be reached which got the change.
    pub delivered: f64,
    /// Whether the whole rollout ended early.
    pub stopped: bool,
    /// Whether it did although no more than the tolerated share of the devices is broken.
    pub stopped_falsely: bool,
    /// Groups that were held.
    pub held: u32,
    /// Of these, groups of which less than 30 % are truly broken.
    pub held_wrongly: u32,
    /// Whether what is broken by its labels was held by exactly these; absent when nothing was held, or
    /// no labels are to blame.
    pub named: Option<bool>,
    /// Devices at dark sites that were contacted in vain before the site opened.
    pub contacted: u32,
    /// The same after that, by probes.
    pub contacted_later: u32,
    /// Sites that opened although they were not dark.
    pub opened_falsely: u32,
    /// Harm beyond what `plan` calls expected: `B + 1.645 √B + tolerated share of those started`.
    pub beyond_expected: bool,
    /// Microseconds from start to the last end.
    pub duration: i64,
    /// Duration as a multiple of the same world's without any stop or pace.
    pub multiple: f64,
    /// The same; absent when it was stopped.
    pub price: Option<f64>,
}

/// Judges a track; `unhindered` is how long the world takes without any stop or pace.
pub(super) fn judge(
    track: &Track,
    ground: &Ground,
    model: &Model,
    world: &World,
    unhindered: i64,
) -> Figures {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let good = ground.listed.iter().filter(|device| world.is_good(**device)).count().max(1);
    let bad = ground.listed.iter().filter(|device| world.is_bad(**device)).count();
    let budget = &ground.plan.spec.strategy.budget;
    let tolerated = budget.tolerated_share.as_f64();
    let ordinary = bad as f64 <= tolerated * ground.listed.len() as f64;
    let devices = f64::from(budget.devices);
    let expected = devices + 1.645 * devices.sqrt() + tolerated * f64::from(track.started);
    let wrong = track.held.iter().filter(|group| share_of_bad(group, ground, world) < RIGHTLY);
    let multiple = track.duration as f64 / unhindered.max(1) as f64;
    Figures {
        harmed: track.harmed(),
        delivered: f64::from(track.delivered) / good as f64,
        stopped: track.stopped,
        stopped_falsely: track.stopped && ordinary,
        held: count(track.held.len()),
        held_wrongly: count(wrong.count()),
        named: named(&track.held, model),
        contacted: track.contacted,
        contacted_later: track.contacted_later,
        opened_falsely: track.opened_falsely,
        beyond_expected: f64::from(track.harmed()) > expected,
        duration: track.duration,
        multiple,
        price: (!track.stopped).then_some(multiple),
    }
}

fn share_of_bad(group: &Group, ground: &Ground, world: &World) -> f64 {
    let members = ground.members(group);
    let bad = members.iter().filter(|device| world.is_bad(**device)).count();
    bad as f64 / members.len().max(1) as f64
}

fn named(held: &[Group], model: &Model) -> Option<bool> {
    let blamed: Vec<BTreeSet<String>> = model
        .failures
        .causes
        .iter()
        .filter(|cause| !cause.labels.is_empty() && cause.probability > 0.0)
        .map(|cause| cause.labels.iter().map(|(key, value)| format!("{key}={value}")).collect())
        .collect();
    if held.is_empty() || blamed.is_empty() {
        return None;
    }
    let labels = |group: &Group| group.as_str().split('&').map(str::to_owned).collect::<BTreeSet<_>>();
    Some(blamed.iter().all(|cause| held.iter().any(|group| labels(group) == *cause)))
}
