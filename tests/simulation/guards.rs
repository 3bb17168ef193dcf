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

/// A seed that is broken without the guard, when last looked: where a test begins to look.
#[cfg(test)]
fn known_seed(guard: Guard) -> u64 {
    match guard {
        Guard::FsyncBeforeAck | Guard::IntentWait | Guard::ResultFsync => 0,
        Guard::SecondGateCheck | Guard::Lease => 5,
        Guard::SiteEpoch => 8,
        Guard::CoordinatorEpoch => 13,
        Guard::ReadBackAfterDoubt => 11,
        Guard::FolderFsync | Guard::JournalFsync => 29,
        Guard::EarlyReading => 31,
        Guard::DoubtAfterRestart => 78,
        Guard::WatermarkTogether => 109,
    }
}

/// Runs `scenario`, without a guard if one is named.
pub fn run_without(removed: Option<Guard>, scenario: Scenario) -> Report {
    match removed {
        Some(removed) => guard::without(removed, || run(scenario)),
        None => run(scenario),
    }
}

/// The first seed that is broken without the guard, and with it not; and what is broken then.
fn first_red(removed: Guard, mut seeds: impl Iterator<Item = u64>) -> Option<(u64, Violation)> {
    seeds.find_map(|seed| {
        let of = |removed| run_without(removed, Scenario::new(seed, Mode::Safety)).violations;
        let violation = of(Some(removed)).into_iter().next()?;
        of(None).is_empty().then_some((seed, violation))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Where else is looked when a known seed is none any more.
    const ELSEWHERE: Range<u64> = 0..300;

    fn is_missed(removed: Guard) {
        let seeds = std::iter::once(known_seed(removed)).chain(ELSEWHERE);
        let Some((seed, violation)) = first_red(removed, seeds) else {
            panic!("nothing tells that {} is gone", removed.name());
        };
        println!("without {} seed {seed}: {violation}", removed.name());
    }

    #[test]
    fn each_guard_of_the_device_is_missed_when_it_is_taken_away() {
        let before = [Guard::SecondGateCheck, Guard::IntentWait, Guard::Lease];
        let after = [Guard::ReadBackAfterDoubt, Guard::EarlyReading];
        before.into_iter().chain(after).for_each(is_missed);
    }

    #[test]
    fn each_guard_of_what_is_durable_is_missed_when_it_is_taken_away() {
        let agents = [Guard::FolderFsync, Guard::JournalFsync, Guard::ResultFsync, Guard::DoubtAfterRestart];
        let coordinators = [Guard::FsyncBeforeAck, Guard::WatermarkTogether];
        agents.into_iter().chain(coordinators).for_each(is_missed);
    }

    #[test]
    fn each_guard_against_who_is_behind_is_missed_when_it_is_taken_away() {
        [Guard::CoordinatorEpoch, Guard::SiteEpoch].into_iter().for_each(is_missed);
    }

    #[test]
    fn a_guard_is_found_by_its_name() {
        assert!(guard::ALL.into_iter().all(|guard| parse(guard.name()) == Ok(guard)));
        assert!(parse("leash").is_err_and(|why| why.contains("lease")));
    }
}
