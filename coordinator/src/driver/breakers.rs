//! Breakers as the coordinator sees them: mirrored from the agents, and held open or closed by operators.

use super::by_hand::ByHand;
use super::effect::Turn;
use super::world::{Active, World};
use crate::refused::Refused;
use switchyard_proto::convert::link::{BreakerAction, FromCoordinator};
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::{RolloutName, SiteName};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

impl World {
    /// Takes an agent's report. What an operator holds open stays so whatever an agent, perhaps just
    /// restarted, says before it has heard of it.
    pub(super) fn breaker_moved(&mut self, site: &SiteName, report: Report, turn: &mut Turn) {
        if !self.is_of(site, &report) {
            tracing::warn!(%site, breaker = %report.name, "an agent reported a breaker that is not its own");
        } else if self.forced.get(&report.name).is_none_or(|forced| forced.state == report.state) {
            if self.reset_if_settled(site, &report, turn) {
                return;
            }
            self.reset_if_repinned(site, &report, turn);
            self.environment_seen = Timestamp(i64::MIN);
            self.reset_if_forgotten(site, &report, turn);
            self.mirror(report, turn);
        }
    }

    fn is_of(&self, site: &SiteName, report: &Report) -> bool {
        let named = match &report.name {
            Name::Site(name) | Name::Credential { site: name, .. } => name == site,
            Name::Device(device) => {
                self.inventory.device(device.as_str()).is_some_and(|device| device.site == *site)
            }
            Name::Group { .. } | Name::Global { .. } => false,
        };
        named && report.site.as_ref() == Some(site)
    }

    /// What is forced is decided here: an agent that missed a reset because its session ended hears it now.
    fn reset_if_forgotten(&self, site: &SiteName, report: &Report, turn: &mut Turn) {
        let forced = matches!(report.state, State::ForcedOpen | State::ForcedClosed);
        let Some(session) = self.fleet.sessions.get(site) else { return };
        if forced && !self.forced.contains_key(&report.name) {
            let (name, by) = (report.name.clone(), "auto".to_owned());
            let reason = "nobody holds it by hand any more".to_owned();
            let reset = FromCoordinator::Breaker { name, action: BreakerAction::Reset, by, reason };
            turn.send(&session.outbox, reset);
        }
    }

    /// A device is in quarantine for a doubt that is over: a person said so while its agent was away. The agent
    /// hears it before anything is handed out to the device.
    fn reset_if_settled(&mut self, site: &SiteName, report: &Report, turn: &mut Turn) -> bool {
        let Name::Device(device) = &report.name else { return false };
        if !report.is_of_a_doubt() || self.fleet.held.contains_key(device) {
            return false;
        }
        let Some(session) = self.fleet.sessions.get(site) else { return false };
        let (by, reason) = ("auto".to_owned(), "its doubt was settled while its agent was away".to_owned());
        let reset =
            FromCoordinator::Breaker { name: report.name.clone(), action: BreakerAction::Reset, by, reason };
        turn.send(&session.outbox, reset);
        true
    }

    fn mirror(&mut self, report: Report, turn: &mut Turn) {
        let before = self.fleet.breakers.insert(report.name.clone(), report.clone());
        self.breakers_moved(turn);
        let is_first = before.is_none();
        if before.is_some_and(|before| before.state == report.state) {
            return;
        }
        tracing::info!(breaker = %report.name, state = %report.state, reason = %report.reason, "breaker");
        let live = self.rollouts.live();
        let news = |active: &&Active| {
            !(is_first && report.state == State::Closed) || active.notes.is_shut(&report.name)
        };
        let concerned: Vec<RolloutName> = live
            .filter(news)
            .map(|active| &active.rollout)
            .filter(|rollout| !rollout.has_ended())
            .filter(|rollout| match &report.name {
                Name::Site(name) => rollout.layout.sites().contains(name),
                Name::Device(device) => rollout.layout.rank(device).is_some(),
                Name::Credential { site, .. } => rollout.layout.sites().contains(site),
                Name::Group { .. } | Name::Global { .. } => false,
            })
            .map(|rollout| rollout.name.clone())
            .collect();
        for name in concerned {
            self.record(&name, Event::Breaker { report: report.clone() }, turn);
        }
    }

