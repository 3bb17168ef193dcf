//! The append-only event log and what hangs on it, behind one trait.

pub mod memory;
pub mod parts;
pub mod sqlite;

use futures_util::future::BoxFuture;
use std::collections::BTreeSet;
use switchyard_shared::time::Timestamp;

/// About how many events one read returns at most: those that happened together come together, which
/// may be 63 more.
pub const READ_EVENTS_MAX: usize = 256;

/// An event to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The log it belongs to, such as `rollouts/ntp`.
    pub stream: String,
    /// Its place in that log, from 1; a gap or a repetition is refused.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The event, JSON.
    pub body: String,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the whole log; those of one log that happened together share it.
    pub sequence: u64,
    /// The log it belongs to.
    pub stream: String,
    /// Its place in that log.
    pub version: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The event, JSON.
    pub body: String,
}

/// A document to put: small state that is replaced as a whole, or content under its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is, such as `inventory`, `plan`, `config`, `watermark`, `token`.
    pub kind: &'static str,
    /// Which one.
    pub id: String,
    /// Its content.
    pub body: Vec<u8>,
}

/// What one transaction makes durable: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Events, in order.
    pub events: Vec<NewEvent>,
    /// Documents; the last one of a kind and id wins.
    pub documents: Vec<Document>,
}

impl Batch {
    /// Whether there is nothing to make durable.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.documents.is_empty()
    }
}

/// What can go wrong with a store; each text says what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store's content is not what was written.
    #[error(
        "use the database {place}: {found}; nothing was changed. Restore it from a backup, or move it away and say so with a new data folder"
    )]
    Damaged {
        /// Where it is.
        place: String,
        /// What was found.
        found: String,
    },
    /// Another version of Switchyard wrote it.
    #[error(
        "use the database {place}: it has format {found}, this program knows format {known}; use the version of switchyard that wrote it"
    )]
    OtherFormat {
        /// Where it is.
        place: String,
        /// The format found.
        found: i64,
        /// The format known.
        known: i64,
    },
    /// The database that belongs to this folder is gone.
    #[error(
        "find the database {place}, although this data folder has been used before; restore it from a backup, or start with a new data folder"
    )]
    Missing {
        /// Where it should be.
        place: String,
    },
    /// The disk or the database refused.
    #[error("write to or read from the database {place}: {cause}")]
    Failed {
        /// Where it is.
        place: String,
        /// The cause.
        cause: String,
    },
}

/// What a store gives in the end.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Durable state of the coordinator. What `append` has answered survives a power cut.
pub trait Store: Send + Sync + 'static {
    /// Makes a batch durable. Batches become durable in the order of the calls, each before its answer and,
    /// when several are on their way, when those before it are asked for first; none does after one that failed.
    fn append(&self, batch: Batch) -> Answer<'_, ()>;
    /// Why nothing can be made durable at present, though it will be by itself once there is room; `None` when
    /// all is well. Meanwhile `append` does not answer, and what was appended before can be read.
    fn full(&self) -> Option<String> {
        None
    }
    /// Events of one log after `version`, about [`READ_EVENTS_MAX`].
    fn read(&self, stream: &str, version: u64) -> Answer<'_, Vec<StoredEvent>>;
    /// Events of all logs after `sequence`, about [`READ_EVENTS_MAX`].
    fn read_all(&self, sequence: u64) -> Answer<'_, Vec<StoredEvent>>;
    /// One document.
    fn document(&self, kind: &'static str, id: &str) -> Answer<'_, Option<Vec<u8>>>;
    /// Every document of a kind, by id. For kinds that stay few.
    fn documents(&self, kind: &'static str) -> Answer<'_, Vec<(String, Vec<u8>)>>;

    /// Ids of every document of a kind; a store that can do so reads no bodies for it.
    fn ids(&self, kind: &'static str) -> Answer<'_, Vec<String>> {
        Box::pin(async move { Ok(self.documents(kind).await?.into_iter().map(|(id, _)| id).collect()) })
    }

    /// Names of every log; a store that can do so reads no events for it.
    fn streams(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let (mut names, mut after) = (BTreeSet::new(), 0);
            loop {
                let page = self.read_all(after).await?;
                let Some(last) = page.last() else { return Ok(names.into_iter().collect()) };
                after = last.sequence;
                names.extend(page.into_iter().map(|event| event.stream));
            }
        })
    }
}
