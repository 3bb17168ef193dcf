//! Opening a database: made once, brought up from the earlier format, refused when anything is not right.

use super::check::{Health, When, damaged, found};
use super::failed;
use crate::store::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// `SWYD`: marks the file as ours.
const APPLICATION_ID: i64 = 0x5357_5944;
/// Format of the tables below.
const FORMAT: i64 = 3;
/// The format in which every event had a row of its own.
const FORMAT_EVENT_PER_ROW: i64 = 2;
/// The format in which documents lay in their own index: to find a small one, the large ones beside it,
/// plans above all, were read whole.
const FORMAT_WITHOUT_ROWID: i64 = 1;

const EVENTS: &str = "
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, version INTEGER NOT NULL,
  at INTEGER NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL, UNIQUE (stream, version)) STRICT;
";

const DOCUMENTS: &str = "
CREATE TABLE documents (
  kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY (kind, id)) STRICT;
";

/// A connection with the settings that every connection has.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let place = path.display().to_string();
    let set = |connection: Connection| -> rusqlite::Result<Connection> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(&place, &error))?;
    set(connection).map_err(|error| found(&place, &error))
}

/// The database at `path`, made when there is none and there never was one, and checked.
pub(super) fn open(path: &Path, used_before: bool, when: When) -> Result<(Connection, Health), StoreError> {
    let place = path.display().to_string();
    match std::fs::metadata(path) {
        Err(_) if used_before => return Err(StoreError::Missing { place }),
        Ok(file) if file.len() == 0 && used_before => return Err(damaged(&place, "it is empty")),
        Err(_) | Ok(_) => {}
    }
    crate::files::create_private(path)
        .map_err(|error| StoreError::Failed { place: place.clone(), cause: error.to_string() })?;
    let mut connection = connect(path)?;
    if is_blank(&connection).map_err(|error| found(&place, &error))? {
        if used_before {
            return Err(damaged(&place, "it has no tables"));
        }
        create(&mut connection).map_err(|error| failed(&place, &error))?;
    }
    let format = format(&connection, &place)?;
    let at_once_bytes_max = if format == FORMAT_WITHOUT_ROWID { u64::MAX } else { when.at_once_bytes_max };
    let health = Health::of(path, &connection, When { at_once_bytes_max, ..when })?;
    match format {
        FORMAT_WITHOUT_ROWID => bring_up(&mut connection).map_err(|error| failed(&place, &error))?,
        FORMAT_EVENT_PER_ROW => {
            connection.pragma_update(None, "user_version", FORMAT).map_err(|error| failed(&place, &error))?
        }
        _ => {}
    }
    Ok((connection, health))
}

/// Its format, which is one that this program knows.
fn format(connection: &Connection, place: &str) -> Result<i64, StoreError> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if number("application_id").map_err(|error| found(place, &error))? != APPLICATION_ID {
        return Err(damaged(place, "it is not a Switchyard database"));
    }
    let format = number("user_version").map_err(|error| found(place, &error))?;
    if ![FORMAT, FORMAT_EVENT_PER_ROW, FORMAT_WITHOUT_ROWID].contains(&format) {
        return Err(StoreError::OtherFormat { place: place.to_owned(), found: format, known: FORMAT });
    }
    Ok(format)
}

fn is_blank(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(EVENTS)?;
    transaction.execute_batch(DOCUMENTS)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// Brings a database that was found to be whole from the earlier format to this one, all or nothing.
fn bring_up(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch("ALTER TABLE documents RENAME TO documents_before;")?;
    transaction.execute_batch(DOCUMENTS)?;
    transaction.execute_batch(
        "INSERT INTO documents (kind, id, body, crc) SELECT kind, id, body, crc FROM documents_before;
         DROP TABLE documents_before;",
    )?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}
