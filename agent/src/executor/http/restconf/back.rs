//! The way back: the smallest edits that make a device have again what it had, so that nothing is touched that was not
//! changed, and nothing that its reader may not see.

use super::compare::{Edit, is_entry, picture_entry};
use crate::executor::http::json::{Tree, is_same};
use crate::executor::netconf::is_secret;
use serde_json::Value;
use std::collections::BTreeSet;
use switchyard_shared::digest::of_bytes;
use zeroize::Zeroizing;

/// How lists are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// Entry by entry where that can do it.
    Merged,
    /// With the object that holds them.
    Whole,
}

/// That something cannot be made so by itself: what holds it has to be put in its place whole.
struct Whole;

/// What makes a device that has `now` have `then` again. Objects are gone down into: what differs is merged, what was
/// not there is taken away. A list has no resource of its own and its keys are not known (RFC 8040 section 3.5), so one
/// that cannot be merged back is put back with the object that holds it.
/// Which leaves of an entry are its keys is guessed, so where that made something else, `lists` says to merge none.
pub(super) fn way(now: &Tree, then: &Tree, lists: Lists) -> Vec<Edit> {
    let (mut edits, mut merged) = (Vec::new(), Tree::new());
    for name in names(now, then) {
        let (now, then) = (now.get(name), then.get(name));
        let mut at = vec![name.to_owned()];
        match (member((now, then), &mut at, lists, &mut edits), then) {
            (Ok(value), _) => merged.extend(value.map(|value| (name.to_owned(), value))),
            (Err(Whole), Some(then)) => edits.push(Edit::Replace(at, then.clone())),
            (Err(Whole), None) => edits.push(Edit::Remove(at)),
        }
    }
    edits.extend(merged.into_iter().map(|(name, value)| Edit::Merge(name, value)));
    edits
}

fn names<'a>(now: &'a Tree, then: &'a Tree) -> impl Iterator<Item = &'a str> {
    let gone = now.keys().filter(|name| !then.contains_key(*name));
    gone.chain(then.keys()).map(String::as_str)
}

/// What is to be merged into what is at `at`; what has to be taken away or replaced below it goes to `edits`.
fn member(
    (now, then): (Option<&Value>, Option<&Value>),
    at: &mut Vec<String>,
    lists: Lists,
    edits: &mut Vec<Edit>,
) -> Result<Option<Value>, Whole> {
    match (now, then) {
        (None, then) => Ok(then.cloned()),
        (Some(now), Some(then)) if is_same(now, then) => Ok(None),
        (Some(Value::Array(_)), None) => Err(Whole),
        (Some(_), None) => {
            edits.push(Edit::Remove(at.clone()));
            Ok(None)
        }
        (Some(Value::Object(now)), Some(Value::Object(then))) => Ok(object((now, then), at, lists, edits)),
        (Some(Value::Array(_)), Some(_)) if lists == Lists::Whole => Err(Whole),
        (Some(now), Some(then)) => merging(now, then).map(Some),
    }
}

fn object(
    (now, then): (&Tree, &Tree),
    at: &mut Vec<String>,
    lists: Lists,
    edits: &mut Vec<Edit>,
) -> Option<Value> {
    let (mut merged, before) = (Tree::new(), edits.len());
    for name in names(now, then) {
        at.push(name.to_owned());
        let done = member((now.get(name), then.get(name)), at, lists, edits);
        at.pop();
        match done {
            Ok(value) => merged.extend(value.map(|value| (name.to_owned(), value))),
            Err(Whole) => {
                edits.truncate(before);
                edits.push(Edit::Replace(at.clone(), Value::Object(then.clone())));
                return None;
            }
        }
    }
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// The smallest value whose merging alone makes `then` of `now`.
fn merging(now: &Value, then: &Value) -> Result<Value, Whole> {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            let mut changed = Tree::new();
            for name in names(now, then) {
                match (now.get(name), then.get(name)) {
                    (_, None) => return Err(Whole),
                    (Some(now), Some(then)) if is_same(now, then) => {}
                    (Some(now), Some(then)) => drop(changed.insert(name.to_owned(), merging(now, then)?)),
                    (None, Some(then)) => drop(changed.insert(name.to_owned(), then.clone())),
                }
            }
            Ok(Value::Object(changed))
        }
        (Value::Array(now), Value::Array(then)) => list(now, then),
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => Err(Whole),
        (
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_),
        ) => Ok(then.clone()),
    }
}

/// The entries that are merged; an order that merging does not make is none.
fn list(now: &[Value], then: &[Value]) -> Result<Value, Whole> {
    if now.len() > then.len() {
        return Err(Whole);
    }
    let digest = |entry: &Value| of_bytes(Zeroizing::new(entry.to_string()).as_bytes());
    let had: BTreeSet<String> = now.iter().map(digest).collect();
    let mut changed = Vec::new();
    for then in then.iter().filter(|then| !had.contains(&digest(then))) {
        let place = now.iter().find(|now| is_entry(now, then));
        changed.push(place.map_or_else(|| Ok(then.clone()), |now| entry(now, then))?);
    }
    let mut after = now.to_vec();
    changed.iter().for_each(|entry| picture_entry(&mut after, entry));
    let is_so = after.len() == then.len() && after.iter().zip(then).all(|(after, then)| is_same(after, then));
    if is_so { Ok(Value::Array(changed)) } else { Err(Whole) }
}

/// What is merged into an entry: what changed, and the leaves that did not, since its keys are among them.
fn entry(now: &Value, then: &Value) -> Result<Value, Whole> {
    let mut merged = merging(now, then)?;
    if let (Value::Object(merged), Value::Object(then)) = (&mut merged, then) {
        for (name, value) in then {
            if !value.is_object() && !value.is_array() && !is_secret(name) && !merged.contains_key(name) {
                merged.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(merged)
}

#[cfg(test)]
#[path = "back/tests.rs"]
mod tests;
