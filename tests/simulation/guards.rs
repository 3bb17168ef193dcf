//! Takes each guard of the protocol away in turn: the simulation must notice every one of them.

use crate::run::{Report, run};
use crate::scenario::{Mode, Scenario};
use std::ops::Range;
use switchyard_shared::guard::{self, Guard};
use switchyard_tests::checkers::Violation;

/// How long a line may say what was broken, in characters.
const WHAT_MAX: usize = 150;

/// The guard of this name.
pub fn parse(name: &str) -> Result<Guard, String> {
    let names = || guard::ALL.map(Guard::name).join(", ");
    guard::ALL.into_iter().find(|guard| guard.name() == name).ok_or_else(|| format!("there are: {}", names()))
}

/// Runs `scenario`, without a guard if one is named.
pub fn run_without(removed: Option<Guard>, scenario: Scenario) -> Report {
    match removed {
        Some(removed) => guard::without(removed, || run(scenario)),
        None => run(scenario),
    }
}

/// The first seed that is broken without the guard, and what is broken then.
fn first_red(removed: Guard, mut seeds: Range<u64>) -> Option<(u64, Violation)> {
    seeds.find_map(|seed| {
        let report = run_without(Some(removed), Scenario::new(seed, Mode::Safety));
        report.violations.into_iter().next().map(|violation| (seed, violation))
    })
}

/// Searches for each guard and prints what was found; tells whether every guard was missed.
pub fn search(seeds: Range<u64>) -> bool {
    println!("{:<22} {:>10} {:>9}  what broke", "without", "first seed", "seeds run");
    let mut all = true;
    for removed in guard::ALL {
        let name = removed.name();
        match first_red(removed, seeds.clone()) {
            Some((seed, violation)) => {
                let what: String = violation.to_string().chars().take(WHAT_MAX).collect();
                println!("{name:<22} {seed:>10} {:>9}  {what}", seed - seeds.start + 1);
            }
            None => {
                all = false;
                println!("{name:<22} {:>10} {:>9}  nothing: it is not tested", "-", seeds.end - seeds.start);
            }
        }
    }
    all
}
