//! The figures that the rule is known for, with fixed seeds: a few quick rows, and the whole table.

use super::sim::Runs;
use super::world::{NONE, Spec};
use crate::pace::Budget;

const PLATFORM: Spec = Spec { of: &[("platform", 4)], ..NONE };

/// Name and model of every row.
fn rows() -> Vec<(&'static str, Spec)> {
    let share = |bad| Spec { bad, ..NONE };
    vec![
        ("p=0", NONE),
        ("p=.001", share(0.001)),
        ("p=.005", share(0.005)),
        ("p=.01", share(0.01)),
        ("p=.02", share(0.02)),
        ("p=.05", share(0.05)),
        ("p=.1", share(0.1)),
        ("p=.3", share(0.3)),
        ("p=1", share(1.0)),
        ("slow p=1", Spec { bad: 1.0, slow: 3.0, ..NONE }),
        ("platform", PLATFORM),
        ("role", Spec { of: &[("role", 3)], ..NONE }),
        ("os", Spec { of: &[("os", 6)], ..NONE }),
        ("template", Spec { of: &[("template", 6)], ..NONE }),
        ("half platform", Spec { share: 0.5, ..PLATFORM }),
        ("platform&role", Spec { of: &[("platform", 4), ("role", 1)], ..NONE }),
        ("2% silent", Spec { silent: 0.02, ..NONE }),
        ("silent, platform", Spec { silent: 0.02, ..PLATFORM }),
        ("slow platform", Spec { slow: 3.0, ..PLATFORM }),
        ("slow p=.1", Spec { bad: 0.1, slow: 3.0, ..NONE }),
        ("found .8 platform", Spec { found: 0.8, ..PLATFORM }),
        ("found .8 p=.1", Spec { bad: 0.1, found: 0.8, ..NONE }),
    ]
}

fn twenty(spec: &Spec) -> Runs {
    Runs::new(spec, 10_000, 20, 1, Budget::default())
}

#[test]
fn all_failing_harms_exactly_two_slow_or_not() {
    for slow in [1.0, 3.0] {
        let runs = twenty(&Spec { bad: 1.0, slow, ..NONE });
        assert!(runs.all().iter().all(|run| run.harmed == 2 && run.stopped), "{runs}");
    }
}

#[test]
fn one_in_ten_failing_harms_about_the_budget() {
    let runs = twenty(&Spec { bad: 0.1, ..NONE });
    let (median, p95, _) = runs.harm();
    assert!((10..=14).contains(&median) && p95 <= 19, "{runs}");
    assert!(runs.all().iter().all(|run| run.stopped), "{runs}");
}

#[test]
fn slow_failures_harm_no_more_than_the_rule_is_known_for() {
    let runs = twenty(&Spec { bad: 0.1, slow: 3.0, ..NONE });
    let (median, p95, _) = runs.harm();
    assert!(median <= 19 && p95 <= 36, "{runs}");
}

#[test]
#[ignore = "200,000 devices: run it with --release"]
fn a_bad_platform_harms_two_and_the_stop_names_it() {
    let runs = twenty(&PLATFORM);
    let (median, _, worst) = runs.harm();
    assert!(median == 2 && worst <= 8, "{runs}");
    assert!(
        runs.all().iter().all(|run| !run.stopped && run.held.contains(&"platform=4".to_owned())),
        "{runs}"
    );
    assert!(runs.mean(|run| run.delivered) >= 0.99 && runs.price().0 <= 1.6, "{runs}");
}

#[test]
#[ignore = "200,000 devices: run it with --release"]
fn nothing_failing_holds_nothing_and_costs_little() {
    let runs = twenty(&NONE);
    assert!(
        runs.all().iter().all(|run| run.held.is_empty() && !run.stopped && run.delivered == 1.0),
        "{runs}"
    );
    assert!(runs.price().0 <= 1.55, "{runs}");
}

#[test]
#[ignore = "200,000 devices: run it with --release"]
fn a_defect_of_two_labels_is_not_postponed_until_both_look_clean() {
    let runs = twenty(&Spec { of: &[("platform", 4), ("role", 1)], ..NONE });
    let (median, p95, worst) = runs.harm();
    assert!(median <= 8 && p95 <= 20 && worst <= 40, "{runs}");
    assert!(runs.mean(|run| run.delivered) >= 0.98, "{runs}");
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
#[ignore = "prints the whole table: a release build and minutes"]
fn the_whole_table() {
    let (trials, seed) = (number("TRIALS", 100), number("SEED", 1));
    let (devices, limit) = (number("DEVICES", 10_000), number("BUDGET", 10));
    let only = std::env::var("ROWS").unwrap_or_default();
    for (name, spec) in
        rows().into_iter().filter(|(name, _)| only.is_empty() || only.split(',').any(|row| row == *name))
    {
        let budget = Budget { devices: limit as u32, ..Budget::default() };
        println!("{name:18} {}", Runs::new(&spec, devices as usize, trials, seed, budget));
    }
}
