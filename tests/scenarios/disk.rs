//! The agent's disk fills up, fails, or has changed: nothing is lost, nothing is written twice, and the agent says
//! what to do.
#![expect(clippy::disallowed_methods, reason = "the tests' own files")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use switchyard_agent::simulator::Kind;
use switchyard_tests::tmpfs::Tmpfs;
use switchyard_tests::wait;
use switchyard_tests::world::{TEMPLATE, World, device, document, text};

const DEVICES: usize = 40;
const PARALLEL: usize = 4;
/// Devices that take the change at once; the others wait with it until the test lets them go on.
const AT_ONCE: usize = 6;
/// Enough to fill what is left of a page of a full disk; the others are what is left to do.
const ENOUGH: usize = 32;

/// Waiting devices and a coordinator, no agent yet.
fn world() -> World {
    world_of(&format!("wait:{}-{DEVICES}", AT_ONCE + 1))
}

fn world_of(fault: &str) -> World {
    let mut world = World::new();
    world.simulate(DEVICES, &format!("lab:1-{DEVICES}"), &[fault]);
    world.start_coordinator();
    world.write("device.cfg.j2", TEMPLATE);
    world
}

/// Everything in between the agent's words and its program.
fn with_strace(world: &mut World, inject: &str) {
    // As a grandchild, so that a signal to the program reaches it.
    let words = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", inject];
    world.before.insert("lab".to_owned(), words.map(str::to_owned).to_vec());
}

fn roll_out(world: &World, name: &str) {
    world.import(&world.path("devices/inventory.yaml"));
    let spec = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change:\n    ssh: {{command: \
         load}}\n    templates: {{default: device.cfg.j2}}\n  timeouts: {{command: 2m}}\n  strategy:\n    order: listed\n    max_parallel_per_site: {PARALLEL}\n    \
         waves: [{{name: all}}]\n    budget: {{devices: 100000}}\n"
    );
    let path = world.write(&format!("{name}.yaml"), &spec).display().to_string();
    world.say(&["apply", "-f", &path, "--no-wait"]);
    wait::until("some devices are configured", || (applied(world) >= AT_ONCE).then_some(()));
}

/// A rollout in the middle: no device but the four in flight begins before these are told to go on.
fn roll_out_half(world: &World, name: &str) {
    roll_out(world, name);
    world.until_waiting(AT_ONCE + 1..=AT_ONCE + PARALLEL);
}

/// Lets devices go on up to `last`.
fn go_on(world: &World, last: usize) {
    world.set_mode(&format!("good:{}-{last}", AT_ONCE + 1));
}

fn applied(world: &World) -> usize {
    (1..=DEVICES).filter(|number| world.applies(&device(*number)) > 0).count()
}

/// Waits for the end; by the ledgers nothing was written twice, and what they say was done is not lost.
fn end(world: &World, name: &str) -> Value {
    let output = world.run(&["watch", name, "-o", "json"]);
    assert!(matches!(output.status.code(), Some(0..=3)), "{}", text(&output));
    let end = document(&output);
    let count = |state: &str| end["devices"][state].as_u64().expect("a count");
    let sum: u64 = ["succeeded", "failed", "skipped", "unknown"].iter().map(|state| count(state)).sum();
    assert_eq!(sum, DEVICES as u64, "{end}");
    for number in 1..=DEVICES {
        let device = device(number);
        let writes = [Kind::Apply, Kind::Reject, Kind::Abandoned]
            .map(|kind| world.ledger(&device).iter().filter(|event| event.event == kind).count());
        assert!(writes.iter().sum::<usize>() <= 1, "{device} was written to {writes:?}");
    }
    let applied = applied(world) as u64;
    assert!(
        (count("succeeded")..=count("succeeded") + count("unknown")).contains(&applied),
        "{applied}: {end}"
    );
    end
}

fn said(world: &World, words: &str) -> bool {
    world.agents["lab"].output().iter().any(|line| line.contains(words))
}

