//! Which devices were tried here and failed: a further attempt at one of them is a retry.

use std::collections::{BTreeSet, VecDeque};
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::Class;

/// Devices that are remembered; an older one counts as never tried.
const TRIED_MAX: usize = 10_000;

type Key = (RolloutName, DeviceName);

/// Attempts that were called off or never made leave no trace here, whatever their number.
#[derive(Debug, Default)]
pub struct Tried {
    failed: BTreeSet<Key>,
    order: VecDeque<Key>,
}

impl Tried {
    /// Takes the end of an attempt in.
    pub fn note(&mut self, op: &OpId, class: Class) {
        let key = (op.rollout.clone(), op.device.clone());
        match class {
            Class::Cancelled | Class::NotStarted => {}
            Class::Ok | Class::Unchanged => {
                if self.failed.remove(&key) {
                    self.order.retain(|known| *known != key);
                }
            }
            Class::Unreachable
            | Class::Timeout
            | Class::AuthFailed
            | Class::HostKeyMismatch
            | Class::Overloaded
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive
            | Class::CredentialUnavailable
            | Class::AgentError => {
                if self.failed.insert(key.clone()) {
                    self.order.push_back(key);
                }
            }
        }
        if self.order.len() > TRIED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.failed.remove(&oldest);
        }
    }

    /// Whether the device failed here before in the same rollout.
    pub fn has_failed(&self, op: &OpId) -> bool {
        self.failed.contains(&(op.rollout.clone(), op.device.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(n: usize, attempt: u32) -> OpId {
        OpId {
            rollout: RolloutName::new("ntp").unwrap(),
            device: DeviceName::new(format!("d{n}")).unwrap(),
            attempt,
        }
    }

    #[test]
    fn a_device_that_was_called_off_or_never_started_is_no_retry() {
        let mut tried = Tried::default();
        tried.note(&op(1, 1), Class::NotStarted);
        tried.note(&op(1, 2), Class::Cancelled);
        assert!(!tried.has_failed(&op(1, 3)));
        tried.note(&op(1, 3), Class::Timeout);
        assert!(tried.has_failed(&op(1, 4)));
        tried.note(&op(1, 4), Class::Ok);
        assert!(!tried.has_failed(&op(1, 5)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut tried = Tried::default();
        (0..TRIED_MAX + 1).for_each(|n| tried.note(&op(n, 1), Class::Timeout));
        assert_eq!((tried.failed.len(), tried.order.len()), (TRIED_MAX, TRIED_MAX));
        assert!(!tried.has_failed(&op(0, 2)) && tried.has_failed(&op(TRIED_MAX, 2)));
    }
}
