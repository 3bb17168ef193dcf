//! Configurations as JSON of YANG data, RFC 7951: read, put in one order, printed; whether a device has what is wanted.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The top nodes of a datastore: `module:name` and what is there.
pub(super) type Tree = Map<String, Value>;

/// Reads an object whose members are named `module:name`; the error goes on after "failed to".
pub(super) fn tree(text: &str) -> Result<Tree, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("read JSON: {error}"))?;
    let Value::Object(tree) = value else {
        return Err(format!("find an object: it is {}", kind(&value)));
    };
    match tree.keys().find(|name| !is_qualified(name)) {
        Some(name) => Err(format!("know the module of {name:?}: write it as MODULE:{name}")),
        None => Ok(sorted(tree)),
    }
}

/// Letters of names of YANG, and one colon.
fn is_qualified(name: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    name.split_once(':').is_some_and(|(module, name)| good(module) && good(name))
}

/// Whether it is a name of YANG, RFC 7950 section 6.2, perhaps with that of its module: it can stand in a path.
pub(super) fn is_name(name: &str) -> bool {
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match name.split_once(':') {
        Some((module, local)) => is_qualified(name) && begins(module) && begins(local),
        None => begins(name) && is_qualified(&format!("x:{name}")),
    }
}

/// What `value` is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Members by their names, and those of their parent's module without its name, RFC 7951 section 4.
pub(super) fn sorted(tree: Tree) -> Tree {
    let mut members: Vec<_> = tree.into_iter().collect();
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    let ordered = |(name, value): (String, Value)| {
        let module = name.split_once(':').map_or("", |(module, _)| module).to_owned();
        let value = ordered(value, &module);
        (name, value)
    };
    members.into_iter().map(ordered).collect()
}

fn ordered(value: Value, module: &str) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| ordered(item, module)).collect()),
        Value::Object(members) => {
            let short = |name: String| match name.split_once(':') {
                Some((own, rest)) if own == module => rest.to_owned(),
                Some(_) | None => name,
            };
            let mut members: Vec<_> = members.into_iter().map(|(name, value)| (short(name), value)).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let inner = |(name, value): (String, Value)| {
                let module = name.split_once(':').map_or(module, |(module, _)| module).to_owned();
                (name, ordered(value, &module))
            };
            Value::Object(members.into_iter().map(inner).collect())
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

/// `tree` for people and for snapshots: the same text for the same content.
pub(super) fn print(tree: &Tree) -> Zeroizing<String> {
    if tree.is_empty() {
        return Zeroizing::default();
    }
    let mut text = Zeroizing::new(serde_json::to_string_pretty(tree).expect("names are text"));
    text.push('\n');
    text
}

/// The top node `name` alone, as a request carries it.
pub(super) fn only(name: &str, value: &Value) -> Zeroizing<String> {
    let tree = Tree::from_iter([(name.to_owned(), value.clone())]);
    Zeroizing::new(serde_json::to_string(&tree).expect("names are text"))
}

/// Whether a device that has `have` holds `want`. `null` wants nothing to be there; the entries of a list are found by
/// all that is wanted of them, their keys among it.
pub(super) fn holds(have: Option<&Value>, want: &Value) -> bool {
    match (have, want) {
        (None, want) => !demands(want),
        (Some(_), Value::Null) => false,
        (Some(Value::Object(have)), Value::Object(want)) => {
            want.iter().all(|(name, want)| holds(have.get(name), want))
        }
        (Some(Value::Array(have)), Value::Array(want)) => {
            want.iter().all(|want| have.iter().any(|have| have == want || holds(Some(have), want)))
        }
        (Some(have), want) => is_same(have, want),
    }
}

/// Whether something has to be there: not so where all that is asked is that something is not. An object without
/// members has to be there: its presence may mean something (RFC 7950 section 7.5.1).
pub(super) fn demands(want: &Value) -> bool {
    match want {
        Value::Null => false,
        Value::Object(members) => members.is_empty() || members.values().any(demands),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Whether two values are the same. Numbers of 64 bits are texts in RFC 7951 (section 6.1), and people write numbers.
/// Entries of lists may not stand in another order: that of many counts.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}
