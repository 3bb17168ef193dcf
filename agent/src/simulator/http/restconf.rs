//! The datastore of a simulated RESTCONF device: JSON with a tag, and a model in which each list's key is `name`.

use super::{Answered, Asked, Persona};
use hyper::Method;
use serde_json::{Map, Value, json};

const JSON: &str = "application/yang-data+json";
const PATCH: &str = "application/yang-patch+json";
/// What no leaf of this device may be.
const BAD: &str = "bad";
/// The path of the datastore.
const DATA: &str = "/restconf/data";

/// A datastore.
#[derive(Debug, Clone, Default)]
pub struct Store {
    data: Map<String, Value>,
    version: u64,
    /// Whether it knows YANG patches, RFC 8072.
    pub yang_patch: bool,
    /// Whether it says that it has a startup configuration.
    pub startup: bool,
    /// Whether the whole of it may be put in its place.
    pub put_whole: bool,
    /// Whether it says a tag.
    pub tags: bool,
    /// Whether it puts the entries of lists in an order of its own.
    pub sorts: bool,
    /// Whether an entry of a list can be read by its key.
    pub shows_entries: bool,
    /// Names of what its user may change and not see, entries by their key, RFC 8341.
    pub unseen: Vec<&'static str>,
    /// Whether it shows stars in the place of every password.
    pub masks: bool,
}

