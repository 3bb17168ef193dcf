//! Digests of content that must not change: SHA-256 over bytes or over canonical JSON.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// `sha256:` and the hex of the SHA-256 of `bytes`, as `sha256sum` prints it.
pub fn of_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The digest of a value's canonical JSON: keys sorted, no white space.
pub fn of_value(value: &impl Serialize) -> String {
    of_bytes(canonical(value).as_bytes())
}

/// The SHA-256 of a value's canonical JSON, as a seed.
pub fn seed_of_value(value: &impl Serialize) -> [u8; 32] {
    Sha256::digest(canonical(value).as_bytes()).into()
}

fn canonical(value: &impl Serialize) -> String {
    let json = serde_json::to_value(value).expect("our own types have text keys and finite numbers");
    sorted(json).to_string()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_one_that_sha256sum_prints() {
        let want = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), want);
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let one: Value = serde_json::from_str(r#"{"b":[{"y":1,"x":2}],"a":null}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"a":null,"b":[{"x":2,"y":1}]}"#).unwrap();
        assert_eq!(of_value(&one), of_value(&two));
        assert_eq!(canonical(&one), r#"{"a":null,"b":[{"x":2,"y":1}]}"#);
    }
}
