//! The way back: the smallest Set by which a device has again what it had, so that nothing is touched that was not
//! changed, and nothing beneath it that its reader may not see.

use super::messages::{update, wire_path};
use super::tree::Names;
use crate::executor::json_order;
use crate::executor::json_secrecy::{hide, is_known};
use crate::executor::netconf::KEYS;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use switchyard_proto::gnmi::{Encoding, SetRequest};
use switchyard_shared::gnmi_path::{Elem, Path};

/// What a template tells of the way back of its change.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The keys of lists by the names on the way to them, as somebody who knows the model has written them.
    keys: BTreeMap<Vec<String>, BTreeSet<String>>,
    /// What it has replaced whole: what nobody could see there is gone already.
    replaced: Vec<Path>,
}

impl Known {
    /// What `paths` tell.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut known = Self::default();
        for path in paths {
            for (depth, elem) in path.elems.iter().enumerate().filter(|(_, elem)| !elem.keys.is_empty()) {
                known.keys.insert(names(&path.elems[..=depth]), elem.keys.keys().cloned().collect());
            }
        }
        known
    }

    /// The same of a template that replaces what stands at these paths.
    pub fn replacing<'a>(self, paths: impl IntoIterator<Item = &'a Path>) -> Self {
        Self { replaced: paths.into_iter().cloned().collect(), ..self }
    }
}

/// The Set that makes a device which has `now` have `then`. What differs is merged, what was not there is deleted, an
/// entry of a list by its keys; where these are guessed, `guess` says which one to take, from 0. An order is said by a
/// list that is replaced whole and in no other way (RFC 7951 section 5.4), so it is put right once nothing else differs,
/// by replacing what the change replaced, and else left: no entry goes for it. The error, which goes on after "failed to",
/// names the list whose entries cannot be told apart, or the secret that the device does not show.
pub fn way(
    now: &Value,
    then: &Value,
    (known, guess): (&Known, usize),
    names: &Names,
    encoding: Encoding,
) -> Result<SetRequest, String> {
    let (mut now, mut request) = (now.clone(), SetRequest::default());
    for path in &known.replaced {
        if let (Some(has), Some(had)) = (names.find(&now, path), names.find(then, path))
            && has != had
            && json_order::same(has, had)
            && !holds_a_secret(had)
        {
            request.replace.push(update(path, had, encoding));
            names.put(&mut now, path, had, true);
        }
    }
    let mut way = Way { known, guess, encoding, request };
    let nothing = Map::new();
    let (now, then) = (now.as_object().unwrap_or(&nothing), then.as_object().unwrap_or(&nothing));
    way.object(now, then, &mut Path::default())?;
    Ok(way.request)
}

struct Way<'a> {
    known: &'a Known,
    guess: usize,
    encoding: Encoding,
    request: SetRequest,
}

type Tree = Map<String, Value>;

