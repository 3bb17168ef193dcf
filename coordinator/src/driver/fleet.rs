//! What surrounds the rollouts: agents' sessions, mirrored breakers, and which device is held by whom.

use super::ahead::Ahead;
use super::effect::Outbox;
use super::shares::Shares;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName, SiteName};
use switchyard_shared::inventory::Inventory;
use switchyard_shared::rollout::{SiteView, Surroundings};
use switchyard_shared::time::Timestamp;

/// What is known of an agent, connected or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Its name.
    pub agent: AgentName,
    /// Its site.
    pub site: SiteName,
    /// Its version, as it said.
    pub version: String,
    /// Where it called from.
    pub address: String,
    /// Since when it is connected or gone.
    pub since: Timestamp,
    /// Its last sign of life.
    pub last_heartbeat: Timestamp,
    /// Whether it is connected.
    pub connected: bool,
    /// Names its journal.
    #[serde(default)]
    pub journal_id: String,
    /// What its journal was called before, as far as it said Hello under those names; newest first.
    #[serde(default)]
    pub journals_seen: Vec<String>,
    /// Whether its site was taken from it: it is refused.
    #[serde(default)]
    pub unbound: bool,
}

/// An agent's open stream.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub id: u64,
    pub agent: AgentName,
    pub outbox: Outbox,
    /// Operations it may have been sent in this session, in all.
    pub granted: u64,
    /// Operations it was sent in this session.
    pub sent: u64,
    /// Whether it said anything after its Hello: then it has heard the Welcome.
    pub heard: bool,
    /// Results that came before older ones.
    pub ahead: Ahead,
    /// Whether it can be told that a comparison is called off.
    pub calls_off_comparisons: bool,
}

/// Sites, agents, breakers and holds.
#[derive(Debug, Default)]
pub struct Fleet {
    /// Agents by site: a site belongs to one agent.
    pub agents: BTreeMap<SiteName, AgentInfo>,
    /// Breakers as their agents last reported them.
    pub breakers: BTreeMap<Name, Report>,
    /// Devices in flight or in doubt, and the rollout that holds each.
    pub held: BTreeMap<DeviceName, RolloutName>,
    /// Rollouts that have a device in doubt which another one holds: they hold it next.
    pub(super) held_next: BTreeMap<DeviceName, BTreeSet<RolloutName>>,
    /// Most operations in flight at a site, where the inventory sets it.
    pub(super) limits: BTreeMap<SiteName, u32>,
    pub(super) sessions: BTreeMap<SiteName, Session>,
    pub(super) in_flight: BTreeMap<SiteName, u32>,
    /// Sites that were bound to another agent and where nothing starts before an instant: the former one may
    /// still start something until then.
    pub(super) quiet: BTreeMap<SiteName, Timestamp>,
    /// Sites whose agents have not said Hello since the start, and until when that is waited for.
    pub(super) awaited: (BTreeSet<SiteName>, Timestamp),
    /// Whether nothing may start anywhere, since this coordinator may know less than its agents.
    pub(super) holds_back: bool,
    /// What the rollout whose turn it is may still start at a shared site while the guaranteed shares are
    /// dealt.
    pub(super) allowance: Shares,
}

impl Fleet {
    /// How many more operations a site's agent takes now.
    pub fn credit(&self, site: &SiteName) -> u32 {
        let session = self.sessions.get(site);
        session.map_or(0, |session| {
            u32::try_from(session.granted.saturating_sub(session.sent)).unwrap_or(u32::MAX)
        })
    }

    /// What the agent's credit and the inventory's limit leave.
    pub(super) fn room(&self, site: &SiteName) -> u32 {
        if self.quiet.contains_key(site) || self.holds_back {
            return 0;
        }
        let limit = self.limits.get(site).map_or(u32::MAX, |most| most.saturating_sub(self.in_flight(site)));
        self.credit(site).min(limit)
    }

    /// What the site's agent carries now: in flight and still free.
    pub(super) fn pool(&self, site: &SiteName) -> u32 {
        self.in_flight(site).saturating_add(self.room(site))
    }

    /// Takes the sites' limits from the inventory in force.
    pub(super) fn set_limits(&mut self, inventory: &Inventory) {
        let limited = inventory.sites.iter();
        self.limits = limited.filter_map(|(name, site)| Some((name.clone(), site.max_in_flight?))).collect();
    }

    /// Operations handed to a site's agent and not reported yet.
    pub fn in_flight(&self, site: &SiteName) -> u32 {
        self.in_flight.get(site).copied().unwrap_or(0)
    }

    /// A rollout holds a device from now on, or after the one that holds it.
    pub(super) fn hold(&mut self, device: &DeviceName, rollout: &RolloutName) {
        let holder = self.held.entry(device.clone()).or_insert_with(|| rollout.clone());
        if holder != rollout {
            self.held_next.entry(device.clone()).or_default().insert(rollout.clone());
        }
    }

    /// A rollout holds a device no longer; the next one does.
    pub(super) fn release(&mut self, device: &DeviceName, rollout: &RolloutName) {
        let mut next = self.held_next.remove(device).unwrap_or_default();
        next.remove(rollout);
        if self.held.get(device) == Some(rollout) {
            match next.pop_first() {
                Some(heir) => drop(self.held.insert(device.clone(), heir)),
                None => drop(self.held.remove(device)),
            }
        }
        if !next.is_empty() {
            self.held_next.insert(device.clone(), next);
        }
    }

    /// Breakers that are not closed.
    pub fn open_breakers(&self) -> impl Iterator<Item = &Report> {
        self.breakers.values().filter(|report| report.state != State::Closed)
    }

    fn breaker(&self, name: &Name) -> Option<Report> {
        self.breakers.get(name).filter(|report| report.state != State::Closed).cloned()
    }
}

impl Surroundings for Fleet {
    fn site(&self, site: &SiteName) -> SiteView {
        SiteView {
            connected: self.sessions.get(site).is_some_and(|session| session.heard),
            credit: self.room(site).min(self.allowance.get(site).copied().unwrap_or(u32::MAX)),
            breaker: self.breaker(&Name::Site(site.clone())),
            in_flight: self.in_flight(site),
        }
    }

    fn device_breaker(&self, device: &DeviceName) -> Option<Report> {
        self.breaker(&Name::Device(device.clone()))
    }

    fn credential_breaker(&self, site: &SiteName, reference: &str) -> Option<Report> {
        self.breaker(&Name::Credential { site: site.clone(), reference: reference.to_owned() })
    }

    fn held_by_other(&self, device: &DeviceName, me: &RolloutName) -> Option<RolloutName> {
        self.held.get(device).filter(|holder| *holder != me).cloned()
    }
}
