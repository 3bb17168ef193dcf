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
/// at once.
const NOT_STARTED_WAIT: Duration = Duration::from_millis(250);

/// What became of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultVerdict {
    /// This event follows from it.
    Counted(Event),
    /// It was known already: nothing changes.
    Repeated,
    /// It is about an attempt that was given up or never made: it is kept in the log of the process
    /// and changes nothing here.
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
        let reading = device.doubt.as_ref().is_some_and(|doubt| doubt.reading);
        if reading && attempt == device.attempt {
            return ResultVerdict::Counted(self.after_reading(name, attempt, outcome, now));
        }
        if self.is_given_up(name, attempt) {
            return ResultVerdict::Counted(self.after_late_result(name, attempt, outcome));
        }
        if attempt == device.reported
            && let Some(conflict) = self.conflict(name, attempt, outcome)
        {
            return ResultVerdict::Counted(conflict);
        }
        if attempt < device.attempt || attempt == device.reported || device.state.is_final() {
            return ResultVerdict::Repeated;
        }
        ResultVerdict::Counted(self.after_attempt(name, attempt, outcome, now))
    }

    /// A second end of an attempt that differs from the first in what the device was left as. That nobody
    /// knows is no news to somebody who does.
    fn conflict(&self, name: &DeviceName, attempt: u32, outcome: &Outcome) -> Option<Event> {
        let (_, device) = self.device(name)?;
        let known = device.outcome.as_ref()?;
        let definite =
            |outcome: &Outcome| outcome.class.device_state().filter(|state| *state != DeviceState::Unknown);
        let (before, after) = (definite(known)?, definite(outcome)?);
        if before == after || device.state != before {
            return None;
        }
        let reason = format!(
            "attempt {attempt} was reported as {} and then as {}: its agent's journal may be an old copy; read the \
             device: switchyard device reconcile {name}",
            known.class, outcome.class
        );
        Some(Event::Conflicted { device: name.clone(), attempt, outcome: outcome.clone(), reason })
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

    fn after_attempt(&self, name: &DeviceName, attempt: u32, outcome: &Outcome, now: Timestamp) -> Event {
        let (device, class) = (name.clone(), outcome.class);
        let tries = self.device(name).map_or(0, |(_, device)| device.tries) + 1;
        let is_doubt = class.device_state() == Some(DeviceState::Unknown);
        let not_before =
            if class.device_state().is_none() || is_doubt && !guard::holds(Guard::ReadBackAfterDoubt) {
                now.plus(NOT_STARTED_WAIT)
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
