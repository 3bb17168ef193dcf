//! Which path names an entry of a list, RFC 8040 section 3.5.3: its keys are guessed, and the device proves the guess by
//! what it shows there. Lists of one kind have the same keys, so one proof serves all entries of which it leaves no doubt.

use super::RestconfSession;
use super::back::Step;
use crate::executor::http::json::{self, Tree};
use crate::executor::json_order;
use crate::executor::netconf::{KEYS, is_secret};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most questions about entries on one way back.
const QUESTIONS_MAX: u32 = 500;
/// Most keys that are tried for one entry.
const GUESSES_MAX: usize = 8;

/// Names of leaves that are the keys of a list, in their order.
type Keys = Vec<String>;

/// What is known of the paths of entries, and how many questions may still be asked.
pub(super) struct Known {
    /// The keys of lists, by the names on the way to them.
    keys: BTreeMap<String, Keys>,
    /// Lists by their paths: whether these keys tell all of their entries apart.
    apart: BTreeMap<String, bool>,
    /// Paths that say nothing of others: that of a list, an entry of it, and how it is called there.
    paths: Vec<(String, Value, String)>,
    questions: u32,
}

impl Default for Known {
    fn default() -> Self {
        let (keys, apart, paths) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { keys, apart, paths, questions: QUESTIONS_MAX }
    }
}

impl Known {
    /// How `entry` of the list at `place` is called, as far as that follows from what was asked already.
    fn segment(&mut self, place: &str, list: &str, entry: &Value, beside: &[Value]) -> Option<String> {
        if let Some(keys) = self.keys.get(&without_keys(place)) {
            let are_apart = || {
                let named: BTreeSet<_> = beside.iter().filter_map(|entry| called(entry, keys)).collect();
                named.len() == beside.len()
            };
            if *self.apart.entry(place.to_owned()).or_insert_with(are_apart) {
                return called(entry, keys).map(|called| format!("{list}={called}"));
            }
        }
        let mut proven = self.paths.iter().filter(|(at, of, _)| at == place && of == entry);
        proven.next().map(|(.., segment)| segment.clone())
    }

    /// Takes down that the device shows `entry` at `segment` of the list at `place`, by these keys.
    fn learn(&mut self, place: String, entry: &Value, segment: String, keys: Keys) {
        if are_certain(entry, &keys) {
            self.keys.insert(without_keys(&place), keys);
        }
        self.paths.push((place, entry.clone(), segment));
    }
}

impl RestconfSession {
    /// The path of what `steps` lead to on a device that has `now`; the error goes on after "failed to".
    pub(super) async fn path_of(
        &mut self,
        now: &Tree,
        steps: &[Step],
        known: &mut Known,
    ) -> Result<Vec<String>, String> {
        let (mut path, mut here) = (Vec::new(), Some(now));
        for step in steps {
            let segment = match step {
                Step::Member(name) => {
                    here = here.and_then(|here| here.get(name)?.as_object());
                    name.clone()
                }
                Step::Entry(list, entry) if entry.is_object() => {
                    let beside = here.and_then(|here| here.get(list)?.as_array());
                    here = entry.as_object();
                    let beside = beside.map_or(&[][..], Vec::as_slice);
                    self.segment(&path.join("/"), list, (entry, beside), known).await?
                }
                // What an entry of a leaf-list is called by is all that it is.
                Step::Entry(list, value) => format!("{list}={}", escaped(value)),
            };
            path.push(segment);
        }
        Ok(path)
    }

    async fn segment(
        &mut self,
        above: &str,
        list: &str,
        (entry, beside): (&Value, &[Value]),
        known: &mut Known,
    ) -> Result<String, String> {
        let place = format!("{above}/{list}");
        if let Some(segment) = known.segment(&place, list, entry, beside) {
            return Ok(segment);
        }
        for keys in guesses(entry) {
            known.questions = known
                .questions
                .checked_sub(1)
                .ok_or_else(|| format!("name what is to be taken away in {QUESTIONS_MAX} questions"))?;
            let Some(called) = called(entry, &keys) else { continue };
            let segment = format!("{list}={called}");
            let path = format!("{}/data/{above}/{segment}?content=config", self.root).replace("//", "/");
            let reply = tokio::time::timeout(self.wire.patience(), self.get(&path)).await;
            let reply = reply.map_err(|_| format!("read an entry of {list}: no answer in time"))?;
            let reply = reply.map_err(|_| format!("read an entry of {list}: no whole answer"))?;
            if reply.status == 200 && shows(&reply.body, entry) {
                known.learn(place, entry, segment.clone(), keys);
                return Ok(segment);
            }
        }
        Err(format!("name an entry of {list}, which must go: which of its leaves are its keys is not known"))
    }
}

