//! What the pace has learnt and decided: holds, stops, and how much harm is known.

use super::event::Event;
use super::{Rollout, RolloutState};
use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, DeviceState, Outcome};
use crate::pace::{Decision, Evidence, Group, Harm, Verdict};
use crate::time::Timestamp;

impl Rollout {
    /// Groups that are held, with the evidence against them.
    pub fn holds(&self) -> Vec<(Group, Evidence)> {
        self.pace.holds()
    }

    /// What is known of the harm so far.
    pub fn harm(&self) -> Harm {
        self.pace.harm()
    }

    /// Whether the evidence stopped it and nobody has resumed it since.
    pub fn is_stopped_by_evidence(&self) -> bool {
        self.pace.is_stopped()
    }

    /// Whether devices wait and all of them are held.
    pub fn waits_for_held_only(&self) -> bool {
        self.pace.only_held_wait()
    }

    /// Why no more devices are in flight although some wait, in one line; absent when something else
    /// than the pace keeps them.
    pub fn pace_line(&self) -> Option<String> {
        let waits = self.state == RolloutState::Running && self.waiting.iter().any(|count| *count > 0);
        if waits { self.pace.limit() } else { None }
    }

    /// Names of the devices of a held group that are in flight.
    pub fn held_in_flight(&self) -> impl Iterator<Item = &DeviceName> {
        let running = self.layout.devices.iter().zip(&self.devices).zip(0u32..);
        running
            .filter(|((_, device), rank)| device.state == DeviceState::Running && self.pace.is_held(*rank))
            .map(|((place, _), _)| &place.name)
    }

    /// An attempt's connect is done. Not part of the log, like [`Self::wrote`].
    pub fn connected(&mut self, name: &DeviceName, attempt: u32, now: Timestamp) {
        self.pace.tick(now);
        if let Some(rank) = self.layout.rank(name)
            && self.devices[rank as usize].attempt == attempt
        {
            self.pace.connected(rank);
        }
    }

    /// Notes of what is in flight may have been lost, at one site or at all of them: its devices may write.
    pub fn notes_lost(&mut self, site: Option<&SiteName>) {
        for ((place, device), rank) in self.layout.devices.iter().zip(&self.devices).zip(0u32..) {
            if device.state == DeviceState::Running && site.is_none_or(|site| place.site == *site) {
                self.pace.connected(rank);
            }
        }
    }

    /// An attempt has let the first byte through that can change its device. Not part of the log: it
    /// only tells how long the device has been at risk.
    pub fn wrote(&mut self, name: &DeviceName, attempt: u32, now: Timestamp) {
        if let Some(rank) = self.layout.rank(name)
            && self.devices[rank as usize].attempt == attempt
        {
            self.pace.wrote(rank, now);
        }
    }

    /// Holds a group by a person's word; `None` when no device is in it or it is held already.
    pub fn hold(&self, group: &Group, by: &str, reason: &str) -> Option<Event> {
        let held = self.pace.holds().iter().any(|(known, _)| known == group);
        let known = self.layout.watched.knows(group);
        (known && !held && !self.has_ended()).then(|| Event::Held {
            group: group.clone(),
            evidence: None,
            by: by.to_owned(),
            reason: reason.to_owned(),
        })
    }

    /// Lets a held group start again, one device first; `None` when it is not held.
    pub fn release(&self, group: &Group, by: &str, reason: &str) -> Option<Event> {
        let held = self.pace.holds().iter().any(|(known, _)| known == group);
        (held && !self.has_ended()).then(|| Event::Released {
            group: group.clone(),
            by: by.to_owned(),
            reason: reason.to_owned(),
        })
    }

    /// What a result says about the change.
    pub(super) fn learn(&mut self, rank: u32, outcome: &Outcome, at: Timestamp) {
        let wrote_for = outcome.wrote_at.map(|wrote_at| outcome.finished_at.since(wrote_at));
        self.pace.finish(rank, Verdict::of(outcome.class), wrote_for, at);
        while let Some(decision) = self.pace.poll_decision() {
            self.decided.push_back(decision);
        }
        if let Some(reason) = pauses(self.layout.devices[rank as usize].name.as_str(), outcome) {
            self.decided.push_back(Decision::Stop { evidence: Evidence::default(), reason });
        }
    }

    /// The event that makes the oldest decision known.
    pub(super) fn decision(&self) -> Option<Event> {
        let by = "auto".to_owned();
        match self.decided.front()? {
            Decision::Hold { group, evidence, reason } => Some(Event::Held {
                group: group.clone(),
                evidence: Some(*evidence),
                by,
                reason: reason.clone(),
            }),
            Decision::Stop { reason, .. } => Some(Event::Paused { by, reason: reason.clone() }),
        }
    }

    pub(super) fn hold_is_known(&mut self, group: &Group, by: &str) {
        self.pace.hold(group);
        if by != "auto" {
            self.held_by_hand.insert(group.clone());
        }
        self.decided.retain(
            |decision| !matches!(decision, Decision::Hold { group: decided, .. } if decided == group),
        );
    }

    pub(super) fn stop_is_known(&mut self) {
        if let Some(at) = self.decided.iter().position(|decision| matches!(decision, Decision::Stop { .. })) {
            self.decided.remove(at);
        }
    }

    /// After a person's word to go on. A stop is known, and one device goes first. What the evidence holds
    /// is let go when it stopped too, or when nothing else is left; what a person holds never is.
    pub(super) fn pace_again(&mut self) {
        self.decided.clear();
        if self.pace.is_stopped() {
            self.pace.resume();
            for group in &self.held_by_hand {
                self.pace.hold(group);
            }
        } else if self.pace.only_held_wait() {
            let by_evidence = self.pace.holds().into_iter().map(|(group, _)| group);
            for group in by_evidence.filter(|group| !self.held_by_hand.contains(group)) {
                self.pace.release(&group);
            }
        }
    }
}

/// Whether one such end is enough for a person to look. An agent that died in a write (its doubts have no
/// instant of writing) is no cut link: its devices keep their reservations, which slows without stopping.
fn pauses(name: &str, outcome: &Outcome) -> Option<String> {
    let pauses = match outcome.class {
        Class::RollbackFailed => true,
        Class::Inconclusive => outcome.wrote_at.is_some(),
        Class::Ok
        | Class::Unchanged
        | Class::Unreachable
        | Class::Timeout
        | Class::AuthFailed
        | Class::HostKeyMismatch
        | Class::Overloaded
        | Class::PrecheckFailed
        | Class::Rejected
        | Class::PostcheckFailed
        | Class::LostAfterWrite
        | Class::CredentialUnavailable
        | Class::AgentError
        | Class::Cancelled
        | Class::NotStarted => false,
    };
    pauses.then(|| format!("device {name} ended as {}: {}", outcome.class, outcome.message))
}
