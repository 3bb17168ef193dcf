//! Agents' sessions: opened once per site, heard in order, acknowledged when durable.

use super::effect::{Outbox, Turn};
use super::fleet::{AgentInfo, Session};
use super::message::{AgentPeer, Opened};
use super::world::World;
use crate::refused::Refused;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use switchyard_proto::convert::link::{FromAgent, FromCoordinator, Hello, Welcome};
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::{DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::outcome::Outcome;
use switchyard_shared::rollout::ResultVerdict;
use switchyard_shared::rollout::event::Event;

/// How often an agent says that it is there.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(2);
/// Without an answered heartbeat for this long an agent starts nothing new.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// A session without a sign of life for this long is given up: the lease and a quarter.
const SILENCE_MAX: Duration = Duration::from_millis(12_500);

impl World {
    /// Accepts an agent, tells it where it stands and takes back what it never started.
    pub(super) fn open_session(
        &mut self,
        peer: AgentPeer,
        hello: &Hello,
        outbox: Outbox,
        turn: &mut Turn,
    ) -> Result<Opened, Refused> {
        self.admit(&peer, hello)?;
        let acked_sequence = self.watermarks.get(&peer.agent).copied().unwrap_or(0);
        self.next_session += 1;
        let (id, site) = (self.next_session, peer.site.clone());
        let welcome = Welcome {
            coordinator_epoch: self.epoch,
            acked_sequence,
            heartbeat_interval: HEARTBEAT,
            lease: LEASE,
            site: site.clone(),
            agent: peer.agent.clone(),
        };
        turn.send(&outbox, FromCoordinator::Welcome(welcome));
        let session = Session { id, agent: peer.agent.clone(), outbox, granted: 0, sent: 0 };
        if let Some(before) = self.fleet.sessions.insert(site.clone(), session) {
            before.outbox.close.cancel();
        }
        tracing::info!(agent = %peer.agent, %site, address = %peer.address, "agent connected");
        let info = AgentInfo {
            agent: peer.agent,
            site: site.clone(),
            version: hello.version.clone(),
            address: peer.address,
            since: turn.now,
            last_heartbeat: turn.now,
            connected: true,
        };
        turn.put("agent", info.agent.to_string(), serde_json::to_vec(&info).unwrap_or_default());
        self.fleet.agents.insert(site.clone(), info);
        self.reconcile(&site, &hello.in_hand, turn);
        Ok(Opened { session: id })
    }

    fn admit(&self, peer: &AgentPeer, hello: &Hello) -> Result<(), Refused> {
        if hello.site != peer.site {
            let (claimed, own) = (&hello.site, &peer.site);
            let why = format!("agents/{} says site {claimed}, its certificate says {own}", peer.agent);
            return Err(Refused::OtherSite(why));
        }
        let watermark = self.watermarks.get(&peer.agent).copied().unwrap_or(0);
        if hello.coordinator_epoch > self.epoch || hello.acked_sequence > watermark {
            let found = format!(
                "epoch {}, here {}; results acknowledged up to {}, here {watermark}",
                hello.coordinator_epoch, self.epoch, hello.acked_sequence
            );
            return Err(Refused::RestoredBackup { agent: peer.agent.to_string(), found });
        }
        match self.fleet.sessions.get(&peer.site) {
            Some(session) if session.agent != peer.agent => Err(Refused::SiteTaken {
                site: peer.site.to_string(),
                agent: peer.agent.to_string(),
                other: session.agent.to_string(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn reconcile(&mut self, site: &SiteName, in_hand: &[OpId], turn: &mut Turn) {
        let mut by_rollout: BTreeMap<&RolloutName, BTreeSet<(DeviceName, u32)>> = BTreeMap::new();
        for op in in_hand {
            by_rollout.entry(&op.rollout).or_default().insert((op.device.clone(), op.attempt));
        }
        let names: Vec<RolloutName> = self.rollouts.keys().cloned().collect();
        for name in names {
            let nothing = BTreeSet::new();
            let active = &self.rollouts[&name];
            if !active.rollout.has_ended() {
                let events =
                    active.rollout.reconcile(site, by_rollout.get(&name).unwrap_or(&nothing), turn.now);
                self.record_all(&name, events, turn);
            }
        }
    }

    pub(super) fn close_session(&mut self, id: u64, turn: &mut Turn) {
        let Some(site) = self.site_of(id) else { return };
        if let Some(session) = self.fleet.sessions.remove(&site) {
            session.outbox.close.cancel();
            tracing::warn!(agent = %session.agent, %site, "agent disconnected; its devices in flight are waited for");
        }
        if let Some(info) = self.fleet.agents.get_mut(&site) {
            info.connected = false;
            info.since = turn.now;
        }
    }

    pub(super) fn look_at_sessions(&mut self, turn: &mut Turn) {
        let silent = |site: &SiteName| {
            let seen = self.fleet.agents.get(site).map(|info| info.last_heartbeat);
            seen.is_some_and(|at| turn.now.since(at) > SILENCE_MAX)
        };
        let lost: Vec<u64> = self
            .fleet
            .sessions
            .iter()
            .filter(|(site, _)| silent(site))
            .map(|(_, session)| session.id)
            .collect();
        for id in lost {
            self.close_session(id, turn);
        }
    }

    fn site_of(&self, id: u64) -> Option<SiteName> {
        self.fleet.sessions.iter().find(|(_, session)| session.id == id).map(|(site, _)| site.clone())
    }

    /// Takes one message of a session; one of a session that was replaced is dropped.
    pub(super) fn hear(&mut self, id: u64, message: FromAgent, turn: &mut Turn) {
        let Some(site) = self.site_of(id) else { return };
        if let Some(info) = self.fleet.agents.get_mut(&site) {
            info.last_heartbeat = turn.now;
        }
        let Some(session) = self.fleet.sessions.get_mut(&site) else { return };
        match message {
            FromAgent::Hello(_) => session.outbox.close.cancel(),
            FromAgent::Heartbeat(count) => {
                let outbox = session.outbox.clone();
                turn.send(&outbox, FromCoordinator::HeartbeatReply(count));
            }
            FromAgent::Credit(total) => session.granted = session.granted.max(total),
            FromAgent::Progress { op, phase, .. } => tracing::debug!(%op, %phase, "progress"),
            FromAgent::Result { sequence, op, outcome } => self.result(&site, sequence, &op, &outcome, turn),
            FromAgent::Breaker(report) => self.breaker_moved(&site, report, turn),
        }
    }

    fn result(&mut self, site: &SiteName, sequence: u64, op: &OpId, outcome: &Outcome, turn: &mut Turn) {
        let Some(session) = self.fleet.sessions.get(site) else { return };
        let (agent, outbox) = (session.agent.clone(), session.outbox.clone());
        let verdict = self.rollouts.get(&op.rollout).map(|active| match active.rollout.device(&op.device) {
            Some((place, _)) if place.site != *site => {
                ResultVerdict::Stray(format!("{} is not a device of {site}", op.device))
            }
            Some(_) | None => active.rollout.result(&op.device, op.attempt, outcome, turn.now),
        });
        match verdict {
            Some(ResultVerdict::Counted(events)) => self.record_all(&op.rollout, events, turn),
            Some(ResultVerdict::Repeated) => {}
            Some(ResultVerdict::Stray(why)) => {
                tracing::warn!(%agent, %op, class = %outcome.class, %why, "stray result")
            }
            None => tracing::warn!(%agent, %op, class = %outcome.class, "result of an unknown rollout"),
        }
        let watermark = self.watermarks.entry(agent.clone()).or_default();
        *watermark = sequence.max(*watermark);
        turn.put("watermark", agent.to_string(), watermark.to_string().into_bytes());
        turn.send(&outbox, FromCoordinator::Ack(*watermark));
    }

    fn breaker_moved(&mut self, site: &SiteName, report: Report, turn: &mut Turn) {
        let own = match &report.name {
            Name::Site(name) => name == site,
            Name::Device(device) => {
                self.inventory.device(device.as_str()).is_none_or(|device| device.site == *site)
            }
        };
        if !own || report.site != *site {
            tracing::warn!(%site, breaker = %report.name, "an agent reported a breaker that is not its own");
            return;
        }
        let before = self.fleet.breakers.insert(report.name.clone(), report.clone());
        if before.map_or(State::Closed, |before| before.state) == report.state {
            return;
        }
        tracing::info!(breaker = %report.name, state = %report.state, reason = %report.reason, "breaker");
        let concerned: Vec<RolloutName> = self
            .rollouts
            .values()
            .filter(|active| !active.rollout.has_ended())
            .filter(|active| match &report.name {
                Name::Site(name) => active.rollout.layout.sites().contains(name),
                Name::Device(device) => active.rollout.layout.rank(device).is_some(),
            })
            .map(|active| active.rollout.name.clone())
            .collect();
        for name in concerned {
            self.record(&name, Event::Breaker { report: report.clone() }, turn);
        }
    }
}
