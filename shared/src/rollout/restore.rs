//! A person's word to put one device back to what it had before its write; what becomes of it.

use super::doubt::{Doubt, leaves_doubt};
use super::event::Event;
use super::{Device, Rollout};
use crate::id::DeviceName;
use crate::outcome::{Class, DeviceState, Found, LeftAs, MESSAGE_BYTES_MAX, Outcome, printable};
use crate::time::Timestamp;

/// Devices of one rollout that are put back at once, at most.
pub const RESTORES_MAX: usize = 64;

/// The way of one device back to what it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// The attempt that puts it back.
    pub attempt: u32,
    /// The attempt before whose write it was read.
    pub of: u32,
    /// What it was until then, and is again when nothing comes of it.
    pub was: DeviceState,
    /// What it was left as until then.
    pub left_as: LeftAs,
    /// What it said before the write of `of`, where that is known.
    pub before: Option<String>,
    /// Whether what the device got since that write is taken away, too.
    pub overwrite: bool,
}

/// Why a device is not put back; nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRestored {
    /// The plan has no such device.
    #[error("roll back {device}: it is no device of rollouts/{rollout}")]
    NoDevice {
        /// The device.
        device: DeviceName,
        /// The rollout.
        rollout: String,
    },
    /// A command made the change: nobody has kept what the device had.
    #[error(
        "roll back {device}: its change was made by a command, so nobody has kept what the device had; plan the \
         earlier configuration and apply that"
    )]
    ByCommand {
        /// The device.
        device: DeviceName,
    },
    /// It was not written, or is being worked on.
    #[error("roll back {device} of rollouts/{rollout}: it is {state}, {why}")]
    NothingToRestore {
        /// The device.
        device: DeviceName,
        /// The rollout.
        rollout: String,
        /// Its state.
        state: DeviceState,
        /// What that means, and what to do.
        why: String,
    },
    /// Too many at once.
    #[error(
        "roll back {device}: {RESTORES_MAX} devices of the rollout are being put back already; wait for one"
    )]
    TooMany {
        /// The device.
        device: DeviceName,
    },
}

impl Device {
    /// The way back that its latest attempt is, while that is not over.
    pub(super) fn restoring(&self) -> Option<&Restore> {
        let restore = self.restore.as_deref()?;
        let runs = self.state == DeviceState::Running && restore.attempt == self.attempt;
        (runs || self.doubts_its_restore()).then_some(restore)
    }

    /// Whether `attempt` is its latest way back.
    pub(super) fn is_attempt_of_restore(&self, attempt: u32) -> bool {
        self.restore.as_ref().is_some_and(|restore| restore.attempt == attempt)
    }

    /// Remembers an attempt that has written.
    pub(super) fn note_write(&mut self, attempt: u32, outcome: &Outcome) {
        if outcome.wrote_at.is_some() && !self.is_attempt_of_restore(attempt) {
            self.wrote = self.wrote.max(attempt);
        }
    }

    /// The attempt whose write it is put back from, when no agent has said which one wrote.
    fn of_unheard_write(&self) -> u32 {
        self.restore.as_ref().map_or(self.applied, |restore| restore.of)
    }

    fn was_read_with_the_change(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.found == Some(Found::Applied))
    }

    /// Whether it is what it is by a person's word: its latest outcome, if any, left a doubt.
    fn was_settled_by_a_person(&self) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| leaves_doubt(outcome.class))
    }

    /// Whether nobody knows how its way back ended.
    pub(super) fn doubts_its_restore(&self) -> bool {
        let attempt = self.restore.as_ref().map(|restore| restore.attempt);
        self.doubt.as_ref().is_some_and(|doubt| Some(doubt.attempt) == attempt)
    }
}

impl Rollout {
    /// Has a device put back to what it had before its last write, also after the end of the rollout; with `overwrite`
    /// also when it was changed since.
    pub fn restore(
        &self,
        name: &DeviceName,
        overwrite: bool,
        (by, reason): (&str, &str),
    ) -> Result<Event, NotRestored> {
        let rollout = self.name.to_string();
        let Some((place, device)) = self.device(name) else {
            return Err(NotRestored::NoDevice { device: name.clone(), rollout });
        };
        if !self.layout.restorable {
            return Err(NotRestored::ByCommand { device: name.clone() });
        }
        let of = match device.state {
            DeviceState::Succeeded | DeviceState::Failed if device.wrote > 0 => device.wrote,
            DeviceState::Succeeded => device.of_unheard_write(),
            // It has the change, or had it, as somebody has read; or a person called it so whom no agent told what it did.
            DeviceState::Failed
                if device.restore.is_some()
                    || device.was_read_with_the_change()
                    || device.was_settled_by_a_person() =>
            {
                device.of_unheard_write()
            }
            DeviceState::Failed => 0,
            DeviceState::Pending
            | DeviceState::Running
            | DeviceState::Unchanged
            | DeviceState::Skipped
            | DeviceState::Unknown
            | DeviceState::RolledBack => 0,
        };
        if of == 0 {
            let (device, state, why) = (name.clone(), device.state, why_nothing(name, device.state));
            return Err(NotRestored::NothingToRestore { device, rollout, state, why });
        }
        if self.devices.iter().filter(|device| device.restoring().is_some()).count() >= RESTORES_MAX {
            return Err(NotRestored::TooMany { device: name.clone() });
        }
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let (device, site, attempt) = (name.clone(), place.site.clone(), device.attempt + 1);
        Ok(Event::Restoring { device, site, attempt, of, overwrite, by, reason })
    }

