//! The way out of a restored backup: this coordinator goes on from a later state than it knows.

use super::answered::Said;
use super::effect::Turn;
use super::message::AgentPeer;
use super::world::World;
use crate::refused::Refused;
use std::collections::BTreeSet;
use switchyard_proto::convert::link::Hello;
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::{AgentName, DeviceName, OpId, RolloutName, SiteName};
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::Rollout;
use switchyard_shared::rollout::event::Event;

/// Attempts that may have been made and are not known here: new ones are numbered from behind them.
const ATTEMPTS_LOST: u32 = 1000;
/// Under which the names of lost rollouts are stored.
pub(super) const LOST: &str = "lost";
/// Agents that are remembered to have met a later state.
const AHEAD_MAX: usize = 4096;

/// The state that an agent has met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ahead {
    site: SiteName,
    coordinator_epoch: u64,
    site_epoch: u64,
    acked: u64,
    /// Rollouts whose operations it has in hand although they were never given out here.
    rollouts: BTreeSet<RolloutName>,
}

/// What was adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// This coordinator's epoch now.
    pub epoch: u64,
    /// The agents that had met a later state.
    pub agents: Vec<AgentName>,
    /// How many devices are in doubt because of it.
    pub unknown: usize,
}

impl Ahead {
    /// Whether it is the agent of this site.
    pub(super) fn is_at(&self, site: &SiteName) -> bool {
        self.site == *site
    }
}

impl World {
    /// Refuses an agent that has met a later state of this coordinator, and remembers it. One that has work in
    /// hand which was never given out here proves it as well as one with a later epoch.
    pub(super) fn refuse_ahead(&mut self, peer: &AgentPeer, hello: &Hello) -> Result<(), Refused> {
        let watermark = self.watermarks.get(&peer.agent).copied().unwrap_or(0);
        let site_epoch = self.site_epoch(&peer.site);
        let later: Vec<&OpId> =
            hello.in_hand.iter().filter(|op| self.is_of_later_state(&peer.site, op)).collect();
        let is_ahead = hello.coordinator_epoch > self.epoch
            || hello.acked_sequence > watermark
            || hello.site_epoch > site_epoch
            || !later.is_empty();
        if !is_ahead || !guard::holds(Guard::CoordinatorEpoch) {
            self.ahead.remove(&peer.agent);
            return Ok(());
        }
        let mut found = format!(
            "epoch {}, here {}; its site's epoch {}, here {site_epoch}; results acknowledged up to {}, here {watermark}",
            hello.coordinator_epoch, self.epoch, hello.site_epoch, hello.acked_sequence
        );
        if let Some(first) = later.first() {
            found += &format!("; it has {first} in hand, never given out here ({} such)", later.len());
        }
        let rollouts = later.iter().map(|op| op.rollout.clone()).collect();
        self.keep_ahead(
            peer.agent.clone(),
            Ahead {
                site: peer.site.clone(),
                coordinator_epoch: hello.coordinator_epoch,
                site_epoch: hello.site_epoch,
                acked: hello.acked_sequence,
                rollouts,
            },
        );
        tracing::error!(agent = %peer.agent, site = %peer.site, found, "an agent has met a later state than this coordinator knows: was a backup restored?");
        Err(Refused::RestoredBackup { agent: peer.agent.to_string(), found })
    }

    /// Whether an operation was given out by a later state than this coordinator knows, and may be given out
    /// again here.
    pub(super) fn is_of_later_state(&self, site: &SiteName, op: &OpId) -> bool {
        let Some(active) = self.rollouts.get(&op.rollout) else {
            return !self.rollouts.has(&op.rollout) && !self.lost.contains(&op.rollout);
        };
        active.rollout.device(&op.device).is_some_and(|(place, device)| {
            place.site == *site && op.attempt > device.attempt && is_open(device.state)
        })
    }

    /// A result has shown that its agent has met a later state.
    pub(super) fn found_ahead(&mut self, agent: &AgentName, site: &SiteName, op: &OpId) {
        tracing::error!(%agent, %site, %op, "a result of work that was never given out here: was a backup restored? Its agent is refused");
        self.keep_ahead(
            agent.clone(),
            Ahead {
                site: site.clone(),
                coordinator_epoch: self.epoch,
                site_epoch: self.site_epoch(site),
                acked: self.watermarks.get(agent).copied().unwrap_or(0),
                rollouts: [op.rollout.clone()].into(),
            },
        );
    }

    fn keep_ahead(&mut self, agent: AgentName, ahead: Ahead) {
        if self.ahead.len() < AHEAD_MAX {
            self.ahead.insert(agent, ahead);
        }
    }

    /// Whether an agent is refused because it has met a later state.
    pub fn is_ahead(&self, agent: &AgentName) -> bool {
        self.ahead.contains_key(agent)
    }

