//! Putting a device back once more.

use super::fake::{Bench, Saving};
use super::*;
use switchyard_shared::id::{OpId, RolloutName};

#[tokio::test(start_paused = true)]
async fn a_way_back_that_failed_half_way_can_be_tried_again_unless_somebody_came_between() {
    for (meanwhile, class, has) in
        [(None, Class::Ok, "old"), (Some("somebody's"), Class::PrecheckFailed, "somebody's")]
    {
        let mut bench = Bench::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.task.op.attempt = 2;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        bench.stops_half_way_back(Some(LeftAs::Unknown));
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Unknown), "{outcome:?}");
        bench.stops_half_way_back(None);
        if let Some(text) = meanwhile {
            bench.set(text);
        }
        bench.task.op.attempt = 3;
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, bench.has().as_str()), (class, has), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_the_change_and_stays_is_not_called_put_back() {
    let mut bench = Bench::new("abc", "cba");
    bench.lists_backwards();
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Changed), "{outcome:?}");
    assert!(outcome.message.contains("the order of entries is the change"), "{}", outcome.message);
    bench.procedure.post.clear();
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Changed), "{outcome:?}");
    assert_eq!(bench.has(), "cba");
}

/// Changes that go wrong so that they are to be taken back: at a check, and as the device refuses them half way.
fn gone_wrong() -> [Bench; 2] {
    let (mut checked, refused) = (Bench::new("old", "new"), Bench::new("old", "new"));
    checked.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    refused.refuse_the_write("a part");
    [checked, refused]
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_ended_half_way_is_a_failed_one_whatever_its_driver_says() {
    for left_as in [LeftAs::Unknown, LeftAs::Changed] {
        for bench in gone_wrong() {
            bench.stops_half_way_back(Some(left_as));
            let outcome = bench.apply().await;
            let told = (outcome.class, outcome.left_as);
            assert_eq!(told, (Class::RollbackFailed, LeftAs::Unknown), "{outcome:?}");
            assert!(outcome.message.ends_with("; on the way back: % no room"), "{}", outcome.message);
            assert!(outcome.hint.contains("switchyard rollback ntp --device r1"), "{}", outcome.hint);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_which_a_list_cannot_go_back_is_a_failed_way_back_that_names_it() {
    for has in ["all but a list", "new"] {
        for mut bench in gone_wrong() {
            bench.has_after_a_way_back(has);
            for attempt in 1..=2 {
                let outcome = bench.apply().await;
                let told = (outcome.class, outcome.left_as, bench.has());
                assert_eq!(told, (Class::RollbackFailed, LeftAs::Changed, has.into()), "{outcome:?}");
                let names = "; all is back, except that the list stays as it is";
                assert!(outcome.message.ends_with(names), "{attempt}: {}", outcome.message);
                assert!(outcome.hint.contains("put it back by hand"), "{}", outcome.hint);
                bench.task.op.attempt = 2;
                bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_rollout_made_again_after_a_way_back_is_not_taken_for_the_change_that_went() {
    for confirmed in [false, true] {
        let mut bench = Bench::new("old", "new");
        if confirmed {
            bench.awaits_confirmation();
        }
        bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
        let outcome = bench.apply().await;
        assert_eq!((outcome.left_as, bench.has().as_str()), (LeftAs::Reverted, "old"), "{outcome:?}");
        bench.procedure.post.clear();
        let first = bench.task.op.clone();
        bench.task.op.rollout = RolloutName::new("other").unwrap();
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.task.op = OpId { attempt: 2, ..first };
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "new"), "{outcome:?}");
        assert!(outcome.message.contains("rollout other has written to it since"), "{}", outcome.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_another_rollout_met_and_gave_back_can_be_put_back() {
    let mut bench = Bench::new("old", "new");
    assert_eq!(bench.apply().await.class, Class::Ok);
    let first = bench.task.op.clone();
    bench.task.op.rollout = RolloutName::new("other").unwrap();
    bench.task.configuration = b"newer".as_slice().into();
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "newer"));
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "new"));
    bench.task.op = OpId { attempt: 2, ..first };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "old"), "{outcome:?}");
}

/// Lets rollout `name` bring the device to `wanted`; the next task is a way back of the first rollout again.
async fn another_brings(bench: &mut Bench, name: &str, wanted: &str) {
    let ours = bench.task.clone();
    bench.task.op = OpId { rollout: RolloutName::new(name).unwrap(), attempt: 1, ..ours.op.clone() };
    (bench.task.purpose, bench.task.configuration) = (Purpose::Apply, wanted.as_bytes().into());
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, wanted), "{outcome:?}");
    bench.task = ours;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_second_rollout_took_away_and_a_third_made_again_is_the_thirds() {
    let mut bench = Bench::changed().await;
    another_brings(&mut bench, "second", "old").await;
    another_brings(&mut bench, "third", "new").await;
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "new"), "{outcome:?}");
    assert!(outcome.message.contains("rollout third has written to it since"), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_failed_half_way_can_be_tried_again_though_another_rollout_was_there_before_it() {
    let mut bench = Bench::changed().await;
    another_brings(&mut bench, "other", "newer").await;
    let ours = bench.task.clone();
    bench.task.op = OpId { rollout: RolloutName::new("other").unwrap(), ..ours.op.clone() };
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "new"));
    bench.task = ours;
    bench.stops_half_way_back(Some(LeftAs::Unknown));
    assert_eq!(bench.apply().await.class, Class::RollbackFailed);
    bench.stops_half_way_back(None);
    bench.task.op.attempt = 3;
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "old"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn what_another_rollout_made_of_what_a_way_back_left_is_its_own() {
    let mut bench = Bench::changed().await;
    bench.lists_backwards();
    let outcome = bench.apply().await;
    assert_eq!((outcome.left_as, bench.has().as_str()), (LeftAs::Reverted, "dlo"), "{outcome:?}");
    another_brings(&mut bench, "other", "wen").await;
    bench.task.op.attempt = 3;
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "wen"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn changes_are_put_back_one_after_the_other_the_last_one_first() {
    let mut bench = Bench::changed().await;
    let rollouts = ["ntp", "second", "third"];
    for (name, brings) in [("second", "newer"), ("third", "newest")] {
        another_brings(&mut bench, name, brings).await;
    }
    for (name, back) in rollouts.into_iter().rev().zip(["newer", "new", "old"]) {
        bench.task.op.rollout = RolloutName::new(name).unwrap();
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, back), "{name}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_over_anothers_work_that_came_to_nothing_asks_for_the_word_anew() {
    for locked in [true, false] {
        let mut bench = Bench::changed().await;
        another_brings(&mut bench, "other", if locked { "old" } else { "newer" }).await;
        if locked {
            another_brings(&mut bench, "third", "new").await;
            bench.is_locked_against_a_way_back(usize::MAX);
        } else {
            bench.has_after_a_way_back("newer");
        }
        let has = bench.has();
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: true };
        let outcome = bench.apply().await;
        assert!(outcome.class != Class::Ok && bench.has() == has, "{outcome:?}");
        bench.is_locked_against_a_way_back(0);
        bench.has_after_a_way_back("old");
        bench.task.op.attempt = 3;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, bench.has()), (Class::PrecheckFailed, has), "{outcome:?}");
    }
}

