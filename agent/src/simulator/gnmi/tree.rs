//! The tree of a target, found and changed as the gNMI specification says (§2.2.2, §3.4.4 to §3.4.6). It shares nothing
//! with the driver, so that a mistake of one of them is seen by the other.

use serde_json::{Map, Value};
use switchyard_proto::gnmi::PathElem;

type Members = Map<String, Value>;

/// The keys of the lists that every target has in its model.
const LISTS: [(&str, &[&str]); 6] = [
    ("interface", &["name"]),
    ("subinterface", &["index"]),
    ("vlan", &["id"]),
    ("rule", &["id"]),
    ("user", &["username"]),
    ("protocol", &["identifier", "name"]),
];
/// The key of any other list.
const KEY: [&str; 1] = ["name"];

/// What stands at `path`; a list is found without keys, an entry of it with all of them.
pub(super) fn find<'a>(tree: &'a Value, path: &[PathElem]) -> Option<&'a Value> {
    let mut here = tree;
    for elem in path {
        let members = here.as_object()?;
        here = members.get(&spelled(members, &elem.name)?)?;
        if !elem.key.is_empty() {
            here = here.as_array()?.iter().find(|entry| is_meant(entry, elem))?;
        }
    }
    Some(here)
}

/// Takes away what stands at `path`. What is not there is no error; keys that are left out, or `*`, mean every entry.
pub(super) fn delete(tree: &mut Value, path: &[PathElem]) -> Result<(), String> {
    let Some((elem, rest)) = path.split_first() else {
        *tree = Value::Object(Members::new());
        return Ok(());
    };
    if let Some(key) = elem.key.keys().find(|key| !keys(bare(&elem.name)).contains(&key.as_str())) {
        return Err(format!("{} has no key {key}", elem.name));
    }
    let Some(members) = tree.as_object_mut() else { return Ok(()) };
    let Some(name) = spelled(members, &elem.name) else { return Ok(()) };
    let Some(child) = members.get_mut(&name) else { return Ok(()) };
    let is_list = child.as_array().is_some_and(|entries| entries.iter().all(Value::is_object));
    if let (Some(entries), true) = (child.as_array_mut(), is_list) {
        match rest.is_empty() {
            true => entries.retain(|entry| !is_meant(entry, elem)),
            false => {
                let mut meant = entries.iter_mut().filter(|entry| is_meant(entry, elem));
                meant.try_for_each(|entry| delete(entry, rest))?;
            }
        }
        if entries.is_empty() {
            members.shift_remove(&name);
        }
    } else if rest.is_empty() {
        members.shift_remove(&name);
    } else {
        delete(child, rest)?;
    }
    Ok(())
}

/// Puts `value` at `path`: in the place of what is there, or merged into it. What is missing above it is made.
pub(super) fn put(
    tree: &mut Value,
    path: &[PathElem],
    mut value: Value,
    replaces: bool,
) -> Result<(), String> {
    tidy(&mut value, "")?;
    match path.split_last() {
        None if value.is_object() => write(tree, value, "", replaces),
        None => Err("only an object can stand at the root".into()),
        Some((last, above)) => {
            let parent = above.iter().try_fold(tree, step)?;
            if last.key.is_empty() {
                let members = parent.as_object_mut().ok_or("a leaf has nothing beneath it")?;
                let name = spelled(members, &last.name).unwrap_or_else(|| last.name.clone());
                let slot = members.entry(name.clone()).or_insert(Value::Null);
                return write(slot, value, bare(&name), replaces);
            }
            let empty = value.as_object().is_none_or(Members::is_empty);
            if replaces && empty {
                return Err("an entry without keys cannot take the place of one".into());
            }
            let entry = step(parent, last)?;
            let members = value.as_object_mut().ok_or("an entry of a list is an object")?;
            for (key, text) in &last.key {
                let name = spelled(members, key).unwrap_or_else(|| key.clone());
                let has = members.entry(name).or_insert_with(|| typed(key, text));
                if words(has) != *text {
                    return Err(format!("the key {key} is {text} in the path and another in the value"));
                }
            }
            write(entry, value, "", replaces)
        }
    }
}

fn write(slot: &mut Value, value: Value, name: &str, replaces: bool) -> Result<(), String> {
    if replaces {
        *slot = value;
        return Ok(());
    }
    merge(slot, value, name)
}

