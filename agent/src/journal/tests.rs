//! What the journal promises, with every cut and every flipped byte.

use super::*;
use crate::fs::{AppendFile, RealFs};
use std::sync::atomic::{AtomicBool, Ordering};
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

fn result(n: u32) -> Entry {
    let outcome = Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "done", Timestamp(20));
    Entry::Result { sequence: n.into(), op: op(n), outcome }
}

fn open(dir: &Path) -> Result<Opened, OpenError> {
    Journal::open(Arc::new(RealFs), dir, &site(), "new", Timestamp(99))
}

async fn write(dir: &Path, frames: &[Vec<Entry>]) {
    let opened = open(dir).unwrap();
    for entries in frames {
        opened.journal.submit(entries.clone()).await.unwrap().unwrap();
    }
    opened.journal.close().await;
}

fn only_file(dir: &Path) -> PathBuf {
    let names = RealFs.list(dir).unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    dir.join(&names[0])
}

fn put(path: &Path, bytes: &[u8]) {
    let mut file = RealFs.create(path).unwrap();
    file.append(bytes).unwrap();
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

#[tokio::test]
async fn what_was_durable_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let frames = [
        vec![Entry::Epoch { coordinator_epoch: 4, site_epoch: 1 }, intent(1)],
        vec![result(1)],
        vec![intent(2), result(2)],
    ];
    write(dir.path(), &frames).await;
    let opened = open(dir.path()).unwrap();
    assert_eq!(opened.state, prefixes(&frames)[3]);
    assert_eq!((opened.state.coordinator_epoch, opened.state.last_sequence), (4, 2));
    assert_eq!((opened.in_doubt.len(), opened.torn_bytes), (0, 0));
}

#[tokio::test]
async fn a_write_without_an_end_comes_back_inconclusive_and_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[vec![intent(1)], vec![result(1)], vec![intent(7)]]).await;
    for round in 0..3 {
        let opened = open(dir.path()).unwrap();
        let (in_doubt, outcome) = &opened.state.results[&2];
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
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[vec![result(1), result(2)], vec![Entry::Acked { sequence: 2 }]]).await;
    let state = open(dir.path()).unwrap().state;
    assert_eq!((state.results.len(), state.acked, state.last_sequence), (0, 2, 2));
}

#[tokio::test]
async fn a_journal_cut_at_any_length_loses_only_its_torn_end_or_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let frames = [vec![intent(1)], vec![result(1), intent(2)], vec![result(2)], vec![intent(3)]];
    write(dir.path(), &frames).await;
    let path = only_file(dir.path());
    let whole = RealFs.read(&path, 1 << 20).unwrap();
    let prefixes = prefixes(&frames);
    let mut lost = prefixes.len();
    for length in (0..whole.len()).rev() {
        let cut = tempfile::tempdir().unwrap();
        put(&cut.path().join(path.file_name().unwrap()), &whole[..length]);
        match open(cut.path()) {
            Ok(opened) => {
                let at = prefixes.iter().position(|state| *state == opened.state).expect("a whole prefix");
                assert!(at <= lost, "a shorter file never tells more");
                lost = at;
            }
            Err(error) => {
                assert!(lost <= 1, "refused only within what was synced before the file had a name: {error}");
                lost = 0;
            }
        }
    }
    assert_eq!(lost, 0);
}

#[tokio::test]
async fn no_flipped_byte_is_passed_over_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let frames = [vec![intent(1)], vec![result(1), intent(2)], vec![result(2)]];
    write(dir.path(), &frames).await;
    let path = only_file(dir.path());
    let whole = RealFs.read(&path, 1 << 20).unwrap();
    let prefixes = prefixes(&frames);
    let (mut refused, mut truncated) = (0, 0);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        let flipped = tempfile::tempdir().unwrap();
        put(&flipped.path().join(path.file_name().unwrap()), &bytes);
        match open(flipped.path()) {
            Ok(opened) => {
                assert_eq!(opened.state, prefixes[2], "only the last frame may be taken for a torn write");
                assert!(opened.torn_bytes > 0);
                truncated += 1;
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains("cannot be used"), "{text}");
                refused += 1;
            }
        }
    }
    assert!(refused > truncated && truncated > 0, "{refused} {truncated}");
}

#[tokio::test]
async fn a_refused_journal_is_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[vec![intent(1)], vec![result(1)]]).await;
    let path = only_file(dir.path());
    let mut bytes = RealFs.read(&path, 1 << 20).unwrap();
    bytes[40] ^= 1;
    put(&path, &bytes);
    assert!(open(dir.path()).is_err());
    assert_eq!(RealFs.read(&only_file(dir.path()), 1 << 20).unwrap(), bytes);
}

