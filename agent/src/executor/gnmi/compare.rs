//! How a device differs from what is wanted, and the one Set that makes it so.

use super::change::Change;
use super::messages::{update, wire_path};
use super::tree::Names;
use crate::executor::json_secrecy::{Masked, hide_both};
use serde_json::{Map, Value};
use switchyard_proto::gnmi::{Encoding, SetRequest};
use switchyard_shared::configuration::unified;
use switchyard_shared::gnmi_path::Path;
use switchyard_shared::procedure::Mode;

/// Whether entries of lists have to stand as they are written, where that is all there shall be. Merging moves none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They have to.
    Counts,
    /// A device may sort them.
    Ignored,
}

/// Refuses what asks for a secret that the device does not show.
pub fn can_be_seen(before: &Value, change: &Change) -> Result<(), String> {
    let nothing = Map::new();
    let masked = Masked::of(before.as_object().unwrap_or(&nothing));
    change.items.iter().filter_map(|(path, value)| Some((path, value.as_ref()?))).try_for_each(
        |(path, value)| {
            let place: Vec<&str> = path.elems.iter().map(|elem| elem.name.as_str()).collect();
            masked.can_be_seen(&place, value)
        },
    )
}

/// What a device with `before` has after `change`; the error says what does not fit.
///
/// What is taken away goes first, wherever it stands in the template (gNMI specification §3.4.3).
pub fn after(
    before: &Value,
    change: &Change,
    (mode, order): (Mode, Order),
    names: &Names,
) -> Result<Value, String> {
    let is_held = |tree: &Value, path: &Path, value: &Value| match mode {
        Mode::Merge => names.holds(tree, path, value),
        Mode::Replace => names.is_all(tree, path, value, order == Order::Counts),
    };
    let mut after = before.clone();
    for (path, _) in change.items.iter().filter(|(_, value)| value.is_none()) {
        names.fits(&after, path)?;
        names.remove(&mut after, path);
    }
    let wanted = change.items.iter().filter_map(|(path, value)| Some((path, value.as_ref()?)));
    for (path, value) in wanted {
        names.fits(&after, path)?;
        if let Some(has) = names.find(&after, path)
            && has.is_object() != value.is_object()
        {
            let (is, wanted) = (kind(has), kind(value));
            return Err(format!("at {path} the device has {is} and the template {wanted}"));
        }
        if !is_held(&after, path, value) {
            names.put(&mut after, path, value, mode == Mode::Replace);
        }
    }
    Ok(after)
}

/// The difference as people read it: the top members that differ; empty when there is none.
pub fn difference(before: &Value, after: &Value) -> String {
    let nothing = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&nothing), after.as_object().unwrap_or(&nothing));
    let differing = |one: &Map<String, Value>, other: &Map<String, Value>| -> Map<String, Value> {
        let members = one.iter().filter(|(name, value)| other.get(*name) != Some(*value));
        members.map(|(name, value)| (name.clone(), super::value::sorted(value.clone()))).collect()
    };
    let (gone, come) = (differing(before, after), differing(after, before));
    if gone.is_empty() && come.is_empty() {
        return String::new();
    }
    let (mut gone, mut come) = (Value::Object(gone), Value::Object(come));
    hide_both(&mut gone, &mut come);
    let come = pretty(come);
    let text = unified(&pretty(gone), &come);
    // What differs in secrets that nothing tells apart is no less a difference.
    if text.is_empty() { unified("", &come) } else { text }
}

/// The Set of `change`: all of it or nothing (gNMI specification §3.4.3).
pub fn request(change: &Change, mode: Mode, encoding: Encoding) -> SetRequest {
    let mut request = SetRequest::default();
    for (path, value) in &change.items {
        match (value, mode) {
            (None, _) => request.delete.push(wire_path(path)),
            (Some(value), Mode::Merge) => request.update.push(update(path, value, encoding)),
            (Some(value), Mode::Replace) => request.replace.push(update(path, value, encoding)),
        }
    }
    request
}

fn pretty(tree: Value) -> String {
    if tree.as_object().is_some_and(Map::is_empty) {
        return String::new();
    }
    format!("{:#}\n", super::value::sorted(tree))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "a container",
        Value::Array(_) => "a list",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a leaf",
    }
}
