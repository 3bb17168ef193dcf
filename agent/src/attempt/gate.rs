//! The gate before the first changing byte: passed once or called off once, never both.

use crate::executor::GateRefused;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
enum Position {
    Shut,
    Passed,
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
            Position::Passed => false,
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
            Position::Shut | Position::Passed => Ok(()),
            Position::CalledOff(refused) => Err(refused.clone()),
        }
    }

    /// Passes, for good, unless called off before.
    pub fn pass(&self) -> Result<(), GateRefused> {
        let mut position = self.lock();
        match &*position {
            Position::CalledOff(refused) => Err(refused.clone()),
            Position::Shut | Position::Passed => {
                *position = Position::Passed;
                Ok(())
            }
        }
    }

    /// Whether the device may have been written to.
    pub fn has_passed(&self) -> bool {
        matches!(&*self.lock(), Position::Passed)
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
        assert_eq!(gate.pass(), Err(refused("first")));
        assert!(!gate.has_passed());
    }

    #[test]
    fn what_has_passed_is_never_called_off() {
        let gate = Gate::default();
        gate.pass().unwrap();
        assert!(!gate.call_off(refused("late")));
        assert_eq!((gate.check(), gate.has_passed()), (Ok(()), true));
    }
}
