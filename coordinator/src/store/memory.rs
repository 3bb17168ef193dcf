//! A store in memory, for tests of what stands above it.

use super::{Answer, Batch, READ_EVENTS_MAX, Store, StoredEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Events and documents in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<Content>);

#[derive(Default)]
struct Content {
    events: Vec<StoredEvent>,
    documents: BTreeMap<(&'static str, String), Vec<u8>>,
}

impl MemoryStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn select(&self, wanted: impl Fn(&StoredEvent) -> bool) -> Vec<StoredEvent> {
        self.content().events.iter().filter(|event| wanted(event)).take(READ_EVENTS_MAX).cloned().collect()
    }
}

impl Store for MemoryStore {
    fn append(&self, batch: Batch) -> Answer<'_, ()> {
        let mut content = self.content();
        for event in batch.events {
            let sequence = content.events.len() as u64 + 1;
            let (stream, version, at, body) = (event.stream, event.version, event.at, event.body);
            content.events.push(StoredEvent { sequence, stream, version, at, body });
        }
        for document in batch.documents {
            content.documents.insert((document.kind, document.id), document.body);
        }
        Box::pin(async { Ok(()) })
    }

    fn read(&self, stream: &str, version: u64) -> Answer<'_, Vec<StoredEvent>> {
        let found = self.select(|event| event.stream == stream && event.version > version);
        Box::pin(async { Ok(found) })
    }

    fn read_all(&self, sequence: u64) -> Answer<'_, Vec<StoredEvent>> {
        let found = self.select(|event| event.sequence > sequence);
        Box::pin(async { Ok(found) })
    }

    fn document(&self, kind: &'static str, id: &str) -> Answer<'_, Option<Vec<u8>>> {
        let found = self.content().documents.get(&(kind, id.to_owned())).cloned();
        Box::pin(async { Ok(found) })
    }

    fn documents(&self, kind: &'static str) -> Answer<'_, Vec<(String, Vec<u8>)>> {
        let content = self.content();
        let of_kind = content.documents.iter().filter(|((of, _), _)| *of == kind);
        let found = of_kind.map(|((_, id), body)| (id.clone(), body.clone())).collect();
        Box::pin(async { Ok(found) })
    }

    fn streams(&self) -> Answer<'_, Vec<String>> {
        let content = self.content();
        let names: BTreeSet<String> = content.events.iter().map(|event| event.stream.clone()).collect();
        Box::pin(async { Ok(names.into_iter().collect()) })
    }
}
