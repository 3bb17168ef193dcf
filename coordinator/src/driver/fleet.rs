//! What surrounds the rollouts: agents' sessions, mirrored breakers, and which device is held by whom.

use super::effect::Outbox;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName, SiteName};
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
    pub(super) sessions: BTreeMap<SiteName, Session>,
    pub(super) in_flight: BTreeMap<SiteName, u32>,
}

impl Fleet {
    /// How many more operations a site's agent takes now.
    pub fn credit(&self, site: &SiteName) -> u32 {
        let session = self.sessions.get(site);
        session.map_or(0, |session| {
            u32::try_from(session.granted.saturating_sub(session.sent)).unwrap_or(u32::MAX)
        })
    }

    /// Operations handed to a site's agent and not reported yet.
    pub fn in_flight(&self, site: &SiteName) -> u32 {
        self.in_flight.get(site).copied().unwrap_or(0)
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
            connected: self.sessions.contains_key(site),
            credit: self.credit(site),
            breaker: self.breaker(&Name::Site(site.clone())),
            in_flight: self.in_flight(site),
        }
    }

    fn device_breaker(&self, device: &DeviceName) -> Option<Report> {
        self.breaker(&Name::Device(device.clone()))
    }

    fn held_by_other(&self, device: &DeviceName, me: &RolloutName) -> Option<RolloutName> {
        self.held.get(device).filter(|holder| *holder != me).cloned()
    }
}
