//! Rarer troubles of a seed: disks that stand still, power lost in mid-operation, old copies, sites that change hands.

use crate::dice::Dice;
use crate::scenario::{Act, Deed, Meanwhile, Mode, Scenario};
use std::time::Duration;

/// Of a thousand seeds, how many have each.
const STALLS: u64 = 200;
const POWER: u64 = 200;
const RELAPSES: u64 = 200;
const ROTS: u64 = 100;
const RESTORES: u64 = 120;
const REBINDS: u64 = 120;

/// Adds what the seed has of these to its scenario.
pub fn add(scenario: &mut Scenario) {
    let mut dice = Dice::new(scenario.seed, "mischief");
    if dice.chance(STALLS) {
        stall(scenario, &mut dice);
    }
    if dice.chance(POWER) {
        fail_power(scenario, &mut dice);
    }
    if dice.chance(RELAPSES) {
        relapse(scenario, &mut dice);
    }
    if dice.chance(ROTS) {
        let (at, place) = (dice.millis(1_500, 15_000), dice.next());
        scenario.deeds.push((at, Deed::Rot { site: site(&mut dice), place, for_: dice.millis(300, 5_000) }));
    }
    // Their people are not part of the question who says what when nothing heals.
    if scenario.mode == Mode::Liveness {
        return;
    }
    if dice.chance(RESTORES) {
        restore(scenario, &mut dice);
    } else if dice.chance(REBINDS) {
        rebind(scenario, &mut dice);
    }
}

fn site(dice: &mut Dice) -> usize {
    usize::try_from(dice.below(3)).unwrap_or(0)
}

/// Some time while there is something to do, early in the run.
fn early(dice: &mut Dice) -> Duration {
    dice.millis(800, 8_000)
}

/// A disk stands still under an intent past the end of the lease, or while all is called off.
fn stall(scenario: &mut Scenario, dice: &mut Dice) {
    let (site, frozen) = (site(dice), dice.chance(400));
    let for_ = dice.millis(10_500, 14_000);
    let (down, up) = dice.pick(&[(true, true), (true, true), (true, false), (false, true)]);
    let after = dice.millis(2_000, 9_000);
    let called_off = dice.pick(&[Act::Abort(0), Act::Trip(site)]);
    let meanwhile =
        if dice.chance(700) { Meanwhile::Cut { down, up, after } } else { Meanwhile::Act(called_off) };
    scenario.deeds.push((early(dice), Deed::Stall { site, frozen, for_, meanwhile }));
    scenario.healed_at = scenario.healed_at.max(Duration::from_secs(35));
}

fn fail_power(scenario: &mut Scenario, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let most = u64::try_from(scenario.healed_at.as_millis() / 2).unwrap_or(u64::MAX);
        let at = dice.millis(0, most);
        let deed = Deed::FailPower { site: site(dice), after: dice.below(12) };
        scenario.deeds.push((at, deed));
    }
}

/// Power is lost again soon after it came back: what the new run has done is the least safe then.
fn relapse(scenario: &mut Scenario, dice: &mut Dice) {
    let (site, mut at) = (site(dice), dice.millis(1_000, 8_000));
    for _ in 0..2 + dice.below(3) {
        let for_ = dice.millis(200, 1_000);
        scenario.deeds.push((at, Deed::KillAgent { site, power: true, for_ }));
        at += for_ + dice.millis(500, 3_000);
    }
}

/// A copy of the coordinator's disk comes back after more has happened.
fn restore(scenario: &mut Scenario, dice: &mut Dice) {
    // By then every rollout has been begun.
    let backup_at = dice.millis(4_500, 12_000);
    let restore_at = backup_at + dice.millis(500, 15_000);
    scenario.deeds.push((backup_at, Deed::Backup));
    scenario.deeds.push((restore_at, Deed::Restore(dice.millis(300, 6_000))));
    if dice.chance(500) {
        // What an agent has only in memory must not be what saves it.
        let at = restore_at + dice.millis(0, 1_000);
        scenario
            .deeds
            .push((at, Deed::KillAgent { site: site(dice), power: true, for_: dice.millis(300, 4_000) }));
    }
    scenario.healed_at = scenario.healed_at.max(restore_at + Duration::from_secs(15));
}

/// A site is taken from its agent, which may be cut off just then, and comes back.
fn rebind(scenario: &mut Scenario, dice: &mut Dice) {
    let site = site(dice);
    let at = early(dice);
    if dice.chance(600) {
        let cut_at = at.saturating_sub(dice.millis(0, 3_000)).max(Duration::from_millis(700));
        scenario.deeds.push((cut_at, Deed::Cut { site, down: true, up: true }));
        let back_at = at + dice.millis(1_000, 40_000);
        scenario.deeds.push((back_at, Deed::Mend(site)));
        scenario.healed_at = scenario.healed_at.max(back_at);
    }
    scenario.deeds.push((at, Deed::Act(Act::Rebind(site))));
    scenario.deeds.push((at + dice.millis(500, 30_000), Deed::Spare));
    scenario.healed_at = scenario.healed_at.max(at + Duration::from_secs(31));
    scenario.rebound = Some(site);
}
