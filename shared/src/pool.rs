//! A bounded pool of permits: at most so many attempts at once, and one for each device.

use crate::id::DeviceName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Attempts at once when nobody says otherwise.
pub const MAX_IN_FLIGHT_DEFAULT: usize = 64;
/// The largest pool.
pub const MAX_IN_FLIGHT_MAX: usize = 1024;

/// Why the pool has no permit now; waiting helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// Every permit is out.
    Full,
    /// The device has an attempt running.
    Device,
}

/// The permits of one agent. A permit is held under its device's name until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    size: usize,
    held: BTreeSet<DeviceName>,
}

impl Pool {
    /// A pool of `size` permits, brought into 1 to [`MAX_IN_FLIGHT_MAX`].
    pub fn new(size: usize) -> Self {
        Self { size: size.clamp(1, MAX_IN_FLIGHT_MAX), held: BTreeSet::new() }
    }

    /// How many permits there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many are out.
    pub fn in_flight(&self) -> usize {
        self.held.len()
    }

    /// Takes the permit of `device`.
    pub fn try_acquire(&mut self, device: &DeviceName) -> Result<(), Busy> {
        if self.held.contains(device) {
            return Err(Busy::Device);
        }
        if self.held.len() >= self.size {
            return Err(Busy::Full);
        }
        self.held.insert(device.clone());
        Ok(())
    }

    /// Gives the permit of `device` back; tells whether it was out.
    pub fn release(&mut self, device: &DeviceName) -> bool {
        self.held.remove(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: usize) -> DeviceName {
        DeviceName::new(format!("d{n}")).unwrap()
    }

    #[test]
    fn never_more_than_its_size_and_one_for_each_device() {
        let mut pool = Pool::new(2);
        assert_eq!(pool.try_acquire(&device(1)), Ok(()));
        assert_eq!(pool.try_acquire(&device(1)), Err(Busy::Device));
        assert_eq!(pool.try_acquire(&device(2)), Ok(()));
        assert_eq!(pool.try_acquire(&device(3)), Err(Busy::Full));
        assert!(pool.release(&device(1)));
        assert!(!pool.release(&device(1)));
        assert_eq!(pool.try_acquire(&device(3)), Ok(()));
        assert_eq!(pool.in_flight(), 2);
    }

    #[test]
    fn a_pool_of_nothing_still_works() {
        assert_eq!(Pool::new(0).size(), 1);
        assert_eq!(Pool::new(usize::MAX).size(), MAX_IN_FLIGHT_MAX);
    }
}
