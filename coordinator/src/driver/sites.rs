//! Who may serve a site: its epoch, which rises when an operator binds it to another agent.

use super::agents::SILENCE_MAX;
use super::answered::Said;
use super::effect::Turn;
use super::world::{Active, World};
use crate::refused::Refused;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use switchyard_proto::convert::link::Hello;
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName, SiteName};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

/// What a record of one is called in the store.
pub(super) const KIND: &str = "site";
/// The epoch of a site that was never bound to another agent.
pub(super) const FIRST_EPOCH: u64 = 1;
/// Former agents that are remembered by name; older ones are known by their epoch.
const FORMER_MAX: usize = 64;
/// What a former agent may take beyond the longest that it should.
const MARGIN: Duration = Duration::from_secs(5);

/// To whom a site was bound, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Binding {
    /// Rises with every binding.
    pub epoch: u64,
    /// Agents that served the site before: each is refused.
    former: Vec<AgentName>,
    /// Their journals, for links whose agents have no identity of their own.
    former_journals: Vec<String>,
    /// Who bound it.
    by: String,
    /// Why.
    reason: String,
    /// When.
    at: Timestamp,
    /// The former agent may still start something: nothing is handed out yet.
    pub quiet: bool,
}

impl Default for Binding {
    fn default() -> Self {
        let (former, former_journals) = (Vec::new(), Vec::new());
        let (by, reason, at) = (String::new(), String::new(), Timestamp(0));
        Self { epoch: FIRST_EPOCH, former, former_journals, by, reason, at, quiet: false }
    }
}

impl Binding {
    fn refuse_from_now(&mut self, agent: AgentName) {
        self.former.push(agent);
        self.former.drain(..self.former.len().saturating_sub(FORMER_MAX));
    }
}

/// What an operator's rebinding did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebound {
    /// The site's epoch now.
    pub epoch: u64,
    /// The agent that is refused from now on.
    pub former: AgentName,
    /// Its devices that are in doubt now.
    pub unknown: Vec<DeviceName>,
}

impl World {
    /// The site's epoch.
    pub fn site_epoch(&self, site: &SiteName) -> u64 {
        self.bindings.get(site).map_or(FIRST_EPOCH, |binding| binding.epoch)
    }

    /// Adopts the epoch of a site that `agent` has met.
    pub(super) fn follow_binding(&mut self, agent: &AgentName, site: &SiteName, epoch: u64, turn: &mut Turn) {
        let binding = self.bindings.entry(site.clone()).or_default();
        if epoch > binding.epoch
            && let Some(owner) = self.fleet.agents.get_mut(site)
            && owner.agent != *agent
        {
            // The site was bound to this agent in the time that is lost.
            binding.refuse_from_now(owner.agent.clone());
            owner.unbound = true;
            turn.put_json("agent", site.to_string(), owner);
        }
        binding.epoch = binding.epoch.max(epoch);
        turn.put_json(KIND, site.to_string(), binding);
    }

    /// Refuses an agent that served the site before it was bound to another one.
    pub(super) fn refuse_former(
        &self,
        agent: &AgentName,
        site: &SiteName,
        hello: &Hello,
    ) -> Result<(), Refused> {
        let Some(binding) = self.bindings.get(site) else { return Ok(()) };
        let is_older = hello.site_epoch != 0 && hello.site_epoch < binding.epoch;
        if !guard::holds(Guard::SiteEpoch) {
            return Ok(());
        }
        if !is_older
            && !binding.former.contains(agent)
            && !binding.former_journals.iter().any(|known| super::agents::goes_on_from(known, hello))
        {
            return Ok(());
        }
        let since = binding.at.to_string();
        let why = match binding.by.as_str() {
            "" => format!("the site is at epoch {}", binding.epoch),
            by => format!("{by} bound it to another agent at {since}: {}", binding.reason),
        };
        Err(Refused::FormerAgent { agent: agent.to_string(), site: site.to_string(), why })
    }

    /// Unbinds a site from its agent: that one is refused from now on, its devices in flight are in doubt,
    /// and the next agent that joins serves the site. The same request again does nothing.
    pub fn rebind_site(
        &mut self,
        site: &SiteName,
        by: &str,
        reason: &str,
        request_id: &str,
        turn: &mut Turn,
    ) -> Result<Rebound, Refused> {
        if reason.trim().is_empty() {
            let why = "say why: the next operator reads it".to_owned();
            return Err(Refused::BadRequest { field: "reason".into(), why });
        }
        let asked = format!("rebind {site} by {by}: {reason}");
        if let Some(known) = self.answers.known(request_id, &asked)?
            && let Some(former) = known.said.agents.first()
        {
            let unknown = known.said.devices.iter().map(|(_, device)| device.clone()).collect();
            return Ok(Rebound { epoch: known.said.epoch, former: former.clone(), unknown });
        }
        let owner = self.fleet.agents.get(site).ok_or_else(|| no_agent(site))?;
        let former = owner.agent.clone();
        let epoch = self.unbind(site, by, reason, turn);
        let why = format!("{site} was bound to another agent: {reason}");
        let devices = self.give_up_site(site, by, &why, turn);
        tracing::warn!(%site, agent = %former, epoch, by, reason, devices = devices.len(), "site unbound from its agent");
        let agents = vec![former.clone()];
        let said = Said { devices: devices.clone(), epoch, agents, ..Said::default() };
        self.answers.keep(request_id, asked, said, turn);
        let unknown = devices.into_iter().map(|(_, device)| device).collect();
        Ok(Rebound { epoch, former, unknown })
    }

