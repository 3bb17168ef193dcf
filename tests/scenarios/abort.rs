//! Abort is accepted in every state of a rollout, ends it for good, and nothing starts after it.

use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

const SLOW_CONNECT: &str = "  timeouts: {connect: 30s, command: 30s}\n";

/// Applies `spec` without waiting for it, waits until its status says `state`, and aborts it.
fn assert_aborts(world: &World, name: &str, spec: &str, state: &str) {
    let path = world.write(&format!("{name}.yaml"), spec).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    let status = || text(&world.run(&["status", name]));
    wait::until(&format!("{name} says {state}"), || status().contains(state).then_some(()));
    abort(world, name);
}

fn abort(world: &World, name: &str) {
    for _ in 0..2 {
        world.say(&["rollout", "abort", name, "--reason", "enough", "--yes"]);
    }
    let ended = world.run(&["watch", name, "-o", "json"]);
    assert_eq!(ended.status.code(), Some(5), "{}", text(&ended));
    let end = document(&ended);
    let count = |state: &str| end["devices"][state].as_u64().unwrap_or_default();
    assert_eq!((&end["state"], count("pending"), count("running")), (&"ABORTED".into(), 0, 0), "{end}");
}

#[test]
fn abort_is_accepted_in_every_state() {
    let mut world = World::simulated(6, "lab:1-6", &[]);
    world.write("device.cfg.j2", TEMPLATE);
    let all = |name: &str, more: &str| spec(name, "site = \"lab\"", 6, more);
    let waves = |name: &str, first: &str| {
        all(name, "")
            .replace("[{name: all}]", &format!("[{{name: first, size: 1, {first}}}, {{name: rest}}]"))
    };
    assert_aborts(&world, "soaking", &waves("soaking", "soak: 10m"), "SOAKING");
    assert_aborts(&world, "asking", &waves("asking", "promote: manual"), "AWAITING_PROMOTION");

    world.set_mode("reject:1-6");
    assert_aborts(&world, "stopped", &all("stopped", ""), "PAUSED");
    world.set_mode("hang:1-6");
    assert_aborts(&world, "running", &all("running", SLOW_CONNECT), "RUNNING");
    world.say(&["breaker", "trip", "site/lab", "--reason", "fibre works"]);
    assert_aborts(&world, "refused", &all("refused", ""), "FORCED_OPEN");

    let path = world.write("paused.yaml", &all("paused", "")).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    world.say(&["rollout", "pause", "paused", "--reason", "lunch"]);
    abort(&world, "paused");

    world.agents.get_mut("lab").unwrap().kill();
    assert_aborts(&world, "alone", &all("alone", ""), "no agent");
    let applied: usize = (1..=6).map(|number| world.applies(&device(number))).sum();
    assert_eq!(applied, 2, "the first wave of the first two");
}
