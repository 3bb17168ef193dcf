//! A full disk: what is to be written waits for room, and whoever asks is told so.

use rusqlite::ErrorCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often room is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

type Why = Arc<Mutex<Option<String>>>;

/// Whether the disk is full, for whoever asks. Nobody waits for room any more once this is gone.
pub(super) struct Fullness {
    why: Why,
    _open: SyncSender<()>,
}

/// The writer's end.
pub(super) struct Room {
    why: Why,
    closed: Receiver<()>,
}

/// Both ends of a disk that has room.
pub(super) fn ends() -> (Fullness, Room) {
    let ((open, closed), why) = (sync_channel(0), Why::default());
    (Fullness { why: why.clone(), _open: open }, Room { why, closed })
}

impl Fullness {
    /// Why nothing can be written at present.
    pub fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Room {
    /// Does `write`, again and again while the disk is full.
    pub fn wait_for(
        &self,
        place: &str,
        mut write: impl FnMut() -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        loop {
            let written = write();
            let full =
                written.as_ref().err().filter(|error| is_full(error)).map(|error| message(place, error));
            self.tell(place, full.clone());
            let closed = || self.closed.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout);
            if full.is_none() || closed() {
                return written;
            }
        }
    }

    fn tell(&self, place: &str, full: Option<String>) {
        let before =
            std::mem::replace(&mut *self.why.lock().unwrap_or_else(PoisonError::into_inner), full.clone());
        match (before, full) {
            (None, Some(full)) => tracing::error!(
                "failed to {full}; until then no result is acknowledged and nothing new is started"
            ),
            (Some(_), None) => tracing::info!(place, "the disk has room again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
}

/// What to say of a full disk, continuing "failed to …".
fn message(place: &str, error: &rusqlite::Error) -> String {
    format!(
        "write the database {place}: the disk is full ({error}); free space there, and this coordinator goes on by \
         itself"
    )
}

/// Whether the system refused for want of room.
fn is_full(error: &rusqlite::Error) -> bool {
    // The index of the log in memory grows by a file, too.
    let index = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(code: i32) -> rusqlite::Result<()> {
        Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))
    }

    #[test]
    fn a_write_that_finds_no_room_is_done_when_there_is_some_and_meanwhile_it_is_told() {
        let (fullness, room) = ends();
        let mut tries = 0;
        let written = room.wait_for("switchyard.db", || {
            tries += 1;
            assert_eq!(fullness.why().is_some(), tries > 1, "try {tries}");
            if tries < 3 { failing(rusqlite::ffi::SQLITE_FULL) } else { Ok(()) }
        });
        assert_eq!((written, tries, fullness.why()), (Ok(()), 3, None));
    }

    #[test]
    fn another_failure_is_told_at_once_and_nobody_waits_for_room_when_the_store_is_gone() {
        let (fullness, room) = ends();
        assert!(room.wait_for("switchyard.db", || failing(rusqlite::ffi::SQLITE_IOERR)).is_err());
        assert_eq!(fullness.why(), None);
        drop(fullness);
        assert!(room.wait_for("switchyard.db", || failing(rusqlite::ffi::SQLITE_FULL)).is_err());
    }
}
