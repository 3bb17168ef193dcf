//! Whether two configurations in JSON differ in the order of their entries alone.
//!
//! Nobody here knows which lists are ordered by their user (RFC 7950 section 7.7.7). So the order of entries counts
//! before a write, and a change of it alone is one; after the write it does not, since a device may sort them.

use serde_json::Value;
use zeroize::Zeroizing;

/// Whether `one` and `other` are JSON with the same members and, in whatever order, the same entries.
pub(super) fn alike(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => same(&one, &other),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

/// Whether both have the same members and, in whatever order, the same entries.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    ordered(one.clone()) == ordered(other.clone())
}

/// A text that is the same for whatever is the same.
pub(super) fn text(value: &Value) -> String {
    ordered(value.clone()).to_string()
}

/// The same of a configuration in JSON; `None` where it is none.
pub(super) fn of_text(text: &str) -> Option<Zeroizing<String>> {
    serde_json::from_str(text).ok().map(|value| Zeroizing::new(self::text(&value)))
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
        // Numbers of 64 bits are texts in RFC 7951 (section 6.1), and people write numbers.
        Value::Number(number) => Value::String(number.to_string()),
        scalar @ (Value::Null | Value::Bool(_) | Value::String(_)) => scalar,
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
        assert!(alike(r#"{"a": 5000000000}"#, r#"{"a": "5000000000"}"#));
        assert!(!alike("half {", "half {"), "what cannot be read is like nothing");
    }
}