#[test]
#[ignore = "needs root: use tests/run"]
fn a_disk_that_fills_up_stops_new_work_and_the_rollout_goes_on_when_there_is_room() {
    let mut world = world();
    let disk = Tmpfs::mount(world.path("agent-lab"), "2m");
    world.start_agent("lab");
    roll_out_half(&world, "full");
    disk.fill();
    go_on(&world, ENOUGH);
    world.agents["lab"].line_with("the disk is full");
    world.agents["lab"].line_with("starting nothing new, results are still delivered");
    let status = || world.document(&["status", "full", "-o", "json"]);
    wait::until("what ran has ended", || (status()["devices"]["running"] == 0).then_some(()));
    let told = || status()["blocked_on"].to_string().contains("the disk is full");
    wait::until("the operator is told what it waits for", || told().then_some(()));
    let contacts = || (1..=DEVICES).map(|number| world.contacts(&device(number))).sum::<usize>();
    let before = (contacts(), applied(&world));
    assert!(before.1 < DEVICES, "the disk was full before the end");
    // Anything that asks the agent to start more: a second rollout, answered by none.
    wait::pause(std::time::Duration::from_secs(3));
    assert_eq!((contacts(), applied(&world)), before, "nothing starts on a full disk");
    disk.free();
    world.agents["lab"].line_with("the disk has room again");
    go_on(&world, DEVICES);
    let end = end(&world, "full");
    assert!(end["devices"]["failed"].as_u64().expect("a count") <= PARALLEL as u64, "{end}");
    assert_eq!(end["devices"]["unknown"], 0, "{end}");
}

#[test]
#[ignore = "needs root: use tests/run"]
fn an_agent_killed_on_a_full_disk_starts_on_it_and_delivers() {
    let mut world = world();
    let disk = Tmpfs::mount(world.path("agent-lab"), "2m");
    world.start_agent("lab");
    roll_out_half(&world, "killed");
    disk.fill();
    go_on(&world, ENOUGH);
    world.agents["lab"].line_with("the disk is full");
    world.agents.get_mut("lab").unwrap().kill();
    disk.fill();
    world.launch_agent("lab");
    world.agents["lab"].line_with("connected to");
    disk.free();
    go_on(&world, DEVICES);
    end(&world, "killed");
}

/// A coordinator on a small disk, with an agent and waiting devices.
fn world_on_a_small_disk() -> (World, Tmpfs) {
    let mut world = World::new();
    let waiting = format!("wait:{}-{DEVICES}", AT_ONCE + 1);
    world.simulate(DEVICES, &format!("lab:1-{DEVICES}"), &[&waiting]);
    let disk = Tmpfs::mount(world.path("coordinator"), "24m");
    world.start_coordinator();
    world.write("device.cfg.j2", TEMPLATE);
    world.start_agent("lab");
    (world, disk)
}

#[test]
#[ignore = "needs root: use tests/run"]
fn a_full_disk_at_the_coordinator_stops_new_work_can_be_looked_at_and_loses_nothing() {
    let (world, disk) = world_on_a_small_disk();
    roll_out_half(&world, "cramped");
    disk.fill();
    go_on(&world, ENOUGH);
    world.coordinator.as_ref().expect("a coordinator").line_with("the disk is full");
    let status = || world.document(&["status", "cramped", "-o", "json"]);
    let told = || status()["blocked_on"].to_string().contains("the disk is full");
    wait::until("the operator is told what it waits for", || told().then_some(()));
    assert!(world.say(&["rollout", "devices", "cramped"]).contains("dev001"), "all can be looked at");
    assert!(world.say(&["agent", "list"]).contains("lab"));
    let pause = world.run(&["rollout", "pause", "cramped", "--reason", "lunch"]);
    assert!(!pause.status.success() && text(&pause).contains("free space there"), "{}", text(&pause));
    let contacts = || (1..=DEVICES).map(|number| world.contacts(&device(number))).sum::<usize>();
    // The right to start what was handed out before ends by itself.
    wait::pause(std::time::Duration::from_secs(12));
    let before = contacts();
    assert!(applied(&world) < DEVICES, "the disk was full before the end");
    wait::pause(std::time::Duration::from_secs(3));
    assert_eq!(contacts(), before, "nothing starts while nothing can be made durable");
    disk.free();
    world.coordinator.as_ref().expect("a coordinator").line_with("the disk has room again");
    go_on(&world, DEVICES);
    let end = end(&world, "cramped");
    assert_eq!(end["devices"]["succeeded"], DEVICES, "{end}");
}

#[test]
#[ignore = "needs root: use tests/run"]
fn a_coordinator_killed_on_a_full_disk_goes_on_when_there_is_room() {
    let (mut world, disk) = world_on_a_small_disk();
    roll_out_half(&world, "twice");
    disk.fill();
    go_on(&world, ENOUGH);
    world.coordinator.as_ref().expect("a coordinator").line_with("the disk is full");
    world.coordinator.as_mut().expect("a coordinator").kill();
    disk.fill();
    world.launch_coordinator();
    wait::until("it waits for room or has ended with what to do", || {
        let output = world.coordinator.as_ref().expect("a coordinator").output().join("\n");
        (output.contains("the disk is full") || output.contains("make room on")).then_some(())
    });
    disk.free();
    let coordinator = world.coordinator.as_mut().expect("a coordinator");
    let listens = wait::until("it goes on or has ended with what to do", || {
        let output = coordinator.output();
        let listens = output.iter().any(|line| line.contains("listening on"));
        (listens || coordinator.has_ended()).then_some(listens)
    });
    if !listens {
        let output = coordinator.output().join("\n");
        assert!(output.contains("make room on") && output.contains("then start again"), "{output}");
        world.start_coordinator();
    }
    go_on(&world, DEVICES);
    let end = end(&world, "twice");
    assert_eq!(end["devices"]["succeeded"], DEVICES, "{end}");
}

