//! Who is who: the labels and the site of every device, and the devices of every label and site, all by rank.

use super::Watched;
use std::ops::Range;

/// Members of numbered groups, in rank order: group `g` owns the slots `first[g]..first[g + 1]`.
#[derive(Debug, Clone)]
pub(super) struct Members {
    first: Vec<u32>,
    member: Vec<u32>,
}

impl Members {
    /// Sorts `(group, rank)` into `groups` groups; writes the slot of the n-th one to `slots[n]`.
    fn new(groups: usize, of: &[u32], rank_of: impl Fn(usize) -> u32) -> (Self, Vec<u32>) {
        let mut first = vec![0_u32; groups + 1];
        for group in of {
            first[*group as usize + 1] += 1;
        }
        for group in 0..groups {
            first[group + 1] += first[group];
        }
        let mut next = first.clone();
        let mut member = vec![0; of.len()];
        let slots = of
            .iter()
            .enumerate()
            .map(|(index, group)| {
                let slot = next[*group as usize];
                next[*group as usize] += 1;
                member[slot as usize] = rank_of(index);
                slot
            })
            .collect();
        (Self { first, member }, slots)
    }

    /// The slots of a group.
    pub(super) fn slots(&self, group: usize) -> Range<usize> {
        self.first[group] as usize..self.first[group + 1] as usize
    }

    /// Who has the slot.
    pub(super) fn at(&self, slot: usize) -> u32 {
        self.member[slot]
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.member.len()
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.first.len() - 1
    }
}

/// Labels and sites of all devices.
#[derive(Debug, Clone)]
pub(super) struct Fleet {
    /// Device `r` owns the places `start[r]..start[r + 1]`.
    start: Vec<u32>,
    label: Vec<u32>,
    slot: Vec<u32>,
    site: Vec<u32>,
    site_slot: Vec<u32>,
    /// The devices of every label value.
    pub(super) values: Members,
    /// The devices of every site.
    pub(super) sites: Members,
}

impl Fleet {
    /// The fleet with `site_of` in rank order; a device that `watched` does not know has no labels.
    pub(super) fn new(watched: &Watched, site_of: Vec<u32>) -> Self {
        let mut start = Vec::with_capacity(site_of.len() + 1);
        let mut label = Vec::with_capacity(site_of.len() * watched.keys as usize);
        let mut owner = Vec::with_capacity(label.capacity());
        start.push(0);
        for rank in 0..site_of.len() {
            let labels = watched.of.get(rank).map_or(&[][..], |labels| labels);
            for value in labels {
                if usize::from(*value) < watched.values.len() {
                    label.push(u32::from(*value));
                    owner.push(rank as u32);
                }
            }
            start.push(label.len() as u32);
        }
        let (values, slot) = Members::new(watched.values.len(), &label, |index| owner[index]);
        let sites = site_of.iter().max().map_or(0, |most| *most as usize + 1);
        let (sites, site_slot) = Members::new(sites, &site_of, |index| index as u32);
        Self { start, label, slot, site: site_of, site_slot, values, sites }
    }

    /// How many devices there are.
    pub(super) fn len(&self) -> usize {
        self.site.len()
    }

    /// The places of a device's labels, for [`Self::label`] and [`Self::slot`].
    pub(super) fn places(&self, rank: u32) -> Range<usize> {
        let rank = rank as usize;
        self.start[rank] as usize..self.start[rank + 1] as usize
    }

    /// The value at a place.
    pub(super) fn label(&self, place: usize) -> usize {
        self.label[place] as usize
    }

    /// The slot among the value's devices at a place.
    pub(super) fn slot(&self, place: usize) -> usize {
        self.slot[place] as usize
    }

    /// The device's values.
    pub(super) fn labels(&self, rank: u32) -> impl Iterator<Item = usize> {
        self.label[self.places(rank)].iter().map(|value| *value as usize)
    }

    /// Whether the device has the value.
    pub(super) fn has(&self, rank: u32, value: usize) -> bool {
        self.label[self.places(rank)].contains(&(value as u32))
    }

    /// The device's site.
    pub(super) fn site(&self, rank: u32) -> usize {
        self.site[rank as usize] as usize
    }

    /// The device's slot at its site.
    pub(super) fn site_slot(&self, rank: u32) -> usize {
        self.site_slot[rank as usize] as usize
    }
}
