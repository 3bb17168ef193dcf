//! Death at every named point of both programs, some times each, in programs that are built with them.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::time::Duration;
use switchyard_tests::{programs, wait};

/// A program that is to die reaches its point within this, or the point is dead.
const REACHED_WITHIN: Duration = Duration::from_secs(60);
/// How often a point is passed before the death, at most.
const PASSES_MAX: usize = 6;

/// Where a program dies.
struct Point {
    name: &'static str,
    of_agent: bool,
    /// It is passed at every start, so that the death comes at once.
    at_start: bool,
}

const fn agent(name: &'static str) -> Point {
    Point { name, of_agent: true, at_start: false }
}

const fn coordinator(name: &'static str) -> Point {
    Point { name, of_agent: false, at_start: false }
}

const POINTS: [Point; 16] = [
    agent("intent-synced"),
    agent("before-first-byte"),
    agent("device-answered"),
    agent("journal-before-sync"),
    agent("result-synced"),
    agent("result-sent"),
    Point { name: "segment-before-rename", of_agent: true, at_start: true },
    Point { name: "segment-before-folder-sync", of_agent: true, at_start: true },
    coordinator("before-commit"),
    coordinator("after-commit"),
    coordinator("before-ack"),
    coordinator("before-reply"),
    coordinator("before-dispatch"),
    coordinator("after-dispatch"),
    Point { name: "epoch-raised", of_agent: false, at_start: true },
    Point { name: "recovered", of_agent: false, at_start: true },
];

/// Kills `count` times at each point.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    for point in &POINTS {
        let mut hits = 0;
        for number in 0..count {
            hits += usize::from(once(point, number, chance, report));
        }
        report.figure(&format!("deaths at {}", point.name), hits as f64);
        if hits < count {
            report.violation(format!(
                "{}: {hits} deaths of {count}: the point is not where it was",
                point.name
            ));
        }
    }
}

/// One rollout in which one program dies at the point; tells whether it did.
fn once(point: &Point, number: usize, chance: &mut Chance, report: &mut Report) -> bool {
    let terms = Terms { devices: 40, sites: 2, parallel: 4, faults: &["slow:1-40"] };
    let mut stage = Stage::new(&terms);
    stage.world.programs = Some(programs::with_failpoints().to_owned());
    let passes = if point.at_start { 0 } else { chance.number(0..PASSES_MAX) };
    let site = chance.number(0..stage.sites.len());
    let who = if point.of_agent { stage.sites[site].clone() } else { "coordinator".to_owned() };
    let words = ["env".to_owned(), format!("SWITCHYARD_FAILPOINT={}:{passes}", point.name)];
    let name = format!("{}-{number}", point.name);
    stage.begin(&name);
    stage.wait_for_contacts(chance.number(1..12));
    // The one that is to die is started anew in the middle of the rollout, armed.
    stage.world.before.insert(who.clone(), words.to_vec());
    if point.of_agent {
        stage.kill_agent(site);
        stage.world.launch_agent(&who);
    } else {
        stage.kill_coordinator();
        stage.world.launch_coordinator();
    }
    let died = wait::within(REACHED_WITHIN, || {
        let running = match point.of_agent {
            true => stage.world.agents.get_mut(&who),
            false => stage.world.coordinator.as_mut(),
        };
        (running.is_none_or(switchyard_tests::programs::Running::has_ended) || stage.is_over()).then_some(())
    });
    let mark = format!("killed at the failpoint {}", point.name);
    let running = match point.of_agent {
        true => stage.world.agents.get(&who),
        false => stage.world.coordinator.as_ref(),
    };
    let says = |running: &programs::Running| running.output().iter().any(|line| line.contains(&mark));
    let hit = died.is_some()
        && wait::within(Duration::from_secs(1), || running.is_some_and(says).then_some(())).is_some();
    stage.world.before.remove(&who);
    if point.of_agent {
        stage.kill_agent(site);
    } else {
        stage.kill_coordinator();
    }
    stage.revive();
    stage.finish(&name, report);
    hit
}
