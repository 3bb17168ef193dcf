//! Rollouts that share a site: each is guaranteed its share of the pool, and what others leave is lent.

use super::world::World;
use std::collections::BTreeMap;
use switchyard_shared::id::{RolloutName, SiteName};
use switchyard_shared::rollout::RolloutState;

/// The most that one rollout may have in flight at a site while the guaranteed shares are dealt.
pub(super) type Shares = BTreeMap<SiteName, u32>;

impl World {
    /// The guaranteed shares of every site where several of `names` have work: the pool, divided by their
    /// number, at least 1. Empty when no site is shared, so that nothing is dealt twice.
    pub(super) fn shares(&self, names: &[RolloutName]) -> Shares {
        if names.len() < 2 {
            return Shares::new();
        }
        let mut takers: BTreeMap<&SiteName, u32> = BTreeMap::new();
        let running = names.iter().filter_map(|name| self.rollouts.get(name));
        for active in running.filter(|active| active.rollout.state == RolloutState::Running) {
            let in_flight = active.rollout.in_flight().filter(|(_, count)| *count > 0);
            let waiting = active.rollout.waiting().filter(|(_, count)| *count > 0);
            let mut sites: Vec<&SiteName> = in_flight.chain(waiting).map(|(site, _)| site).collect();
            sites.sort_unstable();
            sites.dedup();
            for site in sites {
                *takers.entry(site).or_default() += 1;
            }
        }
        let shared = takers.into_iter().filter(|(_, count)| *count > 1);
        shared.map(|(site, count)| (site.clone(), (self.fleet.pool(site) / count).max(1))).collect()
    }

    /// What is left of its shares to one rollout.
    pub(super) fn allowance(&self, name: &RolloutName, shares: &Shares) -> Shares {
        let mut left = shares.clone();
        for (site, count) in self.rollouts.get(name).into_iter().flat_map(|active| active.rollout.in_flight())
        {
            if let Some(share) = left.get_mut(site) {
                *share = share.saturating_sub(count);
            }
        }
        left
    }
}
