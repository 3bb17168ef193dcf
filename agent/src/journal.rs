//! The agent's journal: what must survive this process, on disk before anybody relies on it.
//!
//! One live segment at a time. Every segment starts from a snapshot that was synced before the file got
//! its name, so opening and compacting are the same thing, and a crash between leaves a whole segment.

pub mod record;
mod segment;
mod state;
mod writer;

pub use record::Entry;
pub use segment::SegmentError;
pub use state::State;

use crate::fs::Fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::id::{OpId, SiteName};
use switchyard_shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};
use writer::{Command, Writer};

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
    /// Queues `entries` behind everything submitted before; the answer comes when they are durable.
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), JournalLost>>;
}

/// A journal on disk.
#[derive(Clone)]
pub struct Journal {
    commands: mpsc::Sender<Command>,
}

/// A journal that was opened, and what it says.
pub struct Opened {
    /// For writing.
    pub journal: Journal,
    /// What survived, with every write in doubt settled as inconclusive.
    pub state: State,
    /// The attempts that were in doubt.
    pub in_doubt: Vec<OpId>,
    /// Bytes of a torn write that were dropped.
    pub torn_bytes: usize,
}

impl Journal {
    /// Opens the journal of `site` in `dir`, and starts its thread. One that is not there is made and
    /// called `new_id`.
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
        let io = |error| OpenError::Io(dir.to_owned(), error);
        fs.create_dirs(dir).map_err(io)?;
        if let Some(parent) = dir.parent() {
            fs.sync_dir(parent).map_err(io)?;
        }
        let names = fs.list(dir).map_err(io)?;
        let mut segments: Vec<u64> = names.iter().filter_map(|name| segment::segment_number(name)).collect();
        segments.sort_unstable();
        let newest = segments.last().copied();
        let (mut state, torn_bytes) = match newest {
            None => (State { id: new_id.to_owned(), ..State::default() }, 0),
            Some(number) => {
                let read = segment::read(&*fs, dir, number, site).map_err(|found| OpenError::Damaged {
                    path: segment::segment_path(dir, number),
                    dir: dir.to_owned(),
                    found,
                })?;
                (read.state, read.torn_bytes)
            }
        };
        let in_doubt = state.settle_intents(now);
        let number = newest.unwrap_or(0) + 1;
        let (file, bytes) = segment::create(&*fs, dir, number, site, &state).map_err(io)?;
        for name in names.iter().filter(|name| is_ours(name)) {
            fs.remove(&dir.join(name)).map_err(io)?;
        }
        let writer = Writer {
            fs,
            dir: dir.to_owned(),
            site: site.clone(),
            number,
            file,
            bytes,
            started_bytes: bytes,
            state: state.clone(),
        };
        let (commands, queue) = mpsc::channel(QUEUE_MAX);
        match runs {
            Runs::OnThread => {
                let thread = std::thread::Builder::new().name("journal".into());
                thread.spawn(move || writer.run(queue)).map_err(io)?;
            }
            Runs::InTask(pause) => drop(tokio::spawn(writer.run_in_task(queue, pause))),
        }
        Ok(Opened { journal: Self { commands }, state, in_doubt, torn_bytes })
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
    fn submit(&self, entries: Vec<Entry>) -> oneshot::Receiver<Result<(), JournalLost>> {
        let (done, answer) = oneshot::channel();
        if let Err(refused) = self.commands.try_send(Command::Append(entries, done)) {
            let why = match &refused {
                mpsc::error::TrySendError::Full(_) => format!("{QUEUE_MAX} submissions wait for the disk"),
                mpsc::error::TrySendError::Closed(_) => "it is closed".to_owned(),
            };
            if let Command::Append(_, done) = refused.into_inner() {
                let _nobody_waits = done.send(Err(JournalLost(why)));
            }
        }
        answer
    }
}

fn is_ours(name: &str) -> bool {
    segment::segment_number(name).is_some() || name.ends_with(".unfinished")
}

#[cfg(test)]
mod tests;
