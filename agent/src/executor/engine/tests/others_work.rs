//! What others do to a device stays theirs: no way back takes it along unless a person says so.

use super::fake::{Bench, Deed, World};
use super::*;
use switchyard_shared::outcome::Found;

fn back(overwrite: bool) -> Purpose {
    Purpose::Restore { attempt: 1, before: None, overwrite }
}

fn somebody_adds(world: &mut World) {
    world.has_now("new and somebody's");
}

#[tokio::test(start_paused = true)]
async fn a_failed_check_takes_back_nothing_of_what_somebody_added_meanwhile() {
    for awaits in [false, true] {
        let mut bench = Bench::new("old", "new");
        if awaits {
            bench.awaits_confirmation();
        }
        bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
        bench.when(Deed::Look, move |world| {
            somebody_adds(world);
            if awaits {
                world.is_confirmed_by_somebody();
            }
        });
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PostcheckFailed, LeftAs::Changed),
            "{outcome:?}"
        );
        assert!(outcome.message.contains("somebody has changed it since"), "{}", outcome.message);
        assert_eq!(bench.has(), "new and somebody's");
        assert!(!bench.deeds().contains(&Deed::Restore) && !bench.deeds().contains(&Deed::Cancel));
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_added_after_a_doubt_was_settled_is_not_taken_away_by_mistake() {
    let mut bench = Bench::new("old", "new");
    bench.hang(Deed::Confirm);
    bench.awaits_confirmation();
    assert_eq!(bench.apply().await.class, Class::LostAfterWrite);
    let before = Some(bench.digest("old"));
    bench.set("new");
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Settle { before };
    assert_eq!(bench.apply().await.found, Some(Found::Applied));
    bench.task.op.attempt = 3;
    bench.task.purpose = back(false);
    bench.set("new and somebody's");
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, bench.has().as_str()),
        (Class::PrecheckFailed, "new and somebody's"),
        "{outcome:?}"
    );
    assert!(outcome.message.contains("somebody has changed it since"), "{}", outcome.message);
    bench.set("new");
    assert_eq!(
        (bench.apply().await.class, bench.has().as_str()),
        (Class::Ok, "old"),
        "what it was left as goes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_stays_although_a_check_failed_is_known_when_it_is_to_be_put_back() {
    for (has, class) in [("new", Class::Ok), ("new and somebody's", Class::PrecheckFailed)] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.revert = false;
        bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
        assert_eq!(bench.apply().await.left_as, LeftAs::Changed);
        bench.set(has);
        bench.task.op.attempt = 2;
        bench.task.purpose = back(false);
        let outcome = bench.apply().await;
        assert_eq!(outcome.class, class, "{}", outcome.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_dropped_a_part_of_a_change_that_stays_is_put_back_by_the_command_that_its_outcome_names()
 {
    let mut bench = Bench::new("old", "new");
    bench.procedure.revert = false;
    bench.when(Deed::Read, |world: &mut World| {
        if world.has_done(Deed::Write) == 1 && world.has_done(Deed::Restore) == 0 {
            world.has_now("half");
        }
    });
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Changed), "{outcome:?}");
    assert!(outcome.hint.contains("switchyard rollback ntp --device"), "{}", outcome.hint);
    bench.task.op.attempt = 2;
    bench.task.purpose = back(false);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "old"), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn a_device_of_which_nobody_knows_what_it_was_left_with_is_put_back_on_a_persons_word_alone() {
    let mut bench = Bench::new("old", "new");
    bench.hang(Deed::Write);
    assert_eq!(bench.apply().await.class, Class::LostAfterWrite);
    bench.set("half");
    bench.task.op.attempt = 2;
    bench.task.purpose = back(false);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "half"), "{outcome:?}");
    assert!(outcome.message.contains("nobody knows what it had when rollout ntp had written"), "{outcome:?}");
    assert!(outcome.hint.contains("--overwrite"), "{}", outcome.hint);
    bench.task.purpose = back(true);
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "old"));
}

#[tokio::test(start_paused = true)]
async fn a_note_that_cannot_be_read_is_not_taken_for_none() {
    let mut bench = Bench::new("old", "new");
    assert_eq!(bench.apply().await.class, Class::Ok);
    bench.spoil_note("left@ntp@1");
    bench.task.op.attempt = 2;
    bench.task.purpose = back(false);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::AgentError, "new"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_back_waits_for_somebody_elses_lock_and_says_who_holds_it_when_that_stays() {
    for (times, class, left_as) in
        [(2, Class::Ok, LeftAs::Reverted), (usize::MAX, Class::Overloaded, LeftAs::Changed)]
    {
        let mut bench = Bench::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.is_locked_against_a_way_back(times);
        bench.task.op.attempt = 2;
        bench.task.purpose = back(false);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, left_as), "{outcome:?}");
        assert_eq!(outcome.message.contains("ann holds the lock"), class != Class::Ok, "{}", outcome.message);
    }
    for (times, left_as) in [(2, LeftAs::Reverted), (usize::MAX, LeftAs::Changed)] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
        bench.is_locked_against_a_way_back(times);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, left_as), "{outcome:?}");
        assert_eq!(outcome.message.contains("ann holds the lock"), times > 2, "{}", outcome.message);
    }
}
