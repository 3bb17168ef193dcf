//! Answers as JSON for scripts: snake_case fields, bare words for states, RFC 3339 for times.

mod comparison;
mod event;
mod host_keys;
mod rollout;

pub use comparison::{comparison, difference};
pub use event::{watch_event, watch_snapshot};
pub use host_keys::{host_key_counts, host_keys};
pub use rollout::{plan, rollout};

use crate::words;
use serde_json::{Value, json};
use switchyard_proto::v1;
use switchyard_shared::time::{Timestamp, format_duration};

/// The document of a list whose pages were all read.
pub fn list(items: Vec<Value>) -> Value {
    json!({"items": items, "next_page_token": ""})
}

/// An instant of the wire, or null.
pub fn at(at: Option<&prost_types::Timestamp>) -> Value {
    words::instant_of(at).map_or(Value::Null, |instant| json!(instant.to_string()))
}

/// An instant of this program, or null.
pub fn instant(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |instant| json!(instant.to_string()))
}

/// A span as people write it in a spec, or null.
pub fn span(span: Option<&prost_types::Duration>) -> Value {
    span.map_or(Value::Null, |span| json!(format_duration(words::span(span))))
}

/// A breaker.
pub fn breaker(breaker: &v1::Breaker) -> Value {
    json!({
        "name": breaker.name,
        "state": words::breaker_state(breaker.state),
        "reason": breaker.reason,
        "since": at(breaker.since.as_ref()),
        "first_opened_at": at(breaker.first_opened_at.as_ref()),
        "retry_at": at(breaker.retry_at.as_ref()),
        "opened_times": breaker.opened_times,
        "by": breaker.by,
        "site": breaker.site,
        "failed": breaker.failed,
        "seen": breaker.seen,
    })
}

/// A device of the inventory.
pub fn device(device: &v1::Device) -> Value {
    let mut labels: Vec<_> = device.labels.iter().collect();
    labels.sort();
    let labels: serde_json::Map<String, Value> =
        labels.into_iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    json!({
        "name": device.name,
        "site": device.site,
        "hostname": device.hostname,
        "port": device.port,
        "platform": device.platform,
        "role": device.role,
        "status": device.status,
        "labels": labels,
        "pinned_keys": device.pinned_keys,
        "held_by": device.held_by,
    })
}

/// An agent.
pub fn agent(agent: &v1::Agent) -> Value {
    json!({
        "name": agent.name,
        "site": agent.site,
        "state": words::agent_state(agent.state),
        "version": agent.version,
        "since": at(agent.since.as_ref()),
        "last_heartbeat_at": at(agent.last_heartbeat_at.as_ref()),
        "in_flight": agent.in_flight,
        "credit": agent.credit,
        "address": agent.address,
        "site_epoch": agent.site_epoch,
        "stray_results": agent.stray_results,
    })
}

/// An agent with the results of it that fitted nothing.
pub fn agent_with_strays(answer: &v1::GetAgentResponse) -> Value {
    let stray = |stray: &v1::StrayResult| {
        json!({
            "sequence": stray.sequence,
            "operation": stray.operation,
            "reason": stray.reason,
            "received_at": at(stray.received_at.as_ref()),
            "outcome": stray.outcome.as_ref().map_or(Value::Null, outcome),
        })
    };
    let strays: Vec<Value> = answer.stray_results.iter().map(stray).collect();
    json!({"agent": answer.agent.as_ref().map_or(Value::Null, agent), "stray_results": strays})
}

/// A device within a rollout.
pub fn device_result(result: &v1::DeviceResult) -> Value {
    json!({
        "name": result.name,
        "device": result.device,
        "site": result.site,
        "wave": result.wave,
        "state": words::device_state(result.state),
        "attempt": result.attempt,
        "outcome": result.outcome.as_ref().map_or(Value::Null, outcome),
        "reason": result.reason,
        "doubt": result.doubt.as_ref().map_or(Value::Null, doubt),
    })
}

/// What is known of a doubt.
fn doubt(doubt: &v1::Doubt) -> Value {
    json!({
        "state": words::doubt_state(doubt.state),
        "since": at(doubt.since.as_ref()),
        "reads": doubt.reads,
        "next_read_at": at(doubt.next_read_at.as_ref()),
    })
}

/// The end of an attempt.
fn outcome(outcome: &v1::Outcome) -> Value {
    json!({
        "class": words::class(outcome.class),
        "phase": words::phase(outcome.phase),
        "left_as": words::left_as(outcome.left_as),
        "message": outcome.message,
        "hint": outcome.hint,
        "exit_status": outcome.exit_status,
        "output": outcome.output,
        "output_bytes": outcome.output_bytes,
        "started_at": at(outcome.started_at.as_ref()),
        "finished_at": at(outcome.finished_at.as_ref()),
    })
}

/// What an import did, or would do.
pub fn import(answer: &v1::ImportInventoryResponse, dry_run: bool) -> Value {
    json!({
        "sites": answer.sites,
        "devices": answer.devices,
        "added": answer.added,
        "changed": answer.changed,
        "removed": answer.removed,
        "digest": answer.digest,
        "dry_run": dry_run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_bare_words_and_times_are_rfc_3339() {
        let shown = breaker(&v1::Breaker {
            state: v1::breaker::State::HalfOpen.into(),
            since: Some(prost_types::Timestamp { seconds: 1_763_770_000, nanos: 123_000_000 }),
            ..v1::Breaker::default()
        });
        assert_eq!(shown["state"], "HALF_OPEN");
        assert_eq!(shown["since"], "2025-11-22T00:06:40.123Z");
        assert_eq!(shown["retry_at"], Value::Null);
    }

    #[test]
    fn a_device_of_a_rollout_says_what_it_was_left_as() {
        let shown = device_result(&v1::DeviceResult {
            state: v1::DeviceState::Failed.into(),
            outcome: Some(v1::Outcome {
                class: v1::OutcomeClass::Rejected.into(),
                left_as: v1::LeftAs::Unchanged.into(),
                ..v1::Outcome::default()
            }),
            ..v1::DeviceResult::default()
        });
        assert_eq!(shown["state"], "FAILED");
        assert_eq!(shown["outcome"]["class"], "REJECTED");
        assert_eq!(shown["outcome"]["left_as"], "UNCHANGED");
    }
}
