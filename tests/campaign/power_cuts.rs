//! Power cuts: coordinator and agents keep their data on an ext4 of its own, of which only what reached the disk
//! is there when they start again. The devices and the operator keep their power: they know what was true.
//!
//! The disk is a file. A copy of it, taken while it is mounted and everybody who writes to it stands still, has
//! what was synced and what the kernel happened to write, and nothing else.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use switchyard_tests::wait;
use switchyard_tests::world::World;

/// Cuts of one rollout.
const CUTS_A_ROLLOUT: usize = 5;
/// How large the disk is.
const DISK: &str = "128M";
/// Copies that are tried until two in a row are the same.
const COPIES_MAX: usize = 20;
/// Devices answer late; some take the change and say nothing, or never end.
const FAULTS: [&str; 3] = ["slow:1-200", "stall:120", "drop-after-write:160"];

/// Cuts the power `count` times.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    let mut left = count;
    while left > 0 {
        let world = World::new();
        let mut disk = Disk::new(&world, &["coordinator", "agent-s1", "agent-s2"]);
        let terms = Terms { devices: 200, sites: 2, parallel: 8, faults: &FAULTS };
        let mut stage = Stage::in_world(world, &terms);
        let name = format!("power-cuts-{left}");
        stage.begin(&name);
        let cuts = left.min(CUTS_A_ROLLOUT);
        for number in 0..cuts {
            let width = stage.devices * 4 / 5 / cuts;
            let threshold = chance.number(number * width..(number + 1) * width);
            let delay = chance.time(Duration::from_millis(700));
            if !stage.wait_for_contacts(threshold) {
                report.add("rollouts that ended before all cuts", 1);
                break;
            }
            wait::pause(delay);
            cut(&mut stage, &mut disk);
            report.add("power cuts", 1);
        }
        stage.finish(&name, report);
        report.add("rollouts", 1);
        stage.kill_coordinator();
        (0..stage.sites.len()).for_each(|site| stage.kill_agent(site));
        disk.unmount();
        left -= cuts;
    }
}

/// Takes the power from everybody at once, and starts them from what is left.
fn cut(stage: &mut Stage, disk: &mut Disk) {
    let running = || stage.world.coordinator.iter().chain(stage.world.agents.values());
    running().for_each(|program| program.freeze());
    disk.copy();
    stage.kill_coordinator();
    (0..stage.sites.len()).for_each(|site| stage.kill_agent(site));
    disk.swap();
    stage.revive();
}

/// A file with an ext4 in it, mounted.
struct Disk {
    folder: PathBuf,
    mounted: bool,
    images: usize,
}

impl Disk {
    /// A new one in the world's folder, on which `data` lies.
    fn new(world: &World, data: &[&str]) -> Self {
        let disk = Self { folder: world.path(""), mounted: true, images: 1 };
        let (image, at) = (disk.image(1), disk.at());
        say(Command::new("truncate").args(["-s", DISK]).arg(&image));
        say(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        say(Command::new("mkdir").arg(&at));
        mount(&image, &at);
        for name in data {
            say(Command::new("mkdir").arg(at.join(name)));
            say(Command::new("ln").arg("-s").arg(at.join(name)).arg(world.path(name)));
        }
        say(&mut Command::new("sync"));
        disk
    }

    fn at(&self) -> PathBuf {
        self.folder.join("disk")
    }

    fn image(&self, number: usize) -> PathBuf {
        self.folder.join(format!("image-{number}"))
    }

    /// Copies what is on the disk now. The kernel may write of its own accord: then once more.
    fn copy(&self) {
        let (image, first, second) = (self.image(self.images), self.image(self.images + 1), self.image(0));
        let copy = |to: &Path| say(Command::new("cp").arg("--sparse=always").arg(&image).arg(to));
        copy(&first);
        for _ in 0..COPIES_MAX {
            copy(&second);
            if Command::new("cmp").arg("-s").args([&first, &second]).status().is_ok_and(|same| same.success())
            {
                return;
            }
            copy(&first);
        }
        panic!("the disk never stood still");
    }

    /// Mounts the copy in the place of what was copied.
    fn swap(&mut self) {
        self.unmount();
        say(Command::new("rm").arg(self.image(self.images)));
        self.images += 1;
        mount(&self.image(self.images), &self.at());
        self.mounted = true;
    }

    fn unmount(&mut self) {
        if std::mem::take(&mut self.mounted) {
            say(Command::new("umount").arg(self.at()));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _gone_or_left = Command::new("umount").arg("-l").arg(self.at()).status();
        }
    }
}

fn mount(image: &Path, at: &Path) {
    say(Command::new("mount").args(["-o", "loop"]).arg(image).arg(at));
}

fn say(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?} (needs root): {}", String::from_utf8_lossy(&done.stderr));
}
