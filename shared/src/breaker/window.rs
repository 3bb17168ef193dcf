//! The second way to open a site: of the last devices by start, how many failed; and strange host keys.

use super::tagged::Tagged;
use crate::id::DeviceName;
use crate::outcome::Class;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Distinct devices that must have failed before a site opens, where it has ten or more.
pub const SITE_FAILURES_MIN: usize = 5;
/// Distinct devices, by start, whose latest outcome counts.
pub const SITE_WINDOW: usize = 20;
/// A site of fewer devices opens by its own table.
pub const SMALL_SITE: u32 = 10;
/// Distinct devices that must have failed before even a small site opens.
const SMALL_SITE_FAILURES_MIN: usize = 2;
/// Devices with a strange host key that open a site.
pub const SITE_STRANGE_KEYS: usize = 2;
/// Older outcomes say nothing about now.
pub const OUTCOME_AGE_MAX: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    id: u64,
    device: Tagged,
    failed: Option<Class>,
    at: Timestamp,
}

/// Latest outcome of each device, ordered by when its attempt was started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    seen: VecDeque<Seen>,
    /// How many of them failed.
    failed: usize,
    strange_keys: BTreeSet<DeviceName>,
}

impl Window {
    /// A device answered, or failed with this class.
    pub fn push(&mut self, id: u64, device: &Tagged, failed: Option<Class>, now: Timestamp) {
        if failed.is_none() {
            self.strange_keys.remove(&device.name);
        }
        let older_than_all = self.seen.front().is_some_and(|oldest| id < oldest.id);
        if older_than_all && self.seen.len() >= SITE_WINDOW {
            return;
        }
        let mut at = match self.place(id) {
            Ok(known) => return self.say_again(known, failed, now),
            Err(at) => at,
        };
        if let Some(known) = self.seen.iter().position(|seen| seen.device == *device) {
            if known >= at {
                return;
            }
            self.remove(known);
            at -= 1;
        } else if self.seen.len() >= SITE_WINDOW {
            self.remove(0);
            at -= 1;
        }
        self.failed += usize::from(failed.is_some());
        self.seen.insert(at, Seen { id, device: device.clone(), failed, at: now });
    }

    /// Where the attempt stands, or would: mostly last.
    fn place(&self, id: u64) -> Result<usize, usize> {
        match self.seen.back().map(|last| last.id.cmp(&id)) {
            None | Some(Ordering::Less) => Err(self.seen.len()),
            Some(Ordering::Equal) => Ok(self.seen.len() - 1),
            Some(Ordering::Greater) => self.seen.binary_search_by_key(&id, |seen| seen.id),
        }
    }

    /// An attempt that was counted at its handshake has ended.
    fn say_again(&mut self, known: usize, failed: Option<Class>, now: Timestamp) {
        if let Some(seen) = self.seen.get_mut(known) {
            self.failed -= usize::from(seen.failed.is_some());
            self.failed += usize::from(failed.is_some());
            (seen.failed, seen.at) = (failed, now);
        }
    }

    fn remove(&mut self, at: usize) {
        let gone = self.seen.remove(at);
        self.failed -= usize::from(gone.is_some_and(|seen| seen.failed.is_some()));
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
        if self.failed < SMALL_SITE_FAILURES_MIN {
            return None;
        }
        let seen = self.fresh(now).count();
        let failed: Vec<Class> = self.fresh(now).filter_map(|seen| seen.failed).collect();
        let enough = match devices {
            Some(few) if few < SMALL_SITE => {
                let half = usize::try_from(few.div_ceil(2)).unwrap_or(usize::MAX);
                few > 1 && failed.len() >= half.max(SMALL_SITE_FAILURES_MIN)
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
        (count(self.failed), count(self.seen.len()))
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

#[cfg(test)]
mod tests;
