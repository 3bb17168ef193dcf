//! Devices with a command line behind real OpenSSH, through all layers.

use switchyard_tests::world::{World, document, text};

const LINES: &str = "ntp server 192.0.2.10\nlogging host 192.0.2.11\n";

/// So many of them at the site `lab`, and a spec of this name.
fn lab(devices: usize, name: &str) -> (World, String) {
    let mut world = World::new();
    world.command_lines(devices);
    world.start_coordinator();
    world.start_agent("lab");
    world.import_with(|_| "platform: cisco_ios, transport: ssh_cli".into());
    world.write("ntp.j2", LINES);
    let spec = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change: {{templates: \
         {{default: ntp.j2}}, commit: {{method: direct}}}}\n  strategy: {{order: listed, waves: [{{name: all}}]}}\n"
    );
    let path = world.write("spec.yaml", &spec).display().to_string();
    (world, path)
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn command_lines_on_real_terminals_are_compared_written_once_and_left_alone_after() {
    let (world, spec) = lab(5, "lines");
    let planned = world.run(&["plan", "-f", &spec, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let comparison = document(&planned)["comparison"].clone();
    assert_eq!((&comparison["changes"], &comparison["unknown"]), (&5.into(), &0.into()), "{comparison}");
    let applies = || (1..=5).map(|n| world.applies(&switchyard_tests::world::device(n))).collect::<Vec<_>>();
    assert_eq!(applies(), [0; 5], "a plan writes nothing");
    let applied = world.document(&["apply", "-f", &spec, "-o", "json"]);
    assert_eq!(applied["devices"]["succeeded"], 5, "{applied}");
    let again = world.document(&["apply", "-f", &spec, "-o", "json"]);
    assert_eq!(again["devices"]["unchanged"], 5, "{again}");
    assert_eq!(applies(), [1; 5]);
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn a_host_key_that_changes_within_a_rollout_is_told_and_nobody_logs_in_to_it() {
    let (world, spec) = lab(4, "keys");
    let key = world.path("devices/next_host_key").display().to_string();
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &key])
        .output()
        .expect("ssh-keygen runs");
    assert!(made.status.success(), "{}", text(&made));
    world.say(&["apply", "-f", &spec, "--no-wait"]);
    let of = |state: &'static str| {
        let listed = world.document(&["rollout", "devices", "keys", "-o", "json"]);
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(move |item| item["state"] == state).collect::<Vec<_>>()
    };
    let doubtful = switchyard_tests::wait::until("the device that wrote is in doubt", || of("UNKNOWN").pop());
    let outcome = &doubtful["outcome"];
    assert_eq!(outcome["class"], "LOST_AFTER_WRITE", "{outcome}");
    assert!(outcome["message"].as_str().is_some_and(|text| text.contains("showed host key")), "{outcome}");
    let failed = switchyard_tests::wait::until("the next one shows the new key", || of("FAILED").pop());
    assert_eq!(failed["outcome"]["class"], "HOST_KEY_MISMATCH", "{failed}");
    for number in 1..=4 {
        let device = switchyard_tests::world::device(number);
        let is_first = doubtful["device"] == device.as_str();
        assert_eq!(world.applies(&device), usize::from(is_first), "nobody writes to the others");
        assert!(is_first || world.logins(&device) == 0, "all of them show the new key: {device}");
    }
}
