//! A bad change stops by its own results: what is bad is named and held, the rest goes on, and a person decides.

use serde_json::Value;
use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

const DEVICES: usize = 300;
/// Devices of the platform that refuses the change, by number.
const JUNOS: std::ops::RangeInclusive<usize> = 201..=300;

/// 300 devices of three platforms and six roles at two sites; those of `faults` misbehave.
fn fleet(faults: &[&str]) -> World {
    let world = World::simulated(DEVICES, "ams:1-150,lon:151-300", faults);
    world.import_with(|number| {
        let platform = ["ios", "eos", "junos"][(number - 1) / 100];
        format!("platform: {platform}, role: role{}", number % 6)
    });
    world.write("device.cfg.j2", TEMPLATE);
    world
}

/// A rollout to all of them, shuffled as it is unless somebody asks for another order.
fn to_all(world: &World, name: &str) -> String {
    let spec = spec(name, "name = \"dev*\"", 25, "").replace("    order: listed\n", "");
    world.write(&format!("{name}.yaml"), &spec).display().to_string()
}

fn rejected(world: &World) -> usize {
    (1..=DEVICES).map(|number| world.rejects(&device(number))).sum()
}

fn configured(world: &World) -> usize {
    (1..=DEVICES).filter(|number| world.applies(&device(*number)) > 0).count()
}

fn assert_paused(output: &std::process::Output) -> Value {
    assert_eq!(output.status.code(), Some(6), "{}", text(output));
    let end = document(output);
    assert_eq!(end["state"], "PAUSED", "{end}");
    end
}

#[test]
fn a_platform_that_always_refuses_is_named_and_held_alone_and_one_of_it_goes_first_after_a_resume() {
    let world = fleet(&["reject:201-300"]);
    let path = to_all(&world, "partly");
    let end = assert_paused(&world.run(&["apply", "-f", &path, "-o", "json"]));
    assert_eq!(end["breakers"][0]["name"], "rollout/partly/group/platform=junos", "the stop names it: {end}");
    let harmed = rejected(&world);
    assert!((2..=8).contains(&harmed), "{harmed} devices refused it: {end}");
    assert_eq!(configured(&world), 200, "all others have it: {end}");
    assert!(JUNOS.clone().all(|number| world.applies(&device(number)) == 0));

    world.say(&["rollout", "resume", "partly", "--reason", "look again"]);
    assert_paused(&world.run(&["watch", "partly", "-o", "json"]));
    assert_eq!(rejected(&world), harmed + 1, "one goes first, and its failure holds the others again");

    world.set_mode("good:201-300");
    world.say(&["rollout", "resume", "partly", "--reason", "the platform is mended"]);
    let ended = world.run(&["watch", "partly", "-o", "json"]);
    assert_eq!(ended.status.code(), Some(3), "those that refused it have failed: {}", text(&ended));
    assert_eq!(configured(&world), DEVICES - rejected(&world), "{}", text(&ended));
}

#[test]
fn a_change_that_everything_refuses_harms_two_devices() {
    let world = fleet(&["reject:1-300"]);
    let path = to_all(&world, "wholly");
    let end = assert_paused(&world.run(&["apply", "-f", &path, "-o", "json"]));
    assert_eq!((rejected(&world), configured(&world)), (2, 0), "{end}");
    assert_eq!((&end["devices"]["failed"], &end["devices"]["pending"]), (&2.into(), &298.into()), "{end}");
}

#[test]
fn a_hold_outlives_a_coordinator_that_is_killed_right_after_it() {
    let mut world = fleet(&["reject:201-300", "slow:1-200"]);
    let path = to_all(&world, "kept");
    let mut watching = world.background(&["apply", "-f", &path, "-o", "json"]);
    let held = |world: &World| text(&world.run(&["status", "kept"])).contains("platform=junos").then_some(());
    wait::until("the platform is held", || held(&world));
    world.coordinator.as_mut().unwrap().kill();
    world.start_coordinator();
    wait::until("the hold is there after the restart", || held(&world));
    assert_eq!(watching.exit_status(), 6, "{:#?}", watching.output());
    assert_eq!(configured(&world), 200, "the others went on");
    assert!(rejected(&world) <= 8, "{} devices refused it", rejected(&world));
}
