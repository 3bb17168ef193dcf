//! Partitions between network namespaces: both ways, one way, reset, lossy, flapping, and an agent that sleeps in one.

use crate::chance::Chance;
use crate::freezes::{LEASE, TOLERANCE};
use crate::net::{Cut, LISTEN, Net};
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::time::Duration;
use switchyard_shared::time::Timestamp;
use switchyard_tests::wait;
use switchyard_tests::world::World;

/// Partitions that are tried side by side: they mostly wait.
const SIDE_BY_SIDE: usize = 4;
/// Half a period of a flapping cable.
const FLAP: Duration = Duration::from_millis(500);

/// What happens to the cable, and what else.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain(Cut),
    /// Cut and whole in turns.
    Flapping,
    /// Cut, and the agents sleep until after their lease.
    Asleep,
    /// Cut, and the rollout is aborted meanwhile.
    Aborted,
}

/// A third is one-way.
const KINDS: [Kind; 9] = [
    Kind::Plain(Cut::Both),
    Kind::Plain(Cut::In),
    Kind::Plain(Cut::Out),
    Kind::Plain(Cut::Reset),
    Kind::Plain(Cut::In),
    Kind::Plain(Cut::Drops),
    Kind::Flapping,
    Kind::Asleep,
    Kind::Aborted,
];

/// Makes `count` partitions, each in a rollout of its own.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    let mut plans: Vec<Vec<(usize, Chance)>> = (0..SIDE_BY_SIDE).map(|_| Vec::new()).collect();
    for number in 0..count {
        plans[number % SIDE_BY_SIDE].push((number, Chance::new(chance.number(0..usize::MAX) as u64)));
    }
    let lanes = plans.into_iter().map(|plan| {
        std::thread::spawn(move || {
            let mut report = Report::new("partitions", 0);
            for (number, mut chance) in plan {
                one(number, &mut chance, &mut report);
            }
            report
        })
    });
    let lanes: Vec<_> = lanes.collect();
    for lane in lanes {
        match lane.join() {
            Ok(lane) => report.merge(lane),
            Err(_) => report.violation("a lane of partitions broke off"),
        }
    }
}

fn one(number: usize, chance: &mut Chance, report: &mut Report) {
    let kind = KINDS[number % KINDS.len()];
    let net = Net::new();
    let mut world = World::new();
    world.listen = LISTEN.to_owned();
    for who in ["coordinator", "operator"] {
        world.before.insert(who.to_owned(), net.with_coordinator());
    }
    for who in ["devices", "s1", "s2"] {
        world.before.insert(who.to_owned(), net.with_agents());
    }
    let terms = Terms { devices: 60, sites: 2, parallel: 3, faults: &["slow:1-60"] };
    let mut stage = Stage::in_world(world, &terms);
    let name = format!("partition-{number}");
    stage.begin(&name);
    stage.wait_for_contacts(chance.number(4..30));
    wait::pause(chance.time(Duration::from_millis(600)));
    report.add("partitions", 1);
    report.add(&format!("partitions: {kind:?}"), 1);
    let lasts = *chance.one(&[LEASE / 2, LEASE * 6 / 5, LEASE * 2]);
    let left = stage.devices - stage.contacts(None);
    let (cut, healed) = disturb(&stage, &net, kind, lasts, &name);
    if !matches!(kind, Kind::Plain(Cut::Drops) | Kind::Flapping) {
        let late = stage.starts_between(None, cut.plus(LEASE + TOLERANCE), healed);
        report.add("starts after the lease's end", late);
        if late > 0 {
            report.violation(format!(
                "{name} ({kind:?}): {late} starts after the lease's end, cut at {cut}: {}",
                stage.told(cut.plus(LEASE + TOLERANCE), healed)
            ));
        }
        let last = stage.last_start_before(healed).map_or(0.0, |last| last.since(cut).as_secs_f64());
        report.most("latest start after a cut, s", last);
    }
    if left > 12 && !matches!(kind, Kind::Aborted | Kind::Flapping | Kind::Asleep | Kind::Plain(Cut::Drops)) {
        let seen = wait::within(Duration::from_secs(40), || stage.first_contact_after(healed, None));
        match seen {
            Some((at, _)) => {
                report.most("longest from healing to the next start, s", at.since(healed).as_secs_f64())
            }
            None => report.add("nothing started within 40 s of healing", 1),
        }
    }
    stage.finish(&name, report);
}

/// Does it, and gives from when to when.
fn disturb(stage: &Stage, net: &Net, kind: Kind, lasts: Duration, name: &str) -> (Timestamp, Timestamp) {
    let mut lasts = lasts;
    match kind {
        Kind::Plain(how) => net.cut(how),
        Kind::Flapping | Kind::Asleep | Kind::Aborted => net.cut(Cut::Both),
    }
    let cut = wait::wall();
    match kind {
        Kind::Plain(_) => {}
        Kind::Flapping => {
            for _ in 0..lasts.as_millis() / FLAP.as_millis() / 2 {
                wait::pause(FLAP);
                net.heal();
                wait::pause(FLAP);
                net.cut(Cut::Both);
            }
            lasts = FLAP;
        }
        Kind::Asleep => {
            stage.world.agents.values().for_each(switchyard_tests::programs::Running::freeze);
            wait::pause(LEASE * 6 / 5);
            stage.world.agents.values().for_each(switchyard_tests::programs::Running::thaw);
            lasts = Duration::from_secs(3);
        }
        Kind::Aborted => {
            stage.world.say(&["rollout", "abort", name, "--reason", "cut off", "--yes"]);
            lasts = LEASE * 6 / 5;
        }
    }
    wait::pause(lasts);
    let healed = wait::wall();
    net.heal();
    (cut, healed)
}
