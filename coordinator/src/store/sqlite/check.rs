//! Whether a database is what was written: each record as it is read, and all of it once at every start.

use super::{failed, open};
use crate::store::{StoreError, StoredEvent};
use rusqlite::{Connection, Row};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use switchyard_shared::time::Timestamp;

/// A database up to this size is checked whole before it is used; that takes about a tenth of a second.
pub(super) const AT_ONCE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A larger one is checked this long after it was opened: recovery comes first.
const APART_AFTER: Duration = Duration::from_secs(15);

/// CRC-32C of a record with its key.
pub(super) fn checksum(key: &str, number: u64, body: &[u8]) -> u32 {
    let crc = crc32c::crc32c(key.as_bytes());
    let crc = crc32c::crc32c_append(crc, &number.to_le_bytes());
    crc32c::crc32c_append(crc, body)
}

/// An event, which matches its checksum.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let event = StoredEvent {
        sequence: row.get::<_, i64>(0)? as u64,
        stream: row.get(1)?,
        version: row.get::<_, i64>(2)? as u64,
        at: Timestamp(row.get(3)?),
        body: row.get(4)?,
    };
    let crc = checksum(&event.stream, event.version, event.body.as_bytes());
    if crc == row.get::<_, u32>(5)? {
        return Ok(event);
    }
    Err(mismatch(format!("event {} of the log does not match its checksum", event.sequence)))
}

/// A document by its id, which matches its checksum.
pub(super) fn document(row: &Row<'_>) -> rusqlite::Result<(String, Vec<u8>)> {
    let (kind, id, body): (String, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if checksum(&kind, id.len() as u64, &body) == row.get::<_, u32>(3)? {
        return Ok((id, body));
    }
    Err(mismatch(format!("the {kind} {id:?} does not match its checksum")))
}

/// When the whole database is checked.
#[derive(Clone, Copy)]
pub(super) struct When {
    /// Up to this size at once.
    pub at_once_bytes_max: u64,
    /// A larger one on a thread of its own, after this time.
    pub apart_after: Duration,
}

/// As it is in use.
pub(super) const WHEN: When = When { at_once_bytes_max: AT_ONCE_BYTES_MAX, apart_after: APART_AFTER };

/// What the check of the whole database has found so far.
pub(super) struct Health {
    damage: Arc<OnceLock<StoreError>>,
    /// Gone with the store: then a check that has not begun never does.
    _open: Option<SyncSender<()>>,
}

impl Health {
    /// Checks every page and every record: at once when the database is small or damage was found before,
    /// else on a thread of its own.
    pub(super) fn of(path: &Path, connection: &Connection, when: When) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let mark = path.with_extension("damaged");
        let damage: Arc<OnceLock<StoreError>> = Arc::default();
        let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
        if mark.exists() || bytes <= when.at_once_bytes_max {
            whole(connection, &place)?;
            let _ = std::fs::remove_file(&mark);
            return Ok(Self { damage, _open: None });
        }
        let (own, found) = (open::connect(path)?, damage.clone());
        let (open, closed) = sync_channel(0);
        let check = move || check_apart(&own, &place, mark, &found, (&closed, when.apart_after));
        let spawned = std::thread::Builder::new().name("store-check".into()).spawn(check);
        spawned.map_err(|cause| StoreError::Failed {
            place: path.display().to_string(),
            cause: cause.to_string(),
        })?;
        Ok(Self { damage, _open: Some(open) })
    }

    /// Refuses once damage was found.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.damage.get().map_or(Ok(()), |damage| Err(damage.clone()))
    }
}

/// Leaves a mark of damage beside the database, so that the next start looks at all of it first.
fn check_apart(
    connection: &Connection,
    place: &str,
    mark: PathBuf,
    damage: &OnceLock<StoreError>,
    (closed, after): (&Receiver<()>, Duration),
) {
    if closed.recv_timeout(after) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    match whole(connection, place) {
        Ok(()) => tracing::info!(place, "every record of the database is as it was written"),
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::error!(%error, "the database is damaged; nothing more is written to it");
            let _ = crate::files::write(&mark, error.to_string().as_bytes());
            let _ = damage.set(error);
        }
        Err(error) => tracing::warn!(%error, "the database could not be checked whole"),
    }
}

/// Checks every page and every record.
fn whole(connection: &Connection, place: &str) -> Result<(), StoreError> {
    let trouble = |error: rusqlite::Error| found(place, &error);
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(trouble)?;
    if verdict != "ok" {
        return Err(damaged(place, &verdict));
    }
    each(connection, "SELECT seq, stream, version, at, body, crc FROM events", |row| event(row).map(drop))
        .and_then(|()| {
            each(connection, "SELECT kind, id, body, crc FROM documents", |row| document(row).map(drop))
        })
        .map_err(trouble)
}

fn each(
    connection: &Connection,
    query: &str,
    judge: impl Fn(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        judge(row)?;
    }
    Ok(())
}

fn mismatch(what: String) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(what.into())
}

pub(super) fn damaged(place: &str, found: &str) -> StoreError {
    StoreError::Damaged { place: place.to_owned(), found: found.to_owned() }
}

/// An error while reading: what SQLite calls corrupt, or what is not as it was written, is damage; the
/// rest is trouble.
pub(super) fn found(place: &str, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) | None => {
            damaged(place, &error.to_string())
        }
        Some(_) => failed(place, error),
    }
}
