//! From an inventory without a pinned key to a plan, by what devices show and a person accepts.

use switchyard_agent::simulator::Kind;
use switchyard_tests::world::{World, device, document, text};

const STRANGE: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// Devices at `lab` and `far`, where no agent is, imported with these words for their keys.
fn world(keys: &str) -> World {
    let mut world = World::new();
    world.simulate(4, "lab:1-3,far:4", &[]);
    world.start_coordinator();
    world.start_agent("lab");
    let inventory: Vec<String> = world
        .read("devices/inventory.yaml")
        .lines()
        .map(|line| if line.starts_with("  host_keys:") { keys.to_owned() } else { line.to_owned() })
        .collect();
    let path = world.write("inventory.yaml", &inventory.join("\n"));
    world.import(&path);
    world.write("device.cfg.j2", switchyard_tests::world::TEMPLATE);
    let readable = switchyard_tests::world::spec("trusted", "site = \"lab\"", 5, "");
    world.write("spec.yaml", &readable.replace("{command: load}", "{command: load, read: show}"));
    world
}

fn logins(world: &World) -> usize {
    let of =
        |number| world.ledger(&device(number)).into_iter().filter(|event| event.event == Kind::Login).count();
    (1..=4).map(of).sum()
}

#[test]
fn a_fleet_without_pins_is_collected_reviewed_imported_and_then_planned() {
    let world = world("");
    let refused = world.run(&["plan", "spec.yaml"]);
    assert_eq!(refused.status.code(), Some(13), "{}", text(&refused));
    assert!(text(&refused).contains("switchyard device trust dev001"), "{}", text(&refused));

    let collected = world.run(&["device", "trust", "--write", "keys.yaml"]);
    assert_eq!(collected.status.code(), Some(3), "one site has no agent: {}", text(&collected));
    assert!(text(&collected).contains("no agent of far is connected"), "{}", text(&collected));
    assert!(text(&collected).contains("4 devices   3 new   1 not reached"), "{}", text(&collected));
    assert_eq!((logins(&world), world.applies("dev001")), (0, 0), "nobody logged in");
    assert!((1..=3).all(|number| world.contacts(&device(number)) > 0));
    let still = world.run(&["plan", "spec.yaml"]);
    assert_eq!(still.status.code(), Some(13), "nothing is trusted before a person accepts it");

    world.say(&["inventory", "import", "inventory.yaml", "--host-keys", "keys.yaml"]);
    let planned = world.document(&["plan", "spec.yaml", "-o", "json"]);
    assert_eq!(planned["comparison"]["changes"], 3, "{planned}");
    let again = world.run(&["device", "trust", "-l", "site = \"lab\"", "-o", "json"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    assert_eq!(document(&again)["counts"]["pinned"], 3, "{}", text(&again));
}

#[test]
fn a_device_that_shows_none_of_its_pins_is_told_as_changed_and_stays_untrusted() {
    let world = world(&format!("  host_keys: [\"{STRANGE}\"]"));
    let output = world.run(&["device", "trust", "dev001", "dev002", "--write", "keys.yaml"]);
    assert_eq!(output.status.code(), Some(6), "{}", text(&output));
    assert!(text(&output).contains(&format!("CHANGED: pinned is {STRANGE}")), "{}", text(&output));
    world.say(&["inventory", "import", "inventory.yaml", "--host-keys", "keys.yaml"]);
    let after = world.run(&["device", "trust", "dev001"]);
    assert_eq!(after.status.code(), Some(6), "importing the file as it is accepts nothing: {}", text(&after));
    assert_eq!(logins(&world), 0);
}
