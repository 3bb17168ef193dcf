//! Devices with a command line behind real OpenSSH, through all layers.

use switchyard_tests::wait;
use switchyard_tests::world::{World, device, document, text};

const LINES: &str = "ntp server 192.0.2.10\nlogging host 192.0.2.11\n";
const BROKEN: &str = "logging host 192.0.2.99\nlogging hosst 192.0.2.98\n";
/// What a person's own platform is made of here.
const IOS: &str = include_str!("../../agent/src/platform/cisco_ios.yaml");

/// So many of them at the site `lab`, on a platform that its people added, and a spec of this name.
fn lab(devices: usize, name: &str) -> (World, String) {
    let mut world = World::new();
    world.command_lines(devices);
    world.start_coordinator();
    own_platform(&world, &[]);
    world.start_agent("lab");
    world.import_with(|_| "platform: our_ios, transport: ssh_cli".into());
    let path = spec(&world, name, LINES);
    (world, path)
}

/// Puts the definition of a platform `our_ios` beside the agent's data, with texts replaced.
fn own_platform(world: &World, replaced: &[(&str, &str)]) {
    let mut text = IOS.replace("name: cisco_ios\naliases: [ios, ios_xe, iosxe, cisco_xe]", "name: our_ios");
    for (from, to) in replaced {
        text = text.replace(from, to);
    }
    std::fs::create_dir_all(world.path("agent-lab/platforms")).expect("a folder");
    world.write("agent-lab/platforms/ours.yaml", &text);
}

/// A spec of this name with `template`; gives its path.
fn spec(world: &World, name: &str, template: &str) -> String {
    world.write(&format!("{name}.j2"), template);
    let spec = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change: {{templates: \
         {{default: {name}.j2}}, commit: {{method: direct}}}}\n  strategy: {{order: listed, waves: [{{name: all}}]}}\n"
    );
    world.write(&format!("{name}.yaml"), &spec).display().to_string()
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn plan_shows_the_true_diff_of_real_terminals_apply_makes_it_once_and_rollback_takes_it_back_byte_for_byte() {
    let (world, lines) = lab(5, "lines");
    let running = |n| format!("devices/devices/{}/running", device(n));
    let all = || (1..=5).map(|n| world.read(&running(n))).collect::<Vec<_>>();
    for n in 1..=5 {
        world.write(&running(n), &format!("hostname {}\n!\nntp server 192.0.2.1\n", device(n)));
    }
    let (before, applies) = (all(), || (1..=5).map(|n| world.applies(&device(n))).collect::<Vec<_>>());
    let planned = world.run(&["plan", "-f", &lines, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let comparison = document(&planned)["comparison"].clone();
    assert_eq!((&comparison["changes"], &comparison["unknown"]), (&5.into(), &0.into()), "{comparison}");
    let diff = comparison["groups"][0]["diff"].as_str().expect("a diff").to_owned();
    let changed: Vec<&str> = diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(changed, ["+ntp server 192.0.2.10", "+logging host 192.0.2.11"], "{diff}");
    assert_eq!((all(), applies()), (before.clone(), vec![0; 5]), "a plan writes nothing");

    let applied = world.document(&["apply", "-f", &lines, "-o", "json"]);
    assert_eq!(applied["devices"]["succeeded"], 5, "{applied}");
    let after: Vec<String> = before.iter().map(|text| format!("{text}{LINES}")).collect();
    assert_eq!(all(), after, "what was shown is what came");
    let again = world.document(&["apply", "-f", &lines, "-o", "json"]);
    assert_eq!((&again["devices"]["unchanged"], applies()), (&5.into(), vec![1; 5]), "{again}");

    world.document(&["apply", "-f", &spec(&world, "broken", BROKEN), "-o", "json"]);
    let refused = world.document(&["rollout", "devices", "broken", "-o", "json"])["items"][0].clone();
    let outcome = &refused["outcome"];
    assert_eq!(
        (&outcome["class"], &outcome["left_as"]),
        (&"REJECTED".into(), &"REVERTED".into()),
        "{refused}"
    );
    assert_eq!(all(), after, "a rejected change leaves all as they were");

    let back = world.run(&["rollback", "lines", "--device", &device(3), "--reason", "a test", "-o", "json"]);
    assert_eq!(document(&back)["state"], "ROLLED_BACK", "{}", text(&back));
    assert_eq!(world.read(&running(3)), before[2], "byte for byte");
    assert_eq!(world.read(&running(2)), after[1], "and only that device");
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn an_agent_with_a_wrong_platform_does_not_start_and_says_where_it_is_wrong_and_what_to_do() {
    let mut world = World::new();
    world.start_coordinator();
    own_platform(&world, &[("+)#$'", "+#$'"), ("setup:", "setpu:")]);
    world.launch_agent("lab");
    let agent = world.agents.get_mut("lab").expect("it was launched");
    wait::until("the agent has ended", || agent.has_ended().then_some(()));
    let said = agent.output().join("\n");
    assert!(said.contains("ours.yaml:8:10: prompts.ready: is not a regular expression"), "{said}");
    assert!(said.contains("(did you mean setup?)"), "{said}");
    assert!(said.contains("mend what is wrong there or take the file away"), "{said}");
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
    let doubtful = wait::until("the device that wrote is in doubt", || of("UNKNOWN").pop());
    let outcome = &doubtful["outcome"];
    assert_eq!(outcome["class"], "LOST_AFTER_WRITE", "{outcome}");
    assert!(outcome["message"].as_str().is_some_and(|text| text.contains("showed host key")), "{outcome}");
    let failed = wait::until("the next one shows the new key", || of("FAILED").pop());
    assert_eq!(failed["outcome"]["class"], "HOST_KEY_MISMATCH", "{failed}");
    for number in 1..=4 {
        let device = device(number);
        let is_first = doubtful["device"] == device.as_str();
        assert_eq!(world.applies(&device), usize::from(is_first), "nobody writes to the others");
        assert!(is_first || world.logins(&device) == 0, "all of them show the new key: {device}");
    }
}
