//! The promises of the embedded store.

use super::*;
use crate::store::{Document, NewEvent};
use switchyard_shared::time::Timestamp;

fn batch(version: u64) -> Batch {
    let body = format!("{{\"n\":{version}}}");
    let event = NewEvent { stream: "rollouts/r".into(), version, at: Timestamp(7), body };
    let document = Document { kind: "watermark", id: "agent".into(), body: version.to_string().into_bytes() };
    Batch { events: vec![event], documents: vec![document] }
}

async fn filled(path: &Path) {
    let store = SqliteStore::open(path, false).unwrap();
    for version in 1..=3 {
        store.append(batch(version)).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_appended_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let store = SqliteStore::open(&path, true).unwrap();
    let events = store.read("rollouts/r", 1).await.unwrap();
    assert_eq!(events.iter().map(|e| e.version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(store.read_all(0).await.unwrap().len(), 3);
    assert_eq!(store.document("watermark", "agent").await.unwrap(), Some(b"3".to_vec()));
}

#[tokio::test]
async fn a_version_is_appended_once_and_a_refused_batch_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let store = SqliteStore::open(&path, true).unwrap();
    let mut twice = batch(3);
    twice.documents[0].body = b"99".to_vec();
    assert!(store.append(twice).await.is_err());
    assert_eq!(store.document("watermark", "agent").await.unwrap(), Some(b"3".to_vec()));
}

#[tokio::test]
async fn a_missing_database_of_a_used_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let opened = SqliteStore::open(&folder.path().join("switchyard.db"), true);
    assert!(matches!(opened, Err(StoreError::Missing { .. })));
}

#[tokio::test]
async fn a_record_that_was_changed_is_found_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE events SET body = '{\"n\":9}' WHERE version = 2", []).unwrap();
    drop(connection);
    let Err(StoreError::Damaged { found, .. }) = SqliteStore::open(&path, true) else { panic!("damaged") };
    assert_eq!(found, "event 2 of the log does not match its checksum");
}

#[tokio::test]
async fn noise_a_cut_file_and_a_newer_format_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let connection = Connection::open(&path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(connection);
    let whole = crate::files::read(&path, 1 << 30).unwrap();
    for content in [vec![0x5a; 8192], whole[..whole.len() / 2].to_vec(), Vec::new()] {
        let copy = folder.path().join("copy.db");
        crate::files::write(&copy, &content).unwrap();
        assert!(matches!(SqliteStore::open(&copy, true), Err(StoreError::Damaged { .. })));
        assert_eq!(crate::files::read(&copy, 1 << 30).unwrap(), content);
    }
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    assert!(matches!(SqliteStore::open(&path, true), Err(StoreError::OtherFormat { found: 4, .. })));
}

/// The database as version 0.1.0 made it at first.
fn of_format_1(path: &Path) {
    let mut connection = open::open(path, false, check::WHEN).unwrap().0;
    let transaction = connection.transaction().unwrap();
    let before = "DROP TABLE documents; CREATE TABLE documents (
        kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL,
        PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;";
    transaction.execute_batch(before).unwrap();
    transaction.pragma_update(None, "user_version", 1).unwrap();
    write(&transaction, &batch(1)).unwrap();
    transaction.commit().unwrap();
}

fn way_to_a_document(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let explained = format!("EXPLAIN QUERY PLAN {FIND_DOCUMENT}");
    connection.query_row(&explained, params!["k", "i"], |row| row.get(3)).unwrap()
}

#[tokio::test]
async fn a_database_of_the_earlier_format_is_brought_up_with_all_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    of_format_1(&path);
    let found = way_to_a_document(&path);
    assert!(found.contains("USING PRIMARY KEY"), "{found}");
    for _ in 0..2 {
        let store = SqliteStore::open(&path, true).unwrap();
        assert_eq!(store.read_all(0).await.unwrap().len(), 1);
        assert_eq!(store.document("watermark", "agent").await.unwrap(), Some(b"1".to_vec()));
    }
    let found = way_to_a_document(&path);
    assert!(found.contains("USING INDEX"), "{found}");
}

