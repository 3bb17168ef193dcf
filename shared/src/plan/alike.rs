//! Texts that many devices of a plan have alike are kept once, already while a plan is read: memory that was
//! taken for each of 100,000 copies would not all come back.

use crate::id::SiteName;
use serde::{Deserialize, Deserializer};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Texts that are remembered between two devices; with more of them they are forgotten and kept again.
const TEXTS_MAX: usize = 1024;

thread_local! {
    static TEXTS: RefCell<BTreeSet<Arc<str>>> = const { RefCell::new(BTreeSet::new()) };
    static SITES: RefCell<BTreeSet<SiteName>> = const { RefCell::new(BTreeSet::new()) };
}

/// A text as it is stored.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    let text = String::deserialize(from)?;
    Ok(TEXTS.with_borrow_mut(|known| once(known, text.as_str(), |text| text.into())))
}

/// A site as it is stored.
pub(super) fn site<'de, D: Deserializer<'de>>(from: D) -> Result<SiteName, D::Error> {
    let site = SiteName::deserialize(from)?;
    Ok(SITES.with_borrow_mut(|known| once(known, site.as_str(), |_| site.clone())))
}

fn once<T: Ord + Clone + std::borrow::Borrow<str>>(
    known: &mut BTreeSet<T>,
    text: &str,
    new: impl FnOnce(&str) -> T,
) -> T {
    if let Some(found) = known.get(text) {
        return found.clone();
    }
    if known.len() >= TEXTS_MAX {
        known.clear();
    }
    let kept = new(text);
    known.insert(kept.clone());
    kept
}
