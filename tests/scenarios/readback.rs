//! Devices are read: before a write, and after a doubt, so that most doubts end without a person.

use super::openssh::openssh_world;
use switchyard_agent::simulator::{Event, Kind, read_ledger};
use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, spec, text};

fn world(devices: usize, faults: &[&str]) -> World {
    let world = World::simulated(devices, &format!("lab:1-{devices}"), faults);
    world.write("device.cfg.j2", TEMPLATE);
    world
}

/// A spec whose devices can be read by `show`, four at once; a command takes at most ten seconds.
pub fn readable(world: &World, name: &str, show: &str) -> String {
    readable_within(world, name, show, "10s")
}

/// The same for devices that wait until the test lets them go on.
pub fn patient(world: &World, name: &str) -> String {
    readable_within(world, name, "show", "30s")
}

fn readable_within(world: &World, name: &str, show: &str, command: &str) -> String {
    let spec = spec(name, "site = \"lab\"", 4, &format!("  timeouts: {{command: {command}}}\n"));
    let spec = spec.replace("{command: load}", &format!("{{command: load, read: {show}}}"));
    world.write(&format!("{name}.yaml"), &spec).display().to_string()
}

fn ledger(world: &World, number: usize) -> Vec<Event> {
    read_ledger(&world.path("devices"), &device(number)).expect("a ledger")
}

/// What a device saw of readings and writes, in order.
fn acts(world: &World, number: usize) -> Vec<Kind> {
    let kinds = ledger(world, number).into_iter().map(|event| event.event);
    kinds.filter(|kind| *kind == Kind::Read || kind.ends_a_write()).collect()
}

/// No write follows another one without a reading in between, in no device's own ledger.
pub fn assert_no_blind_write(world: &World, devices: usize) {
    for number in 1..=devices {
        let acts = acts(world, number);
        let blind = acts.windows(2).any(|two| two.iter().all(|kind| kind.ends_a_write()));
        assert!(!blind && acts.first() == Some(&Kind::Read), "{}: {acts:?}", device(number));
    }
}

/// Kills the agent once device 1 has seen `kind`, and starts it again with the device `mode`.
fn kill_at(world: &mut World, kind: Kind, mode: &str) {
    wait::until("the write has begun", || acts(world, 1).contains(&kind).then_some(()));
    world.agents.get_mut("lab").expect("an agent").kill();
    world.set_mode(&format!("{mode}:1"));
    world.start_agent("lab");
}

#[test]
fn a_device_that_has_it_already_is_unchanged_and_its_ledger_shows_no_write() {
    let world = world(3, &[]);
    world.say(&["apply", "-f", &readable(&world, "first", "show")]);
    let output = world.run(&["apply", "-f", &readable(&world, "second", "show"), "-o", "json"]);
    let end = document(&output);
    assert_eq!(
        (end["state"].as_str(), &end["devices"]["unchanged"]),
        (Some("SUCCEEDED"), &3.into()),
        "{end}"
    );
    for number in 1..=3 {
        assert_eq!(acts(&world, number), [Kind::Read, Kind::Apply, Kind::Read]);
    }
}

#[test]
fn an_agent_killed_after_the_device_took_it_reads_it_back_and_nobody_is_needed() {
    let mut world = world(3, &["stall-after-write:1"]);
    let mut watching = world.background(&["apply", "-f", &readable(&world, "applied", "show")]);
    kill_at(&mut world, Kind::Apply, "good");
    assert_eq!(watching.exit_status(), 0, "{:#?}", watching.output());
    let end = world.document(&["watch", "applied", "-o", "json"]);
    assert_eq!(
        (end["state"].as_str(), &end["devices"]["succeeded"]),
        (Some("SUCCEEDED"), &3.into()),
        "{end}"
    );
    assert_eq!(acts(&world, 1), [Kind::Read, Kind::Apply, Kind::Read], "written once, then read");
}

