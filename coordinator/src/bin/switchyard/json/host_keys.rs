//! Host keys as JSON.

use crate::collecting::{Collected, is_believed};
use crate::words;
use serde_json::{Value, json};
use switchyard_proto::v1;
use switchyard_proto::v1::collect_host_keys_response::State;

/// What one device shows.
pub fn host_keys(device: &v1::CollectHostKeysResponse) -> Value {
    let key = |key: &v1::HostKey| {
        let certificate = key
            .certificate
            .as_ref()
            .map(|certificate| json!({"authority": certificate.authority, "refusal": certificate.refusal}));
        json!({
            "algorithm": key.algorithm,
            "fingerprint": key.fingerprint,
            "pinned": is_believed(device, key),
            "certificate": certificate,
        })
    };
    json!({
        "device": device.device,
        "site": device.site,
        "hostname": device.hostname,
        "port": device.port,
        "state": words::trust(device.state),
        "keys": device.keys.iter().map(key).collect::<Vec<_>>(),
        "pinned_keys": device.pinned_keys,
        "class": if device.class == 0 { Value::Null } else { json!(words::class(device.class)) },
        "reason": device.reason,
    })
}

/// How many devices are in which state.
pub fn host_key_counts(found: &Collected) -> Value {
    json!({
        "devices": found.meant,
        "pinned": found.count(State::Pinned),
        "new": found.count(State::New),
        "changed": found.count(State::Changed),
        "unknown": found.unknown() + found.left() as usize,
        "no_ssh": found.count(State::NoSsh),
    })
}
