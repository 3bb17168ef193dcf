//! Played devices with an API over HTTP through all layers: RESTCONF behind a private CA, and command lines behind eAPI.

use serde_json::{Value, json};
use switchyard_agent::clock::SystemClock;
use switchyard_agent::simulator::http::{HttpDevice, PlayedLines, Store};
use switchyard_tests::world::{World, document, text};
use tokio::runtime::Runtime;

const LOGIN: (&str, &str) = ("netops", "simulated");
const LINES: &str = "hostname e1\nntp server 192.0.2.1\n";
const CHANGE: (&str, &str) =
    (r#"{"x:system": {"mtu": 9000, "clock": null, "port": [{"name": "p2"}]}}"#, "ntp server 192.0.2.2\n");
const BROKEN: (&str, &str) = (r#"{"x:system": {"name": "bad"}}"#, "ntp server 192.0.2.3\nnonsense here\n");

fn store() -> Store {
    Store::new(&json!({"x:system": {"name": "r1", "mtu": 1500, "clock": {"zone": "UTC"},
        "port": [{"name": "p1"}]}, "y:other": {"a": 1}}))
}

/// The inventory of both devices, with the files that it names.
fn inventory(world: &World, restconf: &HttpDevice, eapi: &HttpDevice) -> String {
    let ca = world.write("ca.pem", restconf.ca().expect("a CA"));
    let password = world.write("password", LOGIN.1);
    let device = |name: &str, device: &HttpDevice, more: &str| {
        let (ip, port) = (device.address().ip(), device.address().port());
        format!("  {name}: {{hostname: {ip}, port: {port}, site: lab, {more}}}\n")
    };
    format!(
        "api_version: switchyard/v1\nkind: Inventory\ndefaults:\n  username: {}\n  credential_ref: \"file:{}\"\n  \
         transport: http\nsites:\n  lab: {{}}\ndevices:\n{}{}",
        LOGIN.0,
        password.display(),
        device("e1", eapi, "platform: arista_eos, connection_options: {http: {tls: clear_on_loopback}}"),
        device(
            "r1",
            restconf,
            &format!(
                "platform: restconf, connection_options: {{http: {{ca_ref: \"file:{}\"}}}}",
                ca.display()
            )
        ),
    )
}

fn rollout(world: &World, name: &str, (restconf, eapi): (&str, &str)) -> String {
    world.write(&format!("{name}-r.j2"), restconf);
    world.write(&format!("{name}-e.j2"), eapi);
    let spec = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change: {{templates: \
         {{restconf: {name}-r.j2, arista_eos: {name}-e.j2}}}}\n"
    );
    world.write(&format!("{name}.yaml"), &spec).display().to_string()
}

#[test]
fn over_http_plan_shows_the_true_diff_apply_makes_it_once_and_rollback_takes_it_back() {
    let runtime = Runtime::new().expect("a runtime");
    let start = async {
        let restconf = HttpDevice::start(store(), LOGIN, Some("127.0.0.1")).await.expect("a device");
        let lines = PlayedLines::eos(LINES, SystemClock::shared());
        (restconf, HttpDevice::start(lines, LOGIN, None).await.expect("a device"))
    };
    let (restconf, eapi) = runtime.block_on(start);
    let mut world = World::new();
    world.start_coordinator();
    world.start_agent("lab");
    world.import(&world.write("inventory.yaml", &inventory(&world, &restconf, &eapi)));
    let has = || {
        let tree: Value = serde_json::from_str(&restconf.running()).expect("JSON");
        (tree, eapi.running())
    };
    let writes = || (restconf.writes().len(), eapi.writes().len());
    let before = has();

    let change = rollout(&world, "change", CHANGE);
    let planned = world.run(&["plan", "-f", &change, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let comparison = document(&planned)["comparison"].clone();
    assert_eq!((&comparison["changes"], &comparison["unknown"]), (&2.into(), &0.into()), "{comparison}");
    let shown = comparison["groups"].to_string();
    for line in [r#"\"mtu\": 9000"#, r#"-    \"clock\""#, "+ntp server 192.0.2.2"] {
        assert!(shown.contains(line), "no {line} in {shown}");
    }
    assert_eq!((has(), writes()), (before.clone(), (0, 0)), "plan: not one writing request");

    let applied = world.document(&["apply", "-f", &change, "-o", "json"]);
    assert_eq!((&applied["state"], &applied["devices"]["succeeded"]), (&"SUCCEEDED".into(), &2.into()));
    let (after, once) = (has(), writes());
    assert_eq!((&after.0["x:system"]["mtu"], after.0["x:system"].get("clock")), (&9000.into(), None));
    assert_eq!(after.1, format!("{LINES}ntp server 192.0.2.2\n"));
    let again = world.document(&["apply", "-f", &change, "-o", "json"]);
    assert_eq!((&again["devices"]["unchanged"], writes()), (&2.into(), once), "{again}");

    let refused = world.document(&["apply", "-f", &rollout(&world, "broken", BROKEN), "-o", "json"]);
    assert_eq!(refused["devices"]["failed"], 2, "{refused}");
    for at in 0..2 {
        let devices = world.document(&["rollout", "devices", "broken", "-o", "json"]);
        let outcome = &devices["items"][at]["outcome"];
        let said = (&outcome["class"], &outcome["left_as"]);
        assert_eq!(said, (&"REJECTED".into(), &"UNCHANGED".into()), "{outcome}");
    }
    assert_eq!(has(), after, "a rejected change leaves them as they were");

    for device in ["e1", "r1"] {
        let back = world.run(&["rollback", "change", "--device", device, "--reason", "a test", "-o", "json"]);
        assert_eq!(back.status.code(), Some(0), "{}", text(&back));
        assert_eq!(document(&back)["state"], "ROLLED_BACK");
    }
    assert_eq!(has(), before, "to what they had");
}
