//! The embedded store: SQLite in WAL mode with full sync, one writer thread that groups commits, one
//! reader thread. Every record that is read is checked.

mod check;
mod open;
mod pack;
mod room;

use super::{Answer, Batch, READ_EVENTS_MAX, Store, StoreError, StoredEvent};
use crate::failpoint;
use check::{Health, When};
use room::{Fullness, Room};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use tokio::sync::oneshot;

/// Requests that may wait for the writer or the reader; more wait at the door.
const REQUESTS_MAX: usize = 1024;
/// Batches that share one commit, at most.
const GROUP_MAX: usize = 128;

const FIND_DOCUMENT: &str = "SELECT kind, id, body, crc FROM documents WHERE kind = ?1 AND id = ?2";
/// Goes from one log to the next by the index: its cost is the number of logs, not of events.
const STREAMS: &str = "WITH RECURSIVE log (name) AS (
  SELECT min(stream) FROM events
  UNION ALL SELECT (SELECT min(stream) FROM events WHERE stream > log.name) FROM log WHERE log.name IS NOT NULL)
SELECT name FROM log WHERE name IS NOT NULL";

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
type Query = Box<dyn FnOnce(&Connection) + Send>;

/// A database file, open.
pub struct SqliteStore {
    place: String,
    full: Fullness,
    writer: SyncSender<(Batch, Reply<()>)>,
    reader: SyncSender<Query>,
}

impl SqliteStore {
    /// Opens `path` and refuses a database that is damaged or of another format. With `used_before` a
    /// missing file is refused too: it never starts empty. Every page and every record is checked: of a
    /// small database before this returns, of a large one while it is used, and nothing more is written
    /// once damage is found.
    pub fn open(path: &Path, used_before: bool) -> Result<Self, StoreError> {
        Self::open_checked(path, used_before, check::WHEN)
    }

    fn open_checked(path: &Path, used_before: bool, when: When) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let (connection, health) = open::open(path, used_before, when)?;
        let reading = open::connect(path)?;
        let (writer, batches) = sync_channel(REQUESTS_MAX);
        let (reader, queries) = sync_channel::<Query>(REQUESTS_MAX);
        let (for_writer, (full, room)) = (place.clone(), room::ends());
        let spawned = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_loop(connection, &batches, &for_writer, &health, &room))
            .and_then(|_| {
                thread::Builder::new()
                    .name("store-reader".into())
                    .spawn(move || queries.into_iter().for_each(|query| query(&reading)))
            });
        match spawned {
            Ok(_) => Ok(Self { place, full, writer, reader }),
            Err(cause) => Err(StoreError::Failed { place, cause: cause.to_string() }),
        }
    }

    fn query<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let (answer, answered) = oneshot::channel();
        let place = self.place.clone();
        let query: Query = Box::new(move |connection| {
            let _ = answer.send(run(connection).map_err(|error| check::found(&place, &error)));
        });
        let sent = self.reader.send(query);
        Box::pin(async move {
            match sent {
                Ok(()) => answered.await.unwrap_or_else(|_| Err(self.gone())),
                Err(_) => Err(self.gone()),
            }
        })
    }

    fn gone(&self) -> StoreError {
        StoreError::Failed { place: self.place.clone(), cause: "its thread has ended".into() }
    }
}

