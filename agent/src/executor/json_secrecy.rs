//! Which members of JSON hold secrets, by their names as of YANG leaves: their values are shown to nobody.

use super::netconf::is_secret;
use super::wanted::Redactor;
use serde_json::Value;
use std::collections::BTreeSet;
use switchyard_shared::digest::of_bytes;
use zeroize::Zeroizing;

/// What stands for a secret.
const HIDDEN: &str = "(secret)";
/// What stands for a secret that the device does not have yet.
const ANOTHER: &str = "(another secret)";

/// Hides the secrets of two trees that are compared; that one has another value than the other can still be seen.
pub fn hide_both(before: &mut Value, after: &mut Value) {
    let mut known = BTreeSet::new();
    visit(before, "", &mut |leaf| {
        known.insert(digest(leaf));
        *leaf = HIDDEN.into();
    });
    visit(after, "", &mut |leaf| {
        let shown = if known.contains(&digest(leaf)) { HIDDEN } else { ANOTHER };
        *leaf = shown.into();
    });
}

/// Hides the secrets of one tree.
pub fn hide(tree: &mut Value) {
    visit(tree, "", &mut |leaf| *leaf = HIDDEN.into());
}

/// `text` of a device, JSON or lines with members of JSON in them, without its secrets; as it is where there are none.
pub fn redact(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.split_inclusive('\n').map(line).collect();
    };
    let mut found = false;
    visit(&mut value, "", &mut |leaf| {
        found = true;
        *leaf = HIDDEN.into();
    });
    match (found, text.trim_end().contains('\n')) {
        (false, _) => text.to_owned(),
        (true, false) => value.to_string(),
        (true, true) => format!("{value:#}\n"),
    }
}

/// The same without what `redactor` hides: whole texts, which are cut afterwards.
pub fn shown(text: &str, redactor: &Redactor) -> String {
    redactor.redact(&redact(text))
}

/// Whatever type a value has: numbers of RFC 7951 are written as texts too.
fn digest(leaf: &Value) -> String {
    let text = Zeroizing::new(leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned));
    of_bytes(text.as_bytes())
}

/// Every secret leaf of `value`, which is called `name`; those of a leaf-list one by one.
fn visit(value: &mut Value, name: &str, to: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| visit(value, name, to)),
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, name, to)),
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) => {
            if is_secret(local(name)) {
                to(value);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// A name without its module, and without the path to it.
fn local(name: &str) -> &str {
    name.rsplit([':', '/']).next().unwrap_or(name)
}

/// A line that is no JSON by itself: all that follows the name of a secret member is hidden.
fn line(line: &str) -> String {
    let end = line.trim_end_matches(['\n', '\r']).len();
    let (text, newline) = line.split_at(end);
    let mut from = 0;
    while let Some(found) = text[from..].find("\":").map(|found| from + found) {
        let name = text[..found].rsplit('"').next().unwrap_or_default();
        let value = &text[found + 2..];
        let is_leaf = !value.trim_start().starts_with(['{', '[']) && !value.trim().is_empty();
        let is_list = value.trim_start().starts_with('[') && value.trim_end_matches(',').len() > 2;
        if is_secret(local(name)) && (is_leaf || is_list) {
            return format!("{}\": {HIDDEN}{newline}", &text[..found]);
        }
        from = found + 2;
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_of_others_are_hidden_and_another_value_can_still_be_seen() {
        let mut before = json!({"m:user": [{"name": "anna", "password": "hash-1"}, {"m:password": "hash-2"}],
            "snmp": {"m:community": ["c-1", "c-2"], "key": 77, "key-id": 5, "secret": {"type": 7}, "psk": [null]}});
        let mut after = before.clone();
        after["m:user"][0]["password"] = "hash-3".into();
        after["snmp"]["key"] = "77".into();
        hide_both(&mut before, &mut after);
        assert_eq!(
            before,
            json!({"m:user": [{"name": "anna", "password": HIDDEN}, {"m:password": HIDDEN}],
                "snmp": {"m:community": [HIDDEN, HIDDEN], "key": HIDDEN, "key-id": 5, "secret": {"type": 7},
                    "psk": [null]}})
        );
        assert_eq!(after["m:user"][0]["password"], ANOTHER);
        assert_eq!((&after["m:user"][1], &after["snmp"]), (&before["m:user"][1], &before["snmp"]));
    }

    #[test]
    fn a_text_of_json_is_shown_without_its_secrets_and_one_without_them_as_it_is() {
        assert_eq!(redact(r#"{"a":{"key":"x-1"},"b":1}"#), r#"{"a":{"key":"(secret)"},"b":1}"#);
        let lines = redact("{\n \"keys\": [\n  {\"psk\": [\n \"x-1\"\n]}\n ]\n}\n");
        assert!(!lines.contains("x-1") && lines.lines().count() > 3, "{lines}");
        for text in ["{\"b\" : 1}", "up 5 days", "", "{\"key\":\"\"}", "\"x-1\""] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn pieces_of_json_are_shown_without_their_secrets_too() {
        let text = "/a/b: {\"name\": \"e1\", \"x:key\":\"x-1\", \"b\": 1}\r\n   \"password\": \"x-2\",\n\"secret\": {\n\
                    \"community\": [\"x-3\"]\n";
        let shown = "/a/b: {\"name\": \"e1\", \"x:key\": (secret)\r\n   \"password\": (secret)\n\"secret\": {\n\
                     \"community\": (secret)\n";
        assert_eq!(redact(text), shown);
    }
}
