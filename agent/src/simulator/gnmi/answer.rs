//! What a target answers to a Get.

use super::GnmiFault;
use super::store::{self, Store};
use serde_json::Value;
use switchyard_proto::gnmi::typed_value::Value as Typed;
use switchyard_proto::gnmi::{self, GetRequest, GetResponse, Notification, TypedValue, Update};
use tonic::Status;

/// More than any client takes, in bytes.
const HUGE_BYTES: usize = 5 * 1024 * 1024;

/// The configuration at each path of `request`; at the root each top member for itself, as many targets do.
pub(super) fn get(store: &Store, request: &GetRequest, fault: GnmiFault) -> Result<GetResponse, Status> {
    let mut updates = Vec::new();
    for wire in &request.path {
        let path = store::path(wire);
        let found = store.find(&path);
        let found = found.ok_or_else(|| Status::not_found(format!("nothing stands at {path}")))?;
        match found.as_object().filter(|_| path.elems.is_empty()) {
            Some(members) => updates.extend(members.iter().map(|(name, value)| top(name, value))),
            None => updates.push(update(wire.clone(), found)),
        }
    }
    odd(&mut updates, fault);
    let notification = vec![Notification { update: updates, ..Default::default() }];
    Ok(GetResponse { notification, ..Default::default() })
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
        GnmiFault::Bytes => Typed::BytesVal(vec![0xff, 0x00]),
        GnmiFault::HalfJson => Typed::JsonIetfVal(b"{\"interface\": [".to_vec()),
        GnmiFault::HugeNumber => Typed::JsonIetfVal(b"{\"mtu\": 1e999}".to_vec()),
        GnmiFault::Leaf => Typed::JsonIetfVal(b"\"none\"".to_vec()),
        GnmiFault::Huge => Typed::JsonIetfVal(format!("\"{}\"", "x".repeat(HUGE_BYTES)).into_bytes()),
        GnmiFault::None
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
        | GnmiFault::Forbids => return,
    };
    for update in updates {
        update.val = Some(TypedValue { value: Some(typed.clone()) });
    }
}
