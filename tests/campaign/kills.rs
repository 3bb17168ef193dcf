//! SIGKILL at random instants: the coordinator, an agent, both, everything; then a start of what was killed.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::time::Duration;
use switchyard_tests::wait;

/// Kills of one rollout.
const KILLS_A_ROLLOUT: usize = 5;
/// The longest wait for a sign that work has resumed.
const RESUME_WITHIN: Duration = Duration::from_secs(30);
/// 95 % of the kills are forgotten after this long.
const RESUME_P95: f64 = 5.0;
/// Most devices answer late; some hang, refuse, or take the change and say nothing.
const FAULTS: [&str; 5] = ["slow:1-200", "hang:37", "stall:120", "reject:61", "drop-after-write:160"];

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Coordinator,
    Agent(usize),
    Both(usize),
    Everything,
}

/// Kills `count` times.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    let mut resumed = Vec::new();
    let mut left = count;
    while left > 0 {
        let terms = Terms { devices: 200, sites: 2, parallel: 8, faults: &FAULTS };
        let mut stage = Stage::new(&terms);
        let name = format!("kills-{left}");
        stage.begin(&name);
        let kills = left.min(KILLS_A_ROLLOUT);
        for number in 0..kills {
            // The last fifth of a rollout has too little left for a resumption to be seen.
            let width = stage.devices * 4 / 5 / kills;
            let threshold = chance.number(number * width..(number + 1) * width);
            let delay = chance.time(Duration::from_millis(700));
            let victim = victim(chance, stage.sites.len());
            if !stage.wait_for_contacts(threshold) {
                report.add("rollouts that ended before all kills", 1);
                break;
            }
            wait::pause(delay);
            report.add("kills", 1);
            report.add(word(victim), 1);
            resumed.extend(kill(&mut stage, &name, victim, report));
        }
        stage.finish(&name, report);
        report.add("rollouts", 1);
        left -= kills;
    }
    let (p95, _) = report.times("time to resume", &resumed);
    if resumed.len() < count / 2 {
        report.violation(format!("of {count} kills only {} told how soon work resumes", resumed.len()));
    }
    if p95 > RESUME_P95 {
        report.violation(format!("95 % resume within {p95:.3} s, which is more than {RESUME_P95} s"));
    }
}

fn victim(chance: &mut Chance, sites: usize) -> Victim {
    let site = chance.number(0..sites);
    *chance.one(&[
        Victim::Coordinator,
        Victim::Coordinator,
        Victim::Agent(site),
        Victim::Agent(site),
        Victim::Both(site),
        Victim::Everything,
    ])
}

fn word(victim: Victim) -> &'static str {
    match victim {
        Victim::Coordinator => "kills of the coordinator",
        Victim::Agent(_) => "kills of an agent",
        Victim::Both(_) => "kills of both",
        Victim::Everything => "kills of everything",
    }
}

/// Kills and starts again; gives how long after the start the next device was logged in to, by its own
/// ledger, when there was one and the rollout did not wait for a person.
fn kill(stage: &mut Stage, name: &str, victim: Victim, report: &mut Report) -> Option<Duration> {
    let site = match victim {
        Victim::Coordinator | Victim::Everything => None,
        Victim::Agent(site) | Victim::Both(site) => Some(site),
    };
    if !matches!(victim, Victim::Agent(_)) {
        stage.kill_coordinator();
    }
    match victim {
        Victim::Coordinator => {}
        Victim::Agent(site) | Victim::Both(site) => stage.kill_agent(site),
        Victim::Everything => (0..stage.sites.len()).for_each(|site| stage.kill_agent(site)),
    }
    let all = site.map_or(stage.devices, |site| stage.devices_of(site).count());
    let has_more = stage.contacts(site) < all;
    let start = wait::wall();
    stage.revive();
    report.most("longest start of what was killed, s", wait::wall().since(start).as_secs_f64());
    if !has_more {
        return None;
    }
    let seen = wait::within(RESUME_WITHIN, || stage.first_start_after(start, site));
    if seen.is_none() && stage.is_paused(name) {
        report.add("kills of a rollout that waited for a person", 1);
        return None;
    }
    Some(seen.map_or(RESUME_WITHIN, |(at, _)| at.since(start)))
}
