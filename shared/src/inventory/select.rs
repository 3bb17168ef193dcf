//! Devices by filter: a bare name is a field of the device, else a label, else data.

use super::{Device, Inventory, Site};
use crate::filter::{self, FieldName, Filter, FilterError, Lookup};
use crate::yaml::{nearest, shown};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

const FIELDS: [&str; 14] = [
    "name",
    "site",
    "platform",
    "role",
    "status",
    "hostname",
    "region",
    "redundancy_group",
    "ha_role",
    "port",
    "groups",
    "labels",
    "data",
    "username",
];

/// The indexes of the devices that match, in inventory order. Fails at a field that no device has
/// and at a bare name for which a device's label and data differ.
pub fn select(inventory: &Inventory, filter: &Filter) -> Result<Vec<usize>, FilterError> {
    filter::select(
        &inventory.devices,
        filter,
        |device, path| lookup(device, inventory.sites.get(&device.site), path),
        |field| unknown(inventory, field),
    )
}

fn unknown(inventory: &Inventory, field: &FieldName) -> String {
    let labels = inventory.devices.iter().flat_map(|device| device.labels.keys().chain(device.data.keys()));
    let mut known: BTreeSet<&str> = labels.map(String::as_str).collect();
    known.extend(FIELDS);
    let last = field.path.last().map_or("", String::as_str);
    let hint = nearest(last, known).filter(|near| *near != last);
    let hint = hint.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("no device has a field, label or data called {}{hint}", shown(&field.to_string()))
}

/// What a device says about a field of a filter.
pub fn lookup<'a>(device: &'a Device, site: Option<&'a Site>, path: &[&str]) -> Lookup<'a> {
    let optional = |value: &'a Option<String>| value.as_deref().map_or(Lookup::Unset, text);
    match path {
        ["name"] => text(device.name.as_str()),
        ["site"] => text(device.site.as_str()),
        ["platform"] => optional(&device.platform),
        ["role"] => optional(&device.role),
        ["status"] => text(&device.status),
        ["hostname"] => text(&device.hostname),
        ["username"] => text(&device.username),
        ["port"] => Lookup::Text(Cow::Owned(device.port.to_string())),
        ["region"] => site.and_then(|site| site.region.as_deref()).map_or(Lookup::Unset, text),
        ["redundancy_group"] => optional(&device.redundancy_group),
        ["ha_role"] => optional(&device.ha_role),
        ["groups"] => Lookup::List(device.groups.iter().map(|group| Cow::Borrowed(group.as_str())).collect()),
        ["labels"] => Lookup::List(device.labels.keys().map(|key| Cow::Borrowed(key.as_str())).collect()),
        ["data"] => Lookup::List(device.data.keys().map(|key| Cow::Borrowed(key.as_str())).collect()),
        ["labels", rest @ ..] => label(device, rest),
        ["data", rest @ ..] => data(device, rest),
        ["device", rest @ ..] if !rest.is_empty() => lookup(device, site, rest),
        bare => match (label(device, bare), data(device, bare)) {
            (Lookup::Unknown, data) => data,
            (label, Lookup::Unknown) => label,
            (label, data) if label == data => label,
            (_, _) => {
                let name = bare.join(".");
                let message =
                    format!("on {} label and data differ; write labels.{name} or data.{name}", device.name);
                Lookup::Conflict(message)
            }
        },
    }
}

fn text(text: &str) -> Lookup<'_> {
    Lookup::Text(Cow::Borrowed(text))
}

fn label<'a>(device: &'a Device, path: &[&str]) -> Lookup<'a> {
    device.labels.get(&path.join(".")).map_or(Lookup::Unknown, |value| text(value))
}

fn data<'a>(device: &'a Device, path: &[&str]) -> Lookup<'a> {
    let [first, rest @ ..] = path else { return Lookup::Unknown };
    let mut value = device.data.get(*first);
    for part in rest {
        value = value.and_then(|value| value.get(part));
    }
    match value {
        None => Lookup::Unknown,
        Some(Value::Null) => Lookup::Unset,
        Some(Value::String(value)) => text(value),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => Lookup::Text(Cow::Owned(value.to_string())),
        Some(Value::Object(map)) => Lookup::List(map.keys().map(|key| Cow::Borrowed(key.as_str())).collect()),
        Some(Value::Array(items)) => Lookup::List(items.iter().map(item).collect()),
    }
}

fn item(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}
