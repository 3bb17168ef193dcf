//! Whether two configurations in JSON differ in the order of their entries alone.

use serde_json::Value;

/// Whether `one` and `other` are JSON with the same members and, in whatever order, the same entries.
pub(super) fn alike(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => ordered(one) == ordered(other),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

/// The same with every list sorted by what its entries print.
fn ordered(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(ordered).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(name, value)| (name, ordered(value))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect())
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn entries_in_another_order_are_alike_and_another_value_is_not() {
        let one = r#"{"l": [{"k": 1, "v": [2, 3]}, {"k": 2}], "a": "x"}"#;
        let other = r#"{"a": "x", "l": [{"k": 2}, {"v": [3, 2], "k": 1}]}"#;
        assert!(alike(one, other));
        assert!(!alike(one, &other.replace("\"x\"", "\"y\"")));
        assert!(!alike(one, r#"{"a": "x", "l": [{"k": 2}]}"#));
        assert!(!alike("half {", "half {"), "what cannot be read is like nothing");
    }
}
