//! Large documents in parts, each in a transaction of its own: nothing that comes meanwhile waits long for
//! the disk. The document itself is then only where its parts are, and changes all at once.

use super::{Batch, Document, Store, StoreError};

/// Documents that are together no larger than this are left as they are, in bytes.
const WHOLE_BYTES_MAX: usize = 512 * 1024;
/// Largest part, in bytes: a few milliseconds of a disk.
const PART_BYTES_MAX: usize = 512 * 1024;
/// Parts of a document, at most.
const PARTS_MAX: usize = 4096;
/// What a part is called in the store.
const KIND: &str = "part";
/// Begins a document that lies in parts; no document of ours does.
const MARK: &str = "parts:";
/// Documents of this kind are kept under their digest, so that they may be there before anything names them.
const CONTENT: &str = "config";

/// Where the parts of a document are and what they are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Whole {
    /// 0 or 1: what is in force is never overwritten.
    slot: u64,
    parts: usize,
    bytes: usize,
    crc: u32,
}

impl Whole {
    fn text(self) -> String {
        let Self { slot, parts, bytes, crc } = self;
        format!("{MARK}{slot}:{parts}:{bytes}:{crc}")
    }

    fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body.get(..body.len().min(80))?).ok()?.strip_prefix(MARK)?;
        let mut fields = text.split(':').map(|field| field.parse::<u64>().ok());
        let mut next = || fields.next().flatten();
        let (slot, parts, bytes, crc) = (next()?, next()?, next()?, next()?);
        let parts = usize::try_from(parts).ok().filter(|parts| *parts <= PARTS_MAX)?;
        Some(Self { slot, parts, bytes: usize::try_from(bytes).ok()?, crc: u32::try_from(crc).ok()? })
    }
}

/// Makes durable what is large of `documents`; gives what is left to put into the transaction that puts them
/// in force. Two calls for the same document must not overlap.
pub async fn ahead(store: &dyn Store, documents: Vec<Document>) -> Result<Vec<Document>, StoreError> {
    let all: usize = documents.iter().map(|document| document.body.len()).sum();
    if all <= WHOLE_BYTES_MAX {
        return Ok(documents);
    }
    let (mut left, mut contents, mut bytes) = (Vec::new(), Vec::new(), 0);
    for document in documents {
        if document.kind == CONTENT {
            bytes += document.body.len();
            contents.push(document);
            if bytes >= PART_BYTES_MAX {
                append(store, std::mem::take(&mut contents)).await?;
                bytes = 0;
            }
        } else if document.body.len() > WHOLE_BYTES_MAX {
            left.push(in_parts(store, document).await?);
        } else {
            left.push(document);
        }
    }
    append(store, contents).await?;
    Ok(left)
}

/// A document, put together again when it lies in parts.
pub async fn document(
    store: &dyn Store,
    kind: &'static str,
    id: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(body) = store.document(kind, id).await? else { return Ok(None) };
    let Some(whole) = Whole::read(&body) else { return Ok(Some(body)) };
    let mut body = Vec::new();
    for number in 0..whole.parts {
        let part = store.document(KIND, &part_id(kind, id, whole.slot, number)).await?;
        body.extend(part.ok_or_else(|| damaged(kind, id))?);
    }
    let is_whole = body.len() == whole.bytes && crc32c::crc32c(&body) == whole.crc;
    if is_whole { Ok(Some(body)) } else { Err(damaged(kind, id)) }
}

async fn in_parts(store: &dyn Store, document: Document) -> Result<Document, StoreError> {
    let Document { kind, id, body } = document;
    let before = store.document(kind, &id).await?;
    let slot = match before.as_deref().and_then(Whole::read) {
        Some(whole) => 1 - whole.slot.min(1),
        None => 0,
    };
    let mut parts = 0;
    for part in body.chunks(PART_BYTES_MAX) {
        let part = Document { kind: KIND, id: part_id(kind, &id, slot, parts), body: part.to_vec() };
        append(store, vec![part]).await?;
        parts += 1;
    }
    let whole = Whole { slot, parts, bytes: body.len(), crc: crc32c::crc32c(&body) };
    Ok(Document { kind, id, body: whole.text().into_bytes() })
}

async fn append(store: &dyn Store, documents: Vec<Document>) -> Result<(), StoreError> {
    match documents.is_empty() {
        true => Ok(()),
        false => store.append(Batch { events: Vec::new(), documents }).await,
    }
}

fn part_id(kind: &str, id: &str, slot: u64, number: usize) -> String {
    format!("{kind}/{id}/{slot}/{number}")
}

fn damaged(kind: &str, id: &str) -> StoreError {
    let (place, found) =
        ("of this coordinator".into(), format!("the parts of the {kind} {id} are not whole"));
    StoreError::Damaged { place, found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    fn inventory(bytes: usize, with: u8) -> Document {
        Document { kind: "inventory", id: "current".into(), body: vec![with; bytes] }
    }

    async fn put(store: &MemoryStore, document: Document) {
        let documents = ahead(store, vec![document]).await.unwrap();
        store.append(Batch { events: Vec::new(), documents }).await.unwrap();
    }

    async fn found(store: &MemoryStore) -> Vec<u8> {
        document(store, "inventory", "current").await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_large_document_comes_back_whole_and_a_small_one_is_left_alone() {
        let store = MemoryStore::default();
        for (bytes, with) in [(3 * 1024 * 1024 + 7, b'a'), (600 * 1024, b'b'), (100, b'c'), (2_000_000, b'd')]
        {
            put(&store, inventory(bytes, with)).await;
            assert_eq!(found(&store).await, vec![with; bytes]);
        }
        assert_eq!(document(&store, "inventory", "other").await.unwrap(), None);
    }

    #[tokio::test]
    async fn until_it_is_put_in_force_the_one_before_it_is_there_also_when_that_never_happens() {
        let store = MemoryStore::default();
        put(&store, inventory(1_000_000, b'a')).await;
        for _ in 0..3 {
            ahead(&store, vec![inventory(2_000_000, b'b')]).await.unwrap();
            assert_eq!(found(&store).await, vec![b'a'; 1_000_000]);
        }
    }

    #[tokio::test]
    async fn a_document_whose_parts_are_not_what_they_were_is_refused() {
        let store = MemoryStore::default();
        put(&store, inventory(1_000_000, b'a')).await;
        let part = Document { kind: KIND, id: part_id("inventory", "current", 0, 1), body: b"x".to_vec() };
        store.append(Batch { events: Vec::new(), documents: vec![part] }).await.unwrap();
        let read = document(&store, "inventory", "current").await;
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    }
}
