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

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [1, 6, 18] {
        let [one, other] = [0; 2].map(|_| run(Scenario::new(seed, Mode::Safety)));
        assert_eq!(one.digest, other.digest, "seed {seed}");
    }
}
