//! Writes and syncs that fail: the file is never trusted again, and nothing that was promised is lost.

use super::*;
use crate::fs::memory::Op;

const BROKEN: io::ErrorKind = io::ErrorKind::Other;

#[tokio::test]
async fn after_a_failed_sync_all_that_matters_is_in_a_new_file_before_anybody_is_told() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    put(&journal, vec![result(1)]).await.unwrap();
    let (old, _) = only_segment(&fs);
    fs.fail(Op::Sync, 0, 1, BROKEN);
    put(&journal, vec![intent(2)]).await.unwrap();
    assert_ne!(only_segment(&fs).0, old);
    put(&journal, vec![result(3)]).await.unwrap();
    fs.crash_bare();
    let state = open(&fs).unwrap().state;
    let ops: Vec<&OpId> = state.results.values().map(|(op, _)| op).collect();
    assert_eq!(ops, [&op(1), &op(3), &op(2)], "the result, the later one, and the write in doubt");
}

#[tokio::test]
async fn a_short_write_is_never_written_behind() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    fs.fail(Op::Append, 0, 1, BROKEN);
    put(&journal, vec![intent(1)]).await.unwrap();
    put(&journal, vec![result(1)]).await.unwrap();
    fs.crash();
    let opened = open(&fs).unwrap();
    assert_eq!((opened.state.results.len(), opened.tail, opened.in_doubt.len()), (1, Tail::Whole, 0));
}

#[tokio::test]
async fn when_a_new_file_fails_too_the_journal_is_lost_and_never_says_durable_again() {
    let fs = disk();
    let journal = open(&fs).unwrap().journal;
    fs.fail(Op::Sync, 0, 2, BROKEN);
    let lost = put(&journal, vec![intent(2)]).await.unwrap_err();
    assert!(matches!(&lost, NotDurable::Lost(_)), "{lost}");
    assert!(lost.to_string().starts_with("write the journal /data/journal: "), "{lost}");
    assert_eq!(put(&journal, vec![result(3)]).await.unwrap_err(), lost);
}

/// Lets each operation of each kind fail once, and cuts the power at the end.
#[tokio::test]
async fn no_single_failure_anywhere_loses_what_was_called_durable() {
    let mut told = 0;
    for (op, error) in [
        (Op::Append, BROKEN),
        (Op::Append, io::ErrorKind::StorageFull),
        (Op::Sync, BROKEN),
        (Op::Sync, io::ErrorKind::StorageFull),
        (Op::Create, io::ErrorKind::StorageFull),
        (Op::Rename, BROKEN),
        (Op::Rename, io::ErrorKind::StorageFull),
        (Op::SyncDir, BROKEN),
        (Op::SyncDir, io::ErrorKind::StorageFull),
        (Op::Remove, BROKEN),
    ] {
        for first in [false, true] {
            for nth in 0..12 {
                let fs = MemoryFs::new(nth);
                let journal = open(&fs).unwrap().journal;
                if first {
                    fs.fail(Op::Sync, 1, 1, BROKEN);
                }
                fs.fail(op, nth, 1, error);
                let mut durable = State { id: "new".into(), ..State::default() };
                for n in 1..=4 {
                    for entries in [vec![intent(n)], vec![result(n)], vec![]] {
                        match put(&journal, entries.clone()).await {
                            Ok(()) => entries.into_iter().for_each(|entry| durable.apply(entry)),
                            Err(_) => told += 1,
                        }
                    }
                }
                fs.heal();
                fs.crash();
                let case = format!("{op:?} {error:?}, {nth}, {first}");
                let state = open(&fs).unwrap_or_else(|error| panic!("{case}: {error}")).state;
                let known: Vec<&OpId> = state.results.values().map(|(op, _)| op).collect();
                for (sequence, result) in &durable.results {
                    assert_eq!(state.results.get(sequence), Some(result), "{case}");
                }
                for op in durable.intents.keys() {
                    assert!(known.contains(&op), "{case}: {op}");
                }
            }
        }
    }
    assert!(told > 0, "some failures must be told");
}

#[tokio::test]
async fn an_old_segment_that_cannot_be_removed_loses_nothing() {
    let fs = disk();
    let opened = open(&fs).unwrap();
    fs.fail(Op::Remove, 0, u64::MAX, io::ErrorKind::PermissionDenied);
    write_much(&opened.journal).await;
    opened.journal.close().await;
    assert!(segments(&fs).len() > 1, "the old one is still there");
    fs.heal();
    let state = open(&fs).unwrap().state;
    assert_eq!((state.results.len(), state.last_sequence), (1, 1500));
    only_segment(&fs);
}

#[tokio::test]
async fn a_long_journal_that_cannot_be_replaced_goes_on_as_it_is() {
    let fs = disk();
    let opened = open(&fs).unwrap();
    fs.fail(Op::Create, 0, u64::MAX, BROKEN);
    write_much(&opened.journal).await;
    fs.crash_bare();
    fs.heal();
    let state = open(&fs).unwrap().state;
    assert_eq!((state.results.contains_key(&1500), state.last_sequence), (true, 1500));
}
