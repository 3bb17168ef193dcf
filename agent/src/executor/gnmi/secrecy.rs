//! Leaves that hold secrets, by their names: their values are shown to nobody.

use crate::executor::netconf::is_secret;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use switchyard_shared::digest::of_bytes;

/// What stands for a secret.
const HIDDEN: &str = "(secret)";
/// What stands for a secret that the device does not have yet.
const ANOTHER: &str = "(another secret)";

/// Hides the secrets of two trees that are compared; that one has another value than the other can still be seen.
pub fn hide_both(before: &mut Map<String, Value>, after: &mut Map<String, Value>) {
    let mut known = BTreeSet::new();
    members(before, &mut |leaf| {
        known.insert(of_bytes(leaf.to_string().as_bytes()));
        *leaf = HIDDEN.into();
    });
    members(after, &mut |leaf| {
        let has = known.contains(&of_bytes(leaf.to_string().as_bytes()));
        *leaf = if has { HIDDEN } else { ANOTHER }.into();
    });
}

/// Hides the secrets of one tree.
pub fn hide(tree: &mut Value) {
    visit(tree, &mut |leaf| *leaf = HIDDEN.into());
}

fn visit(tree: &mut Value, to: &mut dyn FnMut(&mut Value)) {
    match tree {
        Value::Object(object) => members(object, to),
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn members(object: &mut Map<String, Value>, to: &mut dyn FnMut(&mut Value)) {
    for (name, value) in object {
        let bare = name.rsplit_once(':').map_or(name.as_str(), |(_, bare)| bare);
        let is_leaf = match value {
            Value::Object(_) => false,
            Value::Array(items) => !items.iter().any(|item| item.is_object() || item.is_array()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        };
        match is_leaf && is_secret(bare) {
            true => to(value),
            false => visit(value, to),
        }
    }
}
