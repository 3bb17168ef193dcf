//! The second way to open a site: of the last devices by start, how many failed; and strange host keys.

use crate::id::DeviceName;
use crate::outcome::Class;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Distinct devices that must have failed before a site opens, where it has ten or more.
pub const SITE_FAILURES_MIN: usize = 5;
/// Distinct devices, by start, whose latest outcome counts.
pub const SITE_WINDOW: usize = 20;
/// A site of fewer devices opens by its own table.
pub const SMALL_SITE: u32 = 10;
/// Devices with a strange host key that open a site.
pub const SITE_STRANGE_KEYS: usize = 2;
/// Older outcomes say nothing about now.
pub const OUTCOME_AGE_MAX: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    id: u64,
    device: DeviceName,
    failed: Option<Class>,
    at: Timestamp,
}

/// Latest outcome of each device, ordered by when its attempt was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    seen: VecDeque<Seen>,
    strange_keys: BTreeSet<DeviceName>,
}

impl Window {
    /// A device answered, or failed with this class.
    pub fn push(&mut self, id: u64, device: &DeviceName, failed: Option<Class>, now: Timestamp) {
        if failed.is_none() {
            self.strange_keys.remove(device);
        }
        if self.seen.iter().any(|seen| seen.device == *device && seen.id > id) {
            return;
        }
        self.seen.retain(|seen| seen.device != *device);
        let at = self.seen.partition_point(|seen| seen.id < id);
        self.seen.insert(at, Seen { id, device: device.clone(), failed, at: now });
        if self.seen.len() > SITE_WINDOW {
            self.seen.pop_front();
        }
    }

    /// A device showed a host key that is not pinned.
    pub fn strange_key(&mut self, device: &DeviceName) {
        self.strange_keys.insert(device.clone());
    }

    /// Why the site must open, if it must, where it has so many `devices`.
    pub fn why_open(&self, devices: Option<u32>, now: Timestamp) -> Option<String> {
        if self.strange_keys.len() >= SITE_STRANGE_KEYS {
            let names: Vec<&str> = self.strange_keys.iter().map(DeviceName::as_str).collect();
            let (count, names) = (names.len(), names.join(", "));
            return Some(format!("{count} devices showed host keys that are not pinned: {names}"));
        }
        let seen = self.fresh(now).count();
        let failed: Vec<Class> = self.fresh(now).filter_map(|seen| seen.failed).collect();
        let enough = match devices {
            Some(few) if few < SMALL_SITE => {
                few > 1 && u32::try_from(failed.len()).is_ok_and(|failed| failed >= few.div_ceil(2).max(2))
            }
            Some(_) | None => failed.len() >= SITE_FAILURES_MIN && failed.len() * 2 >= seen,
        };
        enough.then(|| evidence(&failed, seen))
    }

    fn fresh(&self, now: Timestamp) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(move |seen| now.since(seen.at) <= OUTCOME_AGE_MAX)
    }

    /// Failed among the devices seen lately, and how many those are.
    pub fn counts(&self) -> (u32, u32) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(self.seen.iter().filter(|seen| seen.failed.is_some()).count()), count(self.seen.len()))
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn evidence(failed: &[Class], seen: usize) -> String {
    let silent = failed.iter().filter(|class| **class == Class::Timeout).count();
    let what = match silent {
        0 => "unreachable",
        all if all == failed.len() => "silent",
        _ => "silent or unreachable",
    };
    format!("{} of the last {seen} devices {what}", failed.len())
}
