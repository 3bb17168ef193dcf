//! Coordinator and agents are killed in the middle: nothing is lost, nothing is done twice.

use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

const DEVICES: usize = 40;

fn slow_world(name: &str) -> (World, String) {
    let world = World::simulated(DEVICES, "lab:1-40", &["slow:1-40"]);
    world.write("device.cfg.j2", TEMPLATE);
    let path = world.write("slow.yaml", &spec(name, "site = \"lab\"", 4, ""));
    (world, path.display().to_string())
}

fn applied(world: &World) -> usize {
    (1..=DEVICES).filter(|number| world.applies(&device(*number)) > 0).count()
}

fn assert_told_truly(world: &World, end: &serde_json::Value) {
    let counts = &end["devices"];
    let number = |state: &str| counts[state].as_u64().unwrap_or_default();
    assert_eq!(number("succeeded") + number("unknown"), DEVICES as u64, "{end}");
    for number in 1..=DEVICES {
        assert!(world.applies(&device(number)) <= 1, "{} was configured twice", device(number));
    }
    let ledger = applied(world) as u64;
    assert!(number("succeeded") <= ledger, "{ledger} by the ledgers: {end}");
    assert!(number("unknown") >= ledger - number("succeeded"), "{ledger} by the ledgers: {end}");
}

#[test]
fn a_coordinator_killed_in_the_middle_resumes_its_rollout_from_its_log() {
    let (mut world, spec) = slow_world("kept");
    let mut watching = world.background(&["apply", "-f", &spec]);
    wait::until("some devices are configured", || (applied(&world) >= 6).then_some(()));
    world.coordinator.as_mut().unwrap().kill();
    world.start_coordinator();
    assert_eq!(
        watching.exit_status(),
        0,
        "the watcher followed through the restart: {:#?}",
        watching.output()
    );
    let end = world.document(&["watch", "kept", "-o", "json"]);
    assert_eq!(end["devices"]["succeeded"], DEVICES, "{end}");
    assert_told_truly(&world, &end);
}

#[test]
fn an_agent_killed_in_the_middle_leaves_doubt_as_unknown_and_configures_nothing_twice() {
    let (mut world, spec) = slow_world("doubt");
    let mut watching = world.background(&["apply", "-f", &spec]);
    wait::until("some devices are configured", || (applied(&world) >= 6).then_some(()));
    world.agents.get_mut("lab").unwrap().kill();
    world.start_agent("lab");
    let status = watching.exit_status();
    let end = world.document(&["watch", "doubt", "-o", "json"]);
    assert_told_truly(&world, &end);
    let unknown = end["devices"]["unknown"].as_u64().unwrap();
    assert_eq!(status, if unknown > 0 { 3 } else { 0 }, "{end}");
    let mut agent = world.agents.remove("lab").expect("an agent");
    agent.terminate();
    assert_eq!(agent.exit_status(), 0);
    world.launch_agent("lab");
    world.agents["lab"].line_with(" 0 results to deliver");
}

#[test]
fn both_killed_at_once_come_back_and_end_the_rollout() {
    let (mut world, spec) = slow_world("both");
    world.say(&["apply", "-f", &spec, "--no-wait"]);
    wait::until("some devices are configured", || (applied(&world) >= 6).then_some(()));
    world.agents.get_mut("lab").unwrap().kill();
    world.coordinator.as_mut().unwrap().kill();
    world.start_coordinator();
    world.start_agent("lab");
    let output = world.run(&["watch", "both", "-o", "json"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output));
    assert_told_truly(&world, &document(&output));
}

#[test]
fn a_second_coordinator_or_agent_on_one_data_folder_is_refused() {
    let world = World::simulated(1, "lab:1", &[]);
    let data = world.path("coordinator").display().to_string();
    let output = world.run(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(
        !output.status.success() && text(&output).contains("another switchyard serve"),
        "{}",
        text(&output)
    );
    let mut agent = std::process::Command::new(switchyard_tests::programs::folder().join("switchyard-agent"));
    agent
        .args(["run", "--site", "lab", "--coordinator", &world.server, "--data"])
        .arg(world.path("agent-lab"));
    let output = agent.output().unwrap();
    assert!(!output.status.success() && text(&output).contains("agent-lab"), "{}", text(&output));
}

#[test]
fn a_damaged_or_missing_database_is_never_started_empty() {
    let mut world = World::simulated(1, "lab:1", &[]);
    world.coordinator.as_ref().unwrap().terminate();
    world.coordinator.as_mut().unwrap().exit_status();
    let data = world.path("coordinator").display().to_string();
    let serve = || world.run(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    for part in ["switchyard.db", "switchyard.db-wal", "switchyard.db-shm"] {
        if world.path(&format!("coordinator/{part}")).exists() {
            world.rename(&format!("coordinator/{part}"), part);
        }
    }
    let output = serve();
    assert!(
        !output.status.success() && text(&output).contains("restore it from a backup"),
        "{}",
        text(&output)
    );
    world.write("coordinator/switchyard.db", &"x".repeat(5000));
    let output = serve();
    assert!(!output.status.success() && text(&output).contains("nothing was changed"), "{}", text(&output));
}
