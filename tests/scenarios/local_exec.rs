//! Programs of the agent's machine as devices, through all layers: what a spec says of its mode and of failures is done.

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use switchyard_tests::world::{World, document, text};

/// Prints the file of a device, and replaces it: of a text that it refuses a part is there all the same.
const SHOW: &str = "#!/bin/sh\ncat \"$1/$2\"\n";
const APPLY: &str = "#!/bin/sh\ncat > \"$1/draft\"\nif grep -q bad \"$1/draft\"; then echo half > \"$1/$2\"; echo 'no such word' >&2; \
                     exit 3; fi\nmv \"$1/draft\" \"$1/$2\"\n";

/// A device `r1` that has the line `old`.
fn lab() -> World {
    let mut world = World::new();
    let [show, apply] = [("show", SHOW), ("apply", APPLY)].map(|(name, program)| {
        let path = world.write(&format!("programs/{name}"), program);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
        path
    });
    let file = world.write("r1", "old\n");
    let allowed = format!(
        "api_version: switchyard/v1\nkind: LocalExec\nplatforms:\n  script:\n    devices: [r1]\n    read: [{0}, {2}, \
         \"{{{{ device }}}}\"]\n    write: [{1}, {2}, \"{{{{ device }}}}\"]\n",
        show.display(),
        apply.display(),
        file.parent().expect("a folder").display(),
    );
    world.write("agent-lab/local-exec.yaml", &allowed);
    world.start_coordinator();
    world.start_agent("lab");
    let inventory = "api_version: switchyard/v1\nkind: Inventory\nsites: {lab: {}}\ndevices:\n  r1: {site: lab, hostname: \
                     127.0.0.1, username: none, credential_ref: \"env:NONE\", platform: script, transport: local_exec}\n";
    world.import(&world.write("inventory.yaml", inventory));
    world
}

fn spec(world: &World, name: &str, template: &str, more: &str) -> String {
    world.write(&format!("{name}.j2"), template);
    let spec = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change: {{mode: replace, templates: \
         {{script: {name}.j2}}}}\n{more}"
    );
    world.write(&format!("{name}.yaml"), &spec).display().to_string()
}

fn outcome(world: &World, rollout: &str) -> Value {
    world.document(&["rollout", "devices", rollout, "-o", "json"])["items"][0]["outcome"].clone()
}

#[test]
fn a_device_behind_programs_is_replaced_once_and_a_failure_is_taken_back_or_left_as_its_spec_says() {
    let world = lab();
    let new = spec(&world, "new", "new\n", "");
    let planned = world.run(&["plan", "-f", &new, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let diff = document(&planned)["comparison"]["groups"][0]["diff"].as_str().expect("a diff").to_owned();
    assert!(diff.ends_with("\n-old\n+new\n"), "{diff}");
    assert_eq!(world.read("r1"), "old\n", "plan writes nothing");
    for counted in ["succeeded", "unchanged"] {
        let applied = world.document(&["apply", "-f", &new, "-o", "json"]);
        assert_eq!(
            (&applied["devices"][counted], world.read("r1").as_str()),
            (&json!(1), "new\n"),
            "{applied}"
        );
    }
    for (name, more, has, left_as) in [
        ("kept", "  rollback: {on_device_failure: false}\n", "half\n", "CHANGED"),
        ("taken", "", "new\n", "REVERTED"),
    ] {
        let refused = world.document(&["apply", "-f", &spec(&world, name, "bad\n", more), "-o", "json"]);
        assert_eq!(refused["devices"]["failed"], 1, "{refused}");
        let outcome = outcome(&world, name);
        let told = (&outcome["class"], &outcome["left_as"], world.read("r1"));
        let said = outcome["message"].as_str().unwrap_or_default();
        assert!(said.contains("ended with exit status: 3: no such word") && !said.contains('\n'), "{said}");
        assert_eq!(told, (&json!("REJECTED"), &json!(left_as), has.to_owned()), "{outcome}");
        let back = world.run(&["rollback", name, "--device", "r1", "--overwrite"]);
        assert_eq!(world.read("r1"), "new\n", "{}", text(&back));
    }
    let back = world.run(&["rollback", "new", "--device", "r1", "--overwrite"]);
    assert_eq!((back.status.code(), world.read("r1").as_str()), (Some(0), "old\n"), "{}", text(&back));
}
