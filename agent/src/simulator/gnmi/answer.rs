//! What a target answers to a Get.

use super::GnmiFault;
use super::store::{self, Store};
use serde_json::Value;
use switchyard_proto::gnmi::typed_value::Value as Typed;
use switchyard_proto::gnmi::{self, GetRequest, GetResponse, Notification, TypedValue, Update};
use tonic::Status;

/// The leaves that are hidden.
const HIDDEN: &str = "password";
/// Elements of a path that never ends.
const ENDLESS: usize = 200_000;
/// More than any client takes, in bytes.
const HUGE_BYTES: usize = 5 * 1024 * 1024;

/// The configuration at each path of `request`; at the root each top member for itself, as many targets do.
pub(super) fn get(store: &Store, request: &GetRequest, fault: GnmiFault) -> Result<GetResponse, Status> {
    let mut updates = Vec::new();
    for wire in &request.path {
        let found = store.find(wire);
        let nothing = || Status::not_found(format!("nothing stands at {}", store::path(wire)));
        let mut found = found.ok_or_else(nothing)?.clone();
        if fault == GnmiFault::Hides {
            hide(&mut found);
        }
        if fault == GnmiFault::Stars {
            mask(&mut found);
        }
        if fault == GnmiFault::Sorts {
            sort(&mut found);
        }
        match found.as_object().filter(|_| wire.elem.is_empty()) {
            Some(members) => updates.extend(members.iter().map(|(name, value)| top(name, value))),
            None => updates.push(update(wire.clone(), &found)),
        }
    }
    odd(&mut updates, fault);
    let timestamp = if fault == GnmiFault::OddTimes { i64::MIN } else { 0 };
    let notification = vec![Notification { timestamp, update: updates, ..Default::default() }];
    let mut answer = GetResponse { notification, ..Default::default() };
    if fault == GnmiFault::ErrorInGet {
        #[expect(deprecated, reason = "old targets still send this")]
        answer.error.replace(error(13, "the database is gone"));
    }
    Ok(answer)
}

/// An error within an answer, as old targets put it there.
pub(super) fn error(code: u32, message: &str) -> gnmi::Error {
    gnmi::Error { code, message: message.to_owned(), data: None }
}

/// The first interface behind the others.
pub(super) fn turn(running: &mut Value) {
    let interfaces = running.pointer_mut("/openconfig-interfaces:interfaces/interface");
    if let Some(interfaces) = interfaces.and_then(Value::as_array_mut) {
        let behind = interfaces.len().min(1);
        interfaces.rotate_left(behind);
    }
}

/// Rules by their ids, whoever put them where.
fn sort(value: &mut Value) {
    if let Some(rules) = value.pointer_mut("/acl/rule").and_then(Value::as_array_mut) {
        rules.sort_by_key(|rule| rule["id"].as_u64());
    }
}

/// What nobody may see.
fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| name != HIDDEN);
            members.values_mut().for_each(hide);
        }
        Value::Array(entries) => entries.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Stars in the place of what nobody may see.
fn mask(value: &mut Value) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| match name == HIDDEN {
            true => *value = "****".into(),
            false => mask(value),
        }),
        Value::Array(entries) => entries.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn top(name: &str, value: &Value) -> Update {
    let elem = vec![gnmi::PathElem { name: name.to_owned(), ..Default::default() }];
    update(gnmi::Path { elem, ..Default::default() }, value)
}

fn update(path: gnmi::Path, value: &Value) -> Update {
    let typed = Typed::JsonIetfVal(value.to_string().into_bytes());
    Update { path: Some(path), val: Some(TypedValue { value: Some(typed) }), ..Default::default() }
}

fn odd(updates: &mut Vec<Update>, fault: GnmiFault) {
    let typed = match fault {
        GnmiFault::TwoValues => {
            let elem = ["system", "config", "motd"]
                .map(|name| gnmi::PathElem { name: name.into(), ..Default::default() });
            let path = gnmi::Path { elem: elem.to_vec(), ..Default::default() };
            return updates.push(update(path, &"another".into()));
        }
        GnmiFault::EndlessPath => {
            let elem = vec![gnmi::PathElem { name: "a".into(), ..Default::default() }; ENDLESS];
            return updates.push(update(gnmi::Path { elem, ..Default::default() }, &1.into()));
        }
        GnmiFault::Bytes => Typed::BytesVal(vec![0xff, 0x00]),
        GnmiFault::HalfJson => Typed::JsonIetfVal(b"{\"interface\": [".to_vec()),
        GnmiFault::HugeNumber => Typed::JsonIetfVal(b"{\"mtu\": 1e999}".to_vec()),
        GnmiFault::Leaf => Typed::JsonIetfVal(b"\"none\"".to_vec()),
        GnmiFault::Huge => Typed::JsonIetfVal(format!("\"{}\"", "x".repeat(HUGE_BYTES)).into_bytes()),
        GnmiFault::None
        | GnmiFault::SessionLimit
        | GnmiFault::Drips
        | GnmiFault::DropAfterWrite
        | GnmiFault::DropBeforeConfirm
        | GnmiFault::DropBeforeWrite
        | GnmiFault::Exhausted
        | GnmiFault::Breaks
        | GnmiFault::Silent
        | GnmiFault::Pending
        | GnmiFault::NoExtension
        | GnmiFault::IgnoresExtension
        | GnmiFault::Forgets
        | GnmiFault::Mute
        | GnmiFault::NoJson
        | GnmiFault::Forbids
        | GnmiFault::PendingForAnybody
        | GnmiFault::LooseIds
        | GnmiFault::Sorts
        | GnmiFault::Turns
        | GnmiFault::InvalidExtension
        | GnmiFault::Hides
        | GnmiFault::Stars
        | GnmiFault::HalfAnswer
        | GnmiFault::ErrorInGet
        | GnmiFault::ErrorInPart
        | GnmiFault::OddTimes
        | GnmiFault::Aborts => return,
    };
    for update in updates {
        update.val = Some(TypedValue { value: Some(typed.clone()) });
    }
}
