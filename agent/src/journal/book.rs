//! The journal's file and what it says; decides what is still trusted after a write or a sync has failed.

use super::record::Entry;
use super::reserve::Reserve;
use super::segment::{self, CreateError};
use super::state::State;
use super::{JournalLost, NotDurable};
use crate::failpoint;
use crate::fs::is_full;
use crate::fs::{AppendFile, Fs};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::SiteName;

/// A segment is replaced when it exceeds this and twice what it started from, in bytes.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// How the name of a file ends that is not a segment yet.
const UNFINISHED: &str = ".unfinished";

/// Why no intent is taken at present, for whoever asks; `None` when all is well.
pub type Fullness = Arc<Mutex<Option<String>>>;

/// The segment that is written to.
pub struct Segment {
    pub file: Box<dyn AppendFile>,
    pub bytes: u64,
    pub started_bytes: u64,
}

/// The journal as its writer has it.
pub struct Book {
    pub fs: Arc<dyn Fs>,
    pub dir: PathBuf,
    pub site: SiteName,
    /// The oldest segment that may still be there, and the newest that was tried.
    pub numbers: (u64, u64),
    /// `None` while no file can be trusted: what is kept is in memory only.
    pub segment: Option<Segment>,
    pub state: State,
    pub reserve: Reserve,
    pub full: Fullness,
    pub lost: Option<JournalLost>,
    /// An acknowledgement is not written yet: forgotten, it only makes the agent send a result again.
    pub unwritten_ack: bool,
}