    /// Whether `attempt` is a way back of which nobody has said how it ended.
    pub(super) fn awaits_restore(&self, name: &DeviceName, attempt: u32) -> bool {
        self.device(name).is_some_and(|(_, device)| {
            device.reported < attempt && device.restoring().is_some_and(|restore| restore.attempt == attempt)
        })
    }

    /// What the end of a way back makes of its device: back, as it was until then, or in doubt.
    pub(super) fn after_restore(&self, name: &DeviceName, attempt: u32, outcome: &Outcome) -> Event {
        let (was, left_as) = self
            .device(name)
            .and_then(|(_, device)| device.restore.as_ref())
            .map_or((DeviceState::Failed, LeftAs::Unknown), |restore| (restore.was, restore.left_as));
        let class = outcome.class;
        let (state, outcome) = match class {
            Class::Ok | Class::Unchanged => (DeviceState::RolledBack, outcome.clone()),
            Class::LostAfterWrite | Class::Inconclusive => (DeviceState::Unknown, outcome.clone()),
            Class::RollbackFailed if outcome.wrote_at.is_some() => (DeviceState::Failed, outcome.clone()),
            Class::RollbackFailed => (was, outcome.clone()),
            // It is back, and not saved: its next boot may bring the change back.
            Class::PostcheckFailed if outcome.left_as == LeftAs::Reverted => {
                (DeviceState::Failed, outcome.clone())
            }
            Class::Unreachable
            | Class::Timeout
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::CredentialUnavailable
            | Class::AgentError
            | Class::Cancelled
            | Class::NotStarted => {
                let left_as = if outcome.wrote_at.is_none() { left_as } else { outcome.left_as };
                let message = format!("not put back: {class}: {}", outcome.message);
                let message = printable(message.as_bytes(), MESSAGE_BYTES_MAX);
                (was, Outcome { class: Class::RollbackFailed, left_as, message, ..outcome.clone() })
            }
        };
        Event::Restored { device: name.clone(), attempt, state, outcome: Some(outcome) }
    }

    /// The end of a way back that its agent, which has just connected, does not know.
    pub(super) fn lost_restore(&self, name: &DeviceName, attempt: u32, doubt: Option<Outcome>) -> Event {
        match doubt {
            Some(outcome) => self.after_restore(name, attempt, &outcome),
            None => Event::Restored {
                device: name.clone(),
                attempt,
                state: self.before_restore(name),
                outcome: None,
            },
        }
    }

    /// What the device was until it was to be put back.
    pub(super) fn before_restore(&self, name: &DeviceName) -> DeviceState {
        let restore = self.device(name).and_then(|(_, device)| device.restore.as_ref());
        restore.map_or(DeviceState::Failed, |restore| restore.was)
    }

    pub(super) fn way_back(&mut self, event: &Event, at: Timestamp) {
        if let Event::Restoring { device, attempt, of, overwrite, by, reason, .. } = event {
            self.restoring(device, (*attempt, *of, *overwrite), (by, reason));
        } else if let Event::Restored { device, attempt, state, outcome } = event {
            self.restored(device, (*attempt, *state), outcome.as_ref(), at);
        }
    }

    fn restoring(
        &mut self,
        name: &DeviceName,
        (attempt, of, overwrite): (u32, u32, bool),
        (by, reason): (&str, &str),
    ) {
        let Some(rank) = self.layout.rank(name) else { return };
        let device = &mut self.devices[rank as usize];
        let known = device.restore.take().filter(|restore| restore.of == of);
        let outcome = device.outcome.as_deref();
        let before = match known {
            // The latest outcome may be that of the way back, which tells what the device had before that one.
            Some(restore) => restore.before,
            None => outcome.and_then(|outcome| outcome.before.clone()),
        };
        let left_as = outcome.map_or(LeftAs::Unknown, |outcome| outcome.left_as);
        device.restore =
            Some(Box::new(Restore { attempt, of, was: device.state, left_as, before, overwrite }));
        self.shift(name, DeviceState::Running);
        let device = &mut self.devices[rank as usize];
        device.attempt = attempt;
        device.reason = match reason {
            "" => format!("being put back, asked by {by}"),
            reason => format!("being put back, asked by {by}: {reason}"),
        };
    }

    fn restored(
        &mut self,
        name: &DeviceName,
        (attempt, state): (u32, DeviceState),
        outcome: Option<&Outcome>,
        at: Timestamp,
    ) {
        let Some(rank) = self.shift(name, state) else { return };
        self.end_doubt(rank);
        let device = &mut self.devices[rank as usize];
        device.reported = device.reported.max(attempt);
        device.reason = match (state, outcome) {
            (_, None) => "not put back: its agent never started it".to_owned(),
            (DeviceState::RolledBack, Some(_)) => "put back to what it had".to_owned(),
            (_, Some(outcome)) => outcome.message.clone(),
        };
        let before = device.restore.as_ref().and_then(|restore| restore.before.clone());
        if let Some(outcome) = outcome {
            device.outcome = Some(Box::new(outcome.clone()));
            if leaves_doubt(outcome.class) {
                let next_read = self.layout.readable.then_some(at);
                self.begin_doubt(rank, Doubt::new(at, attempt, before, next_read));
            }
        }
    }
}

fn why_nothing(name: &DeviceName, state: DeviceState) -> String {
    match state {
        DeviceState::Unknown => {
            format!("so nobody knows what it has: settle that first: switchyard device reconcile {name}")
        }
        DeviceState::Running => "so it is being worked on: wait for its end".into(),
        DeviceState::RolledBack => "so it was put back already".into(),
        DeviceState::Pending
        | DeviceState::Unchanged
        | DeviceState::Skipped
        | DeviceState::Succeeded
        | DeviceState::Failed => "and nothing was written to it: there is nothing to put back".into(),
    }
}
