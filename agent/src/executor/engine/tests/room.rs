//! A device with one free line is worked on over one session after the other, and never over two at once.

use super::fake::{Bench, Deed, Loses, Saving, World};
use super::*;

fn with_one_line() -> Bench {
    let bench = Bench::new("old", "new");
    bench.has_room_for_one();
    bench
}

fn hangs_up_at_the_first_look(bench: &Bench) {
    bench.when(Deed::Look, |world: &mut World| {
        if world.has_done(Deed::Look) == 1 {
            world.hangs_up();
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_device_with_one_line_that_does_not_show_its_defaults_is_changed() {
    let bench = with_one_line();
    bench.keeps_its_defaults();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_lost_its_session_is_made_again_on_a_device_with_one_line() {
    for is_slow in [false, true] {
        let mut bench = with_one_line();
        bench.procedure.post = vec![command("show", Expectation::Contains("new".into()))];
        match is_slow {
            true => bench.is_slow_once((Deed::Look, 1)),
            false => hangs_up_at_the_first_look(&bench),
        }
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    }
    let mut bench = with_one_line();
    let old = command("show", Expectation::Contains("old".into()));
    bench.procedure.pre = vec![Check { count: 2, failure_limit: 1, ..old }];
    hangs_up_at_the_first_look(&bench);
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::Ok, LeftAs::Changed),
        "before the write: {outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_save_that_was_lost_is_looked_for_on_a_device_with_one_line() {
    let mut bench = with_one_line();
    bench.procedure.commit.save = true;
    bench.is_saved(Some(false));
    bench.saves(Saving::Loses { is_made: true });
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_lost_its_session_is_looked_at_on_a_device_with_one_line() {
    let bench = with_one_line();
    bench.refuse_the_write("part");
    bench.loses(Loses::Session);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{outcome:?}");
    assert_eq!(bench.has(), "old");
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_without_an_answer_keeps_no_attempt_from_its_next_session() {
    let mut bench = with_one_line();
    bench.procedure.post = vec![command("show", Expectation::Contains("new".into()))];
    bench.is_slow_once((Deed::Look, 1));
    bench.hang(Deed::Close);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
}