impl Book {
    /// Begins a new segment from the state that `names`, the files in the folder, gave; on a full disk from the
    /// reserve, and without room even for that the old segment stays and nothing new is taken.
    pub fn begin(&mut self, names: &[String]) -> io::Result<()> {
        let made = match self.start_segment() {
            Err(error) if is_full(&error) && !self.reserve.is_spent() => {
                self.reserve.give_back(&*self.fs).and_then(|()| self.start_segment())
            }
            made => made,
        };
        match made.and_then(|()| self.reserve.take(&*self.fs)) {
            Err(error) if is_full(&error) => drop(self.fill_up(&error)),
            taken => taken?,
        }
        for name in names.iter().filter(|name| name.ends_with(UNFINISHED)) {
            match self.fs.remove(&self.dir.join(name)) {
                // It had this segment's number and has become it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(())
    }

    /// Makes all submissions durable together, and tells of each whether it is. One without entries asks
    /// for room: it is told yes when intents are taken.
    pub fn commit(&mut self, submissions: Vec<Vec<Entry>>) -> Vec<Result<(), NotDurable>> {
        if submissions.iter().any(Vec::is_empty) {
            self.make_room();
        }
        let refused = self.refusal();
        let takes: Vec<bool> =
            submissions.iter().map(|entries| refused.is_none() || !asks_for_new_work(entries)).collect();
        let asked: Vec<bool> = submissions.iter().map(|entries| asks_for_new_work(entries)).collect();
        let (new_work, rest): (Vec<_>, Vec<_>) = submissions
            .into_iter()
            .zip(&takes)
            .filter_map(|(entries, takes)| takes.then_some(entries))
            .partition(|entries| asks_for_new_work(entries));
        let (new_work, rest) = (new_work.concat(), rest.concat());
        let kept = match &self.lost {
            Some(lost) => Kept::all(Err(lost.clone().into())),
            None => self.keep(new_work, rest),
        };
        let of = |takes, asked| match (takes, asked) {
            (false, _) => refused.clone().map_or(Ok(()), Err),
            (true, true) => kept.new_work.clone(),
            (true, false) => kept.rest.clone(),
        };
        takes.into_iter().zip(asked).map(|(takes, asked)| of(takes, asked)).collect()
    }

    /// Writes what waits, for the last time.
    pub fn finish(&mut self) {
        if self.lost.is_some() {
            return;
        }
        if self.segment.is_none() {
            self.make_room();
        } else if self.unwritten_ack {
            let _only_sent_again = self.append(&[]);
        }
    }

    fn refusal(&self) -> Option<NotDurable> {
        match (&self.lost, self.fullness().clone()) {
            (Some(lost), _) => Some(lost.clone().into()),
            (None, Some(full)) => Some(NotDurable::Full(full)),
            (None, None) => None,
        }
    }

    fn keep(&mut self, new_work: Vec<Entry>, rest: Vec<Entry>) -> Kept {
        let entries = [rest.as_slice(), new_work.as_slice()].concat();
        let failed = match self.append(&entries) {
            Ok(()) => {
                entries.into_iter().for_each(|entry| self.state.apply(entry));
                self.compact();
                return Kept::all(Ok(()));
            }
            Err(failed) => failed,
        };
        // After a failed write or sync nothing is known of the file's end: it is never trusted again.
        self.segment = None;
        rest.into_iter().for_each(|entry| self.state.apply(entry));
        if !is_full(&failed) {
            let before = (!new_work.is_empty()).then(|| self.state.clone());
            new_work.into_iter().for_each(|entry| self.state.apply(entry));
            match self.start_segment() {
                Ok(()) => {
                    tracing::warn!(
                        "failed to write the journal in {}: {failed}; nothing is lost, a new file was begun with all \
                         that matters; look at the disk before it fails for good",
                        self.dir.display()
                    );
                    return Kept::all(Ok(()));
                }
                Err(again) if !is_full(&again) => return Kept::all(Err(self.lose(&failed, &again))),
                Err(_) => self.state = before.unwrap_or_else(|| std::mem::take(&mut self.state)),
            }
        }
        let new_work = Err(self.fill_up(&failed));
        let rest = self.use_reserve(&failed);
        if let Err(NotDurable::Lost(_)) = &rest {
            return Kept::all(rest);
        }
        Kept { new_work, rest }
    }

    fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        if entries.iter().all(|entry| matches!(entry, Entry::Acked { .. })) && !entries.is_empty() {
            self.unwritten_ack = true;
            return Ok(());
        }
        let mut frame = entries.to_vec();
        if self.unwritten_ack {
            frame.insert(0, Entry::Acked { sequence: self.state.acked });
        }
        if frame.is_empty() {
            return Ok(());
        }
        let Some(segment) = &mut self.segment else {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "there is no file to write to"));
        };
        let bytes = segment::entries_frame(&frame)?;
        segment.file.append(&bytes)?;
        failpoint::here("journal-before-sync");
        if guard::holds(Guard::JournalFsync) {
            segment.file.sync()?;
        }
        segment.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.unwritten_ack = false;
        Ok(())
    }

    /// The disk is full: the reserve is given back, and a new segment holds what matters if it fits now.
    fn use_reserve(&mut self, failed: &io::Error) -> Result<(), NotDurable> {
        let given_back = self.reserve.give_back(&*self.fs);
        match given_back.and_then(|()| self.start_segment()) {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => Err(self.fill_up(&error)),
            Err(error) => Err(self.lose(failed, &error)),
        }
    }

    /// Writes what is in memory only, then takes the reserve again: then there is room for new work.
    fn make_room(&mut self) {
        if self.lost.is_some() || self.fullness().is_none() {
            return;
        }
        let written = if self.segment.is_none() { self.start_segment() } else { Ok(()) };
        let made = written.and_then(|()| self.reserve.take(&*self.fs));
        match made {
            Ok(()) => *self.fullness() = None,
            Err(error) if is_full(&error) => {}
            Err(error) => {
                let _told_when_something_is_to_be_kept = self.lose(&error, &error);
            }
        }
    }

    fn fill_up(&mut self, error: &io::Error) -> NotDurable {
        let full = full_message(&self.dir, error);
        NotDurable::Full(self.fullness().get_or_insert(full).clone())
    }

    fn lose(&mut self, first: &io::Error, second: &io::Error) -> NotDurable {
        let dir = self.dir.display();
        let (first, second) = (first.to_string(), second.to_string());
        let twice = if first == second { first } else { format!("{first}, and in a new file: {second}") };
        self.lost.get_or_insert(JournalLost(format!("{dir}: {twice}"))).clone().into()
    }

    /// Replaces a segment that has grown long. One that cannot be replaced stays, unless it may have been.
    fn compact(&mut self) {
        let Some(segment) = &self.segment else { return };
        if segment.bytes <= SEGMENT_BYTES.max(2 * segment.started_bytes) || self.fullness().is_some() {
            return;
        }
        let present = self.segment.take();
        match self.create_segment() {
            Ok(()) => {}
            Err(CreateError::Nameless(error)) => {
                let dir = self.dir.display();
                tracing::warn!(
                    "failed to begin a shorter file of the journal in {dir}: {error}; the old one goes on"
                );
                self.segment = present.map(|present| Segment { started_bytes: present.bytes, ..present });
            }
            Err(CreateError::Named(error)) => {
                if let Err(again) = self.start_segment() {
                    let _told_when_something_is_to_be_kept = self.lose(&error, &again);
                }
            }
        }
    }

    fn start_segment(&mut self) -> io::Result<()> {
        self.create_segment().map_err(CreateError::into_io)
    }

    /// Starts a new segment from the present state, then removes the old ones. A number is never used
    /// twice: what was tried and failed may be there after a crash, and must not be the newest.
    fn create_segment(&mut self) -> Result<(), CreateError> {
        let (oldest, tried) = self.numbers;
        let number = tried + 1;
        self.numbers.1 = number;
        let created = segment::create(&*self.fs, &self.dir, number, &self.site, &self.state);
        let (file, bytes) = created?;
        self.segment = Some(Segment { file, bytes, started_bytes: bytes });
        self.unwritten_ack = false;
        self.numbers.0 = number;
        for old in oldest..number {
            let path = segment::segment_path(&self.dir, old);
            match self.fs.remove(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The new segment is durable and the newest counts, so nothing is lost.
                Err(error) => tracing::warn!(
                    "failed to remove {}, which {} replaces: {error}; the agent goes on and removes it at its next \
                     start; check the disk and who owns the folder",
                    path.display(),
                    segment::segment_path(&self.dir, number).display()
                ),
            }
        }
        Ok(())
    }

    fn fullness(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of what was to be kept.
struct Kept {
    new_work: Result<(), NotDurable>,
    rest: Result<(), NotDurable>,
}

impl Kept {
    fn all(result: Result<(), NotDurable>) -> Self {
        Self { new_work: result.clone(), rest: result }
    }
}

/// Whether a device would be written to after these.
fn asks_for_new_work(entries: &[Entry]) -> bool {
    entries.is_empty() || entries.iter().any(|entry| matches!(entry, Entry::Intent { .. }))
}

/// What to say of a full disk, continuing "failed to …".
pub fn full_message(dir: &Path, error: &io::Error) -> String {
    let dir = dir.display();
    format!(
        "write the journal in {dir}: the disk is full ({error}); free space there, and this agent goes on by itself"
    )
}
