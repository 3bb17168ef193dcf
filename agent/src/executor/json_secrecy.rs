//! Which members of JSON hold secrets, by their names as of YANG leaves: their values are shown to nobody. Some devices
//! show stars in their place, which are never written.

use super::netconf::{HIDDEN, KEYS, Known, Within, is_masked, is_name, is_secret, unseen};
use super::wanted::Redactor;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use switchyard_shared::digest::of_bytes;
use zeroize::Zeroizing;

/// Nothing is known of what the top stands in.
const TOP: Around = (Within::TOP, Within::TOP);

/// Hides the secrets of two trees that are compared; that one has another value than the other can still be seen.
pub fn hide_both(before: &mut Value, after: &mut Value) {
    let mut known = Known::default();
    visit(before, "", "", TOP, &mut |place, leaf| {
        known.add(place, digest(leaf));
        *leaf = HIDDEN.into();
    });
    visit(after, "", "", TOP, &mut |place, leaf| *leaf = known.shown(place, &digest(leaf)).into());
}

/// Hides the secrets of one tree.
pub fn hide(tree: &mut Value) {
    visit(tree, "", "", TOP, &mut |_, leaf| *leaf = HIDDEN.into());
}

/// `text` of a device, JSON or lines with members of JSON in them, without its secrets; as it is where there are none.
pub fn redact(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.split_inclusive('\n').map(line).collect();
    };
    let mut found = false;
    visit(&mut value, "", "", TOP, &mut |_, leaf| {
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
fn text(leaf: &Value) -> Zeroizing<String> {
    Zeroizing::new(leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned))
}

fn digest(leaf: &Value) -> String {
    of_bytes(text(leaf).as_bytes())
}

/// What a leaf stands in, and what stands in it where it is none.
type Around = (Within, Within);

/// Every secret leaf of `value`, which is called `name`, and the names on the way to it; those of a leaf-list one by one.
fn visit(value: &mut Value, name: &str, place: &str, around: Around, to: &mut dyn FnMut(&str, &mut Value)) {
    let (within, inside) = around;
    match value {
        Value::Object(members) => {
            let has_name = members.iter().any(|(name, value)| is_leaf(value) && is_name(local(name)));
            members.iter_mut().for_each(|(name, value)| {
                let around = (inside, inside.below(name, has_name));
                visit(value, name, &format!("{place}/{}", local(name)), around, to);
            });
        }
        Value::Array(items) => items.iter_mut().for_each(|item| {
            visit(item, name, &format!("{place}{}", keys(item, inside)), around, to);
        }),
        Value::String(text) if text.is_empty() => {}
        Value::String(_) | Value::Number(_) => {
            if within.hides(local(name)) {
                to(place, value);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Where a device shows something else in the place of its secrets, by the names on the way there: what is so in one entry
/// of a list is so in all of them.
pub struct Masked<'a>(BTreeSet<Vec<&'a str>>);

impl<'a> Masked<'a> {
    /// The places below the top members of a configuration.
    pub fn of(tops: &'a Map<String, Value>) -> Self {
        let mut places = BTreeSet::new();
        for (name, value) in tops {
            leaves(value, &mut vec![local(name)], &mut |at, leaf| {
                if is_masked_leaf(at, leaf) {
                    places.insert(at.to_vec());
                }
            });
        }
        Self(places)
    }

    /// Refuses what asks for such a secret by setting `want` at the place of these names.
    pub fn can_be_seen(&self, place: &[&'a str], want: &'a Value) -> Result<(), String> {
        let mut place: Vec<&str> = place.iter().map(|name| local(name)).collect();
        let mut masked = None;
        leaves(want, &mut place, &mut |at, _| {
            if masked.is_none() && self.0.contains(at) {
                masked = at.last().copied();
            }
        });
        masked.map_or(Ok(()), |name| Err(unseen(name)))
    }
}

/// Whether all of `value`, which is called `name`, is what the device has, so that it can be written again; the error goes
/// on after "failed to".
pub fn is_known(name: &str, value: &Value) -> Result<(), String> {
    let mut masked = None;
    leaves(value, &mut vec![local(name)], &mut |at, leaf| {
        if is_masked_leaf(at, leaf) {
            masked = at.last().copied();
        }
    });
    masked.map_or(Ok(()), |name| Err(format!("put back {name}, whose value the device does not show")))
}

fn is_masked_leaf(at: &[&str], leaf: &Value) -> bool {
    at.last().zip(leaf.as_str()).is_some_and(|(name, text)| is_masked(name, text))
}

/// Every leaf of `value`, which stands at the place of these names; those of a leaf-list one by one.
fn leaves<'a>(value: &'a Value, at: &mut Vec<&'a str>, to: &mut dyn FnMut(&[&'a str], &'a Value)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                at.push(local(name));
                leaves(value, at, to);
                at.pop();
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, at, to)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) => to(at, value),
        Value::Null => {}
    }
}

