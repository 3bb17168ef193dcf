//! One thread that writes the latest of what it is given, whole or not at all.

use crate::fs::{Fs, replace};
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

struct Slot<T> {
    next: Option<T>,
    closed: bool,
}

struct Shared<T> {
    slot: Mutex<Slot<T>>,
    moved: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next thing to write; `None` when there is nothing and never will be.
    fn next(&self) -> Option<T> {
        let mut slot = self.lock();
        loop {
            if let Some(next) = slot.next.take() {
                return Some(next);
            }
            if slot.closed {
                return None;
            }
            slot = self.moved.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Holds at most one thing that is not written yet: the latest.
pub(super) struct Writer<T> {
    shared: Arc<Shared<T>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl<T: Serialize + Send + 'static> Writer<T> {
    pub(super) fn start(fs: Arc<dyn Fs>, path: PathBuf) -> io::Result<Self> {
        let slot = Mutex::new(Slot { next: None, closed: false });
        let shared = Arc::new(Shared { slot, moved: Condvar::new() });
        let thread = std::thread::Builder::new().name("breakers".into()).spawn({
            let shared = shared.clone();
            move || {
                let mut said = String::new();
                while let Some(next) = shared.next() {
                    let written =
                        serde_json::to_vec(&next).map_err(io::Error::from).and_then(|json| replace(&*fs, &path, &json));
                    let why = written.err().map(|error| error.to_string()).unwrap_or_default();
                    if !why.is_empty() && why != said {
                        tracing::warn!(
                            "failed to write {}: {why}; a restart of this agent would forget its open breakers; check \
                             the disk",
                            path.display()
                        );
                    }
                    said = why;
                }
            }
        })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn put(&self, next: T) {
        self.shared.lock().next = Some(next);
        self.shared.moved.notify_one();
    }

    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.moved.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes breakers broke down, which is a fault of this agent");
        }
    }
}
