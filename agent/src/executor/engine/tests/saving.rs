//! What was left open is made good, or told: checks of a settled doubt, and a save that was lost.

use super::fake::{Bench, Deed, Saving, World};
use super::*;
use switchyard_shared::outcome::Found;
use switchyard_shared::procedure::{Expectation, Probe};

/// The end of a change that runs, was verified, and was not saved.
const NOT_SAVED: (Class, Phase, LeftAs) = (Class::PostcheckFailed, Phase::Confirm, LeftAs::Changed);

fn told(outcome: &Outcome) -> (Class, Phase, LeftAs) {
    (outcome.class, outcome.phase, outcome.left_as)
}

fn in_doubt(expectation: Expectation) -> Bench {
    let mut bench = Bench::new("new", "new");
    bench.procedure.post = vec![command("show bgp", expectation)];
    bench.task.purpose = Purpose::Settle { before: Some(bench.digest("old")) };
    bench
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_settled_as_good_only_after_the_checks_that_nobody_had_made() {
    for (wanted, class) in [("new", Class::Ok), ("established", Class::PostcheckFailed)] {
        let bench = in_doubt(Expectation::Contains(wanted.into()));
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Changed), "{}", outcome.message);
        assert_eq!(outcome.found, Some(Found::Applied));
        assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Look, Deed::Close], "nothing is written");
        if class == Class::PostcheckFailed {
            assert!(outcome.message.contains("the check look failed"), "{}", outcome.message);
            assert!(outcome.hint.contains("switchyard rollback ntp --device r1"), "{}", outcome.hint);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_compares_with_what_was_before_the_write_is_said_not_to_have_been_made() {
    let bench = in_doubt(Expectation::Expect("== {{ routes }}".into()));
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.found), (Class::Ok, Some(Found::Applied)), "{}", outcome.message);
    assert!(outcome.message.contains("the check look was not made: what routes was"), "{}", outcome.message);
    assert!(matches!(bench.procedure.post[0].probe, Probe::Command { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_save_that_was_lost_fails_the_device_when_a_reading_tells_and_the_next_apply_makes_it() {
    let mut bench = Bench::new("new", "new");
    bench.procedure.commit.save = true;
    bench.is_saved(Some(false));
    bench.task.purpose = Purpose::Settle { before: None };
    let outcome = bench.apply().await;
    assert_eq!(told(&outcome), NOT_SAVED, "{}", outcome.message);
    assert_eq!(outcome.found, Some(Found::Applied));
    assert!(
        outcome.message.contains("has the change; it is not saved for the next boot"),
        "{}",
        outcome.message
    );
    assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close], "a reading writes nothing");
    bench.forget();
    bench.task.purpose = Purpose::Apply;
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    use Deed::{Close, Connect, Gate, Prepare, Read, Save};
    assert_eq!(bench.deeds(), [Connect, Read, Prepare, Read, Gate, Save, Close]);
    bench.forget();
    bench.task.op.attempt = 2;
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::Unchanged, "{}", outcome.message);
    assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close], "a third one writes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_save_that_is_still_to_be_made_waits_for_the_checks_before_the_write() {
    let mut bench = Bench::new("new", "new");
    bench.procedure.commit.save = true;
    bench.procedure.pre = vec![command("show bgp", Expectation::Contains("established".into()))];
    assert!(bench.apply().await.class == Class::Unchanged, "without a write there is no check");
    bench.is_saved(Some(false));
    bench.forget();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Look, Deed::Close], "nothing is saved");
    bench.shows("established");
    let outcome = bench.apply().await;
    assert!(outcome.message.contains("was not saved for the next boot, and is now"), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_of_a_save_that_is_still_to_be_made_and_makes_none() {
    let mut bench = Bench::new("new", "new");
    bench.procedure.commit.save = true;
    bench.is_saved(Some(false));
    bench.task.purpose = Purpose::Compare;
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Unchanged), "apply would write it");
    assert!(outcome.message.contains("not saved for the next boot"), "{}", outcome.message);
    assert!(bench.diff().ends_with("\n+what runs is saved\n"), "{}", bench.diff());
    assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close]);
    for saved in [Some(true), None] {
        bench.is_saved(saved);
        assert_eq!(bench.apply().await.class, Class::Unchanged, "apply would write nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_that_fails_is_a_failure_and_the_change_stays_until_the_next_apply_saves_it() {
    for has in ["old", "new"] {
        let mut bench = Bench::new(has, "new");
        bench.procedure.commit.save = true;
        bench.is_saved(Some(false));
        bench.saves(Saving::Refuses);
        for attempt in 1..=2 {
            bench.task.op.attempt = attempt;
            let outcome = bench.apply().await;
            assert_eq!(told(&outcome), NOT_SAVED, "{}", outcome.message);
            assert!(
                outcome.message.contains("it is not saved for the next boot: % no room"),
                "{}",
                outcome.message
            );
            assert!(outcome.hint.contains("save it by hand or apply it again"), "{}", outcome.hint);
            assert_eq!(bench.has(), "new");
        }
        assert!(!bench.deeds().contains(&Deed::Restore), "what was verified is not taken back for it");
        bench.saves(Saving::Works);
        bench.task.op.attempt = 3;
        let outcome = bench.apply().await;
        assert_eq!(outcome.class, Class::Ok);
        assert!(
            outcome.message.contains("was not saved for the next boot, and is now"),
            "{}",
            outcome.message
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_change_that_cannot_be_saved_stays_confirmed() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.commit.save = true;
    bench.awaits_confirmation();
    bench.saves(Saving::Refuses);
    let outcome = bench.apply().await;
    assert_eq!(told(&outcome), NOT_SAVED, "{}", outcome.message);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(bench.has(), "new");
    assert!(!bench.deeds().contains(&Deed::Cancel));
}

#[tokio::test(start_paused = true)]
async fn a_save_whose_end_is_not_known_is_looked_for_over_a_new_session() {
    for (saved, is_made, class, says) in [
        (Some(false), true, Class::Ok, "has the change"),
        (Some(false), false, Class::PostcheckFailed, "it is not saved for the next boot: it hung up"),
        (None, true, Class::PostcheckFailed, "it is not known to be saved for the next boot: it hung up"),
    ] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.commit.save = true;
        bench.is_saved(saved);
        bench.saves(Saving::Loses { is_made });
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Changed), "{}", outcome.message);
        assert!(outcome.message.contains(says), "{}", outcome.message);
        assert_eq!(bench.has(), "new");
        let deeds = bench.deeds();
        let save = deeds.iter().position(|deed| *deed == Deed::Save).unwrap();
        assert_eq!(deeds[save + 1..save + 3], [Deed::Close, Deed::Connect], "{deeds:?}");
        assert_eq!(
            deeds.iter().filter(|deed| **deed == Deed::Save).count(),
            1,
            "it is not sent again blindly"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_shows_what_runs_and_what_starts_each_in_time_is_waited_for_after_a_lost_save() {
    for (answers, class) in [(1.9, Class::Ok), (2.1, Class::PostcheckFailed)] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.commit.save = true;
        bench.is_saved(Some(false));
        bench.saves(Saving::Loses { is_made: true });
        bench.tells_whether_it_is_saved_after(bench.task.timeouts.command.mul_f64(answers));
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Changed), "{answers}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_device_that_is_read_over_another_session_after_a_doubt_tells_whether_it_is_saved() {
    for (saved, class) in [(true, Class::Ok), (false, Class::PostcheckFailed)] {
        let mut bench = Bench::new("new", "new");
        bench.task.purpose = Purpose::Settle { before: None };
        bench.procedure.commit.save = true;
        bench.procedure.post = vec![command("show", Expectation::Contains("new".into()))];
        bench.is_saved(Some(saved));
        bench.is_slow_once((Deed::Look, 1));
        let telling = bench.task.timeouts.command.mul_f64(1.9);
        bench.tells_whether_it_is_saved_after(telling);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Changed), "{saved}: {outcome:?}");
        assert!(!outcome.message.contains("not known to be saved"), "{}", outcome.message);
        bench.procedure.post.clear();
        assert!(bench.procedure.after_reading(&bench.task.timeouts) > telling, "the attempt has that time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_lost_for_good_while_it_saves_has_the_change_all_the_same() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.commit.save = true;
    bench.saves(Saving::Loses { is_made: false });
    bench.when(Deed::Save, World::is_cut_off);
    let outcome = bench.apply().await;
    assert_eq!(told(&outcome), NOT_SAVED, "{}", outcome.message);
    assert!(outcome.message.contains("is not known to be saved"), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_was_seen_while_it_saved_and_never_again_is_not_said_to_be_not_saved() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.commit.save = true;
    bench.is_saved(Some(false));
    bench.saves(Saving::Loses { is_made: false });
    // The first, one to verify, and one that still sees the device without the save.
    bench.refuses_sessions_from((Deed::Connect, 4), Class::Unreachable);
    let outcome = bench.apply().await;
    assert_eq!(told(&outcome), NOT_SAVED, "{}", outcome.message);
    assert!(outcome.message.contains("is not known to be saved"), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_tell_of_the_next_boot_is_said_and_not_written() {
    let mut bench = Bench::new("new", "new");
    bench.procedure.commit.save = true;
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::Unchanged);
    assert!(outcome.message.contains("not known to be saved"), "{}", outcome.message);
    assert!(!bench.deeds().contains(&Deed::Save));
    let mut bench = Bench::new("new", "new");
    bench.is_saved(Some(false));
    bench.procedure.commit.save = false;
    assert_eq!(bench.apply().await.class, Class::Unchanged, "nobody asked for a save");
    assert!(!bench.deeds().contains(&Deed::Save));
}