    /// Carries out an operator's word on a breaker; returns the breaker as it will be.
    pub fn command_breaker(
        &mut self,
        name: &Name,
        action: BreakerAction,
        by: &str,
        reason: &str,
        turn: &mut Turn,
    ) -> Result<Report, Refused> {
        let word = ByHand { action, by, reason };
        match name {
            Name::Site(_) | Name::Device(_) | Name::Credential { .. } => self.command_agent(name, word, turn),
            Name::Group { .. } | Name::Global { .. } => self.command_change(name, word, turn),
        }
    }

    /// A breaker that an agent holds. What is forced is durable and holds at once, also while the agent is
    /// away; a reset needs the agent, which holds the evidence.
    fn command_agent(&mut self, name: &Name, word: ByHand<'_>, turn: &mut Turn) -> Result<Report, Refused> {
        let report = self.known_breaker(name, turn.now)?;
        let session = report.site.as_ref().and_then(|site| self.fleet.sessions.get(site));
        let outbox = session.map(|session| session.outbox.clone());
        let (by, reason) = (word.by.to_owned(), word.reason.to_owned());
        let closed = || Report {
            by: by.clone(),
            reason: reason.clone(),
            ..Report::closed(name.clone(), report.site.clone(), turn.now)
        };
        let (report, is_forced) = match word.action {
            BreakerAction::Trip => {
                let first_opened_at = report.first_opened_at.or(Some(turn.now));
                (Report { state: State::ForcedOpen, first_opened_at, ..closed() }, true)
            }
            BreakerAction::ForceClosed => (Report { state: State::ForcedClosed, ..closed() }, true),
            BreakerAction::Reset if outbox.is_none() => {
                let site = report.site.as_ref().map(ToString::to_string).unwrap_or_default();
                return Err(Refused::AgentAway { site });
            }
            BreakerAction::Reset => (closed(), false),
        };
        let kept = is_forced.then_some(&report);
        turn.put_json("forced", name.to_string(), &kept);
        if is_forced {
            self.forced.insert(name.clone(), report.clone());
            self.mirror(report.clone(), turn);
        } else {
            self.forced.remove(name);
        }
        if let Some(outbox) = outbox {
            let (name, action) = (name.clone(), word.action);
            turn.send(&outbox, FromCoordinator::Breaker { name, action, by, reason });
        }
        Ok(report)
    }

    /// A breaker as it is known here; closed when nothing else was heard; `None` when there is no such
    /// site, device, credential or rollout.
    pub fn breaker(&self, name: &Name, now: Timestamp) -> Option<Report> {
        let closed = |site: Option<SiteName>| Report::closed(name.clone(), site, now);
        if let Some(known) = self.fleet.breakers.get(name) {
            return Some(known.clone());
        }
        match name {
            Name::Site(site) => self.inventory.sites.get(site).map(|_| closed(Some(site.clone()))),
            Name::Device(device) => {
                self.inventory.device(device.as_str()).map(|device| closed(Some(device.site.clone())))
            }
            Name::Credential { site, reference } => {
                let mut devices = self.inventory.devices.iter();
                let used = devices.any(|device| device.site == *site && device.credential_ref == *reference);
                used.then(|| closed(Some(site.clone())))
            }
            Name::Group { rollout: None, .. } | Name::Global { rollout: None } => Some(closed(None)),
            Name::Group { rollout: Some(rollout), .. } | Name::Global { rollout: Some(rollout) } => {
                if self.rollouts.must_be_read(rollout) {
                    return Some(closed(None));
                }
                let active = self.rollouts.get(rollout)?;
                let known = active.notes.breakers(rollout).find(|report| report.name == *name);
                Some(known.unwrap_or_else(|| closed(None)))
            }
        }
    }

    /// The breaker that `name` means.
    pub fn known_breaker(&self, name: &Name, now: Timestamp) -> Result<Report, Refused> {
        self.breaker(name, now).ok_or_else(|| not_found(name))
    }

    /// Every site's breaker, and everything else that is not closed.
    pub fn all_breakers(&self, now: Timestamp) -> Vec<Report> {
        let sites = self.inventory.sites.keys().map(|site| Name::Site(site.clone()));
        let sites = sites.filter_map(|name| self.breaker(&name, now));
        let others = self.fleet.open_breakers().filter(|report| !matches!(report.name, Name::Site(_)));
        let rollouts = self.rollouts.live().flat_map(|active| active.notes.breakers(&active.rollout.name));
        sites.chain(others.cloned()).chain(rollouts).collect()
    }
}

/// No such breaker.
fn not_found(name: &Name) -> Refused {
    Refused::NotFound { kind: "breaker", name: name.to_string(), list: "switchyard breaker list" }
}
