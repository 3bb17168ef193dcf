//! The gate before the first changing byte: passed once or called off once, never both.

use crate::executor::GateRefused;
use std::sync::{Mutex, MutexGuard, PoisonError};
use switchyard_shared::time::Timestamp;

#[derive(Debug)]
enum Position {
    Shut,
    Passed(Timestamp),
    CalledOff(GateRefused),
}

/// Decides, for one attempt, whether the call-off or the write came first.
#[derive(Debug)]
pub struct Gate(Mutex<Position>);

impl Default for Gate {
    fn default() -> Self {
        Self(Mutex::new(Position::Shut))
    }
}

impl Gate {
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
            Position::Shut | Position::Passed(_) => Ok(()),
            Position::CalledOff(refused) => Err(refused.clone()),
        }
    }

    /// Passes at `now`, for good, unless called off before; the first time stays.
    pub fn pass(&self, now: Timestamp) -> Result<(), GateRefused> {
        let mut position = self.lock();
        match &*position {
            Position::CalledOff(refused) => Err(refused.clone()),
            Position::Passed(_) => Ok(()),
            Position::Shut => {
                *position = Position::Passed(now);
                Ok(())
            }
        }
    }

    /// Whether the device may have been written to.
    pub fn has_passed(&self) -> bool {
        self.passed_at().is_some()
    }

    /// When the first byte that can change the device was let through.
    pub fn passed_at(&self) -> Option<Timestamp> {
        match &*self.lock() {
            Position::Passed(at) => Some(*at),
            Position::Shut | Position::CalledOff(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Position> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::outcome::Class;

    fn refused(message: &str) -> GateRefused {
        GateRefused { class: Class::Cancelled, message: message.into() }
    }

    #[test]
    fn what_was_called_off_never_passes() {
        let gate = Gate::default();
        assert!(gate.call_off(refused("first")));
        assert!(gate.call_off(refused("second")));
        assert_eq!(gate.pass(Timestamp(1)), Err(refused("first")));
        assert!(!gate.has_passed());
    }

    #[test]
    fn what_has_passed_is_never_called_off() {
        let gate = Gate::default();
        gate.pass(Timestamp(1)).unwrap();
        gate.pass(Timestamp(2)).unwrap();
        assert!(!gate.call_off(refused("late")));
        assert_eq!((gate.check(), gate.passed_at()), (Ok(()), Some(Timestamp(1))));
    }
}
