//! What an agent's breakers keep across a restart.

use super::Tree;
use crate::breaker::circuit::KeptCircuit;
use crate::breaker::credential::{CredentialBreaker, KeptCredential};
use crate::breaker::device::{DeviceBreaker, KeptDevice};
use crate::breaker::silence::handshakes::Handshakes;
use crate::breaker::site::SiteBreaker;
use crate::id::{DeviceName, SiteName};
use crate::task::BreakerSettings;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The breakers of an agent as they are written down: states, what remains of each wait, rows of
/// openings, operators' words, handshake times. What was counted while closed is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    settings: BreakerSettings,
    site: KeptCircuit,
    handshakes: Handshakes,
    credentials: BTreeMap<String, KeptCredential>,
    devices: BTreeMap<DeviceName, KeptDevice>,
}

impl Tree {
    /// What a restart must not lose. Write it down whenever [`Tree::take_reports`] gave something.
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let (site, handshakes) = self.site.keep(now);
        let credentials = self.credentials.all().filter(|breaker| !breaker.is_untouched());
        let credentials = credentials.map(|breaker| (breaker.reference().to_owned(), breaker.keep(now)));
        let devices = self.devices.iter().map(|(name, breaker)| (name.clone(), breaker.keep(now)));
        Snapshot {
            settings: self.rules.settings,
            site,
            handshakes,
            credentials: credentials.collect(),
            devices: devices.collect(),
        }
    }

    /// The breakers as they go on after a restart: open ones wait for what remained, half-open ones probe
    /// again at once, a closed site starts slowly.
    pub fn restore(site: SiteName, snapshot: Snapshot, seed: u64, now: Timestamp) -> Self {
        let mut tree = Self::new(site.clone(), seed, now);
        tree.rules.settings = snapshot.settings;
        tree.site = SiteBreaker::restore(site.clone(), snapshot.site, snapshot.handshakes, now);
        for (reference, kept) in snapshot.credentials {
            tree.credentials.add(CredentialBreaker::restore(site.clone(), reference, kept, now));
        }
        let devices = snapshot.devices.into_iter();
        tree.devices =
            devices.map(|(name, kept)| (name.clone(), DeviceBreaker::restore(name, kept, now))).collect();
        let _nothing_is_reported = tree.site.apply(&tree.rules, now);
        tree
    }
}