/// The names on the way to a list, whichever entries they lead through.
fn without_keys(place: &str) -> String {
    place
        .split('/')
        .map(|segment| segment.split('=').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("/")
}

/// The values of these keys as a path has them; none if the entry lacks one of them.
fn called(entry: &Value, keys: &[String]) -> Option<String> {
    let values: Option<Vec<String>> = keys.iter().map(|key| Some(escaped(entry.get(key)?))).collect();
    values.map(|values| values.join(","))
}

/// Whether only these leaves can be the keys of an entry that a device shows by their values: no other leaf of it has one
/// of them.
fn are_certain(entry: &Value, keys: &[String]) -> bool {
    let Value::Object(members) = entry else { return false };
    let leaves = || members.values().filter(|value| !value.is_object() && !value.is_array()).map(escaped);
    keys.iter()
        .filter_map(|key| entry.get(key))
        .map(escaped)
        .all(|value| leaves().filter(|other| *other == value).count() == 1)
}

/// Whether an answer holds this entry and no other.
fn shows(body: &[u8], entry: &Value) -> bool {
    let tree = std::str::from_utf8(body).map_err(|_| String::new()).and_then(json::tree);
    let Ok(tree) = tree else { return false };
    match tree.values().next() {
        Some(Value::Array(found)) if tree.len() == 1 => {
            matches!(&found[..], [found] if json_order::same(found, entry))
        }
        Some(found) if tree.len() == 1 => json_order::same(found, entry),
        Some(_) | None => false,
    }
}

/// Names of what may be the keys of an entry: the likeliest first.
fn guesses(entry: &Value) -> Vec<Keys> {
    let Value::Object(members) = entry else { return Vec::new() };
    let leaves = members.iter().filter(|(name, value)| {
        !value.is_object() && !value.is_array() && !value.is_null() && !is_secret(name)
    });
    let (mut likely, others): (Vec<_>, Vec<_>) =
        leaves.map(|(name, _)| name).partition(|name| KEYS.contains(&name.as_str()));
    likely.sort_by_key(|name| KEYS.iter().position(|key| key == name));
    let all: Vec<&String> = likely.iter().chain(&others).copied().collect();
    let single = all.iter().map(|name| vec![(*name).clone()]);
    let first = all.first();
    let pairs = all.iter().skip(1).filter_map(|other| first.map(|first| (first, other)));
    let pairs = pairs.flat_map(|(one, other)| [[one, other], [other, one]]);
    let pairs = pairs.map(|pair| pair.map(|name| (*name).clone()).to_vec());
    let likely = likely.len().max(1);
    let (ahead, behind): (Vec<Keys>, Vec<Keys>) =
        (single.clone().take(likely).collect(), single.skip(likely).collect());
    ahead.into_iter().chain(pairs).chain(behind).take(GUESSES_MAX).collect()
}

/// A value in a path: all but what never means anything else is escaped (RFC 3986 section 2.3).
fn escaped(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let byte = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is known once a device has shown this entry by these keys.
    fn known(entry: &Value, keys: &[&str]) -> Known {
        let mut known = Known::default();
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        known.learn("/x:a/l=1/e".into(), entry, "e=proven".into(), keys);
        known
    }

    #[test]
    fn one_proof_serves_all_entries_that_its_keys_tell_apart() {
        let (one, two) = (json!({"name": "e/1", "vlan": 1}), json!({"name": "e2", "vlan": 2}));
        let mut known = known(&one, &["name"]);
        let both = [one, two.clone()];
        assert_eq!(known.segment("/x:a/l=1/e", "e", &two, &both), Some("e=e2".into()));
        assert_eq!(
            known.segment("/x:a/l=2/e", "e", &both[0], &both),
            Some("e=e%2F1".into()),
            "another list of its kind"
        );
        assert_eq!(known.segment("/x:a/m=1/e", "e", &two, &both), None, "a list of another kind");
        let nameless = json!({"vlan": 3});
        assert_eq!(known.segment("/x:a/l=1/e", "e", &nameless, &both), None);
        let twice = [two.clone(), json!({"name": "e2", "vlan": 9})];
        assert_eq!(
            known.segment("/x:a/l=3/e", "e", &two, &twice),
            None,
            "a device that looks at a part of its keys"
        );
    }

    #[test]
    fn a_proof_that_another_leaf_could_have_given_says_nothing_of_other_entries() {
        let (one, two) = (json!({"id": 10, "vlan-id": "10"}), json!({"id": 11, "vlan-id": 12}));
        let mut known = known(&one, &["id"]);
        let both = [one.clone(), two.clone()];
        assert_eq!(known.segment("/x:a/l=1/e", "e", &two, &both), None, "its key may be vlan-id");
        assert_eq!(known.segment("/x:a/l=1/e", "e", &one, &both), Some("e=proven".into()));
    }
}
