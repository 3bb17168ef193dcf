//! The agent's journal: what must survive this process, on disk before anybody relies on it.
//!
//! One live segment at a time. Every segment starts from a snapshot that was synced before the file got
//! its name, so opening and compacting are the same thing, and a crash between leaves a whole segment.

pub mod aside;
mod book;
mod frame;
pub mod record;
mod reserve;
mod segment;
mod state;
mod writer;

pub use frame::Tail;
pub use record::Entry;
pub use segment::SegmentError;
pub use state::State;

use crate::fs::Fs;
use book::{Book, Fullness};
use reserve::Reserve;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};
use writer::Command;

/// Submissions that may wait for the disk.
pub const QUEUE_MAX: usize = 4096;

/// How long the next write takes.
pub type Pause = Box<dyn FnMut() -> Duration + Send>;

/// Where the journal's writer runs.
pub enum Runs {
    /// On a thread of its own.
    OnThread,
    /// In the runtime, where every write takes as long as this says: for simulated time.
    InTask(Pause),
}

/// The journal cannot be written any more; no new work may start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write the journal {0}")]
pub struct JournalLost(pub String);

/// Why something is not on the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDurable {
    /// The disk is full. Intents are refused and forgotten; all else is kept in memory, and written as soon
    /// as there is room.
    #[error("{0}")]
    Full(String),
    /// The journal is lost.
    #[error(transparent)]
    Lost(#[from] JournalLost),
}

/// The file is closed.
#[derive(Debug)]
pub struct Closed;

/// Why an agent does not start on this journal.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be used.
    #[error("open the journal in {0}: {1}")]
    Io(PathBuf, io::Error),
    /// A segment cannot be trusted.
    #[error("open the journal: {path} cannot be used: {found}. {}", found.advice(dir))]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The journal's folder.
        dir: PathBuf,
        /// What was found.
        found: SegmentError,
    },
}

/// Where durable entries go.
pub trait Log: Send + Sync + 'static {
    /// Queues `entries` behind everything submitted before; the answer comes when they are durable. No
    /// entries: asks a full disk for room; the answer tells whether intents are taken.
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), NotDurable>>;

    /// Why intents are refused at present, continuing "failed to …"; `None` while they are taken.
    fn full(&self) -> Option<String> {
        None
    }
}

/// A journal on disk.
#[derive(Clone)]
pub struct Journal {
    commands: mpsc::Sender<Command>,
    full: Fullness,
}

/// A journal that was opened, and what it says.
pub struct Opened {
    /// For writing.
    pub journal: Journal,
    /// What survived, with every write in doubt settled as inconclusive.
    pub state: State,
    /// The attempts that were in doubt.
    pub in_doubt: Vec<OpId>,
    /// What its end was. A doubtful one has given it another name.
    pub tail: Tail,
}

/// What opening found, and the file that goes on from there.
struct Begun {
    book: Book,
    in_doubt: Vec<OpId>,
    tail: Tail,
}

impl Journal {
    /// Opens the journal of `site` in `dir`, made when there is none, and starts its thread. It is called
    /// `new_id` from here on, a name that no journal had before.
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        site: &SiteName,
        new_id: &str,
        now: Timestamp,
    ) -> Result<Opened, OpenError> {
        Self::open_with(fs, dir, site, new_id, now, Runs::OnThread)
    }

    /// The same, with a word on where its writer runs.
    pub fn open_with(
        fs: Arc<dyn Fs>,
        dir: &Path,
        site: &SiteName,
        new_id: &str,
        now: Timestamp,
        runs: Runs,
    ) -> Result<Opened, OpenError> {
        let Begun { book, in_doubt, tail } = begin(fs, dir, site, new_id, now)?;
        let (commands, queue) = mpsc::channel(QUEUE_MAX);
        let journal = Self { commands, full: book.full.clone() };
        let state = book.state.clone();
        match runs {
            Runs::OnThread => {
                let thread = std::thread::Builder::new().name("journal".into());
                let started = thread.spawn(move || writer::serve(book, queue));
                started.map_err(|error| OpenError::Io(dir.to_owned(), error))?;
            }
            Runs::InTask(pause) => drop(tokio::spawn(writer::serve_in_task(book, queue, pause))),
        }
        Ok(Opened { journal, state, in_doubt, tail })
    }

    /// Returns when everything submitted before is written and the file is closed.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close(done)).await.is_ok() {
            let _closed_or_gone = closed.await;
        }
    }
}

impl Log for Journal {
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), NotDurable>> {
        let (done, answer) = oneshot::channel();
        if let Err(refused) = self.commands.try_send(Command::Append(entries, done)) {
            let why = match &refused {
                mpsc::error::TrySendError::Full(_) => format!("{QUEUE_MAX} submissions wait for the disk"),
                mpsc::error::TrySendError::Closed(_) => "it is closed".to_owned(),
            };
            if let Command::Append(_, done) = refused.into_inner() {
                let _nobody_waits = done.send(Err(JournalLost(why).into()));
            }
        }
        answer
    }

    fn full(&self) -> Option<String> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads what is there, and begins a new segment from it.
fn begin(
    fs: Arc<dyn Fs>,
    dir: &Path,
    site: &SiteName,
    new_id: &str,
    now: Timestamp,
) -> Result<Begun, OpenError> {
    let io = |error| OpenError::Io(dir.to_owned(), error);
    fs.create_dirs(dir).map_err(io)?;
    let names = fs.list(dir).map_err(io)?;
    let found = newest(&*fs, dir, &names, site)?;
    let number = found.as_ref().map_or(0, |(number, _)| *number);
    let (state, in_doubt, tail) = go_on(found, new_id, now);
    let oldest = names.iter().filter_map(|name| segment::segment_number(name)).min().unwrap_or(number);
    let mut book = Book {
        dir: dir.to_owned(),
        site: site.clone(),
        numbers: (oldest, number),
        segment: None,
        state,
        reserve: Reserve::of(dir, &names, &*fs),
        full: Fullness::default(),
        lost: None,
        unwritten_ack: false,
        fs,
    };
    book.begin(&names).map_err(io)?;
    Ok(Begun { book, in_doubt, tail })
}

/// The state that an agent goes on from, what is in doubt in it, and what the end was.
fn go_on(found: Option<(u64, segment::ReadBack)>, new_id: &str, now: Timestamp) -> (State, Vec<OpId>, Tail) {
    let (mut state, tail) = match found {
        None => (State { id: new_id.to_owned(), ..State::default() }, Tail::Whole),
        Some((number, segment::ReadBack { mut state, tail })) => {
            match tail {
                Tail::Whole | Tail::Torn(_) => state.open_as(new_id.to_owned()),
                Tail::Doubtful(_) => state.begin_again(format!("{new_id}-{number}")),
            }
            (state, tail)
        }
    };
    let in_doubt = state.settle_intents(now);
    (state, in_doubt, tail)
}

/// What the newest segment says; older ones are leftovers of what it replaced.
fn newest(
    fs: &dyn Fs,
    dir: &Path,
    names: &[String],
    site: &SiteName,
) -> Result<Option<(u64, segment::ReadBack)>, OpenError> {
    let Some(number) = names.iter().filter_map(|name| segment::segment_number(name)).max() else {
        return Ok(None);
    };
    let read = segment::read(fs, dir, number, site);
    read.map(|read| Some((number, read))).map_err(|found| OpenError::Damaged {
        path: segment::segment_path(dir, number),
        dir: dir.to_owned(),
        found,
    })
}

#[cfg(test)]
mod tests;
