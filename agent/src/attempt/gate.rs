//! The gate before the first changing byte: passed once or called off once, never both; never by a reading.

use crate::executor::GateRefused;
use std::sync::{Mutex, MutexGuard, PoisonError};
use switchyard_shared::outcome::Class;
use switchyard_shared::task::Purpose;
use switchyard_shared::time::Timestamp;

/// How the gate was passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// When the first byte that can change the device was let through.
    pub at: Timestamp,
    /// A digest, under the site's key, of what the device said just before, when it was asked.
    pub before: Option<String>,
}

#[derive(Debug)]
enum Position {
    Shut,
    Passed(Passed),
    CalledOff(GateRefused),
}

/// Decides, for one attempt, whether the call-off or the write came first.
#[derive(Debug)]
pub struct Gate {
    position: Mutex<Position>,
    reads_only: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self::of(&Purpose::Apply)
    }
}

impl Gate {
    /// The gate of an attempt with this purpose; that of a reading stays shut for good.
    pub fn of(purpose: &Purpose) -> Self {
        Self { position: Mutex::new(Position::Shut), reads_only: !purpose.writes() }
    }

    /// Calls the attempt off unless it has passed; `false` means that it was too late. The first reason
    /// stays.
    pub fn call_off(&self, refused: GateRefused) -> bool {
        let mut position = self.lock();
        match &*position {
            Position::Passed(_) => false,
            Position::CalledOff(_) => true,
            Position::Shut => {
                *position = Position::CalledOff(refused);
                true
            }
        }
    }

    /// Whether the way is still free; nothing is decided by asking.
    pub fn check(&self) -> Result<(), GateRefused> {
        match &*self.lock() {
            Position::CalledOff(refused) => Err(refused.clone()),
            Position::Shut | Position::Passed(_) if self.reads_only => Err(reads_only()),
            Position::Shut | Position::Passed(_) => Ok(()),
        }
    }

    /// Passes at `now`, for good, unless called off before; the first time stays, with its `before`.
    pub fn pass(&self, now: Timestamp, before: Option<String>) -> Result<(), GateRefused> {
        let mut position = self.lock();
        match &*position {
            Position::CalledOff(refused) => Err(refused.clone()),
            Position::Passed(_) => Ok(()),
            Position::Shut if self.reads_only => Err(reads_only()),
            Position::Shut => {
                *position = Position::Passed(Passed { at: now, before });
                Ok(())
            }
        }
    }

    /// Whether the device may have been written to.
    pub fn has_passed(&self) -> bool {
        self.passed().is_some()
    }

    /// How it was passed, if it was.
    pub fn passed(&self) -> Option<Passed> {
        match &*self.lock() {
            Position::Passed(passed) => Some(passed.clone()),
            Position::Shut | Position::CalledOff(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reads_only() -> GateRefused {
    let message =
        "this attempt only reads the device: a write in it would be a fault of this agent".to_owned();
    GateRefused { class: Class::AgentError, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> GateRefused {
        GateRefused { class: Class::Cancelled, message: message.into() }
    }

    #[test]
    fn what_was_called_off_never_passes() {
        let gate = Gate::default();
        assert!(gate.call_off(refused("first")));
        assert!(gate.call_off(refused("second")));
        assert_eq!(gate.pass(Timestamp(1), None), Err(refused("first")));
        assert!(!gate.has_passed());
    }

    #[test]
    fn what_has_passed_is_never_called_off() {
        let gate = Gate::default();
        gate.pass(Timestamp(1), Some("old".into())).unwrap();
        gate.pass(Timestamp(2), None).unwrap();
        assert!(!gate.call_off(refused("late")));
        let first = Passed { at: Timestamp(1), before: Some("old".into()) };
        assert_eq!((gate.check(), gate.passed()), (Ok(()), Some(first)));
    }
    #[test]
    fn the_gate_of_a_reading_is_never_passed() {
        let gate = Gate::of(&Purpose::Settle { before: None });
        assert_eq!((gate.check(), gate.pass(Timestamp(1), None)), (Err(reads_only()), Err(reads_only())));
        assert!(!gate.has_passed());
        assert!(gate.call_off(refused("the journal is lost")));
        assert_eq!(gate.check(), Err(refused("the journal is lost")), "a call-off is told in its own words");
    }
}
