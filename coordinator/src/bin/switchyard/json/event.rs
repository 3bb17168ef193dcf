//! One watched event as one JSON object, `sequence` first.

use super::rollout::{counts, harm, rollout};
use super::{at, breaker, device_result};
use crate::words;
use serde_json::{Value, json};
use switchyard_proto::v1::{self, watch_rollout_response::Event};
use switchyard_shared::time::Timestamp;

/// The object of one line of `-o jsonl`.
pub fn watch_event(message: &v1::WatchRolloutResponse) -> Value {
    let mut line = json!({"sequence": message.sequence, "at": at(message.at.as_ref())});
    if let Some(event) = &message.event {
        let (name, body) = named(event);
        line[name] = body;
    }
    line
}

/// The line of a snapshot that was heard at `heard`.
pub fn watch_snapshot(snapshot: &v1::Rollout, heard: Timestamp) -> Value {
    json!({"sequence": snapshot.sequence, "at": heard.to_string(), "snapshot": rollout(snapshot)})
}

fn named(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Snapshot(snapshot) => ("snapshot", rollout(snapshot)),
        Event::StateChanged(change) => (
            "state_changed",
            json!({"state": words::rollout_state(change.state), "reason": change.reason, "by": change.by}),
        ),
        Event::WaveChanged(change) => (
            "wave_changed",
            json!({
                "wave": change.wave,
                "state": words::wave_state(change.state),
                "soak_until": at(change.soak_until.as_ref()),
                "by": change.by,
            }),
        ),
        Event::DevicesChanged(change) => (
            "devices_changed",
            json!({"devices": change.devices.iter().map(device_result).collect::<Vec<_>>()}),
        ),
        Event::BreakerChanged(change) => {
            ("breaker_changed", json!({"breaker": change.breaker.as_ref().map_or(Value::Null, breaker)}))
        }
        Event::Heartbeat(beat) => (
            "heartbeat",
            json!({
                "blocked_on": beat.blocked_on,
                "counts": counts(beat.counts.as_ref()),
                "harm": harm(beat.harm.as_ref()),
                "pace": beat.pace,
            }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_comes_first_in_every_line() {
        let message = v1::WatchRolloutResponse {
            sequence: 7,
            at: None,
            event: Some(Event::StateChanged(v1::StateChanged {
                state: v1::rollout::State::Paused.into(),
                reason: "asked".into(),
                by: "anna".into(),
            })),
        };
        let line = watch_event(&message).to_string();
        assert!(line.starts_with(r#"{"sequence":7,"#), "{line}");
        assert!(line.contains(r#""state_changed":{"state":"PAUSED""#), "{line}");
    }
}
