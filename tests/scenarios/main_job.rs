//! A site goes dark in the middle of a rollout: it is opened, the others go on, and the end is true.

use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

/// Five silent devices open the site; a few more may run into their timeout at that very instant. All
/// the others are skipped.
fn assert_silent_ones(end: &serde_json::Value, silent: u64) {
    let number = |state: &str| end["devices"][state].as_u64().unwrap_or_default();
    assert_eq!(number("failed") + number("skipped"), silent, "{end}");
    assert!((5..=14).contains(&number("failed")), "{end}");
}

#[test]
fn a_dark_site_is_opened_and_the_devices_ledgers_agree_with_our_count() {
    let world = World::simulated(100, "lab:1-100", &["hang:47-100"]);
    world.write("device.cfg.j2", TEMPLATE);
    let more = "  breakers: {site: {skip_after: 0s}}\n  timeouts: {connect: 1s, command: 10s}\n";
    let path = world.write("motd.yaml", &spec("motd", "site = \"lab\"", 10, more));
    let output = world.run(&["apply", "-f", &path.display().to_string(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let end = document(&output);
    assert_eq!(end["state"], "PARTIALLY_SUCCEEDED");
    assert_eq!(
        (&end["devices"]["succeeded"], &end["devices"]["planned"]),
        (&46.into(), &100.into()),
        "{end}"
    );
    assert_silent_ones(&end, 54);
    assert_eq!(
        (&end["breakers"][0]["name"], &end["breakers"][0]["state"]),
        (&"site/lab".into(), &"OPEN".into())
    );
    for number in 1..=100 {
        assert_eq!(world.applies(&device(number)), usize::from(number <= 46), "{}", device(number));
    }
    let contacted = (47..=100).filter(|number| world.contacts(&device(*number)) > 0).count();
    assert!(contacted <= 14, "{contacted} silent devices were contacted");
}

#[test]
fn the_other_sites_go_on_while_one_is_open() {
    let world = World::simulated(30, "ams:1-15,lon:16-30", &["hang:16-30"]);
    world.write("device.cfg.j2", TEMPLATE);
    let more = "  breakers: {site: {skip_after: 0s}}\n  timeouts: {connect: 1s, command: 10s}\n";
    let path = world.write("two.yaml", &spec("two", "site = \"ams\" OR site = \"lon\"", 5, more));
    let end = world.document(&["apply", "-f", &path.display().to_string(), "-o", "json"]);
    assert_eq!(end["devices"]["succeeded"], 15, "{end}");
    assert_silent_ones(&end, 15);
    let lines = world.say(&["breaker", "list"]);
    assert!(lines.contains("site/lon") && lines.contains("OPEN"), "{lines}");
}

#[test]
fn a_tripped_site_takes_nothing_until_it_is_reset_and_the_rollout_says_so() {
    let world = World::simulated(4, "lab:1-4", &[]);
    world.write("device.cfg.j2", TEMPLATE);
    world.say(&["breaker", "trip", "site/lab", "--reason", "fibre works"]);
    let path = world.write("held.yaml", &spec("held", "site = \"lab\"", 2, ""));
    let waiting = world.background(&["apply", "-f", &path.display().to_string()]);
    waiting.line_with("FORCED_OPEN");
    assert!((1..=4).all(|number| world.contacts(&device(number)) == 0));
    world.say(&["breaker", "reset", "site/lab", "--reason", "done"]);
    waiting.line_with("SUCCEEDED");
    assert!((1..=4).all(|number| world.applies(&device(number)) == 1));
}

#[test]
fn a_bad_canary_pauses_the_rollout_and_a_person_decides() {
    let world = World::simulated(6, "lab:1-6", &["reject:1"]);
    world.write("device.cfg.j2", TEMPLATE);
    let text_of =
        spec("canary", "site = \"lab\"", 6, "").replace("    waves:", "    canary: {size: 1}\n    waves:");
    let path = world.write("canary.yaml", &text_of);
    let output = world.run(&["apply", "-f", &path.display().to_string(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(6), "{}", text(&output));
    assert_eq!(world.contacts(&device(2)), 0);
    let aborted = world.run(&["rollout", "abort", "canary", "--reason", "bad template", "--yes"]);
    assert!(aborted.status.success(), "{}", text(&aborted));
    let status = world.run(&["watch", "canary", "-o", "json"]);
    assert_eq!(status.status.code(), Some(5), "{}", text(&status));
}
