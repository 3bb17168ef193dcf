//! Room for the snapshots of a whole agent: the oldest go, and never what a way back needs now.

use super::{Snapshots, is_of, rollout};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::time::Timestamp;

/// Most bytes that all snapshots of an agent take.
pub const SITE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Where there is no room, this part of all of it is made, as one in so many: everything is looked through for it.
const ROOM_SHARE: u64 = 16;
/// Snapshots that are kept before all are counted anew.
const KEPT_BEFORE_COUNT: u32 = 1000;

/// What is known of the room. Locked while everything is looked through, so never where an attempt runs.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Bytes of all snapshots; `None` before they were counted.
    used: Option<u64>,
    kept_since_count: u32,
}

/// Devices that are written to, with what they are put back to. Locked for a moment only.
pub(super) type Needed = Mutex<BTreeMap<DeviceName, Option<OpId>>>;

/// As long as it lives, the newest snapshot of its device makes no room, and neither does the one it is put back to.
#[must_use]
#[derive(Debug)]
pub struct Held {
    needed: Arc<Needed>,
    device: DeviceName,
}

/// A snapshot on the disk.
struct Kept {
    device: DeviceName,
    name: String,
    bytes: u64,
    modified: Timestamp,
    /// Of its device.
    is_newest: bool,
}

impl Held {
    pub(super) fn new(needed: &Arc<Needed>, device: &DeviceName, spared: Option<OpId>) -> Self {
        lock(needed).insert(device.clone(), spared);
        Self { needed: needed.clone(), device: device.clone() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.needed).remove(&self.device);
    }
}

impl Snapshots {
    /// Takes room for `bytes` more of `device`, or says why there is none.
    pub(super) fn take_room(&self, device: &DeviceName, bytes: u64) -> io::Result<()> {
        let mut ledger = lock(&self.ledger);
        let used = match ledger.used {
            Some(used) if ledger.kept_since_count < KEPT_BEFORE_COUNT && used + bytes <= self.bytes_max => {
                used
            }
            Some(_) | None => self.clear(&mut ledger, device, bytes, None)?,
        };
        if used + bytes > self.bytes_max {
            return Err(io::Error::other(format!(
                "the snapshots of this agent may take {} bytes, and take {used} that are needed now",
                self.bytes_max
            )));
        }
        ledger.used = Some(used + bytes);
        ledger.kept_since_count += 1;
        Ok(())
    }

    /// So many bytes were given back.
    pub(super) fn give_room(&self, bytes: u64) {
        let mut ledger = lock(&self.ledger);
        ledger.used = ledger.used.map(|used| used.saturating_sub(bytes));
    }

    /// The disk is full, before the snapshots have all their room: the oldest go for the `bytes` of `op` that have taken
    /// theirs. What its own rollout may be put back to stays: rather is nothing written to one device more.
    pub(super) fn give_way(&self, op: &OpId, bytes: u64) -> io::Result<()> {
        let mut ledger = lock(&self.ledger);
        let used = self.clear(&mut ledger, &op.device, bytes, Some(&op.rollout))?;
        ledger.used = Some(used + bytes);
        Ok(())
    }

    /// Counts all snapshots; where there is no room for `bytes` more the oldest go, those of other devices than `device`
    /// first. On a full disk, where those of a rollout are `spared`, there is none. Gives the bytes that are left.
    fn clear(
        &self,
        ledger: &mut Ledger,
        device: &DeviceName,
        bytes: u64,
        spared: Option<&RolloutName>,
    ) -> io::Result<u64> {
        let mut all = self.all()?;
        let mut used = all.iter().map(|kept| kept.bytes).sum::<u64>();
        let bound = if spared.is_some() { used } else { self.bytes_max };
        let enough = match used + bytes > bound {
            true => bound - bound / ROOM_SHARE,
            false => bound,
        };
        all.retain(|kept| spared.is_none_or(|spared| rollout(&kept.name) != Some(spared.as_str())));
        all.sort_by_key(|kept| (kept.device == *device, kept.modified));
        let mut gone = 0;
        for kept in &all {
            if used + bytes <= enough {
                break;
            }
            if self.needs(kept) {
                continue;
            }
            self.remove(&self.folder.join(kept.device.as_str()), &kept.name)?;
            used -= kept.bytes;
            gone += 1;
        }
        if gone > 0 {
            tracing::info!(gone, used, bound, "the oldest snapshots of devices made room");
        }
        (ledger.used, ledger.kept_since_count) = (Some(used), 0);
        Ok(used)
    }

    /// Whether a way back may need it now.
    fn needs(&self, kept: &Kept) -> bool {
        let needed = lock(&self.needed);
        let Some(spared) = needed.get(&kept.device) else { return false };
        kept.is_newest || spared.as_ref().is_some_and(|spared| is_of(&kept.name, spared))
    }

    fn all(&self) -> io::Result<Vec<Kept>> {
        let mut all = Vec::new();
        for device in self.fs.list(&self.folder)?.into_iter().filter_map(|name| DeviceName::new(name).ok()) {
            let folder = self.folder.join(device.as_str());
            let names = self.names(&folder).unwrap_or_default();
            let newest = names.last().cloned();
            for name in names {
                // What another attempt has just removed takes no room.
                let Ok(stat) = self.fs.stat(&folder.join(&name)) else { continue };
                let is_newest = newest.as_ref() == Some(&name);
                all.push(Kept {
                    device: device.clone(),
                    name,
                    bytes: stat.bytes,
                    modified: stat.modified,
                    is_newest,
                });
            }
        }
        Ok(all)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
