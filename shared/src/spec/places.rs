//! Where the keys of a spec stand, for problems that only the plan can find.

use crate::yaml::{Position, Problem};
use std::collections::BTreeMap;

/// The document and the places of its keys. Not part of what a spec says: any two are equal.
#[derive(Debug, Clone, Default)]
pub struct Places {
    source: String,
    by_path: BTreeMap<String, Position>,
}

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    pub(super) fn new(source: &str, by_path: BTreeMap<String, Position>) -> Self {
        Self { source: source.to_owned(), by_path }
    }

    /// A problem at `path`, or at the nearest key above it that stands in the document.
    pub fn problem(&self, path: &str, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        let mut at = Position::default();
        let mut rest = path;
        while !rest.is_empty() {
            if let Some(found) = self.by_path.get(rest) {
                at = *found;
                break;
            }
            rest = rest.rfind(['.', '[']).map_or("", |cut| &rest[..cut]);
        }
        let source = if self.source.is_empty() { "spec".into() } else { self.source.clone() };
        let (message, hint) = (message.into(), hint.into());
        Problem { source, line: at.line, column: at.column, path: path.to_owned(), message, hint }
    }
}
