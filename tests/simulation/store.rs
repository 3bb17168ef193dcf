//! The coordinator's disk: answers after a while, loses what it has not answered, fills up.

use crate::dice::Dice;
use crate::time::TrueTime;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use switchyard_coordinator::store::{Answer, Batch, READ_EVENTS_MAX, Store, StoreError, StoredEvent};
use switchyard_shared::time::Timestamp;

#[derive(Default, Clone)]
struct Content {
    events: Vec<(Timestamp, StoredEvent)>,
    documents: BTreeMap<(&'static str, String), Vec<u8>>,
    full: bool,
}

/// What happened to the log that an old copy does not have.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Since when it is gone.
    pub at: Timestamp,
    /// Since when it was on the disk.
    pub durable_at: Timestamp,
    /// What was there.
    pub event: StoredEvent,
}

#[derive(Default)]
struct Copies {
    latest: Option<Content>,
    lost: Vec<Lost>,
}

/// A disk that outlives the coordinators that use it; its clones are the same disk.
#[derive(Clone)]
pub struct SimStore {
    content: Arc<Mutex<Content>>,
    copies: Arc<Mutex<Copies>>,
    /// Batches one after the other; after one that failed, none.
    writer: Arc<tokio::sync::Mutex<Result<(), StoreError>>>,
    dice: Arc<Mutex<Dice>>,
    time: TrueTime,
    slowest: u64,
}

impl SimStore {
    /// An empty disk whose writes take at most `slowest` milliseconds.
    pub fn new(seed: u64, time: TrueTime, slowest: u64) -> Self {
        let dice = Arc::new(Mutex::new(Dice::new(seed, "store")));
        let writer = Arc::new(tokio::sync::Mutex::new(Ok(())));
        Self { content: Arc::default(), copies: Arc::default(), writer, dice, time, slowest }
    }

    /// The same disk for one more run of the coordinator.
    pub fn opened(&self) -> Self {
        Self { writer: Arc::new(tokio::sync::Mutex::new(Ok(()))), ..self.clone() }
    }

    /// Whether the disk is full from now on.
    pub fn set_full(&self, full: bool) {
        self.content().full = full;
    }

    /// Copies all that is there.
    pub fn back_up(&self) {
        self.copies().latest = Some(self.content().clone());
    }

    /// Puts the copy in the place of what is there, if it knows every rollout; tells whether it did.
    pub fn restore(&self) -> bool {
        let (mut content, mut copies) = (self.content(), self.copies());
        let Some(copy) = copies.latest.clone() else { return false };
        let knows = |stream: &str| copy.events.iter().any(|(_, event)| event.stream == stream);
        if !content.events.iter().all(|(_, event)| knows(&event.stream)) {
            return false;
        }
        let at = self.time.now();
        let gone = content.events.iter().skip(copy.events.len());
        copies.lost.extend(gone.map(|(durable_at, event)| Lost {
            at,
            durable_at: *durable_at,
            event: event.clone(),
        }));
        *content = Content { full: content.full, ..copy };
        true
    }

    /// What was lost with old copies.
    pub fn lost(&self) -> Vec<Lost> {
        self.copies().lost.clone()
    }

    fn copies(&self) -> MutexGuard<'_, Copies> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events the log has.
    pub fn len(&self) -> usize {
        self.content().events.len()
    }

    /// Whether the log says that a rollout has ended.
    pub fn says_ended(&self, rollout: &str) -> bool {
        let stream = format!("rollouts/{rollout}");
        let content = self.content();
        let mut backwards = content.events.iter().rev();
        backwards.any(|(_, event)| event.stream == stream && event.body.contains("\"event\":\"ended\""))
    }

    /// The log, with when each event was on the disk.
    pub fn log(&self) -> Vec<(Timestamp, StoredEvent)> {
        self.content().events.clone()
    }

    /// A document as it is on the disk.
    pub fn kept(&self, kind: &'static str) -> Vec<(String, Vec<u8>)> {
        let content = self.content();
        let of_kind = content.documents.iter().filter(|((of, _), _)| *of == kind);
        of_kind.map(|((_, id), body)| (id.clone(), body.clone())).collect()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause(&self, most: u64) -> Duration {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).millis(0, most)
    }

    async fn write(self, batch: Batch, before: Duration, after: Duration) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        tokio::time::sleep(before).await;
        *writer = writer.clone().and_then(|()| self.commit(batch));
        let written = writer.clone();
        drop(writer);
        tokio::time::sleep(after).await;
        written
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let (now, mut content) = (self.time.now(), self.content());
        if content.full {
            let (place, cause) = ("simulated".to_owned(), "no space left".to_owned());
            return Err(StoreError::Failed { place, cause });
        }
        for event in batch.events {
            let sequence = content.events.len() as u64 + 1;
            let (stream, version, at, body) = (event.stream, event.version, event.at, event.body);
            content.events.push((now, StoredEvent { sequence, stream, version, at, body }));
        }
        for document in batch.documents {
            content.documents.insert((document.kind, document.id), document.body);
        }
        Ok(())
    }

    fn read_after<'a, T: Send + 'a>(&self, read: impl FnOnce(&Content) -> T) -> Answer<'a, T> {
        let found = read(&self.content());
        let wait = self.pause(1);
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            Ok(found)
        })
    }
}

impl Store for SimStore {
    fn append(&self, batch: Batch) -> Answer<'_, ()> {
        let (before, after) = (self.pause(self.slowest), self.pause(self.slowest));
        // On its way at once, whether or not somebody waits yet.
        let written = tokio::spawn(self.clone().write(batch, before, after));
        Box::pin(async move {
            written.await.unwrap_or_else(|error| {
                Err(StoreError::Failed { place: "simulated".to_owned(), cause: error.to_string() })
            })
        })
    }

    fn read(&self, stream: &str, version: u64) -> Answer<'_, Vec<StoredEvent>> {
        self.read_after(|content| select(content, |event| event.stream == stream && event.version > version))
    }

    fn read_all(&self, sequence: u64) -> Answer<'_, Vec<StoredEvent>> {
        self.read_after(|content| select(content, |event| event.sequence > sequence))
    }

    fn document(&self, kind: &'static str, id: &str) -> Answer<'_, Option<Vec<u8>>> {
        self.read_after(|content| content.documents.get(&(kind, id.to_owned())).cloned())
    }

    fn documents(&self, kind: &'static str) -> Answer<'_, Vec<(String, Vec<u8>)>> {
        let found = self.kept(kind);
        self.read_after(|_| found)
    }
}

fn select(content: &Content, wanted: impl Fn(&StoredEvent) -> bool) -> Vec<StoredEvent> {
    let events = content.events.iter().map(|(_, event)| event);
    events.filter(|event| wanted(event)).take(READ_EVENTS_MAX).cloned().collect()
}

/// How long the coordinator's process is gone before something starts it again.
pub const RESTARTED_AFTER: Duration = Duration::from_secs(2);
