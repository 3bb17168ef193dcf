//! What is evidence against a change that was accepted, and what is not.

use super::fake::{Bench, Deed, Saving, World};
use super::*;

#[tokio::test(start_paused = true)]
async fn a_device_waits_for_its_confirmation_from_its_commit_on_however_long_the_lines_before_it_took() {
    let typing = Duration::from_secs(10 * 60);
    let bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.writing_takes(typing);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "new"), "{}", outcome.message);
    let mut bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.writing_takes(typing);
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Reverted), "{outcome:?}");
    assert!(bench.deeds().contains(&Deed::Cancel), "it need not wait for its patience to end");
    let bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.writing_takes(typing);
    bench.cut_off_while_changed();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Reverted), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_stays_when_the_session_that_wrote_it_ends_or_is_slow() {
    for (awaits, is_slow) in [(false, false), (true, false), (false, true)] {
        let bench = Bench::new("old", "new");
        if awaits {
            bench.awaits_confirmation();
        }
        match is_slow {
            false => bench.when(Deed::Write, World::hangs_up),
            // Its third reading is the first one after the write.
            true => bench.is_slow_once((Deed::Read, 3)),
        }
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
        assert_eq!(bench.has(), "new");
        assert!(!bench.deeds().contains(&Deed::Restore) && !bench.deeds().contains(&Deed::Cancel));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_could_look_at_is_read_back_and_not_taken_back() {
    for revert in [true, false] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.revert = revert;
        bench.refuses_sessions(Class::Unreachable, 1);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
        assert_eq!((bench.has().as_str(), bench.times_unseen()), ("new", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn whether_the_link_was_cut_is_asked_when_an_unconfirmed_change_is_lost_from_sight() {
    let bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.refuses_sessions(Class::Unreachable, 3);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Reverted), "{outcome:?}");
    assert_eq!(bench.times_unseen(), 1, "the core judges it by that");
    let mut bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    assert_eq!(bench.apply().await.class, Class::PostcheckFailed);
    assert_eq!(bench.times_unseen(), 0, "a check that fails was seen");
}

#[tokio::test(start_paused = true)]
async fn whether_the_link_was_cut_is_asked_when_a_save_is_lost_and_before_another_session_is_tried() {
    let verified = 2;
    for (saving, times) in [
        (Saving::Loses { is_made: false }, 1),
        (Saving::Loses { is_made: true }, 1),
        (Saving::Refuses, 0),
        (Saving::Works, 0),
    ] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.commit.save = true;
        bench.is_saved(Some(false));
        bench.saves(saving);
        bench.when(Deed::Connect, move |world: &mut World| {
            assert_eq!(world.is_unseen(), world.has_done(Deed::Connect) > verified);
        });
        let outcome = bench.apply().await;
        assert_eq!(outcome.left_as, LeftAs::Changed, "{outcome:?}");
        assert_eq!(bench.times_unseen(), times, "the core judges it by that: {saving:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_an_agent_from_a_session_and_is_not_the_devices_word_is_held_against_no_change() {
    for class in [Class::CredentialUnavailable, Class::AgentError, Class::Overloaded] {
        for awaits in [true, false] {
            let bench = Bench::new("old", "new");
            if awaits {
                bench.awaits_confirmation();
            }
            bench.refuses_sessions(class, 2);
            let outcome = bench.apply().await;
            let left_as = if awaits { LeftAs::Reverted } else { LeftAs::Unknown };
            assert_eq!(
                (outcome.class, outcome.left_as),
                (Class::Inconclusive, left_as),
                "{class}: {outcome:?}"
            );
            assert_eq!(bench.has(), if awaits { "old" } else { "new" });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_refused_after_a_change_is_tried_once_more_when_the_device_has_surely_gone_back() {
    for class in [Class::AuthFailed, Class::HostKeyMismatch] {
        let bench = Bench::new("old", "new");
        bench.awaits_confirmation();
        bench.refuses_sessions(class, usize::MAX);
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PostcheckFailed, LeftAs::Reverted),
            "{outcome:?}"
        );
        let logins = |bench: &Bench| bench.deeds().iter().filter(|deed| **deed == Deed::Connect).count();
        assert_eq!(
            logins(&bench),
            3,
            "the first, the one that was refused and the last: {:?}",
            bench.deeds()
        );
        let mut bench = Bench::new("old", "new");
        let gone = command("show", Expectation::Contains("gone".into()));
        bench.procedure.post = vec![Check { count: 20, failure_limit: 20, ..gone }];
        bench.when(Deed::Look, World::hangs_up);
        bench.refuses_sessions_from((Deed::Look, 1), class);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
        assert_eq!(logins(&bench), 3, "a check does not try again either: {:?}", bench.deeds());
    }
}
