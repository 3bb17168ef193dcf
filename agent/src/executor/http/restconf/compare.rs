//! How a device differs from what is wanted, and the edits that make it so, or as it was.

use crate::executor::http::json::{self, Tree, demands, holds, is_same};
use crate::executor::json_order;
use crate::executor::json_secrecy::{Masked, hide_both};
use crate::executor::netconf::KEYS;
use serde_json::Value;
use switchyard_shared::configuration::unified;
use switchyard_shared::procedure::Mode;

/// A change of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// Adds to the top node of this name.
    Merge(String, Value),
    /// Puts this in the place of what is at this path.
    Replace(Vec<String>, Value),
    /// Takes away what is at this path; the first segment of a path is `module:name`.
    Remove(Vec<String>),
}

/// The running configuration as a session keeps it.
pub(super) fn running(text: &str) -> Result<Tree, String> {
    if text.is_empty() { Ok(Tree::new()) } else { json::tree(text) }
}

/// A configuration that a person wrote. `null`, which is no value of YANG, takes away what it stands for: a top node or
/// a member of objects within objects, but nothing within a list, since nobody here knows which of its leaves are keys.
pub(super) fn wanted(text: &str, mode: Mode) -> Result<Tree, String> {
    let tree = json::tree(text.trim_start_matches('\u{feff}'))?;
    if tree.is_empty() {
        return Err("find anything in it: it is an empty object".into());
    }
    for (name, value) in &tree {
        match (mode, value) {
            (Mode::Merge, value) => only_plain_nulls(value, name)?,
            (Mode::Replace, Value::Null) => {}
            (Mode::Replace, value) if has_null(value) => {
                return Err(format!("use {name}: null means nothing within what replaces the whole of it"));
            }
            (Mode::Replace, _) => {}
        }
    }
    Ok(tree)
}

