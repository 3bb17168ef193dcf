//! What the journal promises on a disk that works; what it does on one that does not is in the modules.

mod aside;
mod cuts;
mod damage;
mod faults;
mod full;

use super::*;
use crate::fs::memory::MemoryFs;
use state::{FORMER_MAX, LOST_NUMBERS};
use switchyard_shared::id::{DeviceName, RolloutName};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};

fn site() -> SiteName {
    SiteName::new("lon").unwrap()
}

fn op(n: u32) -> OpId {
    OpId {
        rollout: RolloutName::new("ntp").unwrap(),
        device: DeviceName::new(format!("d{n}")).unwrap(),
        attempt: 1,
    }
}

fn intent(n: u32) -> Entry {
    Entry::Intent { op: op(n), at: Timestamp(10), before: None }
}

fn outcome() -> Outcome {
    Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "done", Timestamp(20))
}

fn result(n: u32) -> Entry {
    Entry::Result { sequence: n.into(), op: op(n), outcome: outcome() }
}

const DIR: &str = "/data/journal";
/// Most bytes that a test reads of a file.
const READ_MAX: u64 = 64 * 1024 * 1024;

fn disk() -> MemoryFs {
    MemoryFs::new(1)
}

fn open(fs: &MemoryFs) -> Result<Opened, OpenError> {
    Journal::open(Arc::new(fs.clone()), Path::new(DIR), &site(), "new", Timestamp(99))
}

async fn put(journal: &Journal, entries: Vec<Entry>) -> Result<(), NotDurable> {
    journal.submit(entries).await.unwrap()
}

async fn write(fs: &MemoryFs, frames: &[Vec<Entry>]) {
    let opened = open(fs).unwrap();
    for entries in frames {
        put(&opened.journal, entries.clone()).await.unwrap();
    }
    opened.journal.close().await;
}

/// What the journal's files say, as opening would show it; nothing is changed.
fn look(fs: &MemoryFs) -> Result<(State, Tail), OpenError> {
    let names = fs.list(Path::new(DIR)).unwrap();
    let found = newest(fs, Path::new(DIR), &names, &site())?;
    let (state, _, tail) = go_on(found, "new", Timestamp(99));
    Ok((state, tail))
}

fn segments(fs: &MemoryFs) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "journal");
    fs.files().into_iter().filter(is_segment).collect()
}

fn only_segment(fs: &MemoryFs) -> (PathBuf, Vec<u8>) {
    let found = segments(fs);
    assert_eq!(found.len(), 1, "{found:?}");
    (found[0].clone(), fs.read(&found[0], READ_MAX).unwrap())
}

/// A disk with nothing but this in the journal's folder.
fn disk_with(path: &Path, bytes: &[u8]) -> MemoryFs {
    let fs = disk();
    fs.put(path, bytes);
    fs
}

/// The states after each number of whole frames, as opening would show them.
fn prefixes(frames: &[Vec<Entry>]) -> Vec<State> {
    (0..=frames.len())
        .map(|n| {
            let mut state = State { id: "new".into(), ..State::default() };
            frames[..n].iter().flatten().for_each(|entry| state.apply(entry.clone()));
            state.settle_intents(Timestamp(99));
            state
        })
        .collect()
}

/// What an agent that goes on from here tells the coordinator of.
fn operations(state: &State) -> Vec<&OpId> {
    let mut found: Vec<&OpId> = state.results.values().map(|(op, _)| op).collect();
    found.sort();
    found
}

#[tokio::test]
async fn what_was_durable_comes_back() {
    let fs = disk();
    let frames = [
        vec![Entry::Epoch { coordinator_epoch: 4, site_epoch: 1 }, intent(1)],
        vec![result(1)],
        vec![intent(2), result(2)],
    ];
    write(&fs, &frames).await;
    let opened = open(&fs).unwrap();
    assert_eq!(opened.state, prefixes(&frames)[3]);
    assert_eq!((opened.state.coordinator_epoch, opened.state.last_sequence), (4, 2));
    assert_eq!((opened.in_doubt.len(), opened.tail), (0, Tail::Whole));
}

#[tokio::test]
async fn a_write_without_an_end_comes_back_inconclusive_and_stays_so() {
    let fs = disk();
    write(&fs, &[vec![intent(1)], vec![result(1)], vec![intent(7)]]).await;
    for round in 0..3 {
        let opened = open(&fs).unwrap();
        let (in_doubt, outcome) = &opened.state.results[&(LOST_NUMBERS + 2)];
        assert_eq!(
            (in_doubt, outcome.class, outcome.left_as),
            (&op(7), Class::Inconclusive, LeftAs::Unknown)
        );
        assert_eq!(outcome.phase, Phase::Write);
        assert_eq!(opened.in_doubt.len(), usize::from(round == 0), "settled once");
        opened.journal.close().await;
    }
}

#[tokio::test]
async fn what_is_acknowledged_is_forgotten_and_its_sequence_never_used_again() {
    let fs = disk();
    write(&fs, &[vec![result(1), result(2)], vec![Entry::Acked { sequence: 2 }]]).await;
    let state = open(&fs).unwrap().state;
    assert_eq!((state.results.len(), state.acked, state.last_sequence), (0, 2, 2));
}

