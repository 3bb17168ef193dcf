//! What a way back leaves for the next boot: never the change.

use super::fake::{Bench, Deed, Saving};
use super::*;
use switchyard_shared::outcome::Found;

/// A device with a change that was made and saved.
async fn saved() -> Bench {
    let mut bench = Bench::new("old", "new");
    bench.procedure.commit.save = true;
    bench.boots("old");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.next_boot()), (Class::Ok, Some("new".into())), "{}", outcome.message);
    bench.forget();
    bench
}

async fn rolled_back(bench: &mut Bench) -> Outcome {
    bench.task.op.attempt += 1;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    bench.apply().await
}

fn saves(bench: &Bench) -> usize {
    bench.deeds().iter().filter(|deed| **deed == Deed::Save).count()
}

#[tokio::test(start_paused = true)]
async fn a_device_that_was_put_back_begins_its_next_boot_without_the_change() {
    for tells in [true, false] {
        let mut bench = saved().await;
        bench.tells_what_it_boots(tells);
        let outcome = rolled_back(&mut bench).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
        assert_eq!((bench.has().as_str(), bench.next_boot()), ("old", Some("old".into())));
        assert!(outcome.message.contains("saved for the next boot"), "{}", outcome.message);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_saved_where_nobody_asked_for_it_or_the_next_boot_is_as_it_was() {
    for save in [true, false] {
        let mut bench = saved().await;
        bench.procedure.commit.save = save;
        if save {
            bench.boots("old");
        }
        let outcome = rolled_back(&mut bench).await;
        assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "old"), "{}", outcome.message);
        assert_eq!(saves(&bench), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_nobody_can_tell_to_save_is_not_said_to_be_saved_and_is_put_back_once() {
    let mut bench = saved().await;
    bench.tells_what_it_boots(false);
    bench.saves(Saving::HasNoWord);
    for (class, restores) in [(Class::Ok, 1), (Class::Unchanged, 0)] {
        bench.forget();
        let outcome = rolled_back(&mut bench).await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Reverted), "{}", outcome.message);
        assert!(
            outcome.message.contains("no word for a save; if the change was saved"),
            "{}",
            outcome.message
        );
        let restored = bench.deeds().iter().filter(|deed| **deed == Deed::Restore).count();
        assert_eq!((restored, saves(&bench)), (restores, 0));
        assert_eq!((bench.has().as_str(), bench.next_boot()), ("old", Some("new".into())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_cannot_be_saved_says_so_and_the_next_one_saves_it() {
    for (saving, says) in [
        (Saving::Refuses, "it is not saved for the next boot: % no room"),
        (Saving::Loses { is_made: false }, "it is not saved for the next boot: it hung up"),
    ] {
        let mut bench = saved().await;
        bench.saves(saving);
        let outcome = rolled_back(&mut bench).await;
        let told = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(told, (Class::PostcheckFailed, Phase::Confirm, LeftAs::Reverted), "{}", outcome.message);
        assert!(outcome.message.contains("its next boot may bring the change back"), "{}", outcome.message);
        assert!(outcome.message.contains(says), "{}", outcome.message);
        assert!(outcome.hint.contains("roll it back again"), "{}", outcome.hint);
        assert_eq!((bench.has().as_str(), bench.next_boot()), ("old", Some("new".into())));
        bench.saves(Saving::Works);
        bench.forget();
        let outcome = rolled_back(&mut bench).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
        assert_eq!(bench.next_boot(), Some("old".into()));
        assert!(!bench.deeds().contains(&Deed::Restore), "it had that already");
        bench.forget();
        let outcome = rolled_back(&mut bench).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Unchanged, LeftAs::Reverted));
        assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close], "a third one writes nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_boot_brought_back_is_put_back_again() {
    for (backwards, back) in [(false, "old"), (true, "dlo")] {
        let mut bench = saved().await;
        if backwards {
            bench.lists_backwards();
        }
        bench.saves(Saving::Refuses);
        assert_eq!(rolled_back(&mut bench).await.class, Class::PostcheckFailed);
        assert_eq!(bench.has(), back);
        bench.set("new");
        bench.saves(Saving::Works);
        let outcome = rolled_back(&mut bench).await;
        assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, back), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_into_another_order_that_could_not_be_saved_is_saved_by_the_next_one() {
    let mut bench = saved().await;
    bench.lists_backwards();
    bench.saves(Saving::Refuses);
    let outcome = rolled_back(&mut bench).await;
    let told = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(told, (Class::PostcheckFailed, Phase::Confirm, LeftAs::Reverted), "{}", outcome.message);
    assert!(outcome.hint.contains("roll it back again: that saves it"), "{}", outcome.hint);
    assert_eq!((bench.has().as_str(), bench.next_boot()), ("dlo", Some("new".into())));
    bench.saves(Saving::Works);
    let outcome = rolled_back(&mut bench).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(bench.next_boot(), Some(bench.has()), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn what_a_way_back_brought_back_that_leaves_a_list_is_saved_or_said_not_to_be() {
    for (saving, says, hint, boots) in [
        (Saving::Works, "what it has now is saved for the next boot", "put it back by hand", "a list"),
        (
            Saving::Refuses,
            "its next boot may bring the change back: it is not saved",
            "save it by hand",
            "new",
        ),
        (Saving::HasNoWord, "if the change was saved, its next boot brings it back", "by hand", "new"),
    ] {
        let mut bench = saved().await;
        bench.has_after_a_way_back("a list");
        bench.saves(saving);
        let outcome = rolled_back(&mut bench).await;
        let told = (outcome.class, outcome.left_as, bench.next_boot());
        assert_eq!(told, (Class::RollbackFailed, LeftAs::Changed, Some(boots.into())), "{outcome:?}");
        assert!(outcome.message.contains("except that the list stays as it is; "), "{}", outcome.message);
        assert!(outcome.message.contains(says), "{}", outcome.message);
        assert!(outcome.hint.contains(hint) && !outcome.hint.contains("that saves it"), "{}", outcome.hint);
        bench.saves(Saving::Works);
        for boots in [boots, "old"] {
            bench.boots(boots);
            let outcome = rolled_back(&mut bench).await;
            let why = "what it boots may be better than what it has";
            assert_eq!(bench.next_boot(), Some(boots.into()), "{why}: {outcome:?}");
            assert!(outcome.message.contains("nothing was saved: look what it has"), "{}", outcome.message);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_back_of_which_nobody_can_tell_what_it_boots_is_saved() {
    let mut bench = saved().await;
    bench.tells_what_it_boots(false);
    bench.set("old");
    let outcome = rolled_back(&mut bench).await;
    assert_eq!((outcome.class, bench.next_boot()), (Class::Ok, Some("old".into())), "{}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn a_lost_way_back_that_is_read_as_done_and_is_not_saved_is_no_good_end() {
    for (boots, class) in [("new", Class::PostcheckFailed), ("old", Class::Ok)] {
        let mut bench = saved().await;
        bench.set("old");
        bench.boots(boots);
        bench.task.purpose = Purpose::Settle { before: Some(bench.digest("old")) };
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.found), (class, Some(Found::NotApplied)), "{}", outcome.message);
        assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close], "a reading writes nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn an_automatic_way_back_comes_before_any_save_and_leaves_the_next_boot_alone() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.commit.save = true;
    bench.boots("older");
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Reverted));
    assert_eq!((saves(&bench), bench.next_boot()), (0, Some("older".into())));
}
