//! What people had done that changed no rollout: two events of a log of its own, durable like a rollout's.

use super::effect::Turn;
use serde::Serialize;

/// Who had host keys collected, and of what.
#[derive(Debug, Clone, Serialize)]
pub struct KeysAsked {
    /// Who.
    pub by: String,
    /// By which filter; empty when they were named, or all were meant.
    pub filter: String,
    /// How many devices.
    pub devices: usize,
    /// `sha256:…` of their names, one a line.
    pub names: String,
}

/// What was found, in numbers of devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeysFound {
    /// They showed pinned keys only.
    pub pinned: usize,
    /// They showed keys that are not pinned.
    pub new: usize,
    /// They showed none of the pinned keys.
    pub changed: usize,
    /// They were asked in vain.
    pub unknown: usize,
    /// They have no SSH.
    pub no_ssh: usize,
    /// `sha256:…` of the lines `DEVICE ALGORITHM FINGERPRINT`, sorted.
    pub keys: String,
}

#[derive(Serialize)]
#[serde(tag = "action")]
enum Audited<'a> {
    #[serde(rename = "host-keys.collect")]
    Asked(&'a KeysAsked),
    #[serde(rename = "host-keys.collected")]
    Found(&'a KeysFound),
}

/// The log of one action, `audit/ID`.
#[derive(Debug)]
pub struct Record(String);

impl Record {
    /// Begins one; `id` is never given twice.
    pub(super) fn begin(id: &str, asked: &KeysAsked, turn: &mut Turn) -> Self {
        let record = Self(format!("audit/{id}"));
        record.write(1, &Audited::Asked(asked), turn);
        record
    }

    /// Ends it with what was found until then.
    pub fn end(self, found: &KeysFound, turn: &mut Turn) {
        self.write(2, &Audited::Found(found), turn);
    }

    fn write(&self, version: u64, what: &Audited<'_>, turn: &mut Turn) {
        let body = serde_json::to_string(what).expect("our events are plain data with text keys");
        turn.event(self.0.clone(), version, body);
    }

    /// What its log is called.
    pub fn name(&self) -> &str {
        &self.0
    }
}