/// Why a change is refused: the status, the tag and the words.
type Refusal = (u16, &'static str, String);

impl Store {
    /// One with this content, which can do all that RESTCONF offers.
    pub fn new(data: &Value) -> Self {
        let data = data.as_object().cloned().unwrap_or_default();
        Self {
            data,
            version: 1,
            yang_patch: true,
            startup: true,
            put_whole: true,
            tags: true,
            sorts: false,
            shows_entries: true,
            unseen: Vec::new(),
            masks: false,
        }
    }

    fn tag(&self) -> Option<String> {
        self.tags.then(|| format!("\"v{}\"", self.version))
    }

    fn change(&mut self, asked: &Asked<'_>) -> Result<Answered, Refusal> {
        let path = asked.path.split('?').next().unwrap_or_default();
        let segments: Vec<&str> =
            path.strip_prefix(DATA).unwrap_or_default().split('/').filter(|part| !part.is_empty()).collect();
        if asked.only_if.is_some_and(|tag| Some(tag) != self.tag().as_deref()) {
            return Err((412, "operation-failed", "the tag is another one".into()));
        }
        let mut data = self.data.clone();
        let is_patch = asked.kind == PATCH && self.yang_patch;
        if *asked.method != Method::DELETE && asked.kind != JSON && !is_patch {
            return Err((415, "operation-not-supported", format!("{} is not understood", asked.kind)));
        }
        let body = || -> Result<Value, Refusal> {
            serde_json::from_str(asked.body).map_err(|error| (400, "malformed-message", error.to_string()))
        };
        let mut answer = Answered { status: 204, ..Answered::default() };
        if is_patch {
            let patch = body()?;
            for edit in patch["ietf-yang-patch:yang-patch"]["edit"].as_array().into_iter().flatten() {
                carry_out(&mut data, edit)?;
            }
            let status = json!({"ietf-yang-patch:yang-patch-status": {"patch-id": "p", "ok": [null]}});
            answer = Answered { status: 200, kind: JSON, body: status.to_string(), tag: None };
        } else if *asked.method == Method::DELETE {
            remove(&mut data, &segments, true)?;
        } else if *asked.method == Method::PATCH && segments.is_empty() {
            let body = body()?;
            for (name, value) in body["ietf-restconf:data"].as_object().into_iter().flatten() {
                merge(data.entry(name.clone()).or_insert(Value::Null), value);
            }
        } else if *asked.method == Method::PUT && segments.is_empty() && self.put_whole {
            data = body()?["ietf-restconf:data"].as_object().cloned().unwrap_or_default();
        } else if *asked.method == Method::PUT && !segments.is_empty() {
            replace(&mut data, &segments, &body()?)?;
        } else {
            return Err((405, "operation-not-supported", format!("{} of {path}", asked.method)));
        }
        good(&Value::Object(data.clone()), "")?;
        if self.sorts {
            data.values_mut().for_each(sort);
        }
        self.data = data;
        self.version += 1;
        answer.tag = self.tag();
        Ok(answer)
    }

    fn read(&self, path: &str) -> Answered {
        let ok = |kind, body: Value| Answered { status: 200, kind, body: body.to_string(), tag: self.tag() };
        match path {
            "/.well-known/host-meta" => Answered {
                status: 200,
                kind: "application/xrd+xml",
                tag: None,
                body: "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\
                       <Link rel='restconf' href='/restconf'/></XRD>"
                    .into(),
            },
            "/restconf" => ok(JSON, json!({"ietf-restconf:restconf": {"data": {}, "operations": {}}})),
            "/restconf/data?content=config" => ok(JSON, json!({"ietf-restconf:data": self.shown()})),
            "/restconf/data/ietf-restconf-monitoring:restconf-state/capabilities" => {
                let known = [
                    (true, "urn:ietf:params:restconf:capability:defaults:1.0"),
                    (self.yang_patch, "urn:ietf:params:restconf:capability:yang-patch:1.0"),
                    (self.startup, "urn:ietf:params:netconf:capability:startup:1.0"),
                ];
                let known: Vec<&str> = known.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
                ok(JSON, json!({"ietf-restconf-monitoring:capabilities": {"capability": known}}))
            }
            _ => match self.entry(path) {
                Some(entry) => ok(JSON, entry),
                None => refusal(404, "invalid-value", "there is nothing"),
            },
        }
    }

    /// What its user sees.
    fn shown(&self) -> Map<String, Value> {
        let mut shown = seen(&self.data, &self.unseen);
        if self.masks {
            shown.iter_mut().for_each(|(name, value)| mask(name, value));
        }
        shown
    }

    /// One entry of a list, as its user sees it.
    fn entry(&self, path: &str) -> Option<Value> {
        let path = path.strip_prefix(DATA)?.strip_suffix("?content=config")?;
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let module = segments.iter().rev().find_map(|name| name.split_once(':'))?.0;
        let (list, _) = segments.last()?.split_once('=')?;
        let mut shown = self.shown();
        let entry = Value::Object(below(&mut shown, &segments)?.clone());
        let name = if list.contains(':') { list.to_owned() } else { format!("{module}:{list}") };
        self.shows_entries.then(|| json!({name: [entry]}))
    }
}

impl Persona for Store {
    fn writes(&self, asked: &Asked<'_>) -> bool {
        ![Method::GET, Method::HEAD, Method::OPTIONS].contains(asked.method)
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Answered {
        if !self.writes(asked) {
            return self.read(asked.path);
        }
        self.change(asked).unwrap_or_else(|(status, tag, words)| refusal(status, tag, &words))
    }

    fn meddle(&mut self) {
        self.version += 1;
    }

    fn running(&self) -> String {
        Value::Object(self.data.clone()).to_string()
    }
}

fn error(status: u16, error: &Value) -> Answered {
    let body = json!({"ietf-restconf:errors": {"error": [error]}});
    Answered { status, kind: JSON, tag: None, body: body.to_string() }
}

fn refusal(status: u16, tag: &str, words: &str) -> Answered {
    error(status, &json!({"error-type": "application", "error-tag": tag, "error-message": words}))
}

/// What a device says that somebody else has locked.
pub(super) fn locked(who: &str) -> Answered {
    let words = format!("locked by {who}");
    error(409, &json!({"error-type": "protocol", "error-tag": "lock-denied", "error-message": words}))
}

fn carry_out(data: &mut Map<String, Value>, edit: &Value) -> Result<(), Refusal> {
    let target = edit["target"].as_str().unwrap_or_default();
    let segments: Vec<&str> = target.split('/').filter(|part| !part.is_empty()).collect();
    let value = segments.first().and_then(|name| edit["value"].get(*name));
    match (edit["operation"].as_str(), value, &segments[..]) {
        (Some("remove"), None, segments) => remove(data, segments, false),
        (Some("merge"), Some(value), [name]) => {
            merge(data.entry((*name).to_owned()).or_insert(Value::Null), value);
            Ok(())
        }
        (Some("replace"), _, segments) => replace(data, segments, &edit["value"]),
        _ => Err((400, "invalid-value", format!("no such edit: {edit}"))),
    }
}

fn remove(data: &mut Map<String, Value>, segments: &[&str], must_exist: bool) -> Result<(), Refusal> {
    let Some((last, above)) = segments.split_last() else {
        return Err((405, "operation-not-supported", "the datastore stays".into()));
    };
    let gone = below(data, above).is_some_and(|map| match last.split_once('=') {
        None => map.get(*last).is_some_and(|value| !is_list(value)) && map.shift_remove(*last).is_some(),
        Some((list, key)) => {
            let Some(entries) = map.get_mut(list).and_then(Value::as_array_mut) else { return false };
            let had = entries.len();
            entries.retain(|entry| !is_called(entry, key));
            let (gone, is_empty) = (entries.len() < had, entries.is_empty());
            if is_empty {
                map.shift_remove(list);
            }
            gone
        }
    });
    match gone || !must_exist {
        true => Ok(()),
        false => Err((404, "data-missing", format!("there is no {last}"))),
    }
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|entries| entries[..] != [Value::Null])
}

/// The object at the end of `segments`.
fn below<'a>(data: &'a mut Map<String, Value>, segments: &[&str]) -> Option<&'a mut Map<String, Value>> {
    segments.iter().try_fold(data, |map, segment| match segment.split_once('=') {
        None => map.get_mut(*segment)?.as_object_mut(),
        Some((list, key)) => {
            let entries = map.get_mut(list)?.as_array_mut()?;
            entries.iter_mut().find(|entry| is_called(entry, key))?.as_object_mut()
        }
    })
}

