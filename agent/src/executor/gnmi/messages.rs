//! Paths, values and commits as gNMI carries them.

use serde_json::Value;
use std::time::Duration;
use switchyard_proto::gnmi::typed_value::Value as Typed;
use switchyard_proto::gnmi::{self, Encoding};
use switchyard_proto::gnmi_ext::{
    self, Commit, CommitCancel, CommitConfirm, CommitRequest, commit::Action, extension::Ext,
};
use switchyard_shared::gnmi_path::Path;

/// `path` as it goes to the device.
pub fn wire_path(path: &Path) -> gnmi::Path {
    let elems = path.elems.iter();
    let elem = elems.map(|elem| gnmi::PathElem {
        name: elem.name.clone(),
        key: elem.keys.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    });
    gnmi::Path { elem: elem.collect(), ..Default::default() }
}

/// `value` at `path`, in JSON of the kind that the device takes.
pub fn update(path: &Path, value: &Value, encoding: Encoding) -> gnmi::Update {
    let text = value.to_string().into_bytes();
    let typed = match encoding {
        Encoding::JsonIetf => Typed::JsonIetfVal(text),
        Encoding::Json | Encoding::Bytes | Encoding::Proto | Encoding::Ascii => Typed::JsonVal(text),
    };
    let val = Some(gnmi::TypedValue { value: Some(typed) });
    gnmi::Update { path: Some(wire_path(path)), val, ..Default::default() }
}

/// What is asked of a commit, by its id.
pub fn commit(id: &str, action: Action) -> gnmi_ext::Extension {
    let commit = Commit { id: id.to_owned(), action: Some(action) };
    gnmi_ext::Extension { ext: Some(Ext::Commit(commit)) }
}

/// A commit that the device takes back by itself after `patience`.
pub fn until_confirmed(patience: Duration) -> Action {
    Action::Commit(CommitRequest { rollback_duration: patience.try_into().ok() })
}

/// Makes a commit last.
pub fn confirm() -> Action {
    Action::Confirm(CommitConfirm {})
}

/// Takes a commit back at once.
pub fn cancel() -> Action {
    Action::Cancel(CommitCancel {})
}
