//! Aborts at random instants with many agents: how long devices still start, and that late results are kept.

use crate::chance::Chance;
use crate::report::Report;
use crate::stage::{Stage, Terms};
use std::time::Duration;
use switchyard_shared::time::Timestamp;
use switchyard_tests::wait;

/// Aborts in one world: its devices are configured again and again.
const ABORTS_A_WORLD: usize = 25;
/// 99 % of the aborts have stopped every start after this long.
const STOPPED_P99: f64 = 0.25;

/// Aborts `count` rollouts.
pub fn run(count: usize, chance: &mut Chance, report: &mut Report) {
    let mut stops = Vec::new();
    let mut left = count;
    while left > 0 {
        let terms = Terms { devices: 200, sites: 20, parallel: 4, faults: &["slow:1-200"] };
        let mut stage = Stage::new(&terms);
        let here = left.min(ABORTS_A_WORLD);
        for number in 0..here {
            let name = format!("abort-{number}");
            stage.begin(&name);
            let threshold = chance.number(1..stage.devices * 4 / 5);
            stage.wait_for_contacts(threshold);
            wait::pause(chance.time(Duration::from_millis(300)));
            report.add("aborts", 1);
            stage.world.say(&["rollout", "abort", &name, "--reason", "enough", "--yes"]);
            stage.finish(&name, report);
            match decided(&stage, &name) {
                Some(at) => {
                    let last = stage.last_contact(None).unwrap_or(at);
                    stops.push(last.since(at));
                    report.add("devices that started after an abort", usize::from(last > at));
                }
                None => report.violation(format!("{name}: the log has no abort")),
            }
        }
        left -= here;
    }
    let (_, p99) = report.times("from the decision to the last start", &stops);
    if p99 > STOPPED_P99 {
        report.violation(format!("99 % stop within {p99:.3} s, which is more than {STOPPED_P99} s"));
    }
}

/// When the coordinator decided the abort; it is durable and answered a little later.
fn decided(stage: &Stage, name: &str) -> Option<Timestamp> {
    let log = stage.world.log(name);
    let line = log.iter().find(|line| line["state_changed"]["state"] == "ABORTED")?;
    let at: jiff::Timestamp = line["at"].as_str()?.parse().ok()?;
    Some(Timestamp(at.as_microsecond()))
}
