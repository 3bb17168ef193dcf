//! Plans and rollouts as JSON.

use super::{at, breaker, span};
use crate::words;
use serde_json::{Value, json};
use switchyard_proto::v1;

/// A rollout.
pub fn rollout(rollout: &v1::Rollout) -> Value {
    json!({
        "name": rollout.name,
        "plan": rollout.plan,
        "state": words::rollout_state(rollout.state),
        "reason": rollout.reason,
        "counts": counts(rollout.counts.as_ref()),
        "waves": rollout.waves.iter().map(wave).collect::<Vec<_>>(),
        "current_wave": rollout.current_wave,
        "blocked_on": rollout.blocked_on,
        "breakers": rollout.breakers.iter().map(breaker).collect::<Vec<_>>(),
        "create_time": at(rollout.create_time.as_ref()),
        "start_time": at(rollout.start_time.as_ref()),
        "end_time": at(rollout.end_time.as_ref()),
        "created_by": rollout.created_by,
        "sequence": rollout.sequence,
        "etag": rollout.etag,
        "harm": harm(rollout.harm.as_ref()),
        "pace": rollout.pace,
        "doubts": rollout.doubts.map_or(Value::Null, |doubts| {
            json!({"settling": doubts.settling, "needs_person": doubts.needs_person})
        }),
    })
}

/// What is known of the harm.
pub fn harm(harm: Option<&v1::Harm>) -> Value {
    let Some(harm) = harm else { return Value::Null };
    json!({
        "failed": harm.failed,
        "unknown": harm.unknown,
        "in_flight": harm.in_flight,
        "started": harm.started,
        "bound": harm.bound,
    })
}

/// Devices by state.
pub fn counts(counts: Option<&v1::DeviceCounts>) -> Value {
    let Some(counts) = counts else { return Value::Null };
    json!({
        "planned": counts.planned,
        "pending": counts.pending,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
        "skipped": counts.skipped,
        "unknown": counts.unknown,
        "rolled_back": counts.rolled_back,
    })
}

fn wave(wave: &v1::WaveStatus) -> Value {
    json!({
        "name": wave.name,
        "state": words::wave_state(wave.state),
        "counts": counts(wave.counts.as_ref()),
        "soak_until": at(wave.soak_until.as_ref()),
    })
}

/// A plan.
pub fn plan(plan: &v1::Plan) -> Value {
    json!({
        "name": plan.name,
        "digest": plan.digest,
        "rollout_name": plan.rollout_name,
        "create_time": at(plan.create_time.as_ref()),
        "created_by": plan.created_by,
        "devices": plan.devices,
        "sites": plan.sites,
        "waves": plan.waves.iter().map(planned_wave).collect::<Vec<_>>(),
        "rendered": plan.rendered.iter().map(rendered).collect::<Vec<_>>(),
        "warnings": plan.warnings,
        "inventory_digest": plan.inventory_digest,
        "order": plan.order,
        "max_parallel": plan.max_parallel,
        "max_parallel_per_site": plan.max_parallel_per_site,
        "budget": plan.budget.as_ref().map_or(Value::Null, budget),
        "bound": plan.bound,
        "schedule": plan.schedule,
        "watched": plan.watched.iter().map(|key| json!({"key": key.key, "values": key.values})).collect::<Vec<_>>(),
        "in_flight_max": plan.in_flight_max,
        "round_trips": plan.round_trips,
        "comparable": plan.comparable,
    })
}

fn budget(budget: &v1::Budget) -> Value {
    json!({
        "devices": budget.devices,
        "tolerated_share": budget.tolerated_share,
        "mode": words::budget_mode(budget.mode).to_lowercase(),
    })
}

fn planned_wave(wave: &v1::PlannedWave) -> Value {
    json!({
        "name": wave.name,
        "devices": wave.devices,
        "sites": wave.sites,
        "soak": span(wave.soak.as_ref()),
        "promote": wave.promote,
        "canary": wave.canary,
    })
}

fn rendered(group: &v1::RenderedGroup) -> Value {
    json!({
        "digest": group.digest,
        "template": group.template,
        "devices": group.devices,
        "sample": group.sample,
        "bytes": group.bytes,
        "content": group.content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_keeps_every_field_in_snake_case() {
        let shown = plan(&v1::Plan {
            name: "plans/ntp-7f3a".into(),
            waves: vec![v1::PlannedWave {
                soak: Some(prost_types::Duration { seconds: 900, nanos: 0 }),
                ..v1::PlannedWave::default()
            }],
            ..v1::Plan::default()
        });
        assert_eq!(shown["waves"][0]["soak"], "15m");
        assert!(shown.as_object().expect("an object").contains_key("max_parallel_per_site"));
        for key in ["budget", "bound", "schedule", "watched", "in_flight_max", "round_trips"] {
            assert!(shown.get(key).is_some(), "{key}");
        }
    }
}
