//! What stands between the agent and a device may be lost at any time, and no change and no device is to blame for it.

use super::fake::{Bench, Deed, Saving};
use super::*;

/// More tries than anybody makes.
const FOR_GOOD: usize = 10_000;

fn change(revert: bool) -> Bench {
    let mut bench = Bench::new("old", "new");
    bench.procedure.revert = revert;
    bench.procedure.post = vec![command("show", Expectation::Contains("new".into()))];
    bench
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_lost_before_a_change_was_verified_speaks_against_nothing() {
    for (deed, times) in [(Deed::Read, 3), (Deed::Connect, 2), (Deed::Read, 4), (Deed::Look, 1)] {
        for (revert, tries) in [(true, FOR_GOOD), (true, 1), (false, FOR_GOOD), (false, 1)] {
            let bench = change(revert);
            bench.loses_its_way((deed, times), tries);
            let outcome = bench.apply().await;
            let at = format!("{deed:?} {times}, revert {revert}, {tries} tries: {outcome:?}");
            assert_eq!((outcome.class, outcome.left_as), (Class::Inconclusive, LeftAs::Unknown), "{at}");
            assert!(outcome.message.contains("jump host hop:22"), "{at}");
            assert!(outcome.hint.contains("it is read before anything else"), "{at}");
            assert_eq!(bench.has(), "new", "what nothing speaks against is not taken back: {at}");
            assert!(bench.ways_lost() > 0 || deed == Deed::Connect, "its site hears of it: {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_an_unconfirmed_change_back_because_its_way_was_lost_is_read_and_not_blamed() {
    for (tries, left_as) in [(1, LeftAs::Reverted), (5, LeftAs::Reverted), (FOR_GOOD, LeftAs::Unknown)] {
        for at in [(Deed::Read, 3), (Deed::Look, 1)] {
            let bench = change(true);
            bench.awaits_confirmation();
            bench.loses_its_way(at, tries);
            let outcome = bench.apply().await;
            assert_eq!(
                (outcome.class, outcome.left_as),
                (Class::Inconclusive, left_as),
                "{at:?}: {outcome:?}"
            );
            assert!(!bench.deeds().contains(&Deed::Confirm));
            assert_eq!(bench.has(), "old");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_over_a_good_way_is_evidence_although_the_way_was_lost_before() {
    let mut bench = change(false);
    let gone = command("show", Expectation::Contains("gone".into()));
    let patient = Check { count: 2, failure_limit: 1, ..gone };
    bench.procedure.post = vec![patient];
    bench.loses_its_way((Deed::Look, 1), 0);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Changed), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_that_is_lost_under_a_check_before_the_write_skips_no_device() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.pre = vec![command("show", Expectation::Contains("old".into()))];
    bench.loses_its_way((Deed::Look, 1), FOR_GOOD);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::AgentError, LeftAs::Unchanged), "{outcome:?}");
    assert!(!bench.deeds().contains(&Deed::Gate));
}

#[tokio::test(start_paused = true)]
async fn a_doubt_stands_when_the_way_is_lost_under_the_checks_that_settle_it() {
    let mut bench = change(true);
    bench.set("new");
    bench.task.purpose = Purpose::Settle { before: Some(bench.digest("old")) };
    bench.loses_its_way((Deed::Look, 1), FOR_GOOD);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.found), (Class::AgentError, None), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_save_under_which_the_way_was_lost_leaves_a_verified_change_that_is_read_back() {
    for (is_made, tries, class) in
        [(true, FOR_GOOD, Class::Inconclusive), (true, 0, Class::Ok), (false, 0, Class::PostcheckFailed)]
    {
        let mut bench = change(true);
        bench.procedure.commit.save = true;
        bench.is_saved(Some(false));
        bench.saves(Saving::Loses { is_made });
        bench.loses_its_way((Deed::Save, 1), tries);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Changed), "{outcome:?}");
        assert_eq!(bench.has(), "new");
    }
}