impl Way<'_> {
    fn object(&mut self, now: &Tree, then: &Tree, at: &mut Path) -> Result<(), String> {
        let mut merged = Tree::new();
        let gone = now.keys().filter(|name| !then.contains_key(*name));
        for name in gone.chain(then.keys()) {
            let alone = now.keys().chain(then.keys()).all(|other| other == name || bare(other) != bare(name));
            let elem = if alone { bare(name) } else { name };
            at.elems.push(Elem { name: elem.to_owned(), keys: BTreeMap::new() });
            let added = self.member((now.get(name), then.get(name)), (name, &mut *at))?;
            added.as_ref().map_or(Ok(()), |value| is_known(name, value))?;
            match added {
                // Not every device takes a Set of its root; a list has no other place.
                Some(value) if at.elems.len() == 1 && !value.is_array() => {
                    self.request.update.push(update(at, &value, self.encoding));
                }
                added => merged.extend(added.map(|value| (name.clone(), value))),
            }
            at.elems.pop();
        }
        if !merged.is_empty() {
            self.request.update.push(update(at, &Value::Object(merged), self.encoding));
        }
        Ok(())
    }

    /// What is to be merged at `at`; all else goes into the Set.
    fn member(
        &mut self,
        (now, then): (Option<&Value>, Option<&Value>),
        (name, at): (&str, &mut Path),
    ) -> Result<Option<Value>, String> {
        match (now, then) {
            (now, then) if now == then => Ok(None),
            (None, then) => Ok(then.cloned()),
            (Some(_), None) => {
                self.request.delete.push(wire_path(at));
                Ok(None)
            }
            (Some(Value::Array(_)), Some(Value::Array(then))) if then.is_empty() => {
                self.request.delete.push(wire_path(at));
                Ok(None)
            }
            (Some(Value::Object(now)), Some(Value::Object(then))) => {
                self.object(now, then, at)?;
                Ok(None)
            }
            (Some(Value::Array(now)), Some(Value::Array(then))) => match (entries(now), entries(then)) {
                (Some(now), Some(then)) => self.list(&now, &then, at),
                // A leaf-list is one value: an update would only add to it.
                (None, _) | (_, None) => {
                    then.iter().try_for_each(|item| is_known(name, item))?;
                    self.request.replace.push(update(at, &Value::Array(then.clone()), self.encoding));
                    Ok(None)
                }
            },
            (Some(now), Some(then)) if is_leaf(now) && is_leaf(then) => Ok(Some(then.clone())),
            (Some(_), Some(then)) => {
                self.request.delete.push(wire_path(at));
                Ok(Some(then.clone()))
            }
        }
    }

    /// The entries to be merged into the list at `at`.
    fn list(&mut self, now: &[&Tree], then: &[&Tree], at: &mut Path) -> Result<Option<Value>, String> {
        let keys = self.keys(now, then, at);
        let keys = keys.ok_or_else(|| format!("tell which leaves are the keys of {at}"))?;
        let place = |entry: &Tree| key_values(entry, &keys);
        let (had, has): (BTreeMap<_, _>, BTreeMap<_, _>) = (
            then.iter().map(|entry| (place(entry), *entry)).collect(),
            now.iter().map(|entry| (place(entry), *entry)).collect(),
        );
        if had == has {
            return Ok(None);
        }
        for entry in now.iter().map(|entry| place(entry)).filter(|entry| !had.contains_key(entry)) {
            self.delete_entry(at, entry);
        }
        let mut merged = Vec::new();
        for entry in then {
            match has.get(&place(entry)) {
                None => merged.push(Value::Object((*entry).clone())),
                Some(now) if now == entry => {}
                Some(now) => self.within_entry(now, entry, at, place(entry))?,
            }
        }
        Ok((!merged.is_empty()).then_some(Value::Array(merged)))
    }

    fn within_entry(
        &mut self,
        now: &Tree,
        then: &Tree,
        at: &mut Path,
        keys: BTreeMap<String, String>,
    ) -> Result<(), String> {
        let last = at.elems.len() - 1;
        at.elems[last].keys = keys;
        let done = self.object(now, then, at);
        at.elems[last].keys.clear();
        done
    }

    fn delete_entry(&mut self, at: &Path, keys: BTreeMap<String, String>) {
        let mut path = at.clone();
        path.elems.last_mut().expect("a list has a name").keys = keys;
        self.request.delete.push(wire_path(&path));
    }

    /// The leaves that tell the entries of a list apart: those that somebody wrote in a path, all leaves of an entry of
    /// OpenConfig (which has its others in `config`), the ones that are usually it, or all that every entry has.
    fn keys(&self, now: &[&Tree], then: &[&Tree], at: &Path) -> Option<BTreeSet<String>> {
        let all = || now.iter().chain(then);
        let in_all = |name: &&String| all().all(|entry| entry.get(*name).is_some_and(is_leaf));
        let common: BTreeSet<String> = all().next()?.keys().filter(in_all).cloned().collect();
        let among = |is_key: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
            common.iter().filter(|name| is_key(bare(name))).cloned().collect()
        };
        let written = self.known.keys.get(&names(&at.elems));
        let written = written.map(|keys| among(&|name| keys.iter().any(|key| bare(key) == name)));
        let is_openconfig = all().any(|entry| entry.get("config").is_some_and(Value::is_object));
        let usual = KEYS.into_iter().map(|key| among(&|name| name == key));
        let usual = usual.chain([among(&|name| KEYS.contains(&name))]).filter(|_| !is_openconfig);
        let are_keys = |keys: &BTreeSet<String>| {
            !keys.is_empty() && [now, then].into_iter().all(|list| are_apart(list, keys))
        };
        let mut guesses: Vec<BTreeSet<String>> =
            written.into_iter().chain(usual).chain([common.clone()]).filter(are_keys).collect();
        guesses.truncate(self.guess + 1);
        guesses.pop()
    }
}

fn names(elems: &[Elem]) -> Vec<String> {
    elems.iter().map(|elem| bare(&elem.name).to_owned()).collect()
}

/// A member without its module: elements of paths have none unless two would be the same.
fn bare(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, bare)| bare)
}

fn entries(list: &[Value]) -> Option<Vec<&Tree>> {
    list.iter().map(Value::as_object).collect()
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn key_values(entry: &Tree, keys: &BTreeSet<String>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    keys.iter().filter_map(|key| Some((bare(key).to_owned(), text(entry.get(key)?)))).collect()
}

fn are_apart(list: &[&Tree], keys: &BTreeSet<String>) -> bool {
    list.iter().map(|entry| key_values(entry, keys)).collect::<BTreeSet<_>>().len() == list.len()
}

/// Whether something of it may be a secret: what was read of it may not be what it is.
fn holds_a_secret(value: &Value) -> bool {
    let mut shown = value.clone();
    hide(&mut shown);
    shown != *value
}

#[cfg(test)]
#[path = "back/tests.rs"]
mod tests;
