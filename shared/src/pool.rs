//! A bounded pool of permits: at most so many attempts at once, and one for each device.

use crate::id::DeviceName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    held: BTreeMap<DeviceName, Timestamp>,
}

impl Pool {
    /// A pool of `size` permits, brought into 1 to [`MAX_IN_FLIGHT_MAX`].
    pub fn new(size: usize) -> Self {
        Self { size: size.clamp(1, MAX_IN_FLIGHT_MAX), held: BTreeMap::new() }
    }

    /// How many permits there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many are out.
    pub fn in_flight(&self) -> usize {
        self.held.len()
    }

    /// Takes the permit of `device`, to be back by `deadline`.
    pub fn try_acquire(&mut self, device: &DeviceName, deadline: Timestamp) -> Result<(), Busy> {
        if self.held.contains_key(device) {
            return Err(Busy::Device);
        }
        if self.held.len() >= self.size {
            return Err(Busy::Full);
        }
        self.held.insert(device.clone(), deadline);
        Ok(())
    }

    /// Gives the permit of `device` back; tells whether it was out.
    pub fn release(&mut self, device: &DeviceName) -> bool {
        self.held.remove(device).is_some()
    }

    /// Devices whose permit should have been back by `now`.
    pub fn overdue(&self, now: Timestamp) -> Vec<DeviceName> {
        self.held.iter().filter(|(_, deadline)| **deadline <= now).map(|(device, _)| device.clone()).collect()
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
        assert_eq!(pool.try_acquire(&device(1), Timestamp(9)), Ok(()));
        assert_eq!(pool.try_acquire(&device(1), Timestamp(9)), Err(Busy::Device));
        assert_eq!(pool.try_acquire(&device(2), Timestamp(9)), Ok(()));
        assert_eq!(pool.try_acquire(&device(3), Timestamp(9)), Err(Busy::Full));
        assert!(pool.release(&device(1)));
        assert!(!pool.release(&device(1)));
        assert_eq!(pool.try_acquire(&device(3), Timestamp(9)), Ok(()));
        assert_eq!(pool.in_flight(), 2);
    }

    #[test]
    fn a_permit_that_does_not_come_back_is_noticed() {
        let mut pool = Pool::new(4);
        pool.try_acquire(&device(1), Timestamp(5)).unwrap();
        pool.try_acquire(&device(2), Timestamp(6)).unwrap();
        assert_eq!(pool.overdue(Timestamp(5)), [device(1)]);
    }

    #[test]
    fn a_pool_of_nothing_still_works() {
        assert_eq!(Pool::new(0).size(), 1);
        assert_eq!(Pool::new(usize::MAX).size(), MAX_IN_FLIGHT_MAX);
    }
}