#[tokio::test]
async fn a_document_is_found_by_an_index_that_holds_no_bodies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let found = way_to_a_document(&path);
    assert!(found.contains("USING INDEX"), "a key that lies with the bodies reads large ones whole: {found}");
}

/// Every database is a large one.
const APART: When = When { at_once_bytes_max: 0, apart_after: std::time::Duration::ZERO };

#[tokio::test]
async fn damage_in_a_large_database_is_found_in_use_and_the_next_start_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE events SET body = '{\"n\":9}' WHERE version = 2", []).unwrap();
    drop(connection);
    let store = SqliteStore::open_checked(&path, true, APART).unwrap();
    assert!(matches!(store.read("rollouts/r", 0).await, Err(StoreError::Damaged { .. })), "it is never used");
    let mut version = 4;
    while store.append(batch(version)).await.is_ok() {
        version += 1;
    }
    assert!(matches!(store.append(batch(version)).await, Err(StoreError::Damaged { .. })));
    assert!(matches!(SqliteStore::open_checked(&path, true, APART), Err(StoreError::Damaged { .. })));
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE events SET body = '{\"n\":2}' WHERE version = 2", []).unwrap();
    assert!(SqliteStore::open_checked(&path, true, APART).is_ok(), "mended");
}

#[tokio::test]
async fn logs_are_listed_by_steps_in_the_index_and_not_by_reading_every_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let store = SqliteStore::open(&path, true).unwrap();
    let other = NewEvent { stream: "rollouts/a".into(), version: 1, at: Timestamp(7), body: "{}".into() };
    store.append(Batch { events: vec![other], documents: Vec::new() }).await.unwrap();
    assert_eq!(store.streams().await.unwrap(), ["rollouts/a", "rollouts/r"]);
    assert_eq!(store.ids("watermark").await.unwrap(), ["agent"]);
    let connection = Connection::open(&path).unwrap();
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {STREAMS}")).unwrap();
    let steps: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
    assert!(!steps.iter().any(|step| step.starts_with("SCAN events")), "{steps:?}");
}

#[tokio::test]
async fn a_database_that_another_process_holds_is_not_written_to_and_the_operator_is_told_to_end_that_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let store = SqliteStore::open(&path, true).unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let refused = store.append(batch(4)).await.unwrap_err();
    assert!(refused.to_string().contains("another process holds it"), "{refused}");
    holder.execute_batch("ROLLBACK").unwrap();
    let store = SqliteStore::open(&path, true).unwrap();
    store.append(batch(4)).await.unwrap();
    assert_eq!(store.read_all(0).await.unwrap().len(), 4, "nothing of the refused batch stayed behind");
}

#[test]
fn a_database_that_may_not_be_written_and_a_full_disk_say_what_to_do() {
    for (code, next) in [
        (rusqlite::ffi::SQLITE_READONLY, "the right to write it"),
        (rusqlite::ffi::SQLITE_CANTOPEN, "the right to write it"),
        (rusqlite::ffi::SQLITE_FULL, "make room"),
    ] {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let text = failed("switchyard.db", &error).to_string();
        assert!(text.contains(next) && text.contains("switchyard.db"), "{text}");
    }
}

#[tokio::test]
async fn a_database_file_of_zero_bytes_is_no_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    crate::files::write(&path, b"").unwrap();
    assert!(matches!(SqliteStore::open(&path, true), Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn nothing_becomes_durable_after_a_batch_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switchyard.db");
    filled(&path).await;
    let store = SqliteStore::open(&path, true).unwrap();
    let again = store.append(batch(3));
    assert!(again.await.is_err(), "refused: there is one of that version");
    let later = store.append(batch(4)).await.unwrap_err();
    assert!(later.to_string().contains("UNIQUE"), "the first trouble is told, not another: {later}");
    drop(store);
    let store = SqliteStore::open(&path, true).unwrap();
    assert_eq!(store.document("watermark", "agent").await.unwrap(), Some(b"3".to_vec()));
    store.append(batch(4)).await.unwrap();
}
