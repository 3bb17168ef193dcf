//! Full disks: the coordinator's, an agent's, both; sometimes who stands on it is killed too. Then there is room.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::time::Duration;
use switchyard_tests::tmpfs::Tmpfs;
use switchyard_tests::wait;
use switchyard_tests::world::World;

/// The coordinator's disk, and an agent's.
const SIZES: [&str; 2] = ["24m", "2m"];
/// How long a disk stays full, at most: twice a lease and more.
const FULL_MAX: Duration = Duration::from_secs(25);
/// The longest wait for a sign that work has resumed.
const RESUME_WITHIN: Duration = Duration::from_secs(60);
/// Every so many times who stands on the disk is killed while it is full.
const KILLED_EVERY: usize = 3;

/// Fills `count` times, each time in a world of its own: the coordinator's disk, an agent's, both in turn.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    let mut resumed = Vec::new();
    for number in 0..count {
        let world = World::new();
        let disks = [("coordinator", SIZES[0]), ("agent-s1", SIZES[1])]
            .map(|(who, size)| Tmpfs::mount(world.path(who), size));
        let terms = Terms { devices: 80, sites: 2, parallel: 4, faults: &["slow:1-80"] };
        let mut stage = Stage::in_world(world, &terms);
        let name = format!("full-{number}");
        stage.begin(&name);
        stage.wait_for_contacts(chance.number(4..50));
        let full = [number % 3 != 1, number % 3 != 0];
        let chosen = || disks.iter().zip(full).filter(|(_, full)| *full).map(|(disk, _)| disk);
        chosen().for_each(Tmpfs::fill);
        report.add("full disks", chosen().count());
        wait::pause(chance.time(FULL_MAX));
        if number % KILLED_EVERY == KILLED_EVERY - 1 {
            report.add("killed on a full disk", 1);
            if full[0] {
                stage.kill_coordinator();
            }
            if full[1] {
                stage.kill_agent(0);
            }
        }
        let has_more = stage.contacts(None) < stage.devices;
        chosen().for_each(Tmpfs::free);
        let start = wait::wall();
        stage.revive();
        if has_more {
            let seen = wait::within(RESUME_WITHIN, || stage.first_contact_after(start, None));
            resumed.push(seen.map_or(RESUME_WITHIN, |(at, _)| at.since(start)));
        }
        stage.finish(&name, report);
    }
    report.times("from room to the next device", &resumed);
}