/// What tells an entry from its neighbours: the leaves that are usually keys, else all that it has itself, which are
/// its keys in models of OpenConfig.
fn keys(entry: &Value, inside: Within) -> String {
    let Some(members) = entry.as_object() else { return String::new() };
    let leaves = members.iter().filter(|(name, value)| is_leaf(value) && !inside.hides(local(name)));
    let (usual, others): (Vec<_>, Vec<_>) = leaves.partition(|(name, _)| KEYS.contains(&local(name)));
    let mut keys: Vec<String> = (if usual.is_empty() { others } else { usual })
        .into_iter()
        .map(|(name, value)| format!("[{}={}]", local(name), *text(value)))
        .collect();
    keys.sort_unstable();
    keys.concat()
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

    const ANOTHER: &str = "(another secret)";

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
    fn an_snmp_community_that_is_the_key_of_its_entry_is_hidden() {
        let of = |name: &str| {
            json!({"x:native": {"x:snmp-server": {"x:community-config": [{"name": name, "permission": "ro"}]}},
                "policy": {"community": [{"name": "PEERS"}]}})
        };
        let (mut before, mut after) = (of("c4n4ry"), of("other"));
        hide_both(&mut before, &mut after);
        assert_eq!((&before, &after), (&of(HIDDEN), &of(ANOTHER)));
    }

    #[test]
    fn a_secret_that_another_place_has_is_another_one_there() {
        let mut before = json!({"user": [{"name": "a", "config": {"password": "one"}},
            {"m:name": "b", "config": {"m:password": "two"}}], "key": ["k-1", "k-2"]});
        let mut after = json!({"user": [{"name": "new", "config": {"password": "one"}},
            {"name": "b", "config": {"password": "two"}}, {"name": "a", "config": {"password": "two"}}],
            "key": ["k-0", "k-1", "k-2"]});
        hide_both(&mut before, &mut after);
        let password = |at: usize| &after["user"][at]["config"]["password"];
        assert_eq!(
            (password(0), password(1), password(2)),
            (&HIDDEN.into(), &HIDDEN.into(), &ANOTHER.into())
        );
        assert_eq!(after["key"], json!([ANOTHER, HIDDEN, HIDDEN]));
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
    fn what_a_device_shows_as_stars_can_be_neither_asked_for_nor_put_back() {
        let has = json!({"m:user": [{"name": "anna", "role": "***"}, {"name": "bob", "password": "****"}],
            "snmp": {"community": ["****"], "key": "/* SECRET-DATA */", "psk": "shown"}});
        let masked = Masked::of(has.as_object().unwrap());
        for want in [
            json!({"user": [{"name": "carl", "m:password": "new"}]}),
            json!({"n:snmp": {"community": ["new"]}}),
            json!({"snmp": {"key": 7}}),
        ] {
            let why = masked.can_be_seen(&[], &want).unwrap_err();
            assert!(why.starts_with("the device shows no ") && !why.contains("new"), "{why}");
        }
        let of_a_path = Value::from("new");
        assert!(masked.can_be_seen(&["m:user", "password"], &of_a_path).is_err());
        let other = json!({"user": [{"name": "bob", "role": "x"}], "snmp": {"psk": "new", "key": null}});
        assert_eq!(masked.can_be_seen(&[], &other), Ok(()));
        let why = is_known("m:user", &has["m:user"]).unwrap_err();
        assert_eq!(why, "put back password, whose value the device does not show");
        assert_eq!(is_known("m:user", &has["m:user"][0]), Ok(()), "a role may be called so");
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
