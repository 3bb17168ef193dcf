//! The main job against real OpenSSH servers, believed only by their own ledgers.

use std::time::Duration;
use switchyard_tests::wait::timed;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

const SILENT: &str = "  breakers: {site: {skip_after: 0s}}\n  timeouts: {connect: 5s, command: 30s}\n";

fn openssh_world(devices: usize, hang: Option<&str>) -> World {
    let mut world = World::new();
    world.openssh(devices, hang);
    world.start_coordinator();
    world.start_agent("lab");
    world.import(&world.path("devices/inventory.yaml"));
    world.write("device.cfg.j2", TEMPLATE);
    world
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn fifty_four_silent_devices_cost_one_timeout_and_at_most_fourteen_contacts() {
    let world = openssh_world(100, Some("47-100"));
    let good =
        world.write("good.yaml", &spec("good", "name <= \"dev046\"", 10, SILENT)).display().to_string();
    let all = world.write("all.yaml", &spec("all", "site = \"lab\"", 10, SILENT)).display().to_string();
    let (alone, took_alone) = timed(|| world.run(&["apply", "-f", &good, "-o", "json"]));
    assert_eq!(alone.status.code(), Some(0), "{}", text(&alone));
    let (output, took) = timed(|| world.run(&["apply", "-f", &all, "-o", "json"]));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let end = document(&output);
    assert_eq!(end["devices"]["succeeded"], 46, "{end}");
    for number in 1..=100 {
        let expected = if number <= 46 { 2 } else { 0 };
        assert_eq!(world.applies(&device(number)), expected, "{}: once for each rollout", device(number));
    }
    let contacted = (47..=100).filter(|number| world.contacts(&device(*number)) > 0).count();
    assert!(contacted <= 14, "{contacted} silent devices were contacted");
    println!(
        "46 good devices alone {took_alone:?}, with 54 silent ones {took:?}, {contacted} of those contacted"
    );
    let bound = took_alone + Duration::from_secs(5) + Duration::from_secs(2);
    assert!(took <= bound, "{took:?}, and {bound:?} is what one timeout and two seconds allow");
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn an_agent_killed_while_sshd_works_configures_nothing_twice() {
    let mut world = openssh_world(30, None);
    let path = world.write("killed.yaml", &spec("killed", "site = \"lab\"", 5, "")).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    let applied = |world: &World| (1..=30).filter(|number| world.applies(&device(*number)) > 0).count();
    switchyard_tests::wait::until("some are configured", || (applied(&world) >= 5).then_some(()));
    world.agents.get_mut("lab").unwrap().kill();
    world.start_agent("lab");
    let output = world.run(&["watch", "killed", "-o", "json"]);
    let end = document(&output);
    let number = |state: &str| end["devices"][state].as_u64().unwrap();
    assert_eq!(number("succeeded") + number("unknown"), 30, "{end}");
    assert!((1..=30).all(|number| world.applies(&device(number)) <= 1), "{end}");
}
