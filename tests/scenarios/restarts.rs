//! Programs that are asked to end drain and go on later; a coordinator on an older copy of its database serves
//! no work until a person says so.

use super::readback::{assert_no_blind_write, patient};
use std::process::Command;
use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, text};

const DEVICES: usize = 24;

/// A rollout in the middle: four devices have it, the next four are at it, and no other begins before these are told.
fn rolling_out(name: &str) -> World {
    let world = World::simulated(DEVICES, &format!("lab:1-{DEVICES}"), &[&format!("wait:5-{DEVICES}")]);
    world.write("device.cfg.j2", TEMPLATE);
    world.say(&["apply", "-f", &patient(&world, name), "--no-wait"]);
    world.until_waiting(5..=8);
    wait_for(&world, 4);
    world
}

fn applied(world: &World) -> usize {
    (1..=DEVICES).filter(|number| world.applies(&device(*number)) > 0).count()
}

fn wait_for(world: &World, devices: usize) {
    wait::until("some devices are configured", || (applied(world) >= devices).then_some(()));
}

/// Waits for the end: every device has it, and none was written to blindly.
fn ends_well(world: &World, name: &str) {
    let output = world.run(&["watch", name, "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let end = document(&output);
    let count = |state: &str| end["devices"][state].as_u64().expect("a count");
    assert_eq!(count("succeeded") + count("unchanged"), DEVICES as u64, "{end}");
    assert_no_blind_write(world, DEVICES);
    for number in 1..=DEVICES {
        assert_eq!(world.applies(&device(number)), 1, "{}", device(number));
    }
}

#[test]
fn a_coordinator_that_is_asked_to_end_ends_with_0_and_its_rollout_goes_on_when_it_is_started_again() {
    let mut world = rolling_out("calm");
    let mut coordinator = world.coordinator.take().expect("a coordinator");
    coordinator.terminate();
    assert_eq!(coordinator.exit_status(), 0, "{:#?}", coordinator.output());
    world.start_coordinator();
    world.set_mode(&format!("good:5-{DEVICES}"));
    ends_well(&world, "calm");
}

#[test]
fn an_agent_that_is_asked_to_end_finishes_what_it_writes_ends_with_0_and_leaves_no_doubt() {
    let mut world = rolling_out("drained");
    let mut agent = world.agents.remove("lab").expect("an agent");
    agent.terminate();
    agent.line_with("shutting down: starting nothing new, 4 attempts still run");
    world.set_mode("good:5-8");
    assert_eq!(agent.exit_status(), 0, "{:#?}", agent.output());
    let status = world.document(&["status", "drained", "-o", "json"]);
    assert_eq!(status["devices"]["unknown"], 0, "{status}");
    assert_eq!(applied(&world), 8, "what it wrote has ended, and nothing else began");
    world.set_mode(&format!("good:9-{DEVICES}"));
    world.start_agent("lab");
    assert!(
        !world.agents["lab"].output().iter().any(|line| line.contains("stopped while it wrote")),
        "{:#?}",
        world.agents["lab"].output()
    );
    ends_well(&world, "drained");
}

#[test]
fn an_agent_with_a_file_that_hangs_ends_with_0_when_it_is_asked_to_end() {
    let mut world = World::simulated(1, "lab:1-1", &[]);
    // Whoever opens it waits for somebody who writes it.
    let file = world.path("agent-lab/secret-commands.yaml");
    assert!(Command::new("mkfifo").arg(file).status().is_ok_and(|made| made.success()));
    world.import_with(|_| "credential_ref: \"exec:pass#key\"".to_owned());
    world.write("device.cfg.j2", TEMPLATE);
    world.say(&["apply", "-f", &patient(&world, "hanging"), "--no-wait"]);
    let running = || world.document(&["status", "hanging", "-o", "json"])["devices"]["running"] == 1;
    wait::until("the device is worked on", || running().then_some(()));
    let mut agent = world.agents.remove("lab").expect("an agent");
    agent.terminate();
    assert_eq!(agent.exit_status(), 0, "{:#?}", agent.output());
}

const DATABASE: [&str; 3] = ["switchyard.db", "switchyard.db-wal", "switchyard.db-shm"];

fn copy(world: &World, from: &str, to: &str) {
    for part in DATABASE {
        let (from, to) = (world.path(from).join(part), world.path(to).join(part));
        let _there_was_none = std::fs::remove_file(&to);
        if from.exists() {
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            std::fs::copy(from, to).expect("a copy");
        }
    }
}

fn end_coordinator(world: &mut World) {
    let mut coordinator = world.coordinator.take().expect("a coordinator");
    coordinator.terminate();
    assert_eq!(coordinator.exit_status(), 0);
}

#[test]
fn on_an_older_copy_of_its_database_a_coordinator_starts_nothing_until_the_later_epoch_is_adopted() {
    let mut world = rolling_out("restored");
    end_coordinator(&mut world);
    copy(&world, "coordinator", "backup");
    world.start_coordinator();
    world.set_mode("good:5-12");
    world.until_waiting(13..=16);
    wait_for(&world, 12);
    end_coordinator(&mut world);
    copy(&world, "backup", "coordinator");
    world.start_coordinator();
    world.agents["lab"].line_with("switchyard admin adopt-epoch");
    world.set_mode(&format!("good:13-{DEVICES}"));
    wait_for(&world, 16);
    let logins = || (1..=DEVICES).map(|number| world.contacts(&device(number))).sum::<usize>();
    let before = logins();
    assert_eq!(applied(&world), 16, "what ran has ended, and there is something left to do");
    let status = text(&world.run(&["status", "restored"]));
    assert!(status.contains("adopt-epoch"), "the operator is told what to do: {status}");
    wait::pause(std::time::Duration::from_secs(3));
    assert_eq!(logins(), before, "no device is touched before a person has decided");
    let said = world.say(&["admin", "adopt-epoch", "--reason", "the disk died", "--yes"]);
    assert!(said.contains("UNKNOWN"), "{said}");
    let output = world.run(&["watch", "restored", "-o", "json"]);
    let end = document(&output);
    let count = |state: &str| end["devices"][state].as_u64().expect("a count");
    // What a device had before, the backup does not know: one that was not configured yet needs a person.
    assert_eq!(count("succeeded") + count("unknown"), DEVICES as u64, "{end}");
    assert_eq!(count("succeeded"), applied(&world) as u64, "what has it is found to have it: {end}");
    assert_no_blind_write(&world, DEVICES);
}
