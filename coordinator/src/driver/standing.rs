//! Whether this coordinator may start anything: it hears first what its agents know, since its disk may be an old copy.

use super::agents::LEASE;
use super::world::{Active, World};
use std::collections::BTreeSet;
use switchyard_shared::id::SiteName;
use switchyard_shared::time::Timestamp;

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

    /// Why nothing starts anywhere, if so.
    pub(super) fn standing_line(&self, active: &Active) -> Option<String> {
        if active.rollout.has_ended() {
            return None;
        }
        if !self.ahead.is_empty() {
            return Some(
                "nothing starts anywhere: an agent has met a later state than this coordinator knows, as after an old \
                 backup was restored; see which with: switchyard agent list; go on from there with: switchyard admin \
                 adopt-epoch --reason WHY"
                    .into(),
            );
        }
        let (awaited, until) = &self.fleet.awaited;
        let sites: Vec<&str> = awaited.iter().map(SiteName::as_str).take(8).collect();
        (!sites.is_empty()).then(|| {
            format!(
                "the coordinator has just started and hears first what its agents know: {} until {}",
                sites.join(", "),
                until.clock()
            )
        })
    }
}
