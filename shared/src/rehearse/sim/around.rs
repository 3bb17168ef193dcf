//! What surrounds the rollout: every site's agent is connected, and no other rollout is there.

use super::site::Site;
use crate::breaker::Report;
use crate::id::{DeviceName, RolloutName, SiteName};
use crate::rollout::{SiteView, Surroundings};
use std::collections::BTreeMap;

pub(super) struct Around<'a> {
    pub sites: &'a [Site],
    pub names: &'a [SiteName],
    pub device_breakers: &'a BTreeMap<DeviceName, Report>,
}

impl Around<'_> {
    fn view(&self, number: usize) -> SiteView {
        let site = &self.sites[number];
        SiteView {
            connected: true,
            credit: site.granted(),
            breaker: site.report.clone(),
            in_flight: u32::try_from(site.in_flight.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Surroundings for Around<'_> {
    fn site(&self, site: &SiteName) -> SiteView {
        self.names.binary_search(site).map_or_else(|_| SiteView::default(), |number| self.view(number))
    }

    fn site_at(&self, number: usize, _site: &SiteName) -> SiteView {
        self.view(number)
    }

    fn device_breaker(&self, device: &DeviceName) -> Option<Report> {
        self.device_breakers.get(device).cloned()
    }

    fn held_by_other(&self, _device: &DeviceName, _me: &RolloutName) -> Option<RolloutName> {
        None
    }
}