#[test]
fn an_agent_killed_before_the_device_took_it_reads_it_back_and_tries_again() {
    let mut world = world(3, &["stall:1"]);
    let mut watching = world.background(&["apply", "-f", &readable(&world, "again", "show")]);
    kill_at(&mut world, Kind::Stall, "good");
    assert_eq!(watching.exit_status(), 0, "{:#?}", watching.output());
    let end = world.document(&["watch", "again", "-o", "json"]);
    assert_eq!(end["devices"]["succeeded"], 3, "{end}");
    let (stall, read, apply) = (Kind::Stall, Kind::Read, Kind::Apply);
    let mut acts = acts(&world, 1);
    // One reading may come while the device could still be at the write: it is repeated.
    acts.dedup();
    assert_eq!(acts, [read, stall, read, apply], "settled by a reading, then a new attempt");
}

#[test]
fn an_agent_killed_again_and_again_never_writes_blindly_and_every_device_succeeds() {
    const DEVICES: usize = 20;
    let mut world = world(DEVICES, &["slow:1-20"]);
    let mut watching = world.background(&["apply", "-f", &readable(&world, "often", "show")]);
    for least in [2, 6, 12] {
        let applied = |world: &World| (1..=DEVICES).filter(|n| world.applies(&device(*n)) > 0).count();
        wait::until("some more are configured", || (applied(&world) >= least).then_some(()));
        world.agents.get_mut("lab").unwrap().kill();
        world.start_agent("lab");
    }
    assert_eq!(watching.exit_status(), 0, "{:#?}", watching.output());
    let end = world.document(&["watch", "often", "-o", "json"]);
    assert_eq!(
        end["devices"]["succeeded"].as_u64().unwrap() + end["devices"]["unchanged"].as_u64().unwrap(),
        20
    );
    assert_no_blind_write(&world, DEVICES);
}

#[test]
fn a_device_that_is_neither_stays_unknown_and_says_what_to_do() {
    let world = world(3, &["half:1"]);
    let output = world.run(&["apply", "-f", &readable(&world, "neither", "show"), "-o", "json"]);
    let end = document(&output);
    assert_eq!(end["devices"]["unknown"], 1, "{end}");
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let mut acts = acts(&world, 1);
    acts.dedup();
    assert_eq!(acts, [Kind::Read, Kind::Half, Kind::Read], "never written again");
    let said = world.say(&["rollout", "devices", "neither", "-o", "json"]);
    assert!(said.contains("neither as it was nor as it should be"), "{said}");
    assert!(said.contains("switchyard device reconcile dev001 --as"), "{said}");
    let quarantined = || world.say(&["breaker", "list", "-o", "json"]).contains("device/dev001");
    wait::until("the device is kept from other work", || quarantined().then_some(()));
    world.say(&["device", "reconcile", "dev001", "--as", "failed", "--reason", "looked at it"]);
    wait::until("a person's word ends the quarantine", || (!quarantined()).then_some(()));
}

#[test]
#[ignore = "needs openssh-server: use tests/run"]
fn an_agent_killed_while_sshd_works_settles_every_doubt_by_reading() {
    const DEVICES: usize = 30;
    let mut world = openssh_world(World::new(), DEVICES, None);
    let spec = readable(&world, "sshd", switchyard_tests::openssh::READ_COMMAND);
    world.say(&["apply", "-f", &spec, "--no-wait"]);
    let applied = |world: &World| (1..=DEVICES).filter(|n| world.applies(&device(*n)) > 0).count();
    wait::until("some are configured", || (applied(&world) >= 5).then_some(()));
    world.agents.get_mut("lab").unwrap().kill();
    world.start_agent("lab");
    let end = world.document(&["watch", "sshd", "-o", "json"]);
    let number = |state: &str| end["devices"][state].as_u64().unwrap();
    assert_eq!(number("succeeded") + number("unchanged"), DEVICES as u64, "{end}");
    assert_no_blind_write(&world, DEVICES);
}
