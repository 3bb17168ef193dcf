//! Real OpenSSH servers, believed only by their own ledgers.

use switchyard_tests::world::{TEMPLATE, World, device, document, spec};

/// `devices` real servers at the site `lab`, some of them silent, in an empty world.
pub fn openssh_world(mut world: World, devices: usize, hang: Option<&str>) -> World {
    world.openssh(devices, hang);
    world.start_coordinator();
    world.start_agent("lab");
    world.import(&world.path("devices/inventory.yaml"));
    world.write("device.cfg.j2", TEMPLATE);
    world
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn an_agent_killed_while_sshd_works_configures_nothing_twice() {
    let mut world = openssh_world(World::new(), 30, None);
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
