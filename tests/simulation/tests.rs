//! A few seeds in every run of the tests; the campaign runs many.

use crate::run::run;
use crate::scenario::{Mode, Scenario};

fn broken(seeds: std::ops::Range<u64>, mode: Mode) -> Vec<String> {
    let reports = seeds.map(|seed| run(Scenario::new(seed, mode)));
    reports
        .flat_map(|report| {
            let seed = report.seed;
            report.violations.into_iter().map(move |violation| format!("seed {seed}: {violation}"))
        })
        .collect()
}

#[test]
fn nothing_is_lost_and_nothing_done_twice_whatever_happens_to_machines_network_and_disks() {
    assert_eq!(broken(0..6, Mode::Safety), Vec::<String>::new());
}

#[test]
fn everything_comes_to_rest_or_says_who_is_needed_when_one_site_never_heals() {
    assert_eq!(broken(0..4, Mode::Liveness), Vec::<String>::new());
}

/// Set in the process that another one is compared with.
const DIGESTS: &str = "SWITCHYARD_SIMULATION_DIGESTS";

#[test]
fn the_same_seed_is_the_same_run_in_another_process_too() {
    // In 34 the coordinator stops by itself while three agents are connected: libraries toss coins then.
    let seeds = [1, 34, 34, 34, 34, 34];
    let digests = seeds.map(|seed| format!("{DIGESTS} {}", run(Scenario::new(seed, Mode::Safety)).digest));
    assert!(digests[1..].iter().all(|digest| *digest == digests[1]), "{digests:?}");
    if std::env::var_os(DIGESTS).is_some() {
        digests.iter().for_each(|digest| println!("{digest}"));
        return;
    }
    let myself = "tests::the_same_seed_is_the_same_run_in_another_process_too";
    let other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", myself, "--nocapture"])
        .env(DIGESTS, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(other.stdout).unwrap();
    let there: Vec<&str> =
        said.lines().filter_map(|line| line.find(DIGESTS).map(|begin| &line[begin..])).collect();
    assert_eq!(there, digests);
}
