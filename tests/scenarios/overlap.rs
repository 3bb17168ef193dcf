//! Two rollouts on overlapping devices: neither touches a device that the other holds, and both end.

use switchyard_tests::world::{TEMPLATE, World, device, spec};

#[test]
fn two_rollouts_on_the_same_devices_take_turns_and_both_end() {
    let world = World::simulated(12, "lab:1-12", &["slow:1-12"]);
    world.write("device.cfg.j2", TEMPLATE);
    let first = world.write("first.yaml", &spec("first", "name <= \"dev008\"", 3, ""));
    let second = world.write("second.yaml", &spec("second", "name >= \"dev005\"", 3, ""));
    let mut one = world.background(&["apply", "-f", &first.display().to_string()]);
    let mut other = world.background(&["apply", "-f", &second.display().to_string()]);
    assert_eq!((one.exit_status(), other.exit_status()), (0, 0), "{:#?} {:#?}", one.output(), other.output());
    for number in 1..=12 {
        let expected = if (5..=8).contains(&number) { 2 } else { 1 };
        assert_eq!(world.applies(&device(number)), expected, "{}", device(number));
    }
}

#[test]
fn the_same_rollout_applied_again_is_refused_while_it_runs_and_numbered_when_it_has_ended() {
    let world = World::simulated(2, "lab:1-2", &["wait:1-2"]);
    world.write("device.cfg.j2", TEMPLATE);
    let path = world.write("again.yaml", &spec("again", "site = \"lab\"", 1, "")).display().to_string();
    let mut first = world.background(&["apply", "-f", &path]);
    world.until_waiting([1]);
    let refused = world.run(&["apply", "-f", &path]);
    let said = switchyard_tests::world::text(&refused);
    assert!(said.contains("switchyard watch again") && said.contains("rollout abort again"), "{said}");
    world.set_mode("good:1-2");
    assert_eq!(first.exit_status(), 0, "{:#?}", first.output());
    let end = world.document(&["apply", "-f", &path, "-o", "json"]);
    assert_eq!(end["rollout"], "rollouts/again-2", "{end}");
}
