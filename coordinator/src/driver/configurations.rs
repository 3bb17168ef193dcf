//! Rendered configurations that were sent lately: a turn that hands out work seldom waits for a read.

use super::effect::{Dispatch, Effect};
use crate::store::{Store, StoreError};
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Bytes of configurations that are kept; with more of them they are forgotten and read again.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Configurations by their digest: the same digest is the same content for ever.
#[derive(Default)]
pub(super) struct Configurations {
    kept: BTreeMap<String, Arc<[u8]>>,
    bytes: usize,
}

impl Configurations {
    /// The configurations that a turn sends; what is not kept is asked for together and waited for once.
    pub(super) async fn of(
        &mut self,
        effects: &[Effect],
        store: &dyn Store,
    ) -> Result<BTreeMap<String, Arc<[u8]>>, StoreError> {
        let wanted: BTreeSet<&str> =
            effects.iter().filter_map(dispatch).flat_map(Dispatch::digests).collect();
        let missing: Vec<&str> =
            wanted.iter().copied().filter(|digest| !self.kept.contains_key(*digest)).collect();
        let reads = missing.iter().map(|digest| store.document("config", digest));
        let read = try_join_all(reads).await?;
        let mut found = BTreeMap::new();
        for digest in &wanted {
            if let Some(known) = self.kept.get(*digest) {
                found.insert((*digest).to_owned(), known.clone());
            }
        }
        for (digest, body) in missing.into_iter().zip(read) {
            let body: Arc<[u8]> = body.ok_or_else(|| lost(digest))?.into();
            found.insert(digest.to_owned(), body.clone());
            self.keep(digest, body);
        }
        Ok(found)
    }

    fn keep(&mut self, digest: &str, body: Arc<[u8]>) {
        if self.bytes + body.len() > KEPT_BYTES_MAX {
            self.kept.clear();
            self.bytes = 0;
        }
        self.bytes += body.len();
        self.kept.insert(digest.to_owned(), body);
    }
}

fn dispatch(effect: &Effect) -> Option<&Dispatch> {
    match effect {
        Effect::Dispatch(dispatch) => Some(dispatch),
        Effect::Reply(_) | Effect::Send(..) | Effect::Publish(..) | Effect::PublishBreakers => None,
    }
}

fn lost(digest: &str) -> StoreError {
    StoreError::Damaged {
        place: "of this coordinator".into(),
        found: format!("the configuration {digest} is gone"),
    }
}
