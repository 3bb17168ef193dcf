//! What a target has, and the rules by which it changes: pure, without time.

use super::tree;
use serde_json::Value;
use switchyard_proto::gnmi::typed_value::Value as Typed;
use switchyard_proto::gnmi::{self, SetRequest};
use switchyard_proto::gnmi_ext::commit::Action;
use switchyard_proto::gnmi_ext::{Commit, extension::Ext};
use switchyard_shared::gnmi_path::{Elem, Path};
use tonic::{Code, Status};

/// What a leaf of this name may hold on every target.
const MTU: (&str, std::ops::RangeInclusive<i64>) = ("mtu", 68..=9216);

/// The configuration, and the commit that waits.
pub(crate) struct Store {
    running: Value,
    /// Its top members with their modules, as its model has them.
    model: Vec<String>,
    waiting: Option<Waiting>,
    commits: u64,
    /// Whether a commit is confirmed or cancelled only by who names it.
    looks_at_ids: bool,
}

struct Waiting {
    id: String,
    before: Value,
    number: u64,
}

/// What a Set has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// A change for good.
    Changed,
    /// A change until it is confirmed, by its number.
    Until(u64, std::time::Duration),
    /// A commit was confirmed.
    Confirmed,
    /// A commit was taken back.
    Cancelled,
}

impl Store {
    pub(crate) fn new(running: Value) -> Self {
        let model = running.as_object().map(|top| top.keys().cloned().collect()).unwrap_or_default();
        Self { running, model, waiting: None, commits: 0, looks_at_ids: true }
    }

    pub(crate) fn running(&self) -> &Value {
        &self.running
    }

    pub(super) fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// What stands at `path`.
    pub(super) fn find(&self, path: &gnmi::Path) -> Option<&Value> {
        tree::find(&self.running, &path.elem)
    }

    /// The name of the commit that waits.
    pub(super) fn waits_for(&self) -> Option<&str> {
        self.waiting.as_ref().map(|waiting| waiting.id.as_str())
    }

    /// The first of its interfaces is the last one from now on.
    pub(super) fn turn(&mut self) {
        super::answer::turn(&mut self.running);
    }

    /// Takes the name of any commit for that of the one that waits.
    pub(super) fn look_away(&mut self) {
        self.looks_at_ids = false;
    }

    /// Somebody else's commit, which waits.
    pub(super) fn wait_for(&mut self, id: &str) {
        self.waiting = Some(Waiting { id: id.to_owned(), before: self.running.clone(), number: 0 });
    }

    /// The commit of this number has waited long enough; whether that changed anything.
    pub(super) fn expire(&mut self, number: u64) -> bool {
        match self.waiting.take_if(|waiting| waiting.number == number) {
            Some(waiting) => {
                self.running = waiting.before;
                true
            }
            None => false,
        }
    }

    /// All of `request` or nothing; with `extension` as the target understands it.
    pub(crate) fn set(&mut self, request: &SetRequest, commit: Option<&Commit>) -> Result<Done, Status> {
        let action = commit.and_then(|commit| commit.action.as_ref());
        match (commit, action) {
            (Some(commit), Some(Action::Confirm(_))) => {
                self.waiting_as(&commit.id)?;
                self.waiting = None;
                Ok(Done::Confirmed)
            }
            (Some(commit), Some(Action::Cancel(_))) => {
                self.running = self.waiting_as(&commit.id)?.before.clone();
                self.waiting = None;
                Ok(Done::Cancelled)
            }
            (Some(_), Some(Action::SetRollbackDuration(_)) | None) => {
                Err(Status::unimplemented("a commit is begun, confirmed or cancelled here"))
            }
            (None, _) | (Some(_), Some(Action::Commit(_))) => {
                if let Some(waiting) = &self.waiting {
                    let message = format!("commit {:?} waits for its confirmation", waiting.id);
                    return Err(Status::failed_precondition(message));
                }
                let after = self.changed(request)?;
                let before = std::mem::replace(&mut self.running, after);
                let (Some(commit), Some(Action::Commit(wish))) = (commit, action) else {
                    return Ok(Done::Changed);
                };
                self.commits += 1;
                let number = self.commits;
                self.waiting = Some(Waiting { id: commit.id.clone(), before, number });
                let patience = wish.rollback_duration.and_then(|wish| wish.try_into().ok());
                Ok(Done::Until(number, patience.unwrap_or(std::time::Duration::from_secs(600))))
            }
        }
    }

