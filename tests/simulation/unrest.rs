//! Wall clocks that jump, and networks that come apart site by site and together again in another order.

use crate::dice::Dice;
use crate::scenario::{Deed, SITES, Scenario};
use std::time::Duration;

/// Of a thousand seeds, how many have each.
const JUMPS: u64 = 250;
const SWIZZLES: u64 = 150;
/// How far a clock jumps, either way, in microseconds: an hour.
const JUMP: i64 = 3_600_000_000;
/// The longest time from one site to the next, in milliseconds.
const STEP_MAX: u64 = 3_000;

/// Adds what the seed has of these to its scenario.
pub fn add(scenario: &mut Scenario) {
    let mut dice = Dice::new(scenario.seed, "unrest");
    if dice.chance(JUMPS) {
        jumps(scenario, &mut dice);
    }
    if dice.chance(SWIZZLES) {
        swizzle(scenario, &mut dice);
    }
}

/// A clock jumps; half of the time its machine loses power soon, since a program reads the clock as it starts.
fn jumps(scenario: &mut Scenario, dice: &mut Dice) {
    for _ in 0..=dice.below(2) {
        let machine = usize::try_from(dice.below(1 + SITES.len() as u64)).unwrap_or(0);
        let at = dice.millis(600, millis(scenario.healed_at));
        let by = dice.pick(&[JUMP, -JUMP]);
        scenario.deeds.push((at, Deed::Jump { machine, by }));
        if dice.chance(500) {
            let for_ = dice.millis(500, 4_000);
            let kill = match machine.checked_sub(1) {
                None => Deed::KillCoordinator(for_),
                Some(site) => Deed::KillAgent { site, power: true, for_ },
            };
            scenario.deeds.push((at + dice.millis(0, 4_000), kill));
        }
    }
}

fn swizzle(scenario: &mut Scenario, dice: &mut Dice) {
    let mut sites: Vec<usize> = (0..SITES.len()).filter(|_| dice.chance(750)).collect();
    let (mut at, begin) = (dice.millis(600, 12_000), sites.clone());
    shuffle(&mut sites, dice);
    for site in sites.iter().copied() {
        let (down, up) = dice.pick(&[(true, true), (true, true), (true, false), (false, true)]);
        scenario.deeds.push((at, Deed::Cut { site, down, up }));
        at += dice.millis(50, STEP_MAX);
    }
    at += dice.millis(0, 15_000);
    shuffle(&mut sites, dice);
    for site in sites {
        scenario.deeds.push((at.min(scenario.healed_at), Deed::Mend(site)));
        at += dice.millis(50, STEP_MAX);
    }
    scenario.swizzles += u64::from(begin.len() > 1);
}

fn shuffle(sites: &mut [usize], dice: &mut Dice) {
    for last in (1..sites.len()).rev() {
        let other = usize::try_from(dice.below(last as u64 + 1)).unwrap_or(0);
        sites.swap(last, other);
    }
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}
