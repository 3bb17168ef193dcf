//! What a rollout waits for, in words an operator can act on.

use super::event::SkipReason;
use super::{Rollout, RolloutState, SiteView, Surroundings, WaveState};
use crate::breaker::State;
use crate::id::SiteName;
use crate::time::{Timestamp, format_duration};
use std::collections::BTreeMap;

/// Most lines that are given; the rest is counted.
const LINES_MAX: usize = 8;

impl Rollout {
    /// One line for each thing that keeps devices waiting; empty when only time and the devices do.
    pub fn blocked_on(&self, now: Timestamp, around: &dyn Surroundings) -> Vec<String> {
        let mut lines = match self.state {
            RolloutState::Paused => {
                std::iter::once(self.pause_line()).chain(self.away_lines(around)).collect()
            }
            RolloutState::Running => self.running_lines(now, around),
            RolloutState::Aborted if !self.has_ended() => {
                let line = format!("{} in flight to report", devices(self.counts.running as usize));
                std::iter::once(line).chain(self.away_lines(around)).collect()
            }
            RolloutState::AwaitingApproval => vec!["approval".to_owned()],
            RolloutState::Pending
            | RolloutState::Aborted
            | RolloutState::Stopped
            | RolloutState::Succeeded
            | RolloutState::PartiallySucceeded
            | RolloutState::Failed
            | RolloutState::RollingBack
            | RolloutState::RolledBack => Vec::new(),
        };
        if lines.len() > LINES_MAX {
            let more = lines.len() - LINES_MAX;
            lines.truncate(LINES_MAX);
            lines.push(format!("and {more} more"));
        }
        lines
    }

    fn pause_line(&self) -> String {
        format!(
            "{}; go on with: switchyard rollout resume {}; or end it with: switchyard rollout abort {}",
            self.reason, self.name, self.name
        )
    }

    fn running_lines(&self, now: Timestamp, around: &dyn Surroundings) -> Vec<String> {
        let wave = &self.waves[self.wave as usize];
        let name = &self.layout.waves[self.wave as usize].name;
        match wave.state {
            WaveState::AwaitingPromotion => {
                vec![format!("promotion after wave {name}: switchyard rollout promote {}", self.name)]
            }
            WaveState::Soaking => {
                let left = wave
                    .soak_until
                    .map_or_else(|| "a moment".into(), |until| format_duration(until.since(now)));
                vec![format!("soak after wave {name}, {left} left")]
            }
            WaveState::Running => self.away_lines(around).chain(self.site_lines(now, around)).collect(),
            WaveState::Waiting | WaveState::Done => Vec::new(),
        }
    }

    /// A line for each site with work whose agent is not connected.
    fn away_lines<'a>(&'a self, around: &'a dyn Surroundings) -> impl Iterator<Item = String> + 'a {
        let counts = self.waiting.iter().copied().zip(self.running.iter().copied());
        self.layout.sites().iter().zip(counts).filter_map(|(site, (waiting, in_flight))| {
            let (waiting, in_flight) = (waiting as usize, in_flight as usize);
            if waiting + in_flight == 0 || around.site(site).connected {
                return None;
            }
            let (waiting, in_flight) = (devices(waiting), devices(in_flight));
            Some(format!("no agent at {site} ({waiting} wait, {in_flight} in flight): start one with: switchyard-agent run --site {site} --coordinator URL --data DIR"))
        })
    }

    fn site_lines(&self, now: Timestamp, around: &dyn Surroundings) -> Vec<String> {
        let waiting = self.layout.sites().iter().zip(&self.waiting).filter(|(_, count)| **count > 0);
        let mut lines: Vec<String> = waiting
            .filter_map(|(site, count)| site_line(site, *count as usize, &around.site(site), now))
            .collect();
        lines.extend(self.held_lines());
        lines.extend(self.credential_lines(around));
        for (rank, (why, _)) in &self.parked {
            let device = &self.layout.devices[*rank as usize].name;
            if let Some(other) = around.held_by_other(device, &self.name) {
                lines.push(format!("device {device}: held by rollouts/{other}"));
            } else if *why == SkipReason::CredentialOpen {
            } else if let Some(report) = around.device_breaker(device) {
                let (state, reason) = (report.state, &report.reason);
                lines.push(format!("device/{device} {state}: {reason}; at once with: switchyard breaker reset device/{device} --reason WHY"));
            }
        }
        lines
    }
}

impl Rollout {
    /// A line for each credential that is refused, with how many devices wait for it.
    fn credential_lines(&self, around: &dyn Surroundings) -> Vec<String> {
        let mut waiting: BTreeMap<(&SiteName, &str), usize> = BTreeMap::new();
        for (rank, (why, _)) in &self.parked {
            if let Some((_, reference)) = self.layout.credential(*rank)
                && *why == SkipReason::CredentialOpen
            {
                *waiting.entry((&self.layout.devices[*rank as usize].site, reference)).or_default() += 1;
            }
        }
        let line = |((site, reference), count): ((&SiteName, &str), usize)| {
            let report = around.credential_breaker(site, reference)?;
            let (name, state, waiting) = (&report.name, report.state, devices(count));
            Some(format!("{name} {state} ({waiting} wait): {}", report.reason))
        };
        waiting.into_iter().filter_map(line).collect()
    }
}

/// Evidence against a group, and who can let it go on.
impl Rollout {
    fn held_lines(&self) -> impl Iterator<Item = String> {
        let name = &self.name;
        self.pace.holds().into_iter().map(move |(group, evidence)| {
            let why = evidence.text(Some(&group));
            format!(
                "held {group}: {why}; nothing of it starts until: switchyard breaker reset rollout/{name}/group/{group} \
                 --reason WHY (one device first)"
            )
        })
    }
}

/// Whether an agent is there, nothing keeps it from working that is known here, and it grants nothing.
fn takes_nothing(view: &SiteView) -> bool {
    view.connected && view.breaker.is_none() && view.credit == 0 && view.in_flight == 0
}

fn site_line(site: &SiteName, waiting: usize, view: &SiteView, now: Timestamp) -> Option<String> {
    if takes_nothing(view) {
        let waiting = devices(waiting);
        return Some(format!(
            "the agent at {site} takes no work ({waiting} wait): its disk may be full, it may be ending, or what is said to it may not arrive; look at its log"
        ));
    }
    let report = view.breaker.as_ref().filter(|_| view.connected)?;
    let next = match (report.state, report.retry_at) {
        (State::Closed | State::ForcedClosed, _) => return None,
        (State::Held, _) => "probing".to_owned(),
        (State::ForcedOpen, _) => format!("until: switchyard breaker reset site/{site} --reason WHY"),
        (State::HalfOpen, _) => "probing".to_owned(),
        (State::Open, Some(at)) => format!("next try in {}", format_duration(at.since(now))),
        (State::Open, None) => "no next try by itself".to_owned(),
    };
    Some(format!("site/{site} {} ({} wait): {}; {next}", report.state, devices(waiting), report.reason))
}

fn devices(count: usize) -> String {
    if count == 1 { "1 device".into() } else { format!("{count} devices") }
}
