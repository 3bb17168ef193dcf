//! Results of attempts that nobody waits for any more: what its agent says of an attempt is the truth, whenever it comes.

use super::event::Event;
use super::{Device, ResultVerdict, Rollout};
use crate::id::DeviceName;
use crate::outcome::{DeviceState, LeftAs, Outcome};
use crate::pace::Verdict;

impl Rollout {
    /// Takes the result of an attempt that is not the one in flight.
    pub(super) fn late(&self, name: &DeviceName, attempt: u32, outcome: &Outcome) -> ResultVerdict {
        let Some((_, device)) = self.device(name) else {
            return ResultVerdict::Stray(format!("rollouts/{} has no device {name}", self.name));
        };
        if attempt < device.heard {
            return ResultVerdict::Repeated;
        }
        if attempt == device.heard {
            return self.told_again(name, device, attempt, outcome);
        }
        if !is_of_a_write(device, attempt, outcome) {
            // A reading that another word overtook has nothing more to say.
            return match attempt <= device.reported || outcome.found.is_some() {
                true => ResultVerdict::Repeated,
                false => ResultVerdict::Stray(format!(
                    "attempt {attempt} at {name} is none of those that it is known to have written with"
                )),
            };
        }
        match outcome.class.device_state() {
            None => self.called_off_after_all(name, device, attempt, outcome),
            Some(DeviceState::Unknown) => self.still_in_doubt(name, device, attempt, outcome),
            Some(state) => self.known_after_all(name, device, (attempt, state), outcome),
        }
    }

    /// Its agent has said before how this attempt ended.
    fn told_again(
        &self,
        name: &DeviceName,
        device: &Device,
        attempt: u32,
        outcome: &Outcome,
    ) -> ResultVerdict {
        if let Some(conflict) = Some(device).filter(|device| device.reported == attempt).and_then(|device| {
            let known = device.outcome.as_ref()?;
            let (before, after) = (definite(known)?, definite(outcome)?);
            (before != after && device.state == before).then(|| {
                let said = format!("was reported as {} and then as {}", known.class, outcome.class);
                conflict(name, attempt, outcome, &said, "its agent's journal may be an old copy")
            })
        }) {
            return ResultVerdict::Counted(conflict);
        }
        if device.reported > attempt || is_same(device, outcome) || outcome.class.device_state().is_none() {
            return ResultVerdict::Repeated;
        }
        ResultVerdict::Stray(format!("attempt {attempt} at {name} was reported otherwise before"))
    }

    /// Nothing was written by the attempt.
    fn called_off_after_all(
        &self,
        name: &DeviceName,
        device: &Device,
        attempt: u32,
        outcome: &Outcome,
    ) -> ResultVerdict {
        let nobody_said = device.reported < attempt;
        match (device.state, &device.doubt) {
            (DeviceState::Unknown, Some(doubt)) if nobody_said && doubt.attempt == attempt => {
                ResultVerdict::Counted(self.after_late_result(name, attempt, outcome))
            }
            (DeviceState::Succeeded | DeviceState::Unchanged, _) => {
                ResultVerdict::Counted(self.contradicted(name, device, attempt, outcome))
            }
            (DeviceState::Unknown, _) => ResultVerdict::Stray(format!(
                "attempt {attempt} at {name} was called off, which says nothing of the doubt about it"
            )),
            (
                DeviceState::Pending
                | DeviceState::Running
                | DeviceState::Failed
                | DeviceState::Skipped
                | DeviceState::RolledBack,
                _,
            ) => ResultVerdict::Repeated,
        }
    }

    /// Nobody knows how the attempt ended, its agent neither.
    fn still_in_doubt(
        &self,
        name: &DeviceName,
        device: &Device,
        attempt: u32,
        outcome: &Outcome,
    ) -> ResultVerdict {
        // After a restored backup there may have been later writes: what the device said before this one is old.
        let is_news = device.doubt.as_ref().filter(|doubt| doubt.attempt == attempt).is_some_and(|doubt| {
            device.reported < attempt || (outcome.before.is_some() && doubt.before.is_none())
        });
        if is_news {
            let (device, outcome) = (name.clone(), outcome.clone());
            return ResultVerdict::Counted(Event::Finished { device, attempt, outcome });
        }
        if is_same(device, outcome) || device.reported > attempt {
            return ResultVerdict::Repeated;
        }
        ResultVerdict::Stray(format!("that nobody knows is no news: {name} is {}", device.state))
    }

