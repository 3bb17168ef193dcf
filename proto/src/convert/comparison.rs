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

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::id::{DeviceName, SiteName};
    use switchyard_shared::outcome::Class;

    #[test]
    fn what_is_told_of_a_device_reaches_its_reader_with_its_reason() {
        let told = DeviceDifference {
            device: DeviceName::new("r1").unwrap(),
            site: SiteName::new("lon").unwrap(),
            platform: "frr".into(),
            state: Differs::Unchanged,
            diff: "+a\n".into(),
            class: Some(Class::Unchanged),
            reason: "it shows neither `ntp` nor `no ntp`".into(),
            keys: Vec::new(),
        };
        let expected = v1::ComparePlanResponse {
            device: "r1".into(),
            site: "lon".into(),
            state: v1::compare_plan_response::State::Unchanged.into(),
            diff: "+a\n".into(),
            class: v1::OutcomeClass::Unchanged.into(),
            reason: "it shows neither `ntp` nor `no ntp`".into(),
            platform: "frr".into(),
        };
        assert_eq!(v1::ComparePlanResponse::from(&told), expected);
    }
}
