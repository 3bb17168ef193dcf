//! What a result from an agent does to a rollout; late and repeated ones are always accepted.

use super::event::Event;
use super::{Rollout, RolloutState};
use crate::guard::{self, Guard};
use crate::id::{DeviceName, SiteName};
use crate::outcome::{Class, DeviceState, LeftAs, Outcome, Phase};
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a device waits after an agent did not start it, so that a refusal is not asked for again
/// at once; doubles with each further one in a row.
const NOT_STARTED_WAIT: Duration = Duration::from_millis(250);
/// How often it doubles: to 32 s.
const NOT_STARTED_DOUBLINGS: u8 = 7;

/// What became of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultVerdict {
    /// This event follows from it.
    Counted(Event),
    /// It was known already: nothing changes.
    Repeated,
    /// It fits nothing that is known here, as of an attempt that was never made: it is kept for a person to
    /// look at and changes nothing.
    Stray(String),
}

impl Rollout {
    /// Takes the result of one attempt.
    pub fn result(
        &self,
        name: &DeviceName,
        attempt: u32,
        outcome: &Outcome,
        now: Timestamp,
    ) -> ResultVerdict {
        let Some((_, device)) = self.device(name) else {
            return ResultVerdict::Stray(format!("rollouts/{} has no device {name}", self.name));
        };
        if attempt == 0 || attempt > device.attempt {
            return ResultVerdict::Stray(format!("attempt {attempt} at {name} was never made"));
        }
        if self.awaits_restore(name, attempt) {
            return ResultVerdict::Counted(self.after_restore(name, attempt, outcome));
        }
        let reading = device.doubt.as_ref().is_some_and(|doubt| doubt.reading);
        if reading && attempt == device.attempt {
            return ResultVerdict::Counted(self.after_reading(name, attempt, outcome, now));
        }
        if attempt == device.attempt && attempt != device.reported && !device.state.is_final() {
            return ResultVerdict::Counted(self.after_attempt(name, attempt, outcome, now));
        }
        self.late(name, attempt, outcome)
    }

    /// The events for operations that an agent, just connected, does not know: they were never started,
    /// or, when the agent has `lost_journal`, nobody knows and they are never sent again blindly.
    pub fn reconcile(
        &self,
        site: &SiteName,
        in_hand: &BTreeSet<(DeviceName, u32)>,
        lost_journal: bool,
        now: Timestamp,
    ) -> Vec<Event> {
        let unread =
            self.reading_at(site).filter(|(name, attempt)| !in_hand.contains(&((*name).clone(), *attempt)));
        let unread = unread.map(|(name, attempt)| Event::StillUnknown {
            device: name.clone(),
            attempt,
            not_before: Some(now),
            untried: false,
            reason: "its agent was restarted while it read the device".into(),
        });
        let given_up = self.given_up_at(site).filter_map(|(name, attempt)| {
            let has_it = in_hand.contains(&((*name).clone(), attempt));
            match (lost_journal, has_it) {
                // Once another journal has come, nobody can say any more that it was never started.
                (true, _) => {
                    let why = self.device(name).map_or("", |(_, device)| device.reason.as_str());
                    Some(Event::Finished { device: name.clone(), attempt, outcome: in_doubt(why, now) })
                }
                (false, false) => Some(self.never_started(name, attempt)),
                (false, true) => self.wait_for_its_agent(name, attempt),
            }
        });
        let gone = self
            .running_at(site)
            .filter(|(name, attempt)| !in_hand.contains(&((*name).clone(), *attempt)))
            .map(|(name, attempt)| match lost_journal {
                _ if self.awaits_restore(name, attempt) => {
                    self.lost_restore(name, attempt, lost_journal.then(|| in_doubt("", now)))
                }
                true => Event::Finished { device: name.clone(), attempt, outcome: in_doubt("", now) },
                false => Event::Requeued {
                    device: name.clone(),
                    attempt,
                    outcome: None,
                    class: Class::NotStarted,
                    not_before: now,
                },
            });
        gone.chain(unread).chain(given_up).collect()
    }

    /// What was left to a person only because nobody could reach it is read when the agent of `site` can be reached
    /// again. A Hello does not prove that: its sender may hear nothing, and call again and again.
    pub fn reachable_again(&self, site: &SiteName, now: Timestamp) -> Vec<Event> {
        let known = self.in_doubt().filter_map(|name| self.device(name));
        let unreached = known.filter(|(place, device)| {
            place.site == *site
                && self.layout.readable
                && !self.is_given_up(&place.name, device.attempt)
                && device.doubt.as_ref().is_some_and(|doubt| doubt.unreached && !doubt.reading)
        });
        let again = unreached.map(|(place, device)| Event::StillUnknown {
            device: place.name.clone(),
            attempt: device.attempt,
            not_before: Some(now),
            untried: false,
            reason: "to be read: its agent is back".into(),
        });
        again.collect()
    }

    fn after_attempt(&self, name: &DeviceName, attempt: u32, outcome: &Outcome, now: Timestamp) -> Event {
        let (device, class) = (name.clone(), outcome.class);
        let tries = self.device(name).map_or(0, |(_, device)| device.tries) + 1;
        let is_doubt = class.device_state() == Some(DeviceState::Unknown);
        let not_before =
            if class.device_state().is_none() || is_doubt && !guard::holds(Guard::ReadBackAfterDoubt) {
                let refused = self.device(name).map_or(0, |(_, device)| device.refused);
                now.plus(NOT_STARTED_WAIT.saturating_mul(1 << refused.min(NOT_STARTED_DOUBLINGS)))
            } else if self.tries_again(class, tries) {
                now.plus(self.layout.retry.wait(tries))
            } else {
                return Event::Finished { device, attempt, outcome: outcome.clone() };
            };
        Event::Requeued { device, attempt, outcome: Some(outcome.clone()), class, not_before }
    }

    fn tries_again(&self, class: Class, tries: u32) -> bool {
        self.state != RolloutState::Aborted
            && tries < self.layout.retry.max_attempts
            && self.layout.retry.retry_on.contains(&class)
    }
}

/// `why` the device was given up before, if it was.
fn in_doubt(why: &str, now: Timestamp) -> Outcome {
    let message = match why {
        "" => "the agent came back with another journal: nobody knows whether it wrote".to_owned(),
        why => format!("{why}: nobody knows whether its agent wrote"),
    };
    Outcome::new(Class::Inconclusive, Phase::Write, LeftAs::Unknown, &message, now)
        .with_hint("read the device: it may have the change, a part of it, or nothing")
}
