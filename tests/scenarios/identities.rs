//! Whose word counts for a site: one agent's, until a person gives the site to another one.

use super::readback::{assert_no_blind_write, patient};
use std::process::Command;
use switchyard_agent::simulator::Kind;
use switchyard_tests::programs::{self, Running};
use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

const DEVICES: usize = 12;
/// As many as the specs of [`patient`] have in flight at once.
const IN_FLIGHT: u64 = 4;

fn world(faults: &[&str]) -> World {
    let world = World::simulated(DEVICES, &format!("lab:1-{DEVICES}"), faults);
    world.write("device.cfg.j2", TEMPLATE);
    world
}

fn applied(world: &World) -> usize {
    (1..=DEVICES).filter(|number| world.applies(&device(*number)) > 0).count()
}

/// An agent of `lab` on a data folder that another one had.
fn agent_on(world: &World, data: &str) -> Running {
    let mut command = Command::new(programs::folder().join("switchyard-agent"));
    command.args(["run", "--site", "lab", "--coordinator", &world.server, "--data"]).arg(world.path(data));
    Running::start(&format!("agent on {data}"), command)
}

/// Waits until these devices know that nobody waits for them any more.
fn until_abandoned(world: &World, devices: std::ops::RangeInclusive<usize>) {
    let left = |number| world.ledger(&device(number)).iter().any(|event| event.event == Kind::Abandoned);
    wait::until("the devices are left alone", || devices.clone().all(left).then_some(()));
}

#[test]
fn a_site_that_is_taken_from_its_agent_is_read_by_the_next_one_and_the_former_one_is_refused() {
    let mut world = world(&["stall-after-write:4-5", "wait:6-12"]);
    world.say(&["apply", "-f", &patient(&world, "burnt"), "--no-wait"]);
    world.until_waiting(6..=7);
    wait::until("five devices are configured", || (applied(&world) == 5).then_some(()));
    world.agents.remove("lab").expect("an agent").kill();
    until_abandoned(&world, 6..=7);
    world.set_mode("good:4-12");
    world.rename("agent-lab", "agent-burnt");
    let said = world.document(&[
        "agent",
        "rebind",
        "--site",
        "lab",
        "--reason",
        "the machine burnt down",
        "--yes",
        "-o",
        "json",
    ]);
    assert_eq!(said["site_epoch"], 2, "{said}");
    assert_eq!(said["unknown"].as_array().map(Vec::len), Some(4), "those in flight: {said}");
    world.start_agent("lab");
    let former = agent_on(&world, "agent-burnt");
    let refused = former.line_with("no longer serves site lab");
    assert!(refused.contains("the machine burnt down"), "{refused}");
    let output = world.run(&["watch", "burnt", "-o", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output));
    let end = document(&output);
    let count = |state: &str| end["devices"][state].as_u64().expect("a count");
    // What a device had before, only the lost agent knew: one that was not configured yet needs a person.
    assert_eq!(count("succeeded") + count("unknown"), DEVICES as u64, "{end}");
    assert!(count("unknown") <= IN_FLIGHT, "{end}");
    assert_eq!(count("succeeded"), applied(&world) as u64, "what has it is found to have it: {end}");
    assert_no_blind_write(&world, DEVICES);
}

#[test]
fn two_agents_with_copies_of_one_data_folder_never_write_one_device_twice() {
    let mut world = world(&["wait:3-12"]);
    let path = world.write("twins.yaml", &spec("twins", "site = \"lab\"", 3, "")).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    world.until_waiting(3..=5);
    world.agents.remove("lab").expect("an agent").kill();
    until_abandoned(&world, 3..=5);
    world.set_mode("good:3-8");
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(world.path("agent-lab")).arg(world.path("agent-copy"));
    assert!(copy.status().expect("cp runs").success());
    world.start_agent("lab");
    world.until_waiting(9..=11);
    let mut copy = agent_on(&world, "agent-copy");
    world
        .coordinator
        .as_ref()
        .expect("a coordinator")
        .line_with("does not go on from the one that was known");
    wait::until("both were heard", || {
        let heard = |agent: &Running| agent.output().iter().any(|line| line.contains("connected to"));
        (heard(&copy) && heard(&world.agents["lab"])).then_some(())
    });
    copy.terminate();
    copy.exit_status();
    world.set_mode("good:9-12");
    let output = world.run(&["watch", "twins", "-o", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output));
    for number in 1..=DEVICES {
        let device = device(number);
        let writes = world.ledger(&device).iter().filter(|event| event.event.ends_a_write()).count();
        assert!(writes <= 1, "{device} was written to {writes} times: {:#?}", world.ledger(&device));
        assert!(world.ledger(&device).iter().any(|event| event.event == Kind::Contact) || writes == 0);
    }
}
