//! The window beside one that is plain and slow: whatever comes in whatever order, they say the same.

use super::*;
use proptest::prelude::*;

/// As the rule is said: the latest attempt of each device, of those the last by start.
#[derive(Default)]
struct Plain(Vec<(u64, u8, Option<Class>)>);

impl Plain {
    fn push(&mut self, id: u64, device: u8, failed: Option<Class>) {
        if self.0.iter().any(|seen| seen.1 == device && seen.0 > id) {
            return;
        }
        self.0.retain(|seen| seen.1 != device);
        self.0.push((id, device, failed));
        self.0.sort_by_key(|seen| seen.0);
        if self.0.len() > SITE_WINDOW {
            self.0.remove(0);
        }
    }

    fn counts(&self) -> (u32, u32) {
        let failed = self.0.iter().filter(|seen| seen.2.is_some()).count();
        (failed as u32, self.0.len() as u32)
    }

    fn opens(&self, devices: Option<u32>) -> bool {
        let (failed, seen) = self.counts();
        match devices {
            Some(few) if few < SMALL_SITE => few > 1 && failed >= few.div_ceil(2).max(2),
            _ => failed as usize >= SITE_FAILURES_MIN && failed * 2 >= seen,
        }
    }
}

proptest! {
    #[test]
    fn what_counts_is_the_latest_attempt_of_each_of_the_last_devices(
        says in prop::collection::vec((0_u64..12, prop::bool::weighted(0.4)), 1..120),
        devices in prop::sample::select(vec![3_u8, 9, 25, 40]),
        known in prop::bool::ANY,
    ) {
        let (mut window, mut plain) = (Window::default(), Plain::default());
        let known = known.then_some(u32::from(devices));
        for (started, (back, failed)) in (12_u64..).zip(says) {
            // Ends come late and out of order, each for one attempt at one device.
            let id = started - back;
            let device = (id * 7 % u64::from(devices)) as u8;
            let failed = failed.then_some(Class::Timeout);
            let name = DeviceName::new(format!("d{device}")).unwrap();
            window.push(id, &name.into(), failed, Timestamp(0));
            plain.push(id, device, failed);
            let ids: Vec<u64> = window.seen.iter().map(|seen| seen.id).collect();
            prop_assert_eq!(ids, plain.0.iter().map(|seen| seen.0).collect::<Vec<_>>());
            prop_assert_eq!(window.counts(), plain.counts());
            prop_assert_eq!(window.why_open(known, Timestamp(0)).is_some(), plain.opens(known));
        }
    }
}