/// One level down; an entry that is not there yet is made with its keys.
fn step<'a>(here: &'a mut Value, elem: &PathElem) -> Result<&'a mut Value, String> {
    let members = here.as_object_mut().ok_or_else(|| format!("nothing can stand above {}", elem.name))?;
    let name = spelled(members, &elem.name).unwrap_or_else(|| elem.name.clone());
    if elem.key.is_empty() {
        let child = members.entry(name).or_insert_with(|| Value::Object(Members::new()));
        return match child.is_array() {
            true => Err(format!("the keys of {} are missing", elem.name)),
            false => Ok(child),
        };
    }
    let wanted = keys(bare(&name));
    if elem.key.len() != wanted.len() || !wanted.iter().all(|key| elem.key.contains_key(*key)) {
        return Err(format!("the keys of {} are {}", elem.name, wanted.join(", ")));
    }
    let list = members.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    let entries = list.as_array_mut().ok_or_else(|| format!("{} is no list", elem.name))?;
    let at = entries.iter().position(|entry| is_meant(entry, elem)).unwrap_or_else(|| {
        let new = wanted.iter().map(|key| ((*key).to_owned(), typed(key, &elem.key[*key])));
        entries.push(Value::Object(new.collect()));
        entries.len() - 1
    });
    Ok(&mut entries[at])
}

/// Adds `value`, which is called `name`, to what is there.
fn merge(slot: &mut Value, value: Value, name: &str) -> Result<(), String> {
    match (slot, value) {
        (Value::Object(has), Value::Object(value)) => {
            for (name, value) in value {
                let own = spelled(has, &name).unwrap_or(name);
                let of = bare(&own).to_owned();
                merge(has.entry(own).or_insert(Value::Null), value, &of)?;
            }
        }
        (Value::Array(has), Value::Array(value)) => {
            for entry in value {
                let same = |other: &&mut Value| match entry.as_object() {
                    Some(_) => identity(other, name) == identity(&entry, name),
                    None => **other == entry,
                };
                match has.iter_mut().find(same) {
                    Some(other) => merge(other, entry, name)?,
                    None => has.push(entry),
                }
            }
        }
        (slot @ Value::Null, value) => *slot = value,
        (has, value) if has.is_object() == value.is_object() && has.is_array() == value.is_array() => {
            *has = value;
        }
        (_, _) => return Err(format!("another kind of node stands at {name}")),
    }
    Ok(())
}

/// Refuses what no model has, and drops lists without entries: they are not there.
fn tidy(value: &mut Value, name: &str) -> Result<(), String> {
    match value {
        Value::Null => return Err("null is no value".into()),
        Value::Object(members) => {
            members.iter_mut().try_for_each(|(name, value)| tidy(value, bare(name)))?;
            members.retain(|_, value| value.as_array().is_none_or(|entries| !entries.is_empty()));
        }
        Value::Array(entries) => {
            for entry in entries.iter_mut().filter(|entry| entry.is_object()) {
                tidy(entry, name)?;
                let missing = keys(name).iter().find(|key| entry.get(**key).is_none());
                if let Some(key) = missing {
                    return Err(format!("an entry of {name} has no key {key}"));
                }
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

fn keys(list: &str) -> &'static [&'static str] {
    LISTS.iter().find(|(name, _)| *name == list).map_or(&KEY, |(_, keys)| keys)
}

fn identity(entry: &Value, list: &str) -> Vec<String> {
    keys(list).iter().map(|key| entry.get(*key).map(words).unwrap_or_default()).collect()
}

fn is_meant(entry: &Value, elem: &PathElem) -> bool {
    let is =
        |(key, text): (&String, &String)| text == "*" || entry.get(key).map(words).as_ref() == Some(text);
    elem.key.iter().all(is)
}

/// A key as the model of these targets has it: `id` and `index` are numbers.
fn typed(key: &str, text: &str) -> Value {
    let number = text.parse::<u64>().ok().filter(|_| matches!(key, "id" | "index"));
    number.map_or_else(|| Value::from(text), Value::from)
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How `members` spells `name`: with the name of its module, or without.
fn spelled(members: &Members, name: &str) -> Option<String> {
    let same = |own: &&String| {
        *own == name || ((!own.contains(':') || !name.contains(':')) && bare(own) == bare(name))
    };
    members.keys().find(|own| *own == name).or_else(|| members.keys().find(same)).cloned()
}

fn bare(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, bare)| bare)
}

#[cfg(test)]
#[path = "tree/tests.rs"]
mod tests;