impl Store for SqliteStore {
    fn append(&self, batch: Batch) -> Answer<'_, ()> {
        let (answer, answered) = oneshot::channel();
        let sent = self.writer.send((batch, answer));
        Box::pin(async move {
            match sent {
                Ok(()) => answered.await.unwrap_or_else(|_| Err(self.gone())),
                Err(_) => Err(self.gone()),
            }
        })
    }

    fn full(&self) -> Option<String> {
        self.full.why()
    }

    fn read(&self, stream: &str, version: u64) -> Answer<'_, Vec<StoredEvent>> {
        let stream = stream.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached("SELECT seq, stream, version, at, body, crc FROM events WHERE stream = ?1 AND version > ?2 ORDER BY version LIMIT ?3")?
                .query_map(params![stream, version as i64, READ_EVENTS_MAX as i64], check::event)
                .and_then(|rows| pack::page(rows, version))
        })
    }

    fn read_all(&self, sequence: u64) -> Answer<'_, Vec<StoredEvent>> {
        self.query(move |connection| {
            connection
                .prepare_cached(
                    "SELECT seq, stream, version, at, body, crc FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )?
                .query_map(params![sequence as i64, READ_EVENTS_MAX as i64], check::event)
                .and_then(|rows| pack::page(rows, 0))
        })
    }

    fn document(&self, kind: &'static str, id: &str) -> Answer<'_, Option<Vec<u8>>> {
        let id = id.to_owned();
        self.query(move |connection| {
            connection
                .prepare_cached(FIND_DOCUMENT)?
                .query_row(params![kind, id], |row| check::document(row).map(|(_, body)| body))
                .optional()
        })
    }

    fn documents(&self, kind: &'static str) -> Answer<'_, Vec<(String, Vec<u8>)>> {
        self.query(move |connection| {
            connection
                .prepare_cached("SELECT kind, id, body, crc FROM documents WHERE kind = ?1 ORDER BY id")?
                .query_map(params![kind], check::document)?
                .collect()
        })
    }

    fn ids(&self, kind: &'static str) -> Answer<'_, Vec<String>> {
        self.query(move |connection| {
            connection
                .prepare_cached("SELECT id FROM documents WHERE kind = ?1 ORDER BY id")?
                .query_map(params![kind], |row| row.get(0))?
                .collect()
        })
    }

    fn streams(&self) -> Answer<'_, Vec<String>> {
        self.query(|connection| {
            connection.prepare_cached(STREAMS)?.query_map([], |row| row.get(0))?.collect()
        })
    }
}

fn failed(place: &str, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let next = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another process holds it, such as a backup or sqlite3: end that one, then start again"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "; give the user of `switchyard serve` the right to write it and its folder, then start again"
        }
        Some(ErrorCode::DiskFull) => "; make room on its disk, then start again",
        Some(_) | None => "",
    };
    StoreError::Failed { place: place.to_owned(), cause: format!("{error}{next}") }
}

fn write_loop(
    mut connection: Connection,
    batches: &Receiver<(Batch, Reply<()>)>,
    place: &str,
    health: &Health,
    room: &Room,
) {
    let mut failed_before = Ok(());
    while let Ok(first) = batches.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(next) = batches.try_recv()
        {
            group.push(next);
        }
        // What comes after a batch that failed was decided in the belief that it is durable.
        let written = failed_before.and_then(|()| health.check()).and_then(|()| {
            room.wait_for(place, || write_group(&mut connection, &group))
                .map_err(|error| failed(place, &error))
        });
        for (_, answer) in group {
            let _ = answer.send(written.clone());
        }
        failed_before = written;
    }
}

fn write_group(connection: &mut Connection, group: &[(Batch, Reply<()>)]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for (batch, _) in group {
        write(&transaction, batch)?;
    }
    failpoint::here("before-commit");
    transaction.commit()?;
    failpoint::here("after-commit");
    Ok(())
}

fn write(transaction: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO events (stream, version, at, body, crc) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for event in pack::packed(&batch.events) {
        let crc = check::checksum(&event.stream, event.version, event.body.as_bytes());
        insert.execute(params![event.stream, event.version as i64, event.at.0, event.body, crc])?;
    }
    let mut put = transaction.prepare_cached(
        "INSERT INTO documents (kind, id, body, crc) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body, crc = excluded.crc",
    )?;
    for document in &batch.documents {
        let crc = check::checksum(document.kind, document.id.len() as u64, &document.body);
        put.execute(params![document.kind, document.id, document.body, crc])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
