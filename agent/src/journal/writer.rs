//! The thread that owns the journal's file: takes what waits, writes it as one frame, syncs once.

use super::record::Entry;
use super::segment;
use super::state::State;
use super::{Closed, JournalLost, Pause};
use crate::fs::{AppendFile, Fs};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use switchyard_shared::id::SiteName;
use tokio::sync::{mpsc, oneshot};

/// Most submissions that are synced together.
const BATCH_MAX: usize = 256;
/// A segment is replaced when it exceeds this and twice what it started from, in bytes.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// What is asked of the writer.
pub enum Command {
    /// Make these durable, then tell.
    Append(Vec<Entry>, oneshot::Sender<Result<(), JournalLost>>),
    /// Close the file, then tell.
    Close(oneshot::Sender<Closed>),
}

/// The journal's file and what it says.
pub struct Writer {
    pub fs: Arc<dyn Fs>,
    pub dir: PathBuf,
    pub site: SiteName,
    pub number: u64,
    pub file: Box<dyn AppendFile>,
    pub bytes: u64,
    pub started_bytes: u64,
    pub state: State,
}

impl Writer {
    /// Serves on this thread until told to close or until nobody can ask any more.
    pub fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut lost = None;
        while let Some(first) = commands.blocking_recv() {
            if let Some(done) = self.serve(first, &mut commands, &mut lost) {
                return self.close(done);
            }
        }
    }

    /// The same within a runtime, where every write takes as long as `pause` says.
    pub async fn run_in_task(mut self, mut commands: mpsc::Receiver<Command>, mut pause: Pause) {
        let mut lost = None;
        while let Some(first) = commands.recv().await {
            tokio::time::sleep(pause()).await;
            if let Some(done) = self.serve(first, &mut commands, &mut lost) {
                return self.close(done);
            }
        }
    }

    fn close(self, done: oneshot::Sender<Closed>) {
        drop(self);
        let _nobody_waits = done.send(Closed);
    }

    /// Makes `first` and what waits behind it durable; gives who asked to close, if somebody did.
    fn serve(
        &mut self,
        first: Command,
        commands: &mut mpsc::Receiver<Command>,
        lost: &mut Option<JournalLost>,
    ) -> Option<oneshot::Sender<Closed>> {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(next) = commands.try_recv()
        {
            batch.push(next);
        }
        let (mut entries, mut waiting, mut close) = (Vec::new(), Vec::new(), None);
        for command in batch {
            match command {
                Command::Append(more, done) => {
                    entries.extend(more);
                    waiting.push(done);
                }
                Command::Close(done) => close = Some(done),
            }
        }
        // After a failed write or sync nothing is known of the file's end: it is never trusted again.
        let result = match &*lost {
            Some(lost) => Err(lost.clone()),
            None => {
                self.commit(entries).map_err(|error| JournalLost(format!("{}: {error}", self.dir.display())))
            }
        };
        if let Err(error) = &result {
            *lost = Some(error.clone());
        }
        for done in waiting {
            let _nobody_waits = done.send(result.clone());
        }
        close
    }

    fn commit(&mut self, entries: Vec<Entry>) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let frame = segment::entries_frame(&entries)?;
        self.file.append(&frame)?;
        // An acknowledgement that is forgotten only makes the agent send a result again.
        if entries.iter().any(|entry| !matches!(entry, Entry::Acked { .. })) {
            self.file.sync()?;
        }
        self.bytes += u64::try_from(frame.len()).unwrap_or(u64::MAX);
        entries.into_iter().for_each(|entry| self.state.apply(entry));
        if self.bytes > SEGMENT_BYTES.max(2 * self.started_bytes) {
            self.replace()?;
        }
        Ok(())
    }

    /// Starts a new segment from the present state, then removes the old one.
    fn replace(&mut self) -> io::Result<()> {
        let old = self.number;
        let (file, bytes) = segment::create(&*self.fs, &self.dir, old + 1, &self.site, &self.state)?;
        (self.file, self.bytes, self.started_bytes, self.number) = (file, bytes, bytes, old + 1);
        let path = segment::segment_path(&self.dir, old);
        // The new segment is durable and the newest counts, so nothing is lost; the next open cleans up.
        if let Err(error) = self.fs.remove(&path) {
            tracing::warn!(
                "failed to remove {}, which {} replaces: {error}; the agent goes on and removes it at its next \
                 start; check the disk and who owns the folder",
                path.display(),
                segment::segment_path(&self.dir, self.number).display()
            );
        }
        Ok(())
    }
}
