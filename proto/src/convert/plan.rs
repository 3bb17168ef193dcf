//! Plans for the wire.

use super::{duration, same_names, timestamp};
use crate::v1;
use switchyard_shared::outcome::printable;
use switchyard_shared::pace::{Budget, Mode};
use switchyard_shared::plan::{Plan, RenderedGroup};

/// Most of a configuration that a plan shows, in bytes.
const CONTENT_BYTES_MAX: usize = 4096;

same_names!(v1::budget::Mode, Mode, "mode", [Expected, Strict]);

impl From<&Budget> for v1::Budget {
    fn from(budget: &Budget) -> Self {
        Self {
            devices: budget.devices,
            tolerated_share: budget.tolerated_share.to_string(),
            mode: v1::budget::Mode::from(budget.mode).into(),
        }
    }
}

/// A plan, with the rendered configurations that are shown and their content.
pub fn plan(plan: &Plan, rendered: Vec<(RenderedGroup<'_>, Vec<u8>)>) -> v1::Plan {
    let promise = plan.promise();
    v1::Plan {
        name: format!("plans/{}", plan.name),
        digest: plan.digest.clone(),
        rollout_name: plan.rollout.to_string(),
        create_time: Some(timestamp(plan.created_at)),
        created_by: plan.created_by.clone(),
        devices: count(plan.devices.len()),
        sites: count(plan.sites().len()),
        waves: waves(plan),
        rendered: rendered.iter().map(|(group, content)| rendered_group(group, content)).collect(),
        warnings: plan.warnings.clone(),
        inventory_digest: plan.inventory_digest.clone(),
        order: plan.spec.strategy.order.as_str().into(),
        max_parallel: plan.spec.strategy.max_parallel,
        max_parallel_per_site: plan.spec.strategy.max_parallel_per_site,
        budget: Some((&plan.spec.strategy.budget).into()),
        bound: promise.bound,
        schedule: promise.schedule,
        watched: promise.watched.into_iter().map(|(key, values)| v1::WatchedKey { key, values }).collect(),
        in_flight_max: promise.in_flight_max,
        round_trips: promise.round_trips,
        comparable: plan.is_readable(),
    }
}

fn waves(plan: &Plan) -> Vec<v1::PlannedWave> {
    let waves = plan.waves.iter();
    waves
        .map(|wave| v1::PlannedWave {
            name: wave.name.clone(),
            devices: wave.devices,
            sites: wave.sites,
            soak: Some(duration(wave.soak)),
            promote: wave.promote.as_str().into(),
            canary: wave.canary,
        })
        .collect()
}

fn rendered_group(group: &RenderedGroup<'_>, content: &[u8]) -> v1::RenderedGroup {
    v1::RenderedGroup {
        digest: group.digest.to_owned(),
        template: group.template.to_owned(),
        devices: group.devices,
        sample: group.sample.iter().map(ToString::to_string).collect(),
        bytes: count(content.len()),
        content: printable(content, CONTENT_BYTES_MAX),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
