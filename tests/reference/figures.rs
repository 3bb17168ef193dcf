//! Four rows of the table with 20 trials of a fixed seed: what a change of the rules would shift is seen at once.

use switchyard_tests::rehearsal::{contacts, known, rehearse, rehearse_alone, rows};

const TRIALS: u32 = 20;
const SEED: u64 = 1;

fn holds(model: &str) {
    let row = rows().into_iter().find(|row| row.model == model).expect("a row of the table");
    let summary = rehearse(model, TRIALS, SEED).expect("a rehearsal");
    let broken = row.bounds.for_few().broken(&summary);
    assert!(broken.is_empty(), "{model}: {broken:#?}\n{summary:#?}");
    let Some(reference) = row.reference.map(|name| known(name).expect("the reference's figures")) else {
        return;
    };
    let (ours, theirs) = (summary.harmed, reference.harmed);
    println!(
        "{model}: harmed (median / p95 / worst): ours {} / {} / {}, reference {} / {} / {}",
        ours.median, ours.p95, ours.worst, theirs.0, theirs.1, theirs.2
    );
    let apart = (summary.harmed.median - reference.harmed.0).abs();
    assert!(
        apart <= 2.0,
        "{model}: half of the rollouts harm {apart} devices more or less than in the reference"
    );
}

#[test]
fn where_nothing_fails_nothing_is_stopped_and_time_costs_half_as_much_again() {
    holds("none");
}

#[test]
fn a_change_that_breaks_a_tenth_harms_a_dozen_of_ten_thousand() {
    holds("p10");
}

#[test]
fn a_change_that_breaks_one_platform_harms_two_and_the_others_get_it() {
    holds("platform");
}

#[test]
fn a_site_that_goes_dark_is_left_alone_and_the_other_sites_go_on() {
    holds("dark-site");
}

#[test]
fn alone_a_dark_site_is_contacted_as_often_as_in_the_reference_whatever_its_pool() {
    for pool in [5, 10, 25, 50, 64] {
        let ours = rehearse_alone("dark-site", pool, TRIALS, SEED).expect("a rehearsal").contacted.mean;
        let reference = contacts(Some(pool)).expect("the reference's figures").mean;
        println!("pool {pool:>2}: ours {ours:.1}, reference {reference:.1}");
        let apart = (ours - reference).abs();
        assert!(
            apart <= 1.0 + 0.35 * reference,
            "pool {pool}: {ours:.1} devices, {reference:.1} in the reference"
        );
    }
}
