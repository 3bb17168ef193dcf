//! A site goes dark in the middle of a rollout: it is opened, the others go on, and the end is true.

use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

/// Silent devices that may be contacted before a site is open.
const CONTACTED_MAX: usize = 13;

/// Nearly all silent devices are skipped: those whose connect was called off as the site opened, and
/// those that were never tried. A few may have run into their timeout before.
fn assert_silent_ones(world: &World, end: &serde_json::Value, silent: std::ops::RangeInclusive<usize>) {
    let number = |state: &str| end["devices"][state].as_u64().unwrap_or_default();
    let all = silent.clone().count();
    assert_eq!(number("failed") + number("skipped"), all as u64, "{end}");
    let contacted = silent.filter(|number| world.contacts(&device(*number)) > 0).count();
    assert!(contacted <= CONTACTED_MAX, "{contacted} silent devices were contacted: {end}");
    assert!(number("failed") <= contacted as u64, "only what was tried has failed: {end}");
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
    assert_silent_ones(&world, &end, 47..=100);
    assert_eq!(
        (&end["breakers"][0]["name"], &end["breakers"][0]["state"]),
        (&"site/lab".into(), &"OPEN".into())
    );
    for number in 1..=100 {
        assert_eq!(world.applies(&device(number)), usize::from(number <= 46), "{}", device(number));
    }
}

#[test]
fn the_other_sites_go_on_while_one_is_open() {
    let world = World::simulated(30, "ams:1-15,lon:16-30", &["hang:16-30"]);
    world.write("device.cfg.j2", TEMPLATE);
    let more = "  breakers: {site: {skip_after: 0s}}\n  timeouts: {connect: 1s, command: 10s}\n";
    let path = world.write("two.yaml", &spec("two", "site = \"ams\" OR site = \"lon\"", 5, more));
    let end = world.document(&["apply", "-f", &path.display().to_string(), "-o", "json"]);
    assert_eq!(end["devices"]["succeeded"], 15, "{end}");
    assert_silent_ones(&world, &end, 16..=30);
    let lines = world.say(&["breaker", "list"]);
    assert!(lines.contains("site/lon") && lines.contains("OPEN"), "{lines}");
}

#[test]
fn a_site_that_is_open_stays_open_when_its_agent_starts_again() {
    let mut world = World::simulated(20, "lab:1-20", &["hang:1-20"]);
    world.write("device.cfg.j2", TEMPLATE);
    let more = "  breakers: {site: {wait_duration_in_open: 10m}}\n  timeouts: {connect: 2s, command: 10s}\n";
    let path = world.write("dark.yaml", &spec("dark", "site = \"lab\"", 10, more)).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    let breaker = |world: &World| world.document(&["breaker", "get", "site/lab", "-o", "json"]);
    let open = |world: &World| (breaker(world)["state"] == "OPEN").then(|| breaker(world));
    let before = wait::until("the site is open", || open(&world));
    let contacts = |world: &World| (1..=20).map(|number| world.contacts(&device(number))).sum::<usize>();
    let contacted = contacts(&world);
    world.agents.get_mut("lab").unwrap().kill();
    world.start_agent("lab");
    // Its breakers are the first it tells of, so they are known once its pulse is.
    let agent = |world: &World| world.document(&["agent", "list", "-o", "json"])["items"][0].clone();
    wait::until("its pulse is heard", || {
        let agent = agent(&world);
        (agent["last_heartbeat_at"].as_str() > agent["since"].as_str()).then_some(())
    });
    let after = breaker(&world);
    assert_eq!((&after["state"], &after["reason"]), (&"OPEN".into(), &before["reason"]), "{after}");
    assert_eq!(contacts(&world), contacted, "{after}");
    world.set_mode("good:1-20");
    world.say(&["breaker", "reset", "site/lab", "--reason", "the fibre is mended"]);
    let end = world.document(&["watch", "dark", "-o", "json"]);
    assert_eq!(
        end["devices"]["failed"].as_u64().unwrap() + end["devices"]["succeeded"].as_u64().unwrap(),
        20,
        "{end}"
    );
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
