//! The way back: the smallest changes that make a device have again what it had, so that nothing is touched that was not
//! changed, and nothing that its reader may not see: no object and no list is ever put in its place whole.

use super::compare::{is_entry, keys};
use crate::executor::http::json::Tree;
use crate::executor::json_order;
use crate::executor::json_secrecy::is_known;
use crate::executor::netconf::is_secret;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use switchyard_shared::digest::of_bytes;
use zeroize::Zeroizing;

/// A step down to what is to be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of this name.
    Member(String),
    /// An entry of the list of this name, as the device shows it.
    Entry(String, Value),
}

/// What makes a device have again what it had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// What is merged into it.
    pub(super) merged: Tree,
    /// What is taken away, after that: nothing refers to it any more.
    pub(super) removed: Vec<Vec<Step>>,
}

/// From what a device has `now` to what it had `then`; the error goes on after "failed to". Which leaves of an entry are
/// its keys is guessed, so the device is read again afterwards, and what is not as it was goes another way.
pub(super) fn way(now: &Tree, then: &Tree) -> Result<Way, String> {
    let mut way = Way::default();
    let merged = way.object(now, then, &mut Vec::new())?;
    way.merged = merged;
    Ok(way)
}

impl Way {
    /// What is to be merged into an object; what has to go below it is noted.
    fn object(&mut self, now: &Tree, then: &Tree, at: &mut Vec<Step>) -> Result<Tree, String> {
        let mut merged = Tree::new();
        for name in now.keys().chain(then.keys().filter(|name| !now.contains_key(*name))) {
            let value = match (now.get(name), then.get(name)) {
                (Some(now), Some(then)) if json_order::same(now, then) => None,
                (Some(now), Some(then)) => self.member(name, now, then, at)?,
                (Some(now), None) => {
                    self.take_away(name, now, at);
                    None
                }
                (None, then) => then.cloned(),
            };
            if let Some(value) = value {
                is_known(name, &value)?;
                merged.insert(name.clone(), value);
            }
        }
        Ok(merged)
    }

    fn take_away(&mut self, name: &str, now: &Value, at: &[Step]) {
        let below = |step: Step| [at, &[step]].concat();
        match now {
            Value::Array(entries) if !is_leaf(now) => {
                let entry = |entry: &Value| below(Step::Entry(name.to_owned(), entry.clone()));
                self.removed.extend(entries.iter().map(entry));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                self.removed.push(below(Step::Member(name.to_owned())));
            }
        }
    }

    /// What is to be merged into a member that is another one now.
    fn member(
        &mut self,
        name: &str,
        now: &Value,
        then: &Value,
        at: &mut Vec<Step>,
    ) -> Result<Option<Value>, String> {
        match (now, then) {
            (now, then) if is_leaf(now) && is_leaf(then) => Ok(Some(then.clone())),
            (Value::Object(now), Value::Object(then)) => {
                at.push(Step::Member(name.to_owned()));
                let merged = self.object(now, then, at);
                at.pop();
                Ok(Some(merged?).filter(|merged| !merged.is_empty()).map(Value::Object))
            }
            (Value::Array(now), Value::Array(then)) => self.list(name, now, then, at),
            _ => Err(format!("put back {name}, which is of another kind now")),
        }
    }

    fn list(
        &mut self,
        name: &str,
        now: &[Value],
        then: &[Value],
        at: &mut Vec<Step>,
    ) -> Result<Option<Value>, String> {
        let (has, had) = (digests(now), digests(then));
        let mut left: Vec<Option<&Value>> =
            now.iter().filter(|entry| !had.contains(&digest(entry))).map(Some).collect();
        let places = places(&left);
        let mut merged = Vec::new();
        for then in then.iter().filter(|entry| !has.contains(&digest(entry))) {
            let some = said_first(then).and_then(|said| places.get(&said)).into_iter().flatten();
            let place = some.copied().find(|at| left[*at].is_some_and(|now| is_entry(now, then)));
            match (place.and_then(|place| left[place].take()), then) {
                (Some(now @ Value::Object(members)), Value::Object(then)) => {
                    at.push(Step::Entry(name.to_owned(), now.clone()));
                    let entry = self.object(members, then, at);
                    at.pop();
                    let entry = entry?;
                    if !entry.is_empty() {
                        merged.push(Value::Object(with_keys(entry, then)));
                    }
                }
                (_, then) => {
                    is_known(name, then)?;
                    merged.push(then.clone());
                }
            }
        }
        let gone = left.into_iter().flatten().map(|entry| Step::Entry(name.to_owned(), entry.clone()));
        self.removed.extend(gone.map(|step| [at.as_slice(), &[step]].concat()));
        Ok((!merged.is_empty()).then_some(Value::Array(merged)))
    }
}

/// The entries of a list by what their leaves say.
fn places<'a>(entries: &[Option<&'a Value>]) -> BTreeMap<(&'a str, String), Vec<usize>> {
    let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        for (name, value) in entry.and_then(Value::as_object).into_iter().flatten() {
            if !value.is_object() && !value.is_array() {
                places.entry((name.as_str(), text(value))).or_default().push(at);
            }
        }
    }
    places
}

/// The first of the leaves that tell an entry from others, and what it says.
fn said_first(entry: &Value) -> Option<(&str, String)> {
    let members = entry.as_object()?;
    let key = keys(members).into_iter().next()?;
    Some((key, text(members.get(key)?)))
}

/// Numbers of 64 bits are texts in RFC 7951 (section 6.1).
fn text(leaf: &Value) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
}

/// Whether it is a leaf; `[null]` is one of the type empty, RFC 7951 section 6.9.
fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => matches!(&items[..], [Value::Null]),
        Value::Object(_) => false,
    }
}

/// What is merged into an entry, with its leaves that did not change, since its keys are among them.
fn with_keys(mut merged: Tree, then: &Tree) -> Tree {
    for (name, value) in then {
        if is_leaf(value) && !is_secret(name) && !merged.contains_key(name) {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

fn digest(entry: &Value) -> String {
    of_bytes(Zeroizing::new(json_order::text(entry)).as_bytes())
}

fn digests(entries: &[Value]) -> BTreeSet<String> {
    entries.iter().map(digest).collect()
}

#[cfg(test)]
#[path = "back/tests.rs"]
mod tests;