    fn unbind(&mut self, site: &SiteName, by: &str, reason: &str, turn: &mut Turn) -> u64 {
        if let Some(session) = self.fleet.sessions.get(site) {
            self.close_session(session.id, turn);
        }
        let binding = self.bindings.entry(site.clone()).or_default();
        binding.epoch += 1;
        (binding.by, binding.reason, binding.at) = (by.to_owned(), reason.to_owned(), turn.now);
        binding.quiet = true;
        if let Some(info) = self.fleet.agents.get_mut(site) {
            // Without TLS an agent is called like its site, and so is the next one.
            if info.agent.as_str() != site.as_str() {
                binding.refuse_from_now(info.agent.clone());
            }
            binding.former_journals.push(std::mem::take(&mut info.journal_id));
            (info.connected, info.unbound, info.since) = (false, true, turn.now);
            turn.put_json("agent", site.to_string(), info);
        }
        binding.former_journals.drain(..binding.former_journals.len().saturating_sub(FORMER_MAX));
        turn.put_json(KIND, site.to_string(), binding);
        let epoch = binding.epoch;
        self.fleet.quiet.insert(site.clone(), turn.now.plus(SILENCE_MAX));
        epoch
    }

    /// Everything in flight at a site is in doubt. It is read when its former agent cannot be writing any
    /// more.
    fn give_up_site(
        &mut self,
        site: &SiteName,
        by: &str,
        reason: &str,
        turn: &mut Turn,
    ) -> Vec<(RolloutName, DeviceName)> {
        let mut given_up = Vec::new();
        for name in self.going_on_or_in_doubt() {
            let Some(active) = self.rollouts.get(&name) else { continue };
            let running = active.rollout.running_at(site);
            let devices: Vec<(DeviceName, u32)> =
                running.map(|(device, attempt)| (device.clone(), attempt)).collect();
            given_up.extend(devices.iter().map(|(device, _)| (name.clone(), device.clone())));
            let not_before = turn.now.plus(may_write_for(active));
            if !devices.is_empty() {
                let (by, reason) = (by.to_owned(), reason.to_owned());
                self.record(&name, Event::GivenUp { devices, by, reason }, turn);
            }
            self.read_later(&name, site, not_before, reason, turn);
        }
        given_up
    }

    /// Puts the reading of what was given up at a site off, where it can be read.
    fn read_later(
        &mut self,
        name: &RolloutName,
        site: &SiteName,
        not_before: Timestamp,
        reason: &str,
        turn: &mut Turn,
    ) {
        let Some(active) = self.rollouts.get(name).filter(|active| active.rollout.layout.readable) else {
            return;
        };
        let given_up = active.rollout.given_up_at(site);
        let events: Vec<Event> = given_up
            .map(|(device, attempt)| Event::StillUnknown {
                device: device.clone(),
                attempt,
                not_before: Some(not_before),
                untried: false,
                reason: reason.to_owned(),
            })
            .collect();
        self.record_all(name, events, turn);
    }

    /// Rollouts that go on, and ended ones that hold devices in doubt.
    pub(super) fn going_on_or_in_doubt(&self) -> std::collections::BTreeSet<RolloutName> {
        self.rollouts.live_names().into_iter().chain(self.fleet.held.values().cloned()).collect()
    }

    /// Devices at a site of which only its present agent can say how they ended.
    pub(super) fn only_its_agent_can_report(&self, site: &SiteName) -> usize {
        let names = self.going_on_or_in_doubt();
        let rollouts = names.iter().filter_map(|name| self.rollouts.get(name));
        rollouts
            .map(|active| active.rollout.running_at(site).count() + active.rollout.given_up_at(site).count())
            .sum()
    }

    /// Ends the quiet of sites whose former agent can start nothing any more.
    pub(super) fn end_quiet(&mut self, turn: &mut Turn) {
        let over: Vec<SiteName> = self
            .fleet
            .quiet
            .iter()
            .filter(|(_, until)| **until <= turn.now)
            .map(|(site, _)| site.clone())
            .collect();
        for site in over {
            self.fleet.quiet.remove(&site);
            if let Some(binding) = self.bindings.get_mut(&site) {
                binding.quiet = false;
                turn.put_json(KIND, site.to_string(), binding);
            }
        }
    }

    /// A line for each site of a rollout at which a former agent may still be at work.
    pub(super) fn quiet_lines(&self, active: &Active) -> Vec<String> {
        let sites = active.rollout.layout.sites();
        let quiet = self.fleet.quiet.iter().filter(|(site, _)| sites.contains(*site));
        quiet
            .map(|(site, until)| {
                format!(
                    "{site} was bound to another agent: nothing starts there until {}, when the former one has stopped",
                    until.clock()
                )
            })
            .collect()
    }
}

/// How long an agent that has just lost its site may still be writing: it starts until its lease ends.
fn may_write_for(active: &Active) -> Duration {
    SILENCE_MAX + active.plan.spec.timeouts.connect + active.plan.write_time() + MARGIN
}

fn no_agent(site: &SiteName) -> Refused {
    Refused::NotFound { kind: "agent of site", name: site.to_string(), list: "switchyard agent list" }
}
