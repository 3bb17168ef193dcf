//! Opening a database: made once, checked whole at every start, refused when anything is not right.

use super::failed;
use crate::store::StoreError;
use rusqlite::{Connection, OpenFlags, Row};
use std::path::Path;

/// `SWYD`: marks the file as ours.
const APPLICATION_ID: i64 = 0x5357_5944;
/// Format of the tables below.
const FORMAT: i64 = 2;
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

/// CRC-32C of a record with its key.
pub(super) fn checksum(key: &str, number: u64, body: &[u8]) -> u32 {
    let crc = crc32c::crc32c(key.as_bytes());
    let crc = crc32c::crc32c_append(crc, &number.to_le_bytes());
    crc32c::crc32c_append(crc, body)
}

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
pub(super) fn open(path: &Path, used_before: bool) -> Result<Connection, StoreError> {
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
    if check(&connection, &place)? == FORMAT_WITHOUT_ROWID {
        bring_up(&mut connection).map_err(|error| failed(&place, &error))?;
    }
    Ok(connection)
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

/// Checks every page and every record; gives the format.
fn check(connection: &Connection, place: &str) -> Result<i64, StoreError> {
    let trouble = |error: rusqlite::Error| found(place, &error);
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if number("application_id").map_err(trouble)? != APPLICATION_ID {
        return Err(damaged(place, "it is not a Switchyard database"));
    }
    let format = number("user_version").map_err(trouble)?;
    if format != FORMAT && format != FORMAT_WITHOUT_ROWID {
        return Err(StoreError::OtherFormat { place: place.to_owned(), found: format, known: FORMAT });
    }
    let verdict: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(trouble)?;
    if verdict != "ok" {
        return Err(damaged(place, &verdict));
    }
    let bad = match first_bad(connection, "SELECT stream, version, body, crc, seq FROM events", bad_event) {
        Ok(None) => first_bad(connection, "SELECT kind, id, body, crc FROM documents", bad_document),
        found => found,
    };
    bad.map_err(trouble)?.map_or(Ok(format), |what| Err(damaged(place, &what)))
}

fn bad_event(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    let (stream, version, body): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let right = checksum(&stream, version as u64, body.as_bytes()) == row.get::<_, u32>(3)?;
    let sequence: i64 = row.get(4)?;
    Ok((!right).then(|| format!("event {sequence} of the log does not match its checksum")))
}

fn bad_document(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    let (kind, id, body): (String, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let right = checksum(&kind, id.len() as u64, &body) == row.get::<_, u32>(3)?;
    Ok((!right).then(|| format!("the {kind} {id:?} does not match its checksum")))
}

fn first_bad(
    connection: &Connection,
    query: &str,
    judge: impl Fn(&Row<'_>) -> rusqlite::Result<Option<String>>,
) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(what) = judge(row)? {
            return Ok(Some(what));
        }
    }
    Ok(None)
}

fn damaged(place: &str, found: &str) -> StoreError {
    StoreError::Damaged { place: place.to_owned(), found: found.to_owned() }
}

/// An error while checking: what SQLite calls corrupt, or cannot read as our types, is damage; the
/// rest is trouble.
fn found(place: &str, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) | None => {
            damaged(place, &error.to_string())
        }
        Some(_) => failed(place, error),
    }
}
