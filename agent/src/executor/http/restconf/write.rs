//! From the first changing request to its end, and the way back.
//!
//! What is merged goes in one PATCH of the datastore, which the device carries out whole or not at all (RFC 8040
//! section 4.6). What is replaced or taken away goes in one YANG patch (RFC 8072) where the device knows it; else one
//! top node is one PUT or DELETE, and several go one after the other, so that a device which refuses one of them is put
//! back.

use super::back::way;
use super::compare::{self, Edit};
use super::discover::data_place;
use super::entries::Known;
use super::{RestconfSession, YANG_JSON};
use crate::executor::WritePass;
use crate::executor::device::{Running, WriteEnd, Written};
use crate::executor::http::errors::{errors, patch_is_done, said};
use crate::executor::http::json::{self, Tree};
use crate::executor::http::trouble::lost;
use crate::executor::http::wire::{Ask, Body};
use crate::executor::json_order;
use crate::executor::wanted::Wanted;
use serde_json::{Value, json};
use switchyard_shared::outcome::LeftAs;
use switchyard_shared::time::format_duration;
use zeroize::Zeroizing;

/// A YANG patch, RFC 8072 section 4.2.
const PATCH_JSON: &str = "application/yang-patch+json";

/// Ways back that are gone, each after a look at what the device has.
const ROUNDS_MAX: u32 = 3;
/// How long it may take to name what is to be taken away on one of them, in times of one answer: there has to be enough
/// left for the way itself.
const NAMING_ANSWERS: u32 = 2;