/// A device that rollout `ntp` has brought from `old` to what its secret says, which is gone now, and that lists what it is
/// put back to in another order; the way back is what comes next.
async fn changed_by_a_secret_that_is_gone(old: &str, secret: &str) -> Bench {
    let mut bench = Bench::new(old, "");
    bench.task.configuration = switchyard_shared::secret_text::named("k").as_bytes().into();
    let reference = bench.secret("k", secret);
    bench.procedure.secrets.insert("k".into(), reference);
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, secret));
    bench.procedure.secrets.insert("k".into(), "file:gone".into());
    bench.lists_backwards();
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    bench
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_back_in_another_order_is_put_back_and_saved_though_a_secret_of_the_change_is_gone()
{
    let mut bench = changed_by_a_secret_that_is_gone("old!", "newer").await;
    (bench.procedure.commit.save, bench.task.op.attempt) = (true, 2);
    bench.boots("newer");
    for (saving, class) in [(Saving::Refuses, Class::PostcheckFailed), (Saving::Works, Class::Ok)] {
        bench.saves(saving);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Reverted), "{outcome:?}");
        assert_eq!(bench.has(), "!dlo");
        bench.task.op.attempt += 1;
    }
    assert_eq!(bench.next_boot(), Some("!dlo".into()));
}

#[tokio::test(start_paused = true)]
async fn an_order_that_does_not_move_is_not_called_put_back_while_nobody_can_tell_whether_it_is_the_change() {
    let bench = changed_by_a_secret_that_is_gone("abcd", "dcba").await;
    let outcome = bench.apply().await;
    let told = (outcome.class, outcome.left_as, bench.has());
    assert_eq!(told, (Class::RollbackFailed, LeftAs::Changed, "dcba".into()), "{outcome:?}");
    assert!(outcome.message.contains("nobody can tell whether that is the change"), "{}", outcome.message);
}
