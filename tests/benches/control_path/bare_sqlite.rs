//! The same rows into SQLite and nothing else, in groups.

use anyhow::Context as _;
use rusqlite::{Connection, params};
use std::path::Path;
use switchyard_tests::measured::process::Watch;

/// Rows that share a commit.
pub const GROUP: usize = 1024;

/// A row of the coordinator's log.
pub struct Row {
    stream: String,
    version: i64,
    at: i64,
    /// The event.
    pub body: Vec<u8>,
    crc: i64,
}

/// The rows with results that a coordinator wrote.
pub fn rows_of(database: &Path) -> anyhow::Result<Vec<Row>> {
    let connection = Connection::open(database).context("open the coordinator's database")?;
    let mut read = connection.prepare(
        "SELECT stream, version, at, CAST(body AS BLOB), crc FROM events WHERE instr(body, 'configuration loaded') > 0",
    )?;
    let row = |row: &rusqlite::Row<'_>| {
        let (stream, version, at) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Row { stream, version, at, body: row.get(3)?, crc: row.get(4)? })
    };
    Ok(read.query_map([], row)?.collect::<Result<_, _>>()?)
}

/// Writes them into a new database as durably as the coordinator does.
pub fn per_second(rows: &[Row]) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let mut connection = Connection::open(folder.path().join("bare.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, version INTEGER NOT NULL,
           at INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL, UNIQUE (stream, version)) STRICT;",
    )?;
    let watch = Watch::start();
    for group in rows.chunks(GROUP) {
        let transaction = connection.transaction()?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO events (stream, version, at, body, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in group {
            insert.execute(params![row.stream, row.version, row.at, row.body, row.crc])?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(rows.len() as f64 / watch.elapsed().as_secs_f64())
}
