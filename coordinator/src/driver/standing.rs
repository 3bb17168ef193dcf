//! Whether this coordinator may start anything: it hears first what its agents know, since its disk may be an old copy.

use super::agents::LEASE;
use super::world::World;
use std::collections::BTreeSet;
use switchyard_shared::id::SiteName;
use switchyard_shared::time::Timestamp;

/// Most sites that a line names.
const SITES_NAMED_MAX: usize = 8;

impl World {
    /// After a start at `now`: the agents of rollouts that go on are waited for, but no longer than a lease.
    pub(super) fn await_agents(&mut self, now: Timestamp) {
        let live = self.rollouts.live().flat_map(|active| active.rollout.layout.sites());
        let with_agent = live.filter(|site| self.fleet.agents.get(*site).is_some_and(|agent| !agent.unbound));
        let awaited: BTreeSet<SiteName> = with_agent.cloned().collect();
        self.fleet.awaited = (awaited, now.plus(LEASE));
    }

    /// Decides whether anything may start; gives when to look again.
    pub(super) fn hear_all_first(&mut self, now: Timestamp) -> Option<Timestamp> {
        let (awaited, until) = &mut self.fleet.awaited;
        if *until <= now {
            awaited.clear();
        }
        let ahead = &self.ahead;
        let sessions = &self.fleet.sessions;
        awaited.retain(|site| !sessions.contains_key(site) && !ahead.values().any(|agent| agent.is_at(site)));
        self.fleet.holds_back = !awaited.is_empty() || !ahead.is_empty();
        (!awaited.is_empty()).then_some(*until)
    }

    /// What is waited for after a start, if so.
    pub(super) fn awaited_line(&self) -> Option<String> {
        let (awaited, until) = &self.fleet.awaited;
        let sites: Vec<&str> = awaited.iter().map(SiteName::as_str).take(SITES_NAMED_MAX).collect();
        (!sites.is_empty()).then(|| {
            format!(
                "the coordinator has just started and hears first what its agents know: {} until {}",
                sites.join(", "),
                until.clock()
            )
        })
    }
}