fn only_plain_nulls(value: &Value, at: &str) -> Result<(), String> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            let at = format!("{at}/{name}");
            match has_null(value) && !json::is_name(name) {
                true => Err(format!("use {at}: {name:?} is no name of YANG")),
                false => only_plain_nulls(value, &at),
            }
        }),
        Value::Array(items) => match items.iter().any(|item| item.is_object() && has_null(item)) {
            true => Err(format!(
                "use {at}: null within an entry of a list would take away what nobody can name; write the whole top node \
                 with mode: replace"
            )),
            false => Ok(()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Whether there is a null that takes something away; `[null]` is a leaf of the type empty, RFC 7951 section 6.9.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().any(has_null),
        Value::Array(items) => items.iter().filter(|item| !item.is_null()).any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Refuses what asks for a secret that the device does not show.
pub(super) fn can_be_seen(have: &Tree, want: &Tree) -> Result<(), String> {
    let masked = Masked::of(have);
    want.iter().try_for_each(|(name, want)| masked.can_be_seen(&[name], want))
}

/// How a device that has `have` differs from `want`: empty when it has it.
pub(super) fn difference(have: &Tree, want: &Tree, mode: Mode) -> String {
    let is_so = |(name, want): (&String, &Value)| match mode {
        Mode::Merge => holds(have.get(name), want),
        Mode::Replace => is_there(have.get(name), want),
    };
    if want.iter().all(is_so) {
        return String::new();
    }
    let mut before: Tree = have.clone();
    before.retain(|name, _| want.contains_key(name));
    let mut after = before.clone();
    for (name, want) in want {
        match mode {
            Mode::Merge => picture(&mut after, name, want),
            Mode::Replace => put(&mut after, name, want),
        }
    }
    let (before, mut after) = (&mut Value::Object(before), Value::Object(after));
    let mut asked = Value::Object(want.clone());
    hide_both(&mut before.clone(), &mut asked);
    hide_both(before, &mut after);
    let printed = |value: &Value| json::print(&json::sorted(value.as_object().cloned().unwrap_or_default()));
    let text = unified(&printed(before), &printed(&after));
    // What the picture cannot show is shown as it was asked for.
    if text.is_empty() { unified("", &printed(&asked)) } else { text }
}

/// Whether a device that has `have` has all of `want`, with the entries of lists in whatever order.
pub(super) fn has_in_some_order(have: &Tree, want: &Tree, mode: Mode) -> bool {
    let is_so = |(name, want): (&String, &Value)| match (mode, want, have.get(name)) {
        (Mode::Merge, want, have) => holds(have, want),
        (Mode::Replace, Value::Null, have) => have.is_none(),
        (Mode::Replace, want, have) => have.is_some_and(|have| json_order::same(have, want)),
    };
    want.iter().all(is_so)
}

fn is_there(have: Option<&Value>, want: &Value) -> bool {
    match (have, want) {
        (have, Value::Null) => have.is_none(),
        (Some(have), want) => is_same(have, want),
        (None, _) => false,
    }
}

fn put(tree: &mut Tree, name: &str, want: &Value) {
    if want.is_null() {
        tree.shift_remove(name);
    } else {
        tree.insert(name.to_owned(), want.clone());
    }
}

/// What a device would have once `want` is merged into `name` of `tree`; for people, nothing is decided by it.
fn picture(tree: &mut Tree, name: &str, want: &Value) {
    match (tree.get_mut(name), want) {
        (_, Value::Null) => drop(tree.shift_remove(name)),
        (None, want) if !demands(want) => {}
        (Some(Value::Object(have)), Value::Object(want)) => {
            want.iter().for_each(|(name, want)| picture(have, name, want));
        }
        (Some(Value::Array(have)), Value::Array(want)) => {
            want.iter().for_each(|want| picture_entry(have, want));
        }
        (_, want) => drop(tree.insert(name.to_owned(), without_nulls(want))),
    }
}

fn picture_entry(list: &mut Vec<Value>, want: &Value) {
    if list.iter().any(|have| have == want || holds(Some(have), want)) {
        return;
    }
    match (list.iter_mut().find(|have| is_entry(have, want)), want) {
        (Some(Value::Object(have)), Value::Object(want)) => {
            want.iter().for_each(|(name, want)| picture(have, name, want));
        }
        (_, want) => list.push(without_nulls(want)),
    }
}

/// Whether both are the same entry of a list: by the leaves that are usually its keys, else by its first leaf.
pub(super) fn is_entry(have: &Value, want: &Value) -> bool {
    let (Value::Object(have), Value::Object(want)) = (have, want) else { return false };
    let keys = keys(want);
    let alike = |key: &&str| match (have.get(*key), want.get(*key)) {
        (Some(have), Some(want)) => is_same(have, want),
        (None, _) | (_, None) => false,
    };
    !keys.is_empty() && keys.iter().all(alike)
}

/// The leaves that tell an entry from others.
pub(super) fn keys(entry: &Tree) -> Vec<&str> {
    let is_leaf = |value: &Value| !value.is_object() && !value.is_array();
    let named: Vec<&str> = KEYS.into_iter().filter(|key| entry.get(*key).is_some_and(is_leaf)).collect();
    let first = entry.iter().find(|(_, value)| is_leaf(value)).map(|(name, _)| name.as_str());
    if named.is_empty() { first.into_iter().collect() } else { named }
}

/// What has to be there of `value`.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| demands(value));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            other.clone()
        }
    }
}

/// What makes a device that has `have` have `want`.
pub(super) fn edits(have: &Tree, want: &Tree, mode: Mode) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (name, want) in want {
        match (mode, want) {
            (Mode::Merge, want) => {
                removals(have.get(name), want, &mut vec![name.clone()], &mut edits);
                let plain = without_nulls(want);
                if demands(want) && !holds(have.get(name), &plain) {
                    edits.push(Edit::Merge(name.clone(), plain));
                }
            }
            (Mode::Replace, want) if is_there(have.get(name), want) => {}
            (Mode::Replace, Value::Null) => edits.push(Edit::Remove(vec![name.clone()])),
            (Mode::Replace, want) => edits.push(Edit::Replace(vec![name.clone()], want.clone())),
        }
    }
    edits
}

/// What of `have` stands where `want` says null.
fn removals(have: Option<&Value>, want: &Value, at: &mut Vec<String>, edits: &mut Vec<Edit>) {
    let Some(have) = have else { return };
    match want {
        Value::Null => edits.push(Edit::Remove(at.clone())),
        Value::Object(members) => {
            for (name, want) in members {
                at.push(name.clone());
                removals(have.get(name), want, at, edits);
                at.pop();
            }
        }
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
#[path = "compare/tests.rs"]
mod tests;
