//! Which path names an entry of a list, RFC 8040 section 3.5.3: its keys are guessed, and the device proves the guess by
//! what it shows there.

use super::RestconfSession;
use super::back::Step;
use crate::executor::http::json;
use crate::executor::json_order;
use crate::executor::netconf::{KEYS, is_secret};
use serde_json::Value;

/// Most questions about entries on one way back.
const QUESTIONS_MAX: u32 = 500;
/// Most keys that are tried for one entry.
const GUESSES_MAX: usize = 8;

/// Entries whose paths are known, and how many questions may still be asked.
pub(super) struct Known {
    paths: Vec<(String, Value, String)>,
    questions: u32,
}

impl Default for Known {
    fn default() -> Self {
        Self { paths: Vec::new(), questions: QUESTIONS_MAX }
    }
}

impl RestconfSession {
    /// The path of what `steps` lead to; the error goes on after "failed to".
    pub(super) async fn path_of(&mut self, steps: &[Step], known: &mut Known) -> Result<Vec<String>, String> {
        let mut path = Vec::new();
        for step in steps {
            let segment = match step {
                Step::Member(name) => name.clone(),
                Step::Entry(list, entry) if entry.is_object() => {
                    self.segment(&path.join("/"), list, entry, known).await?
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
        entry: &Value,
        known: &mut Known,
    ) -> Result<String, String> {
        let place = format!("{above}/{list}");
        let mut proven = known.paths.iter().filter(|(at, of, _)| *at == place && of == entry);
        if let Some((.., segment)) = proven.next() {
            return Ok(segment.clone());
        }
        for keys in guesses(entry) {
            known.questions = known
                .questions
                .checked_sub(1)
                .ok_or_else(|| format!("name what is to be taken away in {QUESTIONS_MAX} questions"))?;
            let segment = format!("{list}={keys}");
            let path = format!("{}/data/{above}/{segment}?content=config", self.root).replace("//", "/");
            let reply = tokio::time::timeout(self.wire.patience(), self.get(&path)).await;
            let reply = reply.map_err(|_| format!("read an entry of {list}: no answer in time"))?;
            let reply = reply.map_err(|_| format!("read an entry of {list}: no whole answer"))?;
            if reply.status == 200 && shows(&reply.body, entry) {
                known.paths.push((place, entry.clone(), segment.clone()));
                return Ok(segment);
            }
        }
        Err(format!("name an entry of {list}, which must go: which of its leaves are its keys is not known"))
    }
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

/// Values of what may be the keys of an entry, as its path names them: the likeliest first.
fn guesses(entry: &Value) -> Vec<String> {
    let Value::Object(members) = entry else { return Vec::new() };
    let leaves = members.iter().filter(|(name, value)| {
        !value.is_object() && !value.is_array() && !value.is_null() && !is_secret(name)
    });
    let (mut likely, others): (Vec<_>, Vec<_>) = leaves.partition(|(name, _)| KEYS.contains(&name.as_str()));
    likely.sort_by_key(|(name, _)| KEYS.iter().position(|key| key == name));
    let all: Vec<String> = likely.iter().chain(&others).map(|(_, value)| escaped(value)).collect();
    let first = all.first().cloned();
    let single = all.iter().cloned();
    let pairs = all.iter().skip(1).filter_map(|other| first.as_ref().map(|first| (first, other)));
    let pairs = pairs.flat_map(|(one, other)| [format!("{one},{other}"), format!("{other},{one}")]);
    let likely = likely.len().max(1);
    let (ahead, behind): (Vec<String>, Vec<String>) =
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
