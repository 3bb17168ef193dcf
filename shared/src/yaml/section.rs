//! A mapping with known keys: what is not asked for is reported as unknown.

use super::problem::did_you_mean;
use super::{Entry, Field, Position, Problems, shown};

/// A mapping that is read key by key. When it is dropped, every key that nobody asked for becomes a
/// problem with the nearest known key.
pub struct Section<'a> {
    pub(super) entries: &'a [Entry],
    pub(super) at: Position,
    pub(super) path: String,
    pub(super) problems: &'a Problems,
    pub(super) known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The value of `key`, if it is there.
    pub fn take(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key.as_ref() == key)?;
        Some(Field::of_entry(entry, &self.path, self.problems))
    }

    /// The value of `key`; that it is missing is a problem, with `example` as its hint.
    pub fn require(&mut self, key: &'static str, example: &str) -> Option<Field<'a>> {
        let field = self.take(key);
        if field.is_none() {
            self.problem(&format!("{key} is missing"), &format!("for example {example}"));
        }
        field
    }

    /// The section under `key`, if it is there and a mapping.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        self.take(key)?.section()
    }

    /// Checks `api_version` and `kind`.
    pub fn envelope(&mut self, kind: &'static str) {
        let version = self.require("api_version", "api_version: switchyard/v1");
        version.and_then(|field| field.word(&[("switchyard/v1", ())]));
        let field = self.require("kind", &format!("kind: {kind}"));
        field.and_then(|field| field.word(&[(kind, ())]));
    }

    /// Refuses `key` where it stands, with its own words.
    pub fn refuse(&mut self, key: &'static str, message: &str, hint: &str) {
        self.known.push(key);
        if let Some(entry) = self.entries.iter().find(|entry| entry.key.as_ref() == key) {
            self.problems.add(entry.at, &join(&self.path, key), message, hint);
        }
    }

    /// Refuses keys of the full format that are not built yet.
    pub fn not_supported_yet(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.refuse(key, "not supported yet", "");
        }
    }

    /// A problem of the whole section.
    pub fn problem(&self, message: &str, hint: &str) {
        self.problems.add(self.at, &self.path, message, hint);
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        for entry in self.entries {
            if self.known.contains(&entry.key.as_ref()) {
                continue;
            }
            let hint = match self.problems.is_full() {
                true => String::new(),
                false => did_you_mean(&entry.key, self.known.iter().copied()),
            };
            let message = format!("the key {} is not known here", shown(&entry.key));
            self.problems.add(entry.at, &join(&self.path, &entry.key), message, hint);
        }
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
