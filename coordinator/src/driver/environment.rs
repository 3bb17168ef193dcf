//! Many sites that open at once are our own trouble, not theirs: the rollout pauses until a person looks.

use super::effect::Turn;
use super::world::{Active, World};
use std::collections::BTreeSet;
use std::time::Duration;
use switchyard_shared::id::{RolloutName, SiteName};
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::{Timestamp, format_duration};

/// Fewest sites that speak for a common cause.
const SITES_MIN: usize = 3;
/// The least share of the sites with unfinished devices, in percent.
const SHARE_MIN: usize = 30;
/// Sites finish between two looks, and openings come with breakers that ask for a look at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Openings further apart have no common cause.
const WITHIN: Duration = Duration::from_secs(600);

impl World {
    /// Pauses every running rollout of which at least 3 and at least 30 % of the active sites opened
    /// within 10 minutes.
    pub(super) fn watch_environment(&mut self, turn: &mut Turn) {
        if turn.now.since(self.environment_seen) < LOOK_EVERY {
            return;
        }
        self.environment_seen = turn.now;
        let running = self.rollouts.live().filter(|active| active.rollout.state == RolloutState::Running);
        let troubled = running.filter(|active| active.notes.opened() >= SITES_MIN);
        let paused: Vec<(RolloutName, String)> = troubled
            .filter_map(|active| Some((active.rollout.name.clone(), common_cause(active, turn.now)?)))
            .collect();
        for (name, reason) in paused {
            self.record(&name, Event::Paused { by: "auto".into(), reason }, turn);
        }
    }
}

/// Why the openings are not the sites' own; `None` when they may be.
fn common_cause(active: &Active, now: Timestamp) -> Option<String> {
    let since = Timestamp(now.0.saturating_sub(i64::try_from(WITHIN.as_micros()).unwrap_or(i64::MAX)));
    let opened: BTreeSet<&SiteName> = active.notes.opened_since(since).collect();
    if opened.len() < SITES_MIN {
        return None;
    }
    let unfinished = active.rollout.layout.devices.iter().zip(&active.rollout.devices);
    let unfinished = unfinished.filter(|(_, device)| !device.state.is_final());
    let sites: BTreeSet<&SiteName> = unfinished.map(|(place, _)| &place.site).collect();
    let (open, all) = (opened.intersection(&sites).count(), sites.len());
    (open >= SITES_MIN && open * 100 >= all * SHARE_MIN).then(|| {
        format!(
            "{open} of {all} sites opened within {} ({open} >= {SITES_MIN} and {} % >= {SHARE_MIN} %): this is us, not them \
             (coordinator, AAA, core link)",
            format_duration(WITHIN),
            open * 100 / all
        )
    })
}