impl RestconfSession {
    pub(super) async fn write_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        wanted: &Wanted,
    ) -> Result<Written, WriteEnd> {
        let want = compare::wanted(wanted.reveal(), wanted.mode).map_err(WriteEnd::NotSent)?;
        let have = compare::running(&running.0).map_err(WriteEnd::NotSent)?;
        self.put(pass, &compare::edits(&have, &want, wanted.mode)).await?;
        Ok(Written::ForGood)
    }

    /// By what was changed alone: what nobody may see beside it would be gone with what holds it. Refused before a word
    /// where an entry that has to go cannot be named.
    pub(super) async fn restore_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        before: &Running,
    ) -> Result<(), WriteEnd> {
        let then = compare::running(&before.0).map_err(WriteEnd::NotSent)?;
        let mut now = compare::running(&running.0).map_err(WriteEnd::NotSent)?;
        let mut said = String::new();
        for round in 0..ROUNDS_MAX {
            let done = match self.back_in_time(&now, &then).await {
                Ok(edits) if edits.is_empty() && round > 0 => return Ok(()),
                Ok(edits) if edits.is_empty() => Err("only the order of entries is another one".to_owned()),
                Ok(edits) => Ok(edits),
                Err(why) => Err(format!("failed to {why}")),
            };
            let edits = done.map_err(|why| WriteEnd::Rejected {
                message: format!("{why}{said}"),
                left_as: if round == 0 { LeftAs::Changed } else { LeftAs::Unknown },
            })?;
            match begun(self.put_in_order(pass, &edits).await, round == 0) {
                Ok(()) => {}
                Err(WriteEnd::Rejected { message, .. }) => said = format!("; it said: {message}"),
                Err(end) => return Err(end),
            }
            now = self.reread().await?;
            if json_order::alike(&json::print(&now), &before.0) {
                return Ok(());
            }
        }
        let message = format!("it still has another configuration than before the change{said}");
        Err(WriteEnd::Rejected { message, left_as: LeftAs::Unknown })
    }

    async fn back_in_time(&mut self, now: &Tree, then: &Tree) -> Result<Vec<Edit>, String> {
        let limit = self.wire.patience().saturating_mul(NAMING_ANSWERS);
        let late = |_| Err(format!("name what is to be taken away within {}", format_duration(limit)));
        tokio::time::timeout(limit, self.back(now, then)).await.unwrap_or_else(late)
    }

    /// The edits that lead back; the error goes on after "failed to". Nothing is written.
    async fn back(&mut self, now: &Tree, then: &Tree) -> Result<Vec<Edit>, String> {
        let way = way(now, then)?;
        let mut known = Known::default();
        let mut edits: Vec<Edit> =
            way.merged.into_iter().map(|(name, value)| Edit::Merge(name, value)).collect();
        for steps in &way.removed {
            edits.push(Edit::Remove(self.path_of(now, steps, &mut known).await?));
        }
        Ok(edits)
    }

    async fn reread(&mut self) -> Result<Tree, WriteEnd> {
        let patience = self.wire.patience();
        let lost = || WriteEnd::Lost("it could not be read after the way back".into());
        let now = tokio::time::timeout(patience, self.read_tree()).await.map_err(|_| lost())?;
        now.map_err(|failure| WriteEnd::Lost(failure.message))
    }

    /// What is merged goes first: nothing may refer any more to what is taken away.
    async fn put_in_order(&mut self, pass: &WritePass, edits: &[Edit]) -> Result<(), WriteEnd> {
        if self.yang_patch {
            return self.put(pass, edits).await;
        }
        let (merged, removed): (Vec<Edit>, Vec<Edit>) =
            edits.iter().cloned().partition(|edit| matches!(edit, Edit::Merge(..)));
        self.put(pass, &merged).await?;
        begun(self.put(pass, &removed).await, merged.is_empty())
    }

    async fn put(&mut self, pass: &WritePass, edits: &[Edit]) -> Result<(), WriteEnd> {
        if edits.is_empty() {
            return Ok(());
        }
        let merges = |edit: &Edit| match edit {
            Edit::Merge(name, value) => Some((name.clone(), value.clone())),
            Edit::Replace(..) | Edit::Remove(_) => None,
        };
        if let Some(merged) = edits.iter().map(merges).collect::<Option<Tree>>() {
            return self.merge(pass, merged, true).await;
        }
        if self.yang_patch {
            return self.patch(pass, edits).await;
        }
        let (mut merged, mut is_first) = (Tree::new(), true);
        for edit in edits {
            let (ask, text);
            let path = match edit {
                Edit::Merge(name, value) => {
                    merged.insert(name.clone(), value.clone());
                    continue;
                }
                Edit::Replace(path, value) => {
                    text = json::only(&qualified(path), value);
                    ask = Ask::Put(Body { kind: YANG_JSON, text: &text });
                    format!("/{}", path.join("/"))
                }
                Edit::Remove(path) => {
                    ask = Ask::Delete;
                    format!("/{}", path.join("/"))
                }
            };
            let end = self.change(pass, &ask, &path, is_first).await;
            begun(end, is_first)?;
            is_first = false;
        }
        match merged.is_empty() {
            true => Ok(()),
            false => begun(self.merge(pass, merged, is_first).await, is_first),
        }
    }

    async fn merge(&mut self, pass: &WritePass, merged: Tree, is_first: bool) -> Result<(), WriteEnd> {
        let text = json::only("ietf-restconf:data", &Value::Object(merged));
        self.change(pass, &Ask::Patch(Body { kind: YANG_JSON, text: &text }), "", is_first).await
    }

    async fn patch(&mut self, pass: &WritePass, edits: &[Edit]) -> Result<(), WriteEnd> {
        let edits: Vec<Value> = edits.iter().zip(1..).map(|(edit, number)| of_patch(edit, number)).collect();
        let patch = json!({"ietf-yang-patch:yang-patch": {"patch-id": self.patch_id, "edit": edits}});
        let text = Zeroizing::new(patch.to_string());
        self.change(pass, &Ask::Patch(Body { kind: PATCH_JSON, text: &text }), "", true).await
    }

    /// Asks for one change of what is at `path` below the data. The first of an attempt is carried out only on what was
    /// read: the tag of a resource may be its own, so only that of the datastore can be asked for.
    async fn change(
        &mut self,
        pass: &WritePass,
        ask: &Ask<'_>,
        path: &str,
        is_first: bool,
    ) -> Result<(), WriteEnd> {
        let tag = self.tag.take().filter(|_| is_first && path.is_empty());
        let path = format!("{}/data{path}", self.root);
        let is_patch = matches!(ask, Ask::Patch(body) if body.kind == PATCH_JSON);
        let reply = self.wire.send(ask, data_place(&path, tag.as_deref()), Some(pass)).await;
        let reply = reply.map_err(lost)?;
        self.wire.end_of(ask.name(), &reply)?;
        // RFC 8072 section 3: an answer that does not say ok leaves open what was done.
        if is_patch && reply.status != 204 && !patch_is_done(&reply.body) {
            let words = said(&errors(&reply.body, &self.wire.redactor));
            let message = format!("its answer to a YANG patch does not say that it is done{words}");
            return Err(WriteEnd::Rejected { message, left_as: LeftAs::Unknown });
        }
        Ok(())
    }
}

/// The end of one of several requests: once the first is done, no other one leaves the device untouched.
fn begun(end: Result<(), WriteEnd>, is_first: bool) -> Result<(), WriteEnd> {
    if is_first { end } else { end.map_err(WriteEnd::after_a_step) }
}

/// One edit of a YANG patch.
fn of_patch(edit: &Edit, number: u32) -> Value {
    let number = number.to_string();
    let with_value = |operation: &str, path: &[String], value: &Value| {
        let tree = Tree::from_iter([(qualified(path), value.clone())]);
        json!({"edit-id": number, "operation": operation, "target": format!("/{}", path.join("/")), "value": tree})
    };
    match edit {
        Edit::Merge(name, value) => with_value("merge", std::slice::from_ref(name), value),
        Edit::Replace(path, value) => with_value("replace", path, value),
        Edit::Remove(path) => {
            json!({"edit-id": number, "operation": "remove", "target": format!("/{}", path.join("/"))})
        }
    }
}

/// The name of what is at `path` with its module, which is that of the nearest node above where it has none of its own.
fn qualified(path: &[String]) -> String {
    let last = path.last().map_or("", String::as_str);
    let module = path.iter().rev().find_map(|name| name.split_once(':').map(|(module, _)| module));
    match module {
        Some(module) if !last.contains(':') => format!("{module}:{last}"),
        Some(_) | None => last.to_owned(),
    }
}
