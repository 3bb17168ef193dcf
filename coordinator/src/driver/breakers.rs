//! Breakers as the coordinator sees them: mirrored from the agents, and held open by operators.

use super::effect::Turn;
use super::world::World;
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
        let foreign =
            matches!(&report.name, Name::Site(name) if name != site) || report.site.as_ref() != Some(site);
        if foreign {
            tracing::warn!(%site, breaker = %report.name, "an agent reported a breaker that is not its own");
        } else if report.state == State::ForcedOpen || !self.forced.contains_key(&report.name) {
            self.mirror(report, turn);
        }
    }

    fn mirror(&mut self, report: Report, turn: &mut Turn) {
        let before = self.fleet.breakers.insert(report.name.clone(), report.clone());
        if before.map_or(State::Closed, |before| before.state) == report.state {
            return;
        }
        tracing::info!(breaker = %report.name, state = %report.state, reason = %report.reason, "breaker");
        let live =
            self.rollouts.values().map(|active| &active.rollout).filter(|rollout| !rollout.has_ended());
        let concerned: Vec<RolloutName> = live
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

    /// Carries out an operator's word on a breaker. A trip is durable and holds at once, also while the
    /// agent is away; a reset needs the agent, which holds the evidence. Returns the breaker as it will be.
    pub fn command_breaker(
        &mut self,
        name: &Name,
        action: BreakerAction,
        by: &str,
        reason: &str,
        turn: &mut Turn,
    ) -> Result<Report, Refused> {
        let report = self.breaker(name, turn.now).ok_or_else(|| Refused::NotFound {
            kind: "breaker",
            name: name.to_string(),
            list: "switchyard breaker list",
        })?;
        let session = report
            .site
            .as_ref()
            .and_then(|site| self.fleet.sessions.get(site))
            .map(|session| session.outbox.clone());
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let report = match action {
            BreakerAction::Trip => {
                let (by, reason) = (by.clone(), reason.clone());
                let first_opened_at = report.first_opened_at.or(Some(turn.now));
                Report {
                    state: State::ForcedOpen,
                    by,
                    reason,
                    since: turn.now,
                    first_opened_at,
                    retry_at: None,
                    ..report
                }
            }
            BreakerAction::Reset | BreakerAction::ForceClosed if session.is_none() => {
                return Err(Refused::AgentAway {
                    site: report.site.map(|site| site.to_string()).unwrap_or_default(),
                });
            }
            BreakerAction::Reset | BreakerAction::ForceClosed => Report {
                by: by.clone(),
                reason: reason.clone(),
                ..Report::closed(name.clone(), report.site, turn.now)
            },
        };
        let kept = (action == BreakerAction::Trip).then(|| report.clone());
        turn.put_json("forced", name.to_string(), &kept);
        match kept {
            Some(report) => {
                self.forced.insert(name.clone(), report.clone());
                self.mirror(report, turn);
            }
            None => drop(self.forced.remove(name)),
        }
        if let Some(outbox) = session {
            turn.send(&outbox, FromCoordinator::Breaker { name: name.clone(), action, by, reason });
        }
        Ok(report)
    }

    /// A breaker as it is known here; closed when nothing else was heard; `None` when there is no such
    /// site or device.
    pub fn breaker(&self, name: &Name, now: Timestamp) -> Option<Report> {
        let site = match name {
            Name::Site(site) => self.inventory.sites.get(site).map(|_| site.clone()),
            Name::Device(device) => self.inventory.device(device.as_str()).map(|device| device.site.clone()),
            Name::Credential { site, .. } => Some(site.clone()),
            Name::Group { .. } | Name::Global { .. } => None,
        };
        let known = self.fleet.breakers.get(name).cloned();
        known.or_else(|| site.map(|site| Report::closed(name.clone(), Some(site), now)))
    }
}