/// Whether an entry is the one that a path names, RFC 8040 section 3.5.3.
fn is_called(entry: &Value, key: &str) -> bool {
    let own = if entry.is_object() { &entry["name"] } else { entry };
    let own = own.as_str().map_or_else(|| own.to_string(), str::to_owned);
    let escaped = own.bytes().map(|byte| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    escaped.collect::<String>() == key
}

/// Puts `body`, which holds one node with the name of its module, in the place of what is at `segments`.
fn replace(data: &mut Map<String, Value>, segments: &[&str], body: &Value) -> Result<(), Refusal> {
    let module = segments.iter().rev().find_map(|name| name.split_once(':')).map_or("", |(module, _)| module);
    let Some((last, above)) = segments.split_last() else {
        return Err((405, "operation-not-supported", "the datastore stays".into()));
    };
    let name = if last.contains(':') { (*last).to_owned() } else { format!("{module}:{last}") };
    let value = body.get(&name).ok_or_else(|| (400, "malformed-message", format!("{name} is not in it")))?;
    match below(data, above) {
        Some(at) if !value.is_array() => drop(at.insert((*last).to_owned(), value.clone())),
        Some(_) => return Err((400, "invalid-value", format!("{last} is a list without a key"))),
        None => return Err((404, "data-missing", format!("there is nothing above {last}"))),
    }
    Ok(())
}

/// Puts the entries of all lists in the order of what they print.
fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(sort),
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_cached_key(Value::to_string);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn seen(data: &Map<String, Value>, unseen: &[&str]) -> Map<String, Value> {
    let shown = data.iter().filter(|(name, _)| !unseen.contains(&name.as_str()));
    shown.map(|(name, value)| (name.clone(), seen_of(value, unseen))).collect()
}

fn seen_of(value: &Value, unseen: &[&str]) -> Value {
    let is_shown = |entry: &&Value| entry["name"].as_str().is_none_or(|name| !unseen.contains(&name));
    match value {
        Value::Object(members) => Value::Object(seen(members, unseen)),
        Value::Array(entries) => {
            entries.iter().filter(is_shown).map(|entry| seen_of(entry, unseen)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn mask(name: &str, value: &mut Value) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| mask(name, value)),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| mask(name, entry)),
        Value::String(text) if name == "password" => "****".clone_into(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn merge(have: &mut Value, want: &Value) {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            for (name, want) in want {
                merge(have.entry(name.clone()).or_insert(Value::Null), want);
            }
        }
        (Value::Array(have), Value::Array(want)) => {
            for want in want {
                let is_it =
                    |have: &Value| have == want || have.get("name").is_some_and(|name| *name == want["name"]);
                match have.iter().position(is_it) {
                    Some(at) => merge(&mut have[at], want),
                    None => have.push(want.clone()),
                }
            }
        }
        (have, want) => *have = want.clone(),
    }
}

fn good(value: &Value, path: &str) -> Result<(), Refusal> {
    match value {
        Value::Object(members) => {
            members.iter().try_for_each(|(name, value)| good(value, &format!("{path}/{name}")))
        }
        Value::Array(items) => items.iter().try_for_each(|item| good(item, path)),
        Value::String(text) if text == BAD => {
            Err((400, "invalid-value", format!("{path} may not be {text:?}")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
