//! The wall clock jumps an hour forward or back under the coordinator, an agent or both: only displayed times change.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::path::Path;
use switchyard_tests::world::World;
use switchyard_tests::{programs::Running, wait};

/// Where the library is that lies about the time.
const LIBRARIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// Jumps `count` times, in a rollout each. Every second time what has jumped is also killed and started
/// again, so that it reads the other time.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    let Some(library) = LIBRARIES.into_iter().find(|path| Path::new(path).exists()) else {
        report.violation("there is no libfaketime: install the package faketime");
        return;
    };
    for number in 0..count {
        let jump = *chance.one(&["+3600", "-3600"]);
        let choices: [&[&str]; 3] = [&["coordinator"], &["s1"], &["coordinator", "s1", "s2"]];
        let whom = *chance.one(&choices);
        let mut world = World::new();
        for who in ["coordinator", "s1", "s2"] {
            let file = world.write(&format!("clock-{who}"), "+0");
            let words = [
                "env".to_owned(),
                format!("LD_PRELOAD={library}"),
                format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
                "FAKETIME_CACHE_DURATION=1".to_owned(),
                "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
                "DONT_FAKE_MONOTONIC=1".to_owned(),
            ];
            world.before.insert(who.to_owned(), words.to_vec());
        }
        let terms = Terms { devices: 60, sites: 2, parallel: 4, faults: &["slow:1-60"] };
        let mut stage = Stage::in_world(world, &terms);
        let name = format!("clock-{number}");
        stage.begin(&name);
        stage.wait_for_contacts(chance.number(4..40));
        for who in whom {
            // The library must never see half of it.
            stage.world.write("clock-next", jump);
            stage.world.rename("clock-next", &format!("clock-{who}"));
        }
        report.add("jumps", 1);
        let restarts = number % 2 == 1;
        if restarts {
            report.add("jumps with a restart", 1);
            restart(&mut stage, whom);
        }
        let ((), took) = wait::timed(|| stage.finish(&name, report));
        report.most("longest to the end after a jump, s", took.as_secs_f64());
        let sessions =
            |agent: &Running| agent.output().iter().filter(|line| line.contains("connected to")).count();
        let most = stage.world.agents.values().map(sessions).max().unwrap_or(0);
        if !restarts && most != 1 {
            report.violation(format!("{name}: a jump of {jump} s at {whom:?} cost an agent its session"));
        }
    }
}

fn restart(stage: &mut Stage, whom: &[&str]) {
    for who in whom {
        match stage.sites.iter().position(|site| site == who) {
            Some(site) => stage.kill_agent(site),
            None => stage.kill_coordinator(),
        }
    }
    stage.revive();
}
