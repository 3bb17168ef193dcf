//! A configuration as JSON after RFC 7951: what stands at a path, whether one holds another, and what a change makes of it.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;
use switchyard_shared::gnmi_path::{Elem, Path};

/// Names of modules that everybody has beside the device's own.
const FAMILIES: [&str; 3] = ["openconfig-", "ietf-", "iana-"];

/// The modules of a device, whose names may stand before identities: in its values and in keys of its lists.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// What stands at `path`. Lists are looked through from their ends: what is said leaf by leaf is mostly of the entry
    /// before.
    pub fn find<'a>(&self, tree: &'a Value, path: &Path) -> Option<&'a Value> {
        path.elems.iter().try_fold(tree, |here, elem| {
            let member = member(here.as_object()?, &elem.name)?;
            match elem.keys.is_empty() {
                true => Some(member),
                false => member.as_array()?.iter().rfind(|entry| self.is_entry(entry, elem)),
            }
        })
    }

    /// Whether `tree` holds all of `wanted`: members of objects by name, entries of lists in any order.
    pub fn contains(&self, tree: &Value, wanted: &Value) -> bool {
        match (tree, wanted) {
            (Value::Object(tree), Value::Object(wanted)) => {
                wanted.iter().all(|(name, wanted)| match member(tree, name) {
                    Some(has) => self.contains(has, wanted),
                    // A list without entries is not there (RFC 7950 §7.8).
                    None => wanted.as_array().is_some_and(Vec::is_empty),
                })
            }
            (Value::Array(tree), Value::Array(wanted)) => {
                // Mostly they stand in the same order.
                let is_there = |(at, wanted): (usize, &Value)| {
                    tree.get(at).is_some_and(|has| self.contains(has, wanted))
                        || tree.iter().any(|has| self.contains(has, wanted))
                };
                wanted.iter().enumerate().all(is_there)
            }
            (has, wanted) => self.is_same(has, wanted),
        }
    }

    /// Whether `value` stands at `path` already, as a part of what is there.
    pub fn holds(&self, tree: &Value, path: &Path, value: &Value) -> bool {
        self.find(tree, path).is_some_and(|has| self.contains(has, &of_entry(value, path)))
    }

    /// Whether `value` is all that stands at `path`; with `in_order` its entries stand as they are written.
    pub fn is_all(&self, tree: &Value, path: &Path, value: &Value, in_order: bool) -> bool {
        let value = of_entry(value, path);
        self.find(tree, path).is_some_and(|has| {
            let same = self.contains(has, &value) && self.contains(&value, has);
            same && (!in_order || self.is_in_order(has, &value))
        })
    }

    /// Whether the entries of two trees that hold each other stand in the same order.
    fn is_in_order(&self, tree: &Value, wanted: &Value) -> bool {
        match (tree, wanted) {
            (Value::Object(tree), Value::Object(wanted)) => wanted
                .iter()
                .all(|(name, wanted)| member(tree, name).is_none_or(|has| self.is_in_order(has, wanted))),
            (Value::Array(tree), Value::Array(wanted)) => {
                let both = || tree.iter().zip(wanted);
                tree.len() != wanted.len()
                    || both().all(|(has, wanted)| self.contains(has, wanted) && self.is_in_order(has, wanted))
            }
            (_, _) => true,
        }
    }

    /// Whether everything above `path` is what a path can go through; the error says where it is not.
    pub fn fits(&self, tree: &Value, path: &Path) -> Result<(), String> {
        let mut here = tree;
        for (depth, elem) in path.elems.iter().enumerate() {
            let place = |depth: usize| Path { elems: path.elems[..depth].to_vec() };
            let Some(object) = here.as_object() else {
                return Err(format!("no container stands at {}, and {path} is below it", place(depth)));
            };
            let Some(member) = member(object, &elem.name) else { return Ok(()) };
            here = match (elem.keys.is_empty(), member.as_array()) {
                (true, _) => member,
                (false, None) => {
                    return Err(format!("no list stands where {} is looked for", place(depth + 1)));
                }
                (false, Some(list)) => match list.iter().rfind(|entry| self.is_entry(entry, elem)) {
                    Some(entry) => entry,
                    None => return Ok(()),
                },
            };
        }
        Ok(())
    }

    /// Puts `value` at `path`: added to what is there, or in its place. What is missing above it is made.
    pub fn put(&self, tree: &mut Value, path: &Path, value: &Value, replaces: bool) {
        let Some((elem, rest)) = path.elems.split_first() else {
            match replaces {
                true => *tree = value.clone(),
                false => self.merge(tree, value),
            }
            return;
        };
        let below = Path { elems: rest.to_vec() };
        match below.elems.is_empty() {
            true => self.put(self.step(tree, elem), &below, &with_keys(value.clone(), elem), replaces),
            false => self.put(self.step(tree, elem), &below, value, replaces),
        }
    }

    /// Takes away what stands at `path`; a path without keys takes the whole list.
    pub fn remove(&self, tree: &mut Value, path: &Path) {
        let Some((last, above)) = path.elems.split_last() else {
            *tree = Value::Object(Map::new());
            return;
        };
        let mut here = tree;
        for elem in above {
            let Some(name) = here.as_object().and_then(|object| name_in(object, &elem.name)) else { return };
            let Some(next) = here.get_mut(&name) else { return };
            here = match elem.keys.is_empty() {
                true => next,
                false => {
                    match next
                        .as_array_mut()
                        .and_then(|list| list.iter_mut().find(|entry| self.is_entry(entry, elem)))
                    {
                        Some(entry) => entry,
                        None => return,
                    }
                }
            };
        }
        let Some(object) = here.as_object_mut() else { return };
        let Some(name) = name_in(object, &last.name) else { return };
        match (last.keys.is_empty(), object.get_mut(&name).and_then(Value::as_array_mut)) {
            (false, Some(list)) => {
                list.retain(|entry| !self.is_entry(entry, last));
                if list.is_empty() {
                    object.shift_remove(&name);
                }
            }
            (true, _) => drop(object.shift_remove(&name)),
            (false, None) => {}
        }
    }

    /// One step down, which is made when it is missing.
    fn step<'a>(&self, tree: &'a mut Value, elem: &Elem) -> &'a mut Value {
        if !tree.is_object() {
            *tree = Value::Object(Map::new());
        }
        let name = tree
            .as_object()
            .and_then(|object| name_in(object, &elem.name))
            .unwrap_or_else(|| elem.name.clone());
        let member = &mut tree[name];
        if elem.keys.is_empty() {
            return member;
        }
        if !member.is_array() {
            *member = Value::Array(Vec::new());
        }
        let list = member.as_array_mut().expect("it was just made a list");
        let at = list.iter().rposition(|entry| self.is_entry(entry, elem)).unwrap_or_else(|| {
            let keys = elem.keys.iter().map(|(key, value)| (key.clone(), Value::String(value.clone())));
            list.push(Value::Object(keys.collect()));
            list.len() - 1
        });
        &mut list[at]
    }

    fn merge(&self, tree: &mut Value, value: &Value) {
        match (tree, value) {
            (Value::Object(tree), Value::Object(value)) => {
                for (name, value) in value {
                    let name = name_in(tree, name).unwrap_or_else(|| name.clone());
                    match tree.get_mut(&name) {
                        Some(member) => self.merge(member, value),
                        None => drop(tree.insert(name, value.clone())),
                    }
                }
            }
            (Value::Array(tree), Value::Array(value)) => {
                for entry in value {
                    match tree.iter_mut().find(|has| self.is_same_entry(has, entry)) {
                        Some(has) => self.merge(has, entry),
                        None => tree.push(entry.clone()),
                    }
                }
            }
            (tree, value) if self.is_same(tree, value) => {}
            (tree, value) => *tree = value.clone(),
        }
    }

    /// Whether two entries of a list have the same keys. Their names are not known without the model: RFC 7950 §7.8.5
    /// has them first, and OpenConfig lists have no other leafs of their own.
    fn is_same_entry(&self, has: &Value, entry: &Value) -> bool {
        let (Some(has), Some(entry)) = (has.as_object(), entry.as_object()) else {
            return self.is_same(has, entry);
        };
        let mut leafs = entry.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
        let nested = entry.values().any(Value::is_object);
        let same =
            |(name, value): (&String, &Value)| member(has, name).is_some_and(|has| self.is_same(has, value));
        match nested {
            true => leafs.all(same),
            false => leafs.next().is_some_and(same),
        }
    }

    fn is_entry(&self, entry: &Value, elem: &Elem) -> bool {
        let has = |key: &str| entry.as_object().and_then(|entry| member(entry, key));
        elem.keys.iter().all(|(key, value)| has(key).is_some_and(|has| self.is_text(&text(has), value)))
    }

    /// The modules that a device says it has.
    pub fn new(modules: impl IntoIterator<Item = String>) -> Self {
        Self(modules.into_iter().collect())
    }

    fn is_module(&self, name: &str) -> bool {
        self.0.contains(name) || FAMILIES.iter().any(|family| name.starts_with(family))
    }

    /// RFC 7951 §6.1 writes 64-bit numbers as text, and identities with their module's name.
    fn is_same(&self, has: &Value, wanted: &Value) -> bool {
        self.is_text(&text(has), &text(wanted))
    }

    fn is_text(&self, has: &str, wanted: &str) -> bool {
        let is_bare = |long: &str, short: &str| {
            long.split_once(':').is_some_and(|(module, bare)| bare == short && self.is_module(module))
        };
        has == wanted || is_bare(has, wanted) || is_bare(wanted, has)
    }
}

/// `value` as it stands at `path`.
fn of_entry(value: &Value, path: &Path) -> Value {
    path.elems.last().map_or_else(|| value.clone(), |elem| with_keys(value.clone(), elem))
}

/// `entry` with the keys that its place in the list says.
fn with_keys(mut entry: Value, elem: &Elem) -> Value {
    if let Some(members) = entry.as_object_mut() {
        for (key, value) in &elem.keys {
            if name_in(members, key).is_none() {
                members.insert(key.clone(), Value::String(value.clone()));
            }
        }
    }
    entry
}

/// A member by its name, with or without the name of its module.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.get(&name_in(object, name)?))
}

fn name_in(object: &Map<String, Value>, name: &str) -> Option<String> {
    if object.contains_key(name) {
        return Some(name.to_owned());
    }
    let bare = |name: &str| name.rsplit_once(':').map_or(name, |(_, bare)| bare).to_owned();
    let wanted = bare(name);
    object.keys().find(|key| bare(key) == wanted && (!key.contains(':') || !name.contains(':'))).cloned()
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}
