//! I5 and I6: who may not start does not start.

use super::history::{Cut, History, Mark, Rebind, Touch, Violation};
use std::time::Duration;
use switchyard_shared::id::RolloutName;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

/// The lease to start, counted from the last word that came through.
const LEASE: Duration = Duration::from_secs(10);
/// What a message that was on its way, and the clocks' grain, may add.
const SLACK: Duration = Duration::from_millis(300);
/// How soon an abort reaches a site that is connected.
const PUSHED_WITHIN: Duration = Duration::from_secs(1);

fn starts(history: &History) -> impl Iterator<Item = &Touch> {
    history.touches.iter().filter(|touch| touch.mark == Mark::WriteBegan)
}

fn broken(invariant: &'static str, touch: &Touch, what: String) -> Violation {
    Violation { invariant, at: touch.at, device: Some(touch.device.clone()), what }
}

/// I5: a site that is cut off starts nothing once its lease has ended.
pub fn no_start_without_a_lease(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for Cut { site, from, until } in &history.cuts {
        let end = from.plus(LEASE).plus(SLACK);
        let cut_off = starts(history).filter(|touch| touch.site == *site && !is_by_another(history, touch));
        let late = cut_off.filter(|touch| touch.at > end && touch.at < *until);
        found.extend(late.map(|touch| {
            let what = format!("written to by {} although {site} has been cut off since {from}", touch.by);
            broken("I5", touch, what)
        }));
    }
    found
}

/// Whether the agent is not the site's first, which the cuts are about.
fn is_by_another(history: &History, touch: &Touch) -> bool {
    history.rebinds.iter().any(|rebind| rebind.site == touch.site && !touch.by.starts_with(&rebind.former))
}

/// I2: an agent whose site was bound to another one starts nothing there once its lease has ended.
pub fn no_start_by_a_former_agent(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for Rebind { at, site, former } in &history.rebinds {
        let end = at.plus(LEASE).plus(SLACK);
        let late = starts(history)
            .filter(|touch| touch.site == *site && touch.at > end && touch.by.starts_with(former));
        found.extend(late.map(|touch| {
            broken("I2", touch, format!("written to by {}, from which {site} was taken at {at}", touch.by))
        }));
    }
    found
}

/// I6: after an abort is durable nothing of that rollout starts: at once where the site is connected, and
/// after the lease everywhere.
pub fn no_start_after_an_abort(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, log) in &history.rollouts {
        let aborted = log.events.iter().find(|recorded| matches!(recorded.event, Event::Aborted { .. }));
        let Some(aborted) = aborted.map(|recorded| recorded.durable_at) else { continue };
        let late =
            starts(history).filter(|touch| is_of(touch, name) && touch.at > bound(history, touch, aborted));
        found.extend(late.map(|touch| {
            broken(
                "I6",
                touch,
                format!("written to for rollouts/{name}, whose abort was durable at {aborted}"),
            )
        }));
    }
    found
}

fn is_of(touch: &Touch, name: &RolloutName) -> bool {
    touch.op.as_ref().is_some_and(|op| op.rollout == *name)
}

fn bound(history: &History, touch: &Touch, aborted: Timestamp) -> Timestamp {
    let pushed = aborted.plus(PUSHED_WITHIN);
    let of_site = history.cuts.iter().filter(|cut| cut.site == touch.site);
    // A session that is being made anew after a cut is no push either: the lease bounds it.
    let troubled = of_site.into_iter().any(|cut| cut.from <= pushed && cut.until.plus(3 * LEASE) >= aborted);
    if troubled { aborted.plus(LEASE).plus(SLACK) } else { pushed }
}