#[test]
#[ignore = "needs strace: use tests/run"]
fn a_failed_sync_is_survived_in_a_new_file_and_one_that_fails_for_ever_ends_the_agent() {
    for (name, when, survives) in [("once", "when=25", true), ("for-ever", "when=25+", false)] {
        let mut world = world_of(&format!("slow:1-{DEVICES}"));
        world.start_agent("lab");
        world.agents.get_mut("lab").unwrap().kill();
        with_strace(&mut world, &format!("inject=fsync,fdatasync:error=EIO:{when}"));
        world.start_agent("lab");
        roll_out(&world, name);
        if survives {
            world.agents["lab"].line_with("a new file was begun with all that matters");
        } else {
            world.agents["lab"].line_with("Input/output error");
            let status = world.agents.get_mut("lab").unwrap().exit_status();
            assert_eq!(status, 1, "it ends by itself");
            world.before.clear();
            world.start_agent("lab");
        }
        let end = end(&world, name);
        assert!(!survives || end["devices"]["succeeded"] == DEVICES, "{end}");
    }
}

#[test]
#[ignore = "needs strace: use tests/run"]
fn a_disk_that_takes_half_a_second_for_each_sync_only_takes_longer() {
    let mut world = world_of(&format!("slow:1-{DEVICES}"));
    with_strace(&mut world, "inject=fsync,fdatasync:delay_enter=500000");
    world.start_agent("lab");
    roll_out(&world, "slow");
    let end = end(&world, "slow");
    assert_eq!(end["devices"]["succeeded"], DEVICES, "{end}");
}

#[test]
fn a_damaged_journal_is_refused_set_aside_and_what_was_in_flight_is_unknown_and_not_done_twice() {
    let mut world = world();
    world.start_agent("lab");
    roll_out_half(&world, "damaged");
    world.agents.get_mut("lab").unwrap().kill();
    change(&world.path("agent-lab/journal"), |bytes| bytes.len() / 2);
    world.launch_agent("lab");
    assert_eq!(world.agents.get_mut("lab").unwrap().exit_status(), 1);
    assert!(
        said(&world, "cannot be used") && said(&world, "journal set-aside"),
        "{:?}",
        world.agents["lab"].output()
    );
    let data = world.path("agent-lab").display().to_string();
    let aside = |more: &[&str]| {
        let program = switchyard_tests::programs::folder().join("switchyard-agent");
        Command::new(program)
            .args(["journal", "set-aside", "--data", &data])
            .args(more)
            .output()
            .expect("dd runs")
    };
    let looked = aside(&[]);
    assert!(!looked.status.success() && text(&looked).contains("nothing was moved"), "{}", text(&looked));
    let moved = aside(&["--yes"]);
    assert!(moved.status.success() && text(&moved).contains("journal.aside-1"), "{}", text(&moved));
    go_on(&world, DEVICES);
    world.start_agent("lab");
    let end = end(&world, "damaged");
    assert!(end["devices"]["unknown"].as_u64().expect("a count") <= PARALLEL as u64, "{end}");
}

#[test]
fn an_agent_whose_last_record_was_changed_tells_of_it_and_nothing_is_done_twice() {
    let mut world = world();
    world.start_agent("lab");
    roll_out_half(&world, "changed");
    world.agents.get_mut("lab").unwrap().kill();
    change(&world.path("agent-lab/journal"), |bytes| bytes.len() - 20);
    go_on(&world, DEVICES);
    world.start_agent("lab");
    assert!(said(&world, "it goes on under another name"), "{:?}", world.agents["lab"].output());
    let end = end(&world, "changed");
    let unknown = end["devices"]["unknown"].as_u64().expect("a count");
    assert!((1..=PARALLEL as u64).contains(&unknown), "what was in flight is in doubt: {end}");
}

/// Changes a byte of the newest segment.
fn change(journal: &Path, which: impl Fn(&[u8]) -> usize) {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(journal)
        .expect("a journal")
        .map(|entry| entry.expect("a name").path())
        .filter(|path| path.extension().is_some_and(|end| end == "journal"))
        .collect();
    segments.sort();
    let path = segments.last().expect("a segment");
    let mut bytes = std::fs::read(path).expect("a file");
    let at = which(&bytes);
    bytes[at] ^= 0x20;
    std::fs::write(path, bytes).expect("a file");
}
