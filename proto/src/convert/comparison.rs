//! Comparisons for the wire.

use super::same_names;
use crate::v1;
use switchyard_shared::comparison::{DeviceDifference, Differs};

same_names!(v1::compare_plan_response::State, Differs, "state", [Changes, Unchanged, Unknown]);

impl From<&DeviceDifference> for v1::ComparePlanResponse {
    fn from(difference: &DeviceDifference) -> Self {
        let DeviceDifference { device, site, platform, state, diff, class, reason, keys: _ } = difference;
        Self {
            device: device.to_string(),
            site: site.to_string(),
            state: v1::compare_plan_response::State::from(*state).into(),
            diff: diff.clone(),
            class: class.map_or(v1::OutcomeClass::Unspecified, v1::OutcomeClass::from).into(),
            reason: reason.clone(),
            platform: platform.clone(),
        }
    }
}
