//! Other pinned keys close what a strange host key opened, as another secret closes what a refused one opened.

use super::effect::Turn;
use super::world::World;
use switchyard_proto::convert::link::{BreakerAction, FromCoordinator};
use switchyard_shared::breaker::{Name, Report};
use switchyard_shared::id::{DeviceName, SiteName};
use switchyard_shared::inventory::{Device, Inventory};

impl World {
    /// Has the devices tried again for which `next` pins other keys than the inventory in force, and which are kept away
    /// from for a strange one.
    pub(super) fn try_repinned(&mut self, next: &Inventory, turn: &mut Turn) {
        let strange = self.fleet.breakers.values().filter(|report| report.is_of_a_strange_key());
        let repinned: Vec<(DeviceName, Report)> = strange
            .filter_map(|report| {
                let Name::Device(device) = &report.name else { return None };
                let before = self.inventory.device(device.as_str()).map(pins);
                let after = next.device(device.as_str()).map(pins);
                (after.is_some() && after != before).then(|| (device.clone(), report.clone()))
            })
            .collect();
        for (device, report) in repinned {
            self.repinned.insert(device);
            if let Some(site) = &report.site {
                self.reset_repinned(site, &report.name, turn);
            }
        }
    }

    /// An agent that was away when other keys were pinned hears of it before anything is handed out to the device.
    pub(super) fn reset_if_repinned(&mut self, site: &SiteName, report: &Report, turn: &mut Turn) {
        let Name::Device(device) = &report.name else { return };
        if !self.repinned.contains(device) {
            return;
        }
        match report.is_of_a_strange_key() {
            true => self.reset_repinned(site, &report.name, turn),
            false => drop(self.repinned.remove(device)),
        }
    }

    fn reset_repinned(&self, site: &SiteName, name: &Name, turn: &mut Turn) {
        let Some(session) = self.fleet.sessions.get(site) else { return };
        let (by, reason) = ("auto".to_owned(), "other keys are pinned for it".to_owned());
        let (name, action) = (name.clone(), BreakerAction::Reset);
        turn.send(&session.outbox, FromCoordinator::Breaker { name, action, by, reason });
    }
}

/// What proves to us that it is the device.
fn pins(device: &Device) -> (&[String], &[String]) {
    (&device.host_keys, &device.connections.ssh.host_ca)
}
