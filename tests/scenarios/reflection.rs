//! Another language, knowing nothing but server reflection, lists rollouts and follows one to its end.

use std::process::Command;
use switchyard_tests::world::{TEMPLATE, World, spec, text};

#[test]
#[ignore = "needs grpcio for Python: use tests/run"]
fn ten_lines_of_python_follow_a_rollout_to_its_end() {
    let world = World::simulated(3, "lab:1-3", &[]);
    world.write("device.cfg.j2", TEMPLATE);
    let path = world.write("python.yaml", &spec("python", "site = \"lab\"", 2, "")).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    let python = std::env::var("SWITCHYARD_TEST_PYTHON").expect("tests/run says where Python is");
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/follow.py"))
        .args([world.server.trim_start_matches("https://"), "rollouts/python"])
        .arg(world.path("coordinator/operator"))
        .output()
        .unwrap();
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("listed rollouts/python") && said.contains("ended STATE_SUCCEEDED"), "{said}");
}
