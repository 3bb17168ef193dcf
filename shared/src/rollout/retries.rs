//! Retries at each site: no more at once than a tenth of what runs there, however many backoffs end together.

use crate::pool::retries_among;
use std::collections::{BTreeMap, BTreeSet};

/// Retries that run, and those whose wait is over but that would be too many.
#[derive(Debug, Clone, Default)]
pub(super) struct Retries {
    /// How many run, by the number of their site; none is not listed.
    running: BTreeMap<u32, u32>,
    /// Ranks that wait, by the number of their site; none is not listed.
    waiting: BTreeMap<u32, BTreeSet<u32>>,
}

impl Retries {
    /// One was handed out.
    pub fn started(&mut self, site: u32) {
        *self.running.entry(site).or_default() += 1;
    }

    /// One came back.
    pub fn ended(&mut self, site: u32) {
        if let Some(running) = self.running.get_mut(&site) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&site);
            }
        }
    }

    /// How many more may start at a site where `in_flight` run, retries among them.
    pub fn room(&self, site: u32, in_flight: u32) -> u32 {
        let most = u32::try_from(retries_among(in_flight as usize + 1)).unwrap_or(u32::MAX);
        most.saturating_sub(self.running.get(&site).copied().unwrap_or(0))
    }

    /// One more would be too many: it waits.
    pub fn wait(&mut self, site: u32, rank: u32) {
        self.waiting.entry(site).or_default().insert(rank);
    }

    /// It waits no longer, whatever for.
    pub fn forget(&mut self, site: u32, rank: u32) {
        if let Some(ranks) = self.waiting.get_mut(&site) {
            ranks.remove(&rank);
            if ranks.is_empty() {
                self.waiting.remove(&site);
            }
        }
    }

    /// Takes out those that there is room for, the lowest ranks of each site; `in_flight` by site.
    pub fn take_ready(&mut self, in_flight: &[u32]) -> Vec<u32> {
        let mut ready = Vec::new();
        let sites: Vec<u32> = self.waiting.keys().copied().collect();
        for site in sites {
            let room = self.room(site, in_flight[site as usize]) as usize;
            let ranks: Vec<u32> = self.waiting.get(&site).into_iter().flatten().take(room).copied().collect();
            ranks.iter().for_each(|rank| self.forget(site, *rank));
            ready.extend(ranks);
        }
        ready
    }

    /// Whether nobody waits.
    pub fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }
}
