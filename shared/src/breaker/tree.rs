//! A site's breaker and its devices' together: one admission, one end, and the reports of what moved.

use super::device::DeviceBreaker;
use super::site::SiteBreaker;
use super::{Finished, Name, Permit, Refusal, Report, State, Wake};
use crate::id::{DeviceName, SiteName};
use crate::outcome::Class;
use crate::task::BreakerSettings;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What let one attempt start: must come back through [`Tree::finish`], whatever happens to the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Admission {
    device: DeviceName,
    at_site: Permit,
    at_device: Permit,
}

/// A breaker that does not live here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("find the breaker {name} at site {site}")]
pub struct NotHere {
    /// The breaker that was named.
    pub name: Name,
    /// The site that was asked.
    pub site: SiteName,
}

/// All breakers of one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    name: SiteName,
    site: SiteBreaker,
    /// Only devices that failed lately, or that an operator tripped.
    devices: BTreeMap<DeviceName, DeviceBreaker>,
    settings: BreakerSettings,
    moved: Vec<Report>,
}

impl Tree {
    /// Everything closed.
    pub fn new(site: SiteName, now: Timestamp) -> Self {
        Self {
            site: SiteBreaker::new(site.clone(), now),
            name: site,
            devices: BTreeMap::new(),
            settings: BreakerSettings::default(),
            moved: Vec::new(),
        }
    }

    /// The settings that hold from now on: the most cautious merge of all rollouts here.
    pub fn set_settings(&mut self, settings: BreakerSettings, now: Timestamp) {
        self.settings = settings;
        if self.site.apply_settings(&settings, now) {
            self.moved.push(self.site.report());
        }
    }

    /// Admits an attempt that ends by `deadline`, in the order site, then device. A refusal holds nothing.
    pub fn try_acquire(
        &mut self,
        device: &DeviceName,
        deadline: Timestamp,
        now: Timestamp,
    ) -> Result<Admission, Refusal> {
        let refusal = |who: Name, blocked: super::circuit::Blocked| Refusal {
            who,
            why: blocked.why,
            retry_at: blocked.retry_at,
        };
        let at_site = self
            .site
            .try_acquire(device, deadline, &self.settings)
            .map_err(|blocked| refusal(Name::Site(self.name.clone()), blocked))?;
        let breaker = self.devices.get_mut(device);
        let at_device = match breaker.map(|breaker| breaker.try_acquire(deadline, &self.settings)) {
            None => Permit { epoch: 0, probe: false, deadline },
            Some(Ok(permit)) => permit,
            Some(Err(blocked)) => {
                self.site.give_back(&at_site, device, now, &self.settings);
                return Err(refusal(Name::Device(device.clone()), blocked));
            }
        };
        Ok(Admission { device: device.clone(), at_site, at_device })
    }

    /// Takes an attempt's end to both levels. `Late` when the site has moved on since it began.
    pub fn finish(&mut self, admission: Admission, class: Class, now: Timestamp) -> Finished {
        let Admission { device, at_site, at_device } = admission;
        self.finish_at_device(&device, &at_device, class, now);
        let was = self.site.state();
        let finished = self.site.finish(&at_site, &device, class, now, &self.settings);
        if self.site.state() != was {
            self.moved.push(self.site.report());
        }
        finished
    }

    fn finish_at_device(&mut self, device: &DeviceName, permit: &Permit, class: Class, now: Timestamp) {
        let breaker =
            self.devices.entry(device.clone()).or_insert_with(|| DeviceBreaker::new(device.clone(), now));
        let was = breaker.state();
        breaker.finish(permit, class, now, &self.settings);
        if breaker.state() != was {
            self.moved.push(breaker.report(&self.name));
        }
        if breaker.is_calm(now) {
            self.devices.remove(device);
        }
    }

    /// How many more attempts the site's breaker would let start now; `None` when it sets no limit.
    pub fn allowance(&self) -> Option<u32> {
        self.site.allowance(&self.settings)
    }

    /// Opens a breaker by an operator's word; it does not heal with time.
    pub fn trip(&mut self, name: &Name, by: &str, reason: &str, now: Timestamp) -> Result<(), NotHere> {
        match name {
            Name::Site(site) if *site == self.name => {
                self.site.trip(by, reason, now);
                self.moved.push(self.site.report());
            }
            Name::Site(_) | Name::Credential { .. } | Name::Group { .. } | Name::Global { .. } => {
                return Err(NotHere { name: name.clone(), site: self.name.clone() });
            }
            Name::Device(device) => {
                let new = || DeviceBreaker::new(device.clone(), now);
                let breaker = self.devices.entry(device.clone()).or_insert_with(new);
                breaker.trip(by, reason, now);
                self.moved.push(breaker.report(&self.name));
            }
        }
        Ok(())
    }

    /// Closes a breaker by an operator's word, with its counters cleared. Also reports one that was
    /// closed already, so that whoever asked sees the answer.
    pub fn reset(&mut self, name: &Name, by: &str, reason: &str, now: Timestamp) -> Result<(), NotHere> {
        match name {
            Name::Site(site) if *site == self.name => {
                self.site.reset(by, reason, now);
                self.moved.push(self.site.report());
            }
            Name::Site(_) | Name::Credential { .. } | Name::Group { .. } | Name::Global { .. } => {
                return Err(NotHere { name: name.clone(), site: self.name.clone() });
            }
            Name::Device(device) => {
                let mut breaker =
                    self.devices.remove(device).unwrap_or_else(|| DeviceBreaker::new(device.clone(), now));
                breaker.reset(by, reason, now);
                self.moved.push(breaker.report(&self.name));
                // Kept, because its epoch tells results of attempts from before the reset apart.
                self.devices.insert(device.clone(), breaker);
            }
        }
        Ok(())
    }

    /// When something next happens by itself, to which breaker, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Name, Wake)> {
        let site = self.site.poll_timeout().map(|(at, wake)| (at, Name::Site(self.name.clone()), wake));
        let devices = self.devices.iter().filter_map(|(device, breaker)| {
            breaker.poll_timeout().map(|(at, wake)| (at, Name::Device(device.clone()), wake))
        });
        site.into_iter().chain(devices).min_by_key(|(at, _, _)| *at)
    }

    /// Moves on whatever is due at `now`.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.site.handle_timeout(now, &self.settings) {
            self.moved.push(self.site.report());
        }
        for breaker in self.devices.values_mut() {
            if breaker.handle_timeout(now, &self.settings) {
                self.moved.push(breaker.report(&self.name));
            }
        }
    }

    /// What moved since the last call, in order.
    pub fn take_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.moved)
    }

    /// The site's breaker, and every device's that is not closed.
    pub fn reports(&self) -> Vec<Report> {
        let devices = self.devices.values().filter(|breaker| breaker.state() != State::Closed);
        std::iter::once(self.site.report()).chain(devices.map(|breaker| breaker.report(&self.name))).collect()
    }
}

#[cfg(test)]
mod tests;
