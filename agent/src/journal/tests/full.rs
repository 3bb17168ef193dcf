//! A full disk: new work is refused, results still fit, and room that comes back is found.

use super::*;
use crate::fs::memory::Op;

const KIB: u64 = 1024;
const RESERVE: &str = "/data/journal/reserve";

/// Takes all that is left but `left` bytes.
fn fill(fs: &MemoryFs, left: u64) {
    fs.set_capacity(Some(fs.used() + left));
}

async fn refused(journal: &Journal, n: u32) -> String {
    let refusal = put(journal, vec![intent(n)]).await.unwrap_err();
    assert!(matches!(refusal, NotDurable::Full(_)), "{refusal}");
    refusal.to_string()
}

#[tokio::test]
async fn on_a_full_disk_an_intent_is_refused_with_what_to_do_and_results_of_what_runs_still_fit() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    for n in 1..=200 {
        put(&journal, vec![intent(n)]).await.unwrap();
    }
    fill(&fs, 10);
    let text = refused(&journal, 999).await;
    assert!(text.contains("the disk is full") && text.contains("/data/journal"), "{text}");
    assert!(text.contains("free space there, and this agent goes on by itself"), "{text}");
    assert_eq!(journal.full().unwrap(), text);
    for n in 1..=200 {
        let outcome = Outcome {
            output: "x".repeat(4096),
            ..Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1))
        };
        let entries = vec![Entry::Result { sequence: n.into(), op: op(n), outcome }];
        put(&journal, entries).await.expect("the reserve has room for it");
        refused(&journal, 1000 + n).await;
    }
    fs.crash_bare();
    let opened = open(&fs).unwrap();
    assert_eq!((opened.state.results.len(), opened.in_doubt.len()), (200, 0));
}

#[tokio::test]
async fn when_there_is_room_again_the_reserve_is_taken_again_before_intents_are() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    fill(&fs, 10);
    refused(&journal, 1).await;
    assert!(!fs.files().contains(&RESERVE.into()), "it was given back");
    assert!(put(&journal, vec![]).await.is_err(), "only the reserve would fit");
    refused(&journal, 1).await;
    fs.set_capacity(Some(fs.used() + 6 * 1024 * KIB));
    put(&journal, vec![]).await.unwrap();
    assert_eq!(
        (journal.full(), fs.read(Path::new(RESERVE), READ_MAX).unwrap().len()),
        (None, 4 * 1024 * 1024)
    );
    put(&journal, vec![intent(1)]).await.unwrap();
}

#[tokio::test]
async fn without_any_room_results_are_held_in_memory_and_written_when_there_is_some() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    put(&journal, vec![intent(1)]).await.unwrap();
    fs.fail(Op::Append, 0, u64::MAX, io::ErrorKind::StorageFull);
    let held = put(&journal, vec![result(1)]).await.unwrap_err();
    assert!(matches!(held, NotDurable::Full(_)), "{held}");
    let lost_now = fs.fork(3);
    lost_now.crash();
    assert_eq!(open(&lost_now).unwrap().in_doubt, [op(1)], "in doubt, and not forgotten");
    fs.heal();
    put(&journal, vec![]).await.unwrap();
    fs.crash_bare();
    let opened = open(&fs).unwrap();
    assert_eq!((opened.state.results.len(), opened.in_doubt.len()), (1, 0));
}

#[tokio::test]
async fn numbers_of_results_that_only_memory_held_are_not_given_to_others_after_a_crash() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    put(&journal, vec![intent(1), intent(2)]).await.unwrap();
    fs.fail(Op::Append, 0, u64::MAX, io::ErrorKind::StorageFull);
    // Sent all the same, and acknowledged by the coordinator up to 1.
    put(&journal, vec![Entry::Result { sequence: 1, op: op(2), outcome: outcome() }]).await.unwrap_err();
    fs.heal();
    fs.crash_bare();
    let mut state = open(&fs).unwrap().state;
    state.apply(Entry::Acked { sequence: 1 });
    let ops: Vec<&OpId> = state.results.values().map(|(op, _)| op).collect();
    assert_eq!(ops, [&op(1), &op(2)], "the acknowledgement was not for these");
}

#[tokio::test]
async fn an_agent_starts_on_a_full_disk_with_the_room_of_the_reserve() {
    let fs = disk();
    write(&fs, &[vec![intent(1)], vec![result(1)]]).await;
    fill(&fs, 0);
    let opened = open(&fs).unwrap();
    assert_eq!(opened.state.results.len(), 1);
    assert!(opened.journal.full().is_some());
    refused(&opened.journal, 2).await;
}

#[tokio::test]
async fn a_small_disk_has_a_small_reserve_and_a_tiny_one_takes_no_work() {
    let fs = disk();
    fs.set_capacity(Some(1024 * KIB));
    let journal = open(&fs).unwrap().journal;
    assert_eq!(fs.read(Path::new(RESERVE), READ_MAX).unwrap().len() as u64, 256 * KIB);
    put(&journal, vec![intent(1)]).await.unwrap();
    let tiny = disk();
    tiny.set_capacity(Some(100 * KIB));
    let opened = open(&tiny).unwrap();
    assert!(opened.journal.full().unwrap().contains("the disk is full"));
    refused(&opened.journal, 1).await;
    tiny.heal();
    put(&opened.journal, vec![]).await.unwrap();
    put(&opened.journal, vec![intent(1)]).await.unwrap();
}

#[tokio::test]
async fn on_a_disk_without_any_room_a_journal_still_opens_knows_all_and_takes_no_intent_until_there_is_some()
{
    let fs = disk();
    write(&fs, &[vec![intent(1), intent(2)], vec![result(1)]]).await;
    fs.remove(Path::new(RESERVE)).unwrap();
    fs.fail(Op::Append, 0, u64::MAX, io::ErrorKind::StorageFull);
    let opened = open(&fs).unwrap();
    assert_eq!((opened.state.results.len(), opened.in_doubt), (2, vec![op(2)]), "a result and a doubt");
    refused(&opened.journal, 3).await;
    let again = fs.fork(5);
    again.crash();
    assert_eq!(open(&again).unwrap().state.results.len(), 2, "the old segment is still there");
    fs.heal();
    put(&opened.journal, vec![]).await.unwrap();
    put(&opened.journal, vec![intent(3)]).await.unwrap();
    fs.crash();
    assert_eq!(open(&fs).unwrap().in_doubt, [op(3)]);
}
