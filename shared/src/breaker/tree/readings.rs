//! What ends a doubt, a reading or a person's word to put the device back: the quarantine that the doubt began lets it
//! through, and ends when it is settled. What a strange host key opened lets those through that only look at the keys.

use super::{Admission, Attempt, Tree};
use crate::breaker::device::DeviceBreaker;
use crate::breaker::{NotNow, State};
use crate::id::DeviceName;
use crate::time::Timestamp;

impl Tree {
    /// Admits what may end a doubt as [`Tree::try_acquire`] admits an attempt, but for the quarantine of a device in
    /// doubt: that waits for just this.
    pub fn try_acquire_in_doubt(
        &mut self,
        attempt: &Attempt<'_>,
        now: Timestamp,
    ) -> Result<Admission, NotNow> {
        self.try_acquire_past(attempt, now, DeviceBreaker::is_in_doubt)
    }

    /// The same for a look at the host keys of a device, which logs in nowhere: a strange key is what it is for. It is
    /// no probe either: a device that shows a strange key again has answered, too.
    pub fn try_acquire_keys(&mut self, attempt: &Attempt<'_>, now: Timestamp) -> Result<Admission, NotNow> {
        self.try_acquire_past(attempt, now, |breaker| {
            breaker.is_in_doubt() || breaker.is_of_a_strange_key() || breaker.state() == State::HalfOpen
        })
    }

    fn try_acquire_past(
        &mut self,
        attempt: &Attempt<'_>,
        now: Timestamp,
        is_passed: impl Fn(&DeviceBreaker) -> bool,
    ) -> Result<Admission, NotNow> {
        let aside = match self.devices.get(attempt.device) {
            Some(breaker) if is_passed(breaker) => self.devices.remove(attempt.device),
            Some(_) | None => None,
        };
        let mut admitted = self.try_acquire(attempt, now);
        if let Some(breaker) = aside {
            if let Ok(admission) = &mut admitted {
                // Its end counts at the device: a login that is refused must not be tried again and again.
                admission.at_device = breaker.permit();
            }
            self.devices.insert(attempt.device.clone(), breaker);
        }
        admitted
    }

    /// It is known again what `device` has: if it is in quarantine for a doubt, that ends. Call it after
    /// [`Tree::finish`].
    pub fn settled(&mut self, device: &DeviceName, now: Timestamp) {
        if let Some(breaker) = self.devices.get_mut(device).filter(|breaker| breaker.is_in_doubt()) {
            breaker.reset("auto", "it was read back", now);
            self.moved.push(breaker.report(&self.name));
        }
    }
}