#[tokio::test]
async fn an_empty_file_a_newer_version_and_another_site_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[]).await;
    let path = only_file(dir.path());
    let bytes = RealFs.read(&path, 1 << 20).unwrap();
    let other =
        Journal::open(Arc::new(RealFs), dir.path(), &SiteName::new("ams").unwrap(), "new", Timestamp(0));
    let text = other.err().unwrap().to_string();
    assert!(text.contains("belongs to site lon, and this agent is for site ams"), "{text}");
    let mut newer = bytes.clone();
    newer[8] = 2;
    for (content, found) in
        [(&[][..], "it is empty"), (&newer[..], "format version 2"), (b"x", "does not begin")]
    {
        put(&path, content);
        let text = open(dir.path()).err().unwrap().to_string();
        assert!(text.contains(found), "{text}");
    }
}

#[tokio::test]
async fn leftovers_of_a_crash_while_compacting_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[vec![result(1)]]).await;
    let old = only_file(dir.path());
    let bytes = RealFs.read(&old, 1 << 20).unwrap();
    open(dir.path()).unwrap().journal.close().await;
    put(&old, &bytes);
    put(&dir.path().join("00000000000000000009.unfinished"), b"half");
    let opened = open(dir.path()).unwrap();
    assert_eq!(opened.state.results.len(), 1);
    only_file(dir.path());
}

#[tokio::test]
async fn a_long_journal_is_replaced_by_what_still_matters() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path()).unwrap();
    for n in 1..=1500_u32 {
        let outcome = Outcome {
            output: "x".repeat(4096 * 2),
            ..Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1))
        };
        let entries = vec![
            Entry::Result { sequence: n.into(), op: op(n), outcome },
            Entry::Acked { sequence: u64::from(n - 1) },
        ];
        opened.journal.submit(entries).await.unwrap().unwrap();
    }
    opened.journal.close().await;
    let bytes = RealFs.read(&only_file(dir.path()), 1 << 30).unwrap().len();
    assert!(bytes < 6 * 1024 * 1024, "{bytes}");
    let state = open(dir.path()).unwrap().state;
    assert_eq!((state.results.len(), state.last_sequence), (1, 1500));
}

/// Files of which the next sync fails once told to, and every removal once told to.
struct FailingFs(Arc<AtomicBool>, Arc<AtomicBool>);
struct FailingFile(Box<dyn AppendFile>, Arc<AtomicBool>);

impl AppendFile for FailingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        if self.1.swap(false, Ordering::SeqCst) { Err(io::Error::other("EIO")) } else { self.0.sync() }
    }
}

impl Fs for FailingFs {
    fn create_dirs(&self, path: &Path) -> io::Result<()> {
        RealFs.create_dirs(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealFs.list(dir)
    }
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        RealFs.read(path, bytes_max)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(FailingFile(RealFs.create(path)?, self.0.clone())))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFs.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) { Err(io::Error::other("EPERM")) } else { RealFs.remove(path) }
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealFs.sync_dir(dir)
    }
}

#[tokio::test]
async fn after_one_failed_sync_the_journal_never_says_durable_again() {
    let dir = tempfile::tempdir().unwrap();
    let fail = Arc::new(AtomicBool::new(false));
    let fs = Arc::new(FailingFs(fail.clone(), Arc::default()));
    let opened = Journal::open(fs, dir.path(), &site(), "new", Timestamp(0)).unwrap();
    opened.journal.submit(vec![intent(1)]).await.unwrap().unwrap();
    fail.store(true, Ordering::SeqCst);
    assert!(opened.journal.submit(vec![intent(2)]).await.unwrap().is_err());
    let again = opened.journal.submit(vec![intent(3)]).await.unwrap().unwrap_err();
    assert!(again.to_string().contains("EIO"), "{again}");
}

#[tokio::test]
async fn an_old_segment_that_cannot_be_removed_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let stuck = Arc::new(AtomicBool::new(false));
    let fs = Arc::new(FailingFs(Arc::default(), stuck.clone()));
    let opened = Journal::open(fs, dir.path(), &site(), "new", Timestamp(0)).unwrap();
    stuck.store(true, Ordering::SeqCst);
    for n in 1..=1500_u32 {
        let outcome = Outcome {
            output: "x".repeat(4096 * 2),
            ..Outcome::new(Class::Ok, Phase::Verify, LeftAs::Changed, "", Timestamp(1))
        };
        let entries = vec![
            Entry::Result { sequence: n.into(), op: op(n), outcome },
            Entry::Acked { sequence: u64::from(n - 1) },
        ];
        opened.journal.submit(entries).await.unwrap().unwrap();
    }
    opened.journal.close().await;
    assert!(RealFs.list(dir.path()).unwrap().len() > 1, "the old one is still there");
    let state = open(dir.path()).unwrap().state;
    assert_eq!((state.results.len(), state.last_sequence), (1, 1500));
    only_file(dir.path());
}