    /// Why nothing starts anywhere, if an agent is refused; names the first of them.
    pub(super) fn ahead_line(&self) -> Option<String> {
        let (agent, ahead) = self.ahead.first_key_value()?;
        let more = match self.ahead.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "nothing starts anywhere: agents/{agent} at {}{more} has met a later state than this coordinator knows, as \
             after an old backup was restored; go on from there with: switchyard admin adopt-epoch --reason WHY",
            ahead.site
        ))
    }

    /// Goes on from the later state that refused agents have met: epochs and watermarks are raised to it,
    /// and every device that is not final is in doubt, since what happened to it is not known here.
    pub fn adopt_epoch(&mut self, by: &str, reason: &str, turn: &mut Turn) -> Result<Adopted, Refused> {
        if reason.trim().is_empty() {
            let why = "say why: the next operator reads it".to_owned();
            return Err(Refused::BadRequest { field: "reason".into(), why });
        }
        if self.ahead.is_empty() {
            return Err(Refused::NothingToAdopt);
        }
        let ahead = std::mem::take(&mut self.ahead);
        let seen = ahead.values().map(|ahead| ahead.coordinator_epoch).max().unwrap_or(0);
        self.epoch = self.epoch.max(seen) + 1;
        turn.put("meta", "epoch", self.epoch.to_string().into_bytes());
        for (agent, ahead) in &ahead {
            let watermark = self.watermarks.entry(agent.clone()).or_default();
            *watermark = ahead.acked.max(*watermark);
            turn.put("watermark", agent.to_string(), watermark.to_string().into_bytes());
            self.follow_binding(agent, &ahead.site, ahead.site_epoch, turn);
            let unknown = ahead.rollouts.iter().filter(|name| !self.rollouts.has(*name));
            self.lost.extend(unknown.cloned().collect::<Vec<_>>());
        }
        turn.put_json("meta", LOST, &self.lost);
        self.forget_journals(turn);
        let unknown = self.doubt_everything(by, reason, turn);
        let agents: Vec<AgentName> = ahead.into_keys().collect();
        tracing::warn!(
            epoch = self.epoch,
            by,
            reason,
            agents = agents.len(),
            unknown,
            "adopted a later state"
        );
        Ok(Adopted { epoch: self.epoch, agents, unknown })
    }

    /// The same once: the same request again does nothing and gets the same answer.
    pub fn adopt_epoch_once(
        &mut self,
        request_id: &str,
        by: &str,
        reason: &str,
        turn: &mut Turn,
    ) -> Result<Adopted, Refused> {
        let asked = format!("adopt by {by}: {reason}");
        if let Some(known) = self.answers.known(request_id, &asked)? {
            let Said { epoch, agents, unknown, .. } = known.said.clone();
            return Ok(Adopted { epoch, agents, unknown });
        }
        let adopted = self.adopt_epoch(by, reason, turn)?;
        let Adopted { epoch, agents, unknown } = adopted.clone();
        self.answers.keep(request_id, asked, Said { epoch, agents, unknown, ..Said::default() }, turn);
        Ok(adopted)
    }

    /// What an agent does not have in hand may have been carried out all the same: nothing that any of them
    /// says later may call it untouched.
    fn forget_journals(&mut self, turn: &mut Turn) {
        let sessions: Vec<u64> = self.fleet.sessions.values().map(|session| session.id).collect();
        for session in sessions {
            self.close_session(session, turn);
        }
        for (site, info) in &mut self.fleet.agents {
            info.journal_id.clear();
            turn.put_json("agent", site.to_string(), info);
        }
    }

    fn doubt_everything(&mut self, by: &str, reason: &str, turn: &mut Turn) -> usize {
        let mut unknown = 0;
        for name in self.going_on_or_in_doubt() {
            let Some(active) = self.rollouts.get(&name) else { continue };
            let devices = open(&active.rollout);
            if devices.is_empty() {
                continue;
            }
            unknown += devices.len();
            let (by, reason) = (by.to_owned(), format!("went on from a restored backup: {reason}"));
            let to_read = if active.rollout.layout.readable { devices.clone() } else { Vec::new() };
            let readings = to_read.into_iter().map(|(device, attempt)| Event::StillUnknown {
                device,
                attempt,
                not_before: Some(turn.now),
                untried: false,
                reason: reason.clone(),
            });
            let readings: Vec<Event> = readings.collect();
            self.record(&name, Event::GivenUp { devices, by, reason }, turn);
            self.record_all(&name, readings, turn);
        }
        unknown
    }
}

/// Whether something may still happen to a device, or may have happened that is not known here.
fn is_open(state: DeviceState) -> bool {
    !state.is_final() || state == DeviceState::Unknown
}

fn open(rollout: &Rollout) -> Vec<(DeviceName, u32)> {
    let devices = rollout.layout.devices.iter().zip(&rollout.devices);
    let open = devices.filter(|(_, device)| is_open(device.state));
    open.map(|(place, device)| (place.name.clone(), device.attempt.saturating_add(ATTEMPTS_LOST))).collect()
}
