//! Simulated gNMI targets through all layers: what plan shows, what apply does, and the way back.

use serde_json::Value;
use std::net::Ipv4Addr;
use switchyard_agent::simulator::gnmi::{GnmiFault, GnmiFleet, Told};
use switchyard_tests::wait;
use switchyard_tests::world::{World, document, text};
use tokio::runtime::Runtime;

const CHANGE: &str =
    r#"{"/interfaces/interface[name=eth0]/config": {"mtu": 9000}, "/system/config/motd-banner": null}"#;
const BROKEN: &str = r#"{"/interfaces/interface[name=eth1]/config/mtu": 70000}"#;

/// Two targets behind an agent of their own. The runtime carries them.
struct Lab {
    world: World,
    fleet: GnmiFleet,
    _data: tempfile::TempDir,
    _runtime: Runtime,
}

impl Lab {
    /// At addresses of their own: 127.11.`net`.1 on.
    fn new(net: u8) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let data = tempfile::tempdir().expect("a folder");
        let fleet = runtime.block_on(GnmiFleet::start(data.path(), 2, Ipv4Addr::new(127, 11, net, 1), 0));
        let (mut world, fleet) = (World::new(), fleet.expect("targets"));
        world.start_coordinator();
        world.start_agent("lab");
        world.import(&world.write("inventory.yaml", &fleet.inventory_yaml()));
        Self { world, fleet, _data: data, _runtime: runtime }
    }
}

#[test]
fn over_gnmi_plan_shows_the_true_diff_apply_makes_it_once_and_rollback_takes_it_back() {
    let Lab { world, fleet, .. } = &Lab::new(7);
    let running = || fleet.targets().iter().map(|(_, target)| target.running()).collect::<Vec<Value>>();
    let told = || fleet.targets().iter().map(|(_, target)| target.told()).collect::<Vec<_>>();
    let before = running();
    let spec = |name: &str, template: &str| {
        world.write(&format!("{name}.j2"), template);
        let spec = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change: {{templates: \
             {{default: {name}.j2}}}}\n  checks:\n    post: [{{name: mtu, type: gnmi_get, path: \
             \"/interfaces/interface[name=eth0]/config/mtu\", expect: \">= 1500\"}}]\n"
        );
        world.write(&format!("{name}.yaml"), &spec).display().to_string()
    };

    let mtu = spec("mtu", CHANGE);
    let planned = world.run(&["plan", "-f", &mtu, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let comparison = document(&planned)["comparison"].clone();
    assert_eq!((&comparison["changes"], &comparison["unknown"]), (&2.into(), &0.into()), "{comparison}");
    let diff = comparison["groups"][0]["diff"].as_str().expect("a diff");
    assert!(diff.contains("\"mtu\": 9000") && diff.contains("\"motd-banner\""), "{diff}");
    assert_eq!((running(), told()), (before.clone(), vec![vec![], vec![]]), "plan: not one Set");

    let applied = world.document(&["apply", "-f", &mtu, "-o", "json"]);
    assert_eq!((&applied["state"], &applied["devices"]["succeeded"]), (&"SUCCEEDED".into(), &2.into()));
    let once = vec![vec![Told::ChangeUntil, Told::ConfirmNobodys, Told::Confirm]; 2];
    assert_eq!(told(), once);
    let again = world.document(&["apply", "-f", &mtu, "-o", "json"]);
    assert_eq!(again["devices"]["unchanged"], 2, "{again}");
    assert_eq!(told(), once, "the second apply writes nothing");

    let after = running();
    let refused = world.document(&["apply", "-f", &spec("broken", BROKEN), "-o", "json"]);
    assert_eq!(refused["devices"]["failed"], 2, "{refused}");
    let outcome =
        world.document(&["rollout", "devices", "broken", "-o", "json"])["items"][0]["outcome"].clone();
    let said = (&outcome["class"], &outcome["left_as"]);
    assert_eq!(said, (&"REJECTED".into(), &"UNCHANGED".into()), "{outcome}");
    assert_eq!(running(), after, "a rejected change leaves them as they were");

    let back = world.run(&["rollback", "mtu", "--device", "dev001", "--reason", "a test", "-o", "json"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back));
    assert_eq!(document(&back)["state"], "ROLLED_BACK");
    assert_eq!(running()[0], before[0], "to what it had");
    assert_eq!(running()[1], after[1], "the other one keeps it");
}

#[test]
fn a_write_over_gnmi_that_is_lost_is_in_doubt_until_a_reading_tells_and_is_not_sent_blindly_again() {
    let Lab { world, fleet, .. } = &Lab::new(8);
    let (_, lost) = &fleet.targets()[0];
    lost.behave(GnmiFault::DropAfterWrite);
    world.write("mtu.j2", CHANGE);
    let spec = world.write(
        "mtu.yaml",
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: mtu}\nspec:\n  change: {templates: {default: \
         mtu.j2}, commit: {method: direct}}\n",
    );
    world.say(&["apply", "-f", &spec.display().to_string(), "--no-wait"]);
    let device = || {
        let listed = world.document(&["rollout", "devices", "mtu", "-o", "json"]);
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|item| item["device"] == "dev001").unwrap_or_default()
    };
    let settled = wait::until("its doubt is settled", || {
        Some(device()).filter(|device| device["state"] == "SUCCEEDED")
    });
    let log: String = world.log("mtu").iter().map(Value::to_string).collect();
    assert!(log.contains("LOST_AFTER_WRITE") && log.contains("UNKNOWN"), "{log}");
    assert_eq!(lost.told(), [Told::Change], "once, and nothing blind after: {settled}");
}
