//! The one document that `apply -o json` and `watch -o json` end with.

use crate::json::{self, instant};
use crate::view::View;
use serde_json::{Value, json};
use switchyard_proto::v1;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::time::Timestamp;

/// What became of the rollout, as of `now`.
pub fn document(view: &View, now: Timestamp) -> Value {
    let of = |state| view.counts.of(state);
    let breakers: Vec<Value> = view
        .breakers
        .iter()
        .map(|(name, breaker)| json!({"name": name, "state": breaker.state.as_str(), "reason": breaker.reason}))
        .collect();
    json!({
        "rollout": format!("rollouts/{}", view.rollout),
        "plan": view.plan,
        "state": view.state.as_str(),
        "devices": {
            "planned": view.counts.planned(),
            "pending": of(DeviceState::Pending),
            "running": of(DeviceState::Running),
            "succeeded": of(DeviceState::Succeeded),
            "unchanged": of(DeviceState::Unchanged),
            "failed": of(DeviceState::Failed),
            "skipped": of(DeviceState::Skipped),
            "unknown": of(DeviceState::Unknown),
            "rolled_back": of(DeviceState::RolledBack),
        },
        "breakers": breakers,
        "started_at": instant(view.started_at),
        "finished_at": instant(view.ended_at),
        "duration_ms": u64::try_from(view.elapsed(now).as_millis()).unwrap_or(u64::MAX),
    })
}

/// The document with everything else that `status` knows: why, what it waits for, its waves.
pub fn with_status(rollout: &v1::Rollout, now: Timestamp) -> Value {
    let view = View::new(rollout, &[]);
    let mut document = document(&view, now);
    let resource = json::rollout(rollout);
    for key in
        ["reason", "blocked_on", "harm", "pace", "waves", "current_wave", "created_by", "sequence", "etag"]
    {
        document[key] = resource[key].clone();
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::dark_site;

    #[test]
    fn the_document_is_the_contract() {
        let view = View::new(&dark_site(), &[]);
        let shown = document(&view, Timestamp(0));
        let keys: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        let expected =
            ["rollout", "plan", "state", "devices", "breakers", "started_at", "finished_at", "duration_ms"];
        assert_eq!(keys, expected);
        assert_eq!(shown["rollout"], "rollouts/ntp");
        assert_eq!(shown["state"], "PARTIALLY_SUCCEEDED");
        assert_eq!(shown["duration_ms"], 2310);
        assert_eq!(shown["breakers"][0]["name"], "site/lon");
        let devices = shown["devices"].as_object().expect("counts");
        let sum: u64 =
            devices.iter().filter(|(key, _)| *key != "planned").filter_map(|(_, n)| n.as_u64()).sum();
        assert_eq!(devices["planned"], sum);
        let status = with_status(&dark_site(), Timestamp(0));
        assert!(keys.iter().all(|key| status[key] == shown[key]), "status says the same: {status}");
        assert_eq!(status["waves"][0]["name"], "all");
    }
}
