//! SIGSTOP and SIGCONT: an agent or the coordinator stands still for half a lease, one lease, three.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::time::Duration;
use switchyard_shared::time::Timestamp;
use switchyard_tests::wait;

/// The right to start ends this long after the last word of the coordinator.
pub const LEASE: Duration = Duration::from_secs(10);
/// What lies between the last look at the lease and the device's own clock, on a busy machine.
pub const TOLERANCE: Duration = Duration::from_millis(250);

/// Freezes `count` times, each time for the next of the lengths, the agent and the coordinator in turn.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    for number in 0..count {
        let lasts = [LEASE / 2, LEASE, 3 * LEASE][number / 2 % 3];
        let terms = Terms { devices: 100, sites: 2, parallel: 4, faults: &["slow:1-100"] };
        let mut stage = Stage::new(&terms);
        let name = format!("freeze-{number}");
        stage.begin(&name);
        stage.wait_for_contacts(chance.number(8..60));
        wait::pause(chance.time(Duration::from_millis(500)));
        report.add("freezes", 1);
        if number % 2 == 0 {
            let site = chance.number(0..stage.sites.len());
            freeze_agent(&stage, site, lasts, report);
        } else {
            freeze_coordinator(&stage, lasts, report);
        }
        stage.finish(&name, report);
    }
}

/// After the thaw nothing is written before the agent has a new session, if its lease is over.
fn freeze_agent(stage: &Stage, site: usize, lasts: Duration, report: &mut Report) {
    let agent = &stage.world.agents[&stage.sites[site]];
    let sessions = || agent.output().iter().filter(|line| line.contains("connected to")).count();
    let before = sessions();
    agent.freeze();
    let frozen = wait::wall();
    wait::pause(lasts);
    let thawed = wait::wall();
    agent.thaw();
    if lasts <= LEASE {
        return;
    }
    let back = wait::within(Duration::from_secs(30), || (sessions() > before).then(wait::wall));
    let back = back.map_or_else(wait::wall, |(at, _)| Timestamp(at.0 - 20_000));
    let early = stage.starts_between(Some(site), thawed, back);
    report.add("starts of an agent whose lease ended in its sleep", early);
    if early > 0 {
        report.violation(format!(
            "{early} devices were started after a sleep of {lasts:?} from {frozen}, before a new session"
        ));
    }
}

/// While the coordinator stands still, nothing starts once the agents' leases are over.
fn freeze_coordinator(stage: &Stage, lasts: Duration, report: &mut Report) {
    let Some(coordinator) = &stage.world.coordinator else { return };
    coordinator.freeze();
    let frozen = wait::wall();
    wait::pause(lasts);
    let thawed = wait::wall();
    let late = stage.starts_between(None, frozen.plus(LEASE + TOLERANCE), thawed);
    report.add("starts after the lease's end", late);
    if late > 0 {
        report.violation(format!(
            "{late} devices were started more than a lease after the coordinator froze at {frozen}"
        ));
    }
    coordinator.thaw();
}
