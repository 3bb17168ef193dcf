//! A device that gives no answer to a word after its write: each such word has an end of its own, and says which it was.

use super::fake::{Bench, Deed, World};
use super::*;
use crate::attempt;

/// The end of the attempt, before the agent ends it from outside without knowing what it was at.
async fn ended(bench: &Bench) -> Outcome {
    let ended = tokio::time::timeout(attempt::longest(&bench.task), bench.apply()).await;
    ended.expect("it ends by itself")
}

fn told(outcome: &Outcome) -> (Class, Phase, LeftAs) {
    (outcome.class, outcome.phase, outcome.left_as)
}

fn times(bench: &Bench, deed: Deed) -> usize {
    bench.deeds().iter().filter(|done| **done == deed).count()
}

/// A change that is to be taken back, for its check fails.
fn checked() -> Bench {
    let mut bench = Bench::new("old", "new");
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    bench
}

fn refused_half_way() -> Bench {
    let bench = Bench::new("old", "new");
    bench.refuse_the_write("half");
    bench
}

#[tokio::test(start_paused = true)]
async fn a_way_back_without_an_answer_leaves_a_doubt_that_names_it_and_is_not_sent_again() {
    for (bench, phase, says, has) in [
        (checked(), Phase::Verify, "the check look failed", "new"),
        (refused_half_way(), Phase::Revert, "refused the change", "half"),
        (Bench::changed().await, Phase::Revert, "is not known to be as it was before the change", "new"),
    ] {
        bench.hang(Deed::Restore);
        let outcome = ended(&bench).await;
        assert_eq!(told(&outcome), (Class::LostAfterWrite, phase, LeftAs::Unknown), "{outcome:?}");
        assert!(outcome.message.contains(says), "{}", outcome.message);
        let end = "the end of its way back is not known: no answer within ";
        assert!(outcome.message.contains(end), "{}", outcome.message);
        assert!(outcome.hint.contains("it is read before anything else"), "{}", outcome.hint);
        assert_eq!((times(&bench, Deed::Restore), bench.has().as_str()), (1, has), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_back_and_did_not_say_so_is_read_and_believed() {
    for (bench, class) in [
        (checked(), Class::PostcheckFailed),
        (refused_half_way(), Class::Rejected),
        (Bench::changed().await, Class::Ok),
    ] {
        bench.hang(Deed::Restore);
        bench.when(Deed::Restore, |world: &mut World| world.has_now("old"));
        let outcome = ended(&bench).await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Reverted), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_answer_to_being_told_to_take_its_change_back_is_waited_for_until_it_has() {
    let bench = checked();
    bench.awaits_confirmation();
    bench.hang(Deed::Cancel);
    let outcome = ended(&bench).await;
    let want = (Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
    assert_eq!(told(&outcome), want, "{outcome:?}");
    let says = ["the check look failed", "it is as it was before the change"];
    assert!(says.iter().all(|part| outcome.message.contains(part)), "{}", outcome.message);
    assert!(outcome.hint.contains("correct the change"), "{}", outcome.hint);
    let words = [Deed::Cancel, Deed::Confirm, Deed::Restore].map(|deed| times(&bench, deed));
    assert_eq!((words, bench.has().as_str()), ([1, 0, 0], "old"), "it is told once");
}

#[tokio::test(start_paused = true)]
async fn a_device_is_told_to_take_its_change_back_no_longer_than_until_it_does_that_by_itself() {
    for (takes, waits) in [(30, false), (50, true)] {
        let mut bench = checked();
        bench.procedure.post[0].initial_delay = Duration::from_secs(265);
        bench.task.timeouts.command = Duration::from_secs(60);
        bench.awaits_confirmation();
        bench.cancelling_takes(Duration::from_secs(takes));
        let patience = tokio::spawn(tokio::time::sleep(bench.procedure.commit.confirm_timeout));
        let outcome = ended(&bench).await;
        let want = (Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
        assert_eq!((told(&outcome), bench.has().as_str()), (want, "old"), "{outcome:?}");
        assert_eq!((times(&bench, Deed::Cancel), patience.is_finished()), (1, waits), "{takes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_save_without_an_answer_is_looked_for_over_a_new_session_and_not_sent_again() {
    let not_saved = (Class::PostcheckFailed, Phase::Confirm, LeftAs::Changed);
    for (saved, want, says) in [
        (Some(true), (Class::Ok, Phase::Verify, LeftAs::Changed), "has the change"),
        (Some(false), not_saved, "it is not saved for the next boot: no answer within 30s"),
        (None, not_saved, "it is not known to be saved for the next boot: no answer within 30s"),
    ] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.commit.save = true;
        bench.is_saved(saved);
        bench.hang(Deed::Save);
        let outcome = ended(&bench).await;
        assert_eq!(told(&outcome), want, "{saved:?}: {outcome:?}");
        assert!(outcome.message.contains(says), "{}", outcome.message);
        assert_eq!(outcome.hint.contains("save it by hand"), saved != Some(true), "{}", outcome.hint);
        let deeds = bench.deeds();
        let save = deeds.iter().position(|deed| *deed == Deed::Save).expect("a save");
        assert_eq!(deeds[save + 1..save + 3], [Deed::Close, Deed::Connect], "{deeds:?}");
        assert_eq!((times(&bench, Deed::Save), bench.has().as_str()), (1, "new"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_whose_save_gets_no_answer_is_done_and_may_be_undone_by_the_next_boot() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.commit.save = true;
    bench.boots("old");
    assert_eq!(bench.apply().await.class, Class::Ok);
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    bench.hang(Deed::Save);
    let outcome = ended(&bench).await;
    let want = (Class::PostcheckFailed, Phase::Confirm, LeftAs::Reverted);
    assert_eq!(told(&outcome), want, "{outcome:?}");
    let says =
        "its next boot may bring the change back: it is not saved for the next boot: no answer within 30s";
    assert!(outcome.message.contains(says), "{}", outcome.message);
    assert!(outcome.hint.contains("roll it back again"), "{}", outcome.hint);
    assert_eq!((bench.has().as_str(), bench.next_boot()), ("old", Some("new".into())));
}
