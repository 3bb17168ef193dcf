//! What agent and coordinator say to each other, as the domain sees it, and its conversions.

mod down;
mod procedure;
mod task;
mod tls;
mod up;

pub use down::{Assignment, BreakerAction, FromCoordinator, UnusableTask, Welcome};
pub use up::{Compared, FromAgent, Hello, Reported};

use super::BadField;
use crate::agent_v1;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};

impl From<&OpId> for agent_v1::Operation {
    fn from(op: &OpId) -> Self {
        Self { rollout: op.rollout.to_string(), device: op.device.to_string(), attempt: op.attempt }
    }
}

impl TryFrom<agent_v1::Operation> for OpId {
    type Error = BadField;
    fn try_from(wire: agent_v1::Operation) -> Result<Self, BadField> {
        if wire.attempt == 0 {
            return Err(BadField::new("attempt", "attempts count from 1"));
        }
        Ok(Self {
            rollout: RolloutName::new(&wire.rollout).map_err(|error| BadField::new("rollout", error))?,
            device: DeviceName::new(&wire.device).map_err(|error| BadField::new("device", error))?,
            attempt: wire.attempt,
        })
    }
}

fn to_op(wire: Option<agent_v1::Operation>, field: &str) -> Result<OpId, BadField> {
    OpId::try_from(super::required(wire, field)?).map_err(|error| error.within(field))
}
