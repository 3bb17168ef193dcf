//! The README's path from nothing to a rollout, line by line.

use std::io::Read as _;
use std::process::{Command, Stdio};
use switchyard_tests::programs;
use switchyard_tests::world::{World, device};

/// The shell block that follows the mark in the README.
fn commands() -> String {
    let readme = include_str!("../../README.md");
    let block = readme.split("<!-- a test runs exactly these lines -->").nth(1).expect("the mark is there");
    block.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a shell block").to_owned()
}

#[test]
fn the_readmes_six_commands_lead_from_nothing_to_a_finished_rollout() {
    let commands = commands();
    assert!(commands.lines().count() <= 6, "{commands}");
    let mut world = World::new();
    world.simulate(4, "ams:1-2,lon:3-4", &[]);
    let inventory = world.read("devices/inventory.yaml");
    world.write("home/inventory.yaml", &inventory);
    world.write("home/motd.cfg.j2", "banner {{ device.name }}\n");
    let spec = switchyard_tests::world::spec("motd", "site = \"ams\" OR site = \"lon\"", 10, "");
    world.write("home/rollout.yaml", &spec.replace("device.cfg.j2", "motd.cfg.j2"));
    let path = format!("{}:{}", programs::folder().display(), std::env::var("PATH").unwrap_or_default());
    let script = format!("set -e\ntrap 'kill $(jobs -p)' EXIT\n{commands}");
    let mut shell = Command::new("bash")
        .args(["-c", &script])
        .current_dir(world.path("home"))
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = shell.wait().unwrap();
    let mut said = String::new();
    shell.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success(), "{said}");
    assert!((1..=4).all(|number| world.applies(&device(number)) == 1), "{said}");
}