#[tokio::test]
async fn a_refused_journal_is_left_as_it_was() {
    let fs = disk();
    write(&fs, &[vec![intent(1)], vec![result(1)]]).await;
    let (path, mut bytes) = only_segment(&fs);
    bytes[40] ^= 1;
    fs.put(&path, &bytes);
    assert!(open(&fs).is_err());
    assert_eq!(only_segment(&fs), (path, bytes));
}

#[tokio::test]
async fn leftovers_of_a_crash_while_compacting_are_passed_over() {
    let fs = disk();
    write(&fs, &[vec![result(1)]]).await;
    let (old, bytes) = only_segment(&fs);
    open(&fs).unwrap().journal.close().await;
    fs.put(&old, &bytes);
    fs.put(&Path::new(DIR).join("00000000000000000009.unfinished"), b"half");
    let opened = open(&fs).unwrap();
    assert_eq!(opened.state.results.len(), 1);
    only_segment(&fs);
    assert_eq!(fs.files().len(), 2, "the segment and the reserve: {fs:?}");
}

#[tokio::test]
async fn a_start_that_died_before_its_segment_had_a_name_is_no_obstacle_to_the_next() {
    let fs = disk();
    write(&fs, &[vec![result(1)]]).await;
    let (newest, _) = only_segment(&fs);
    let number = newest.file_name().and_then(|name| segment::segment_number(&name.to_string_lossy()));
    let next = segment::segment_path(Path::new(DIR), number.unwrap() + 1);
    fs.put(&next.with_extension("unfinished"), b"half");
    assert_eq!(open(&fs).unwrap().state.results.len(), 1);
    only_segment(&fs);
}

#[tokio::test]
async fn each_opening_of_a_journal_has_a_name_of_its_own_and_knows_the_ones_it_goes_on_from() {
    let open_as = |fs: &MemoryFs, id: &str| {
        let opened = Journal::open(Arc::new(fs.clone()), Path::new(DIR), &site(), id, Timestamp(1)).unwrap();
        (opened.state.id, opened.state.former)
    };
    let fs = disk();
    assert_eq!(open_as(&fs, "a"), ("a".into(), vec![]));
    let copy = fs.fork(2);
    assert_eq!(open_as(&fs, "b"), ("b".into(), vec!["a".into()]));
    assert_eq!(open_as(&fs, "c"), ("c".into(), vec!["b".into(), "a".into()]));
    assert_eq!(open_as(&copy, "d"), ("d".into(), vec!["a".into()]), "a copy does not know of b");
    (0..FORMER_MAX).for_each(|n| drop(open_as(&fs, &n.to_string())));
    assert_eq!(open_as(&fs, "last").1.len(), FORMER_MAX);
}

/// More than a segment holds, of which all but the last is acknowledged.
async fn write_much(journal: &Journal) {
    for n in 1..=1500_u32 {
        let outcome = Outcome {
            output: "x".repeat(4096 * 2),
            ..Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1))
        };
        let result = Entry::Result { sequence: n.into(), op: op(n), outcome };
        put(journal, vec![result, Entry::Acked { sequence: u64::from(n - 1) }]).await.unwrap();
    }
}

#[tokio::test]
async fn a_long_journal_is_replaced_by_what_still_matters() {
    let fs = disk();
    let opened = open(&fs).unwrap();
    write_much(&opened.journal).await;
    opened.journal.close().await;
    let bytes = only_segment(&fs).1.len();
    assert!(bytes < 6 * 1024 * 1024, "{bytes}");
    let state = open(&fs).unwrap().state;
    assert_eq!((state.results.len(), state.last_sequence), (1, 1500));
}

#[tokio::test]
async fn acknowledgements_alone_cost_no_sync_and_the_last_is_there_after_a_clean_end() {
    let fs = disk();
    let opened = open(&fs).unwrap();
    put(&opened.journal, vec![result(1), result(2)]).await.unwrap();
    let before = fs.count(crate::fs::memory::Op::Sync);
    for sequence in 1..=2 {
        put(&opened.journal, vec![Entry::Acked { sequence }]).await.unwrap();
    }
    assert_eq!(fs.count(crate::fs::memory::Op::Sync), before);
    opened.journal.close().await;
    fs.crash_bare();
    let state = open(&fs).unwrap().state;
    assert_eq!((state.acked, state.results.len()), (2, 0));
}

#[tokio::test]
async fn a_journal_written_by_a_task_keeps_what_one_written_by_a_thread_keeps() {
    let fs = disk();
    let runs = Runs::InTask(Box::new(|| Duration::ZERO));
    let opened =
        Journal::open_with(Arc::new(fs.clone()), Path::new(DIR), &site(), "new", Timestamp(99), runs)
            .unwrap();
    put(&opened.journal, vec![result(1)]).await.unwrap();
    fs.crash_bare();
    assert_eq!(open(&fs).unwrap().state.results.len(), 1);
}
