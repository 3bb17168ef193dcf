//! What others do while a way back waits for their lock stays theirs.

use super::fake::{Bench, Deed, World};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const THEIRS: &str = "new and somebody's";

/// Somebody holds the lock at the first try to go back, and commits before the device is read for the `reading`th time
/// after it.
fn somebody_commits(bench: &Bench, reading: usize) {
    bench.is_locked_against_a_way_back(1);
    let readings = AtomicUsize::new(0);
    bench.when(Deed::Read, move |world: &mut World| {
        if world.has_done(Deed::Restore) == 1 && readings.fetch_add(1, Ordering::SeqCst) + 1 == reading {
            world.has_now(THEIRS);
        }
    });
}

fn restores(bench: &Bench) -> usize {
    bench.deeds().iter().filter(|deed| **deed == Deed::Restore).count()
}

#[tokio::test(start_paused = true)]
async fn what_the_holder_of_a_lock_commits_while_a_rollback_waits_for_it_stays_and_is_never_taken_for_ours() {
    for (overwrite, reading) in [(false, 1), (false, 2), (true, 1), (true, 2)] {
        let mut bench = Bench::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.task.op.attempt = 2;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite };
        somebody_commits(&bench, reading);
        let outcome = bench.apply().await;
        let at = format!("overwrite {overwrite}, reading {reading}: {outcome:?}");
        assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Changed), "{at}");
        assert!(outcome.message.contains("somebody has changed it since"), "{at}");
        assert!(outcome.hint.contains("--overwrite"), "{at}");
        assert_eq!((bench.has().as_str(), restores(&bench)), (THEIRS, 1), "{at}");
        bench.task.op.attempt = 3;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, bench.has().as_str()),
            (Class::PrecheckFailed, THEIRS),
            "{at} {outcome:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_holder_of_a_lock_commits_while_a_part_of_a_refused_change_is_taken_back_stays() {
    for reading in [1, 2] {
        let bench = Bench::new("old", "new");
        bench.refuse_the_write("half");
        somebody_commits(&bench, reading);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Changed), "{outcome:?}");
        assert!(outcome.message.contains("somebody has changed it since"), "{}", outcome.message);
        assert_eq!((bench.has().as_str(), restores(&bench)), (THEIRS, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_waits_for_a_lock_that_must_be_had_before_its_first_byte_and_a_change_does_not() {
    for (times, class) in [(2, Class::Ok), (usize::MAX, Class::Overloaded)] {
        let mut bench = Bench::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.is_locked(times);
        bench.task.op.attempt = 2;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, outcome.message.contains("ann")),
            (class, class != Class::Ok),
            "{outcome:?}"
        );
        assert_eq!(bench.has(), if class == Class::Ok { "old" } else { "new" });
    }
    let bench = Bench::new("old", "new");
    bench.is_locked(1);
    assert_eq!(
        (bench.apply().await.class, bench.has().as_str()),
        (Class::Overloaded, "old"),
        "it comes later"
    );
}