    /// Deletes, then replaces, then updates (gNMI specification §3.4.3).
    fn changed(&self, request: &SetRequest) -> Result<Value, Status> {
        let mut after = self.running.clone();
        for wire in &request.delete {
            let at = self.modelled(wire);
            tree::delete(&mut after, &at).map_err(|why| bad(wire, &why))?;
        }
        for (updates, replaces) in [(&request.replace, true), (&request.update, false)] {
            for update in updates {
                let wire = update.path.clone().unwrap_or_default();
                let value = value(update).map_err(|why| bad(&wire, why))?;
                let leaf = wire.elem.last().map(|elem| elem.name.as_str());
                check(leaf.unwrap_or_default(), &value).map_err(|why| bad(&wire, &why))?;
                let at = self.modelled(&wire);
                tree::put(&mut after, &at, value, replaces).map_err(|why| bad(&wire, &why))?;
            }
        }
        Ok(after)
    }

    /// `path` with the module that the model has for its first element.
    fn modelled(&self, path: &gnmi::Path) -> Vec<gnmi::PathElem> {
        let mut elems = path.elem.clone();
        if let Some(first) = elems.first_mut() {
            let same = |full: &&String| full.rsplit_once(':').is_some_and(|(_, bare)| bare == first.name);
            if let Some(full) = self.model.iter().find(same) {
                first.name.clone_from(full);
            }
        }
        elems
    }

    fn waiting_as(&self, id: &str) -> Result<&Waiting, Status> {
        let waiting = self.waiting.as_ref();
        let waiting = waiting.ok_or_else(|| Status::failed_precondition("no commit waits for that"))?;
        match waiting.id == id || !self.looks_at_ids {
            true => Ok(waiting),
            false => Err(Status::invalid_argument("another commit waits for its confirmation")),
        }
    }
}

/// The commit that `request` speaks of.
pub(super) fn commit(request: &SetRequest) -> Option<&Commit> {
    request.extension.iter().find_map(|extension| match &extension.ext {
        Some(Ext::Commit(commit)) => Some(commit),
        Some(
            Ext::RegisteredExt(_)
            | Ext::MasterArbitration(_)
            | Ext::History(_)
            | Ext::Depth(_)
            | Ext::ConfigSubscription(_),
        )
        | None => None,
    })
}

/// The path of a message, as people write it.
pub(super) fn path(wire: &gnmi::Path) -> Path {
    let elems = wire.elem.iter();
    let elem = |elem: &gnmi::PathElem| Elem {
        name: elem.name.clone(),
        keys: elem.key.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    };
    Path { elems: elems.map(elem).collect() }
}

fn bad(at: &gnmi::Path, why: &str) -> Status {
    Status::new(Code::InvalidArgument, format!("{}: {why}", path(at)))
}

fn value(update: &gnmi::Update) -> Result<Value, &'static str> {
    match update.val.as_ref().and_then(|val| val.value.as_ref()) {
        Some(Typed::JsonIetfVal(text)) => serde_json::from_slice(text).map_err(|_| "that is no JSON"),
        Some(_) | None => Err("JSON_IETF is wanted"),
    }
}

fn check(name: &str, value: &Value) -> Result<(), String> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| check(name, value)),
        Value::Array(items) => items.iter().try_for_each(|item| check(name, item)),
        value if name == MTU.0 => match value.as_i64() {
            Some(mtu) if MTU.1.contains(&mtu) => Ok(()),
            Some(mtu) => Err(format!("mtu {mtu} is out of range")),
            None => Err("mtu is no whole number".into()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
