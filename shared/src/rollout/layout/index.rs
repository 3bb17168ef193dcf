//! Ranks by name: one step however large the plan is, and the same in every run.

use super::LayoutDevice;
use crate::id::DeviceName;

/// A slot that holds no rank.
const FREE: u32 = u32::MAX;

/// An open table at most half full; names are compared where the plan keeps them.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    slots: Box<[u32]>,
}

impl Index {
    /// Of all devices; of two with one name the later.
    pub fn of(devices: &[LayoutDevice]) -> Self {
        let size = devices.len().max(1).next_power_of_two() * 2;
        let mut index = Self { slots: vec![FREE; size].into() };
        for (device, rank) in devices.iter().zip(0u32..) {
            let slot = index.slot(&device.name, devices);
            index.slots[slot] = rank;
        }
        index
    }

    /// The rank of the device of that name among `devices`, of which this is the index.
    pub fn rank(&self, name: &DeviceName, devices: &[LayoutDevice]) -> Option<u32> {
        let rank = *self.slots.get(self.slot(name, devices))?;
        (rank != FREE).then_some(rank)
    }

    /// The slot that holds the name, or the free one where it belongs.
    fn slot(&self, name: &DeviceName, devices: &[LayoutDevice]) -> usize {
        let mask = self.slots.len().saturating_sub(1);
        let mut slot = hash(name.as_str()) as usize & mask;
        // Ends: at least half of the slots are free.
        while let Some(rank) = self.slots.get(slot).filter(|rank| **rank != FREE)
            && devices[*rank as usize].name != *name
        {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

/// FNV-1a, its upper half folded in.
fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SiteName;

    fn devices(count: usize) -> Vec<LayoutDevice> {
        let site = SiteName::new("s").unwrap();
        let name = |n| DeviceName::new(format!("acc{n:05}.lon")).unwrap();
        (0..count).map(|n| LayoutDevice { name: name(n), site: site.clone(), wave: 0 }).collect()
    }

    #[test]
    fn every_device_is_found_by_its_name_and_a_stranger_is_not() {
        for count in [0, 1, 2, 1000] {
            let devices = devices(count);
            let index = Index::of(&devices);
            for (device, rank) in devices.iter().zip(0u32..) {
                assert_eq!(index.rank(&device.name, &devices), Some(rank));
            }
            assert_eq!(index.rank(&DeviceName::new("other").unwrap(), &devices), None);
        }
        assert_eq!(Index::default().rank(&DeviceName::new("other").unwrap(), &[]), None);
    }

    #[test]
    fn a_name_is_found_within_a_few_steps() {
        let devices = devices(100_000);
        let index = Index::of(&devices);
        let mask = index.slots.len() - 1;
        let steps = |slot: usize| {
            let home = hash(devices[index.slots[slot] as usize].name.as_str()) as usize & mask;
            slot.wrapping_sub(home) & mask
        };
        let taken: Vec<usize> = (0..index.slots.len()).filter(|slot| index.slots[*slot] != FREE).collect();
        let all: usize = taken.iter().map(|slot| steps(*slot)).sum();
        assert!(all < 2 * taken.len(), "{} steps for {} names", all, taken.len());
    }
}