    /// Its agent knows how the attempt ended.
    fn known_after_all(
        &self,
        name: &DeviceName,
        device: &Device,
        (attempt, state): (u32, DeviceState),
        outcome: &Outcome,
    ) -> ResultVerdict {
        let event = match device.state {
            DeviceState::Unknown => self.after_late_result(name, attempt, outcome),
            DeviceState::Running => {
                return ResultVerdict::Stray(format!(
                    "attempt {attempt} at {name} is known only now that attempt {} is under way",
                    device.attempt
                ));
            }
            known if says_the_same(known, state, outcome) => Event::Settled {
                device: name.clone(),
                attempt,
                state: known,
                outcome: Some(outcome.clone()),
                by: "auto".to_owned(),
                reason: format!("{}; its agent reported the same after all", device.reason),
            },
            DeviceState::Pending
            | DeviceState::Succeeded
            | DeviceState::Unchanged
            | DeviceState::Failed
            | DeviceState::Skipped
            | DeviceState::RolledBack => self.contradicted(name, device, attempt, outcome),
        };
        ResultVerdict::Counted(event)
    }

    /// The result of an attempt that was no longer waited for: it is the truth.
    fn after_late_result(&self, name: &DeviceName, attempt: u32, outcome: &Outcome) -> Event {
        let (state, known) = match outcome.class.device_state() {
            Some(state) => (state, Some(outcome.clone())),
            None => (self.untouched(name), None),
        };
        let (by, reason) = ("auto".to_owned(), "its agent reported after all".to_owned());
        Event::Settled { device: name.clone(), attempt, state, outcome: known, by, reason }
    }

    /// What a person or a reading said of an attempt is not what its agent says now.
    fn contradicted(&self, name: &DeviceName, device: &Device, attempt: u32, outcome: &Outcome) -> Event {
        let said = format!(
            "left it {} ({}), and then its agent reported it as {}",
            device.state, device.reason, outcome.class
        );
        conflict(name, attempt, outcome, &said, "nobody knows which is true")
    }
}

fn conflict(name: &DeviceName, attempt: u32, outcome: &Outcome, said: &str, why: &str) -> Event {
    let reason =
        format!("attempt {attempt} {said}: {why}; read the device: switchyard device reconcile {name}");
    Event::Conflicted { device: name.clone(), attempt, outcome: outcome.clone(), reason }
}

/// Whether an attempt was one to configure the device. After a restored backup attempts may have been made that
/// are not known here: what they say of the change counts.
fn is_of_a_write(device: &Device, attempt: u32, outcome: &Outcome) -> bool {
    let of_change = match Verdict::of(outcome.class) {
        Verdict::Ok | Verdict::Failed => outcome.found.is_none(),
        Verdict::Lost | Verdict::Doubtful | Verdict::Neutral => false,
    };
    let lost = device.doubt.as_ref().is_some_and(|doubt| doubt.raised && attempt < doubt.attempt);
    attempt == device.applied || (lost && of_change)
}

fn is_same(device: &Device, outcome: &Outcome) -> bool {
    device.outcome.as_ref().is_some_and(|known| known.class == outcome.class)
}

fn definite(outcome: &Outcome) -> Option<DeviceState> {
    outcome.class.device_state().filter(|state| *state != DeviceState::Unknown)
}

/// Whether what an attempt ended as agrees with what the device is taken for.
fn says_the_same(known: DeviceState, told: DeviceState, outcome: &Outcome) -> bool {
    match known {
        DeviceState::Succeeded | DeviceState::Unchanged => {
            matches!(told, DeviceState::Succeeded | DeviceState::Unchanged)
        }
        DeviceState::Failed => told == DeviceState::Failed,
        DeviceState::Pending | DeviceState::Skipped => match outcome.left_as {
            LeftAs::Unchanged | LeftAs::Reverted => {
                !matches!(told, DeviceState::Succeeded | DeviceState::Unchanged)
            }
            LeftAs::Changed | LeftAs::Unknown => false,
        },
        DeviceState::Running | DeviceState::Unknown | DeviceState::RolledBack => false,
    }
}
