//! Bad input of every kind gets a clear answer, the right exit status, and changes nothing.

use switchyard_tests::programs::{self, Running};
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

fn assert_says(output: &std::process::Output, status: i32, words: &[&str]) {
    let said = text(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
}

#[test]
fn a_bad_spec_is_refused_with_every_place_and_the_nearest_key() {
    let world = World::simulated(1, "lab:1", &[]);
    let bad =
        spec("bad", "site = \"lab\"", 1, "  timeouts: {conect: 5s, command: 5 parsecs}\n  windows: []\n");
    let path = world.write("bad.yaml", &bad).display().to_string();
    let output = world.run(&["apply", "-f", &path]);
    assert_says(&output, 13, &["bad.yaml:13:", "conect", "connect", "command", "not supported yet"]);
}

#[test]
fn noise_tabs_and_alias_bombs_are_refused_quickly() {
    let world = World::new();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let noise: String = (0..10_000_000u32)
        .map(|n| char::from(33 + (n.wrapping_mul(2_654_435_761) >> 25) as u8 % 90))
        .collect();
    for (name, content) in [("bomb.yaml", bomb), ("tabs.yaml", "kind:\n\t- x\n"), ("noise.yaml", &noise)] {
        let path = world.write(name, content).display().to_string();
        assert_says(&world.run(&["inventory", "validate", &path]), 13, &[name]);
    }
}

#[test]
fn a_selection_of_nothing_has_its_own_exit_status() {
    let world = World::simulated(1, "lab:1", &[]);
    world.write("device.cfg.j2", TEMPLATE);
    let path = world.write("none.yaml", &spec("none", "name = \"nobody\"", 1, "")).display().to_string();
    assert_says(&world.run(&["plan", "-f", &path]), 9, &[]);
}

#[test]
fn an_undefined_variable_names_template_line_and_device() {
    let world = World::simulated(2, "lab:1-2", &[]);
    world.write("device.cfg.j2", "ok\nntp {{ ntp_server }}\n");
    let path =
        world.write("undefined.yaml", &spec("undefined", "site = \"lab\"", 1, "")).display().to_string();
    assert_says(&world.run(&["plan", "-f", &path]), 13, &["device.cfg.j2", "2", "ntp_server", "dev001"]);
}

#[test]
fn a_device_without_a_pinned_key_is_a_plan_error_that_says_how_to_collect_it() {
    let mut world = World::new();
    world.start_coordinator();
    world.write("device.cfg.j2", TEMPLATE);
    let inventory = "api_version: switchyard/v1\nkind: Inventory\ndefaults: {username: u, credential_ref: \"env:NOBODY\"}\nsites: {lab: {}}\ndevices:\n  a: {hostname: 127.0.0.1, port: 2, site: lab}\n";
    world.import(&world.write("inventory.yaml", inventory));
    let path = world.write("keyless.yaml", &spec("keyless", "site = \"lab\"", 1, "")).display().to_string();
    assert_says(&world.run(&["plan", "-f", &path]), 13, &["ssh-keyscan", "host_keys"]);
}

#[test]
fn wrong_keys_refused_logins_and_missing_credentials_have_their_own_class() {
    let world = World::simulated(3, "lab:1-3", &["auth:2"]);
    world.write("device.cfg.j2", TEMPLATE);
    let inventory = world.read("devices/inventory.yaml");
    let mut lines: Vec<String> = inventory.lines().map(str::to_owned).collect();
    let of = |lines: &[String], name: &str| lines.iter().position(|line| line.contains(name)).unwrap();
    let (first, third) = (of(&lines, "dev001:"), of(&lines, "dev003:"));
    let key = "host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]";
    lines[first] = lines[first].replace('}', &format!(", {key}}}"));
    lines[third] = lines[third].replace('}', ", credential_ref: \"file:/nowhere/key\"}");
    world.import(&world.write("changed.yaml", &lines.join("\n")));
    let path = world.write("classes.yaml", &spec("classes", "site = \"lab\"", 1, "")).display().to_string();
    assert_says(&world.run(&["apply", "-f", &path]), 3, &[]);
    let output = world.run(&["rollout", "devices", "classes"]);
    assert_says(&output, 0, &["HOST_KEY_MISMATCH", "AUTH_FAILED", "CREDENTIAL_UNAVAILABLE", "/nowhere/key"]);
    assert!((1..=3).all(|number| world.applies(&device(number)) == 0));
}

#[test]
fn no_coordinator_is_exit_69_and_how_to_start_one() {
    let mut world = World::simulated(1, "lab:1", &[]);
    world.coordinator.as_mut().unwrap().kill();
    assert_says(&world.run(&["rollout", "list"]), 69, &["switchyard serve"]);
}

#[test]
fn no_agent_for_a_site_is_said_with_the_command_that_starts_one() {
    let mut world = World::new();
    world.simulate(1, "lon:1", &[]);
    world.start_coordinator();
    world.import(&world.path("devices/inventory.yaml"));
    world.write("device.cfg.j2", TEMPLATE);
    let path = world.write("alone.yaml", &spec("alone", "site = \"lon\"", 1, "")).display().to_string();
    let waiting = world.background(&["apply", "-f", &path]);
    let line = waiting.line_with("no agent at lon");
    assert!(line.contains("switchyard-agent run --site lon"), "{line}");
    world.start_agent("lon");
    waiting.line_with("SUCCEEDED");
}

fn agent(world: &World, site: &str, data: &str, token: &str) -> Running {
    let mut command = std::process::Command::new(programs::folder().join("switchyard-agent"));
    command.args(["run", "--site", site, "--coordinator", &world.server, "--join", token, "--data"]);
    command.arg(world.path(data));
    Running::start(data, command)
}

#[test]
fn a_token_used_twice_expired_or_for_another_site_is_refused_with_its_reason() {
    let mut world = World::new();
    world.start_coordinator();
    let token = world.say(&["agent", "token", "create", "--site", "lab"]);
    agent(&world, "lab", "one", token.trim()).line_with("connected to");
    let mut second = agent(&world, "lab", "two", token.trim());
    assert_ne!(second.exit_status(), 0);
    assert!(second.output().join("\n").contains("used"), "{:#?}", second.output());
    let token = world.say(&["agent", "token", "create", "--site", "lab"]);
    let mut other = agent(&world, "lon", "three", token.trim());
    assert_ne!(other.exit_status(), 0);
    assert!(other.output().join("\n").contains("lab"), "{:#?}", other.output());
    let token = world.say(&["agent", "token", "create", "--site", "lab", "--ttl", "1ms"]);
    let mut late = agent(&world, "lab", "four", token.trim());
    assert_ne!(late.exit_status(), 0);
    assert!(late.output().join("\n").contains("expired"), "{:#?}", late.output());
}

#[test]
fn a_certificate_of_another_ca_is_refused() {
    let (mut one, mut other) = (World::new(), World::new());
    one.start_coordinator();
    other.start_coordinator();
    let mut command = one.operator();
    command.env("SWITCHYARD_CONTEXT", other.path("coordinator/operator/context.toml"));
    let output = command.args(["--server", &one.server, "rollout", "list"]).output().unwrap();
    assert_says(&output, 4, &[]);
}

#[test]
fn an_import_that_would_remove_devices_shows_them_and_asks_for_prune() {
    let world = World::simulated(3, "lab:1-3", &[]);
    let inventory = world.read("devices/inventory.yaml");
    let fewer: Vec<&str> = inventory.lines().filter(|line| !line.contains("dev003")).collect();
    let path = world.write("fewer.yaml", &fewer.join("\n")).display().to_string();
    let refused = world.run(&["inventory", "import", &path]);
    assert!(
        !refused.status.success() && text(&refused).contains("dev003") && text(&refused).contains("--prune")
    );
    world.say(&["inventory", "import", &path, "--prune"]);
    assert!(!world.say(&["inventory", "list"]).contains("dev003"));
}

#[test]
fn a_stale_plan_and_an_unknown_rollout_have_their_own_exit_status() {
    let world = World::simulated(2, "lab:1-2", &[]);
    world.write("device.cfg.j2", TEMPLATE);
    let path = world.write("stale.yaml", &spec("stale", "site = \"lab\"", 1, "")).display().to_string();
    let plan = document(&world.run(&["plan", "-f", &path, "-o", "json"]));
    let name = plan["name"].as_str().expect("a plan's name").to_owned();
    let inventory = world.read("devices/inventory.yaml");
    let changed = inventory.replace("kind: Inventory", "kind: Inventory\ngroups: {spare: {platform: frr}}");
    let changed = changed.replacen("site: lab", "site: lab, groups: [spare]", 1);
    world.import(&world.write("changed.yaml", &changed));
    assert_says(&world.run(&["apply", &name]), 10, &["plan again"]);
    assert_says(&world.run(&["watch", "nobody"]), 12, &["nobody"]);
}
