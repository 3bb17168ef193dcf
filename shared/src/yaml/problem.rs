//! What is wrong with a document: where, on which key, and the nearest right one.

use super::Position;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Most problems that one document reports; the rest are counted.
pub const PROBLEMS_MAX: usize = 100;

/// One thing to put right in a document. Prints as `file:line:column: path: message (hint)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The document, such as `rollout.yaml`.
    pub source: String,
    /// Line from 1; 0 when the problem has no place in the document.
    pub line: u32,
    /// Column from 1; 0 when the problem has no place in the document.
    pub column: u32,
    /// The key, such as `spec.strategy.waves[1].size`; may be empty.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

/// Collects the problems of one document.
#[derive(Debug)]
pub struct Problems {
    source: Arc<str>,
    list: RefCell<Vec<Problem>>,
    dropped: Cell<usize>,
    places: RefCell<Option<BTreeMap<String, Position>>>,
}

impl Problems {
    /// None yet, of the document called `source`.
    pub fn new(source: &str) -> Self {
        let source = crate::outcome::printable(source.as_bytes(), 256).into();
        Self { source, list: RefCell::default(), dropped: Cell::new(0), places: RefCell::new(None) }
    }

    /// The same, remembering where each key stands for [`Problems::places`].
    pub fn remembering_places(source: &str) -> Self {
        let problems = Self::new(source);
        problems.places.replace(Some(BTreeMap::new()));
        problems
    }

    /// Adds one; beyond [`PROBLEMS_MAX`] it is only counted.
    pub fn add(&self, at: Position, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        if self.is_full() {
            self.dropped.set(self.dropped.get() + 1);
            return;
        }
        let path = crate::outcome::printable(path.as_bytes(), 256);
        let (message, hint) = (message.into(), hint.into());
        let Position { line, column } = at;
        self.list.borrow_mut().push(Problem {
            source: self.source.to_string(),
            line,
            column,
            path,
            message,
            hint,
        });
    }

    /// Whether further problems would only be counted.
    pub fn is_full(&self) -> bool {
        self.list.borrow().len() >= PROBLEMS_MAX
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    pub(super) fn remember(&self, path: &str, at: Position) {
        if let Some(places) = self.places.borrow_mut().as_mut() {
            places.insert(path.to_owned(), at);
        }
    }

    /// Where each key that was asked for stands.
    pub fn places(&self) -> BTreeMap<String, Position> {
        self.places.borrow().clone().unwrap_or_default()
    }

    /// All of them in the order of the document; a last one says how many were only counted.
    pub fn into_list(self) -> Vec<Problem> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|problem| (problem.line, problem.column));
        list.dedup();
        if self.dropped.get() > 0 {
            list.push(Problem {
                source: self.source.to_string(),
                line: 0,
                column: 0,
                path: String::new(),
                message: format!("and {} more problems", self.dropped.get()),
                hint: String::new(),
            });
        }
        list
    }

    /// `value` when there is one and nothing is wrong, else what is wrong.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) | None => {
                if self.is_empty() {
                    self.add(Position::default(), "", "the document cannot be read", "");
                }
                Err(self.into_list())
            }
        }
    }
}

/// The word of `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const WORD_BYTES_MAX: usize = 64;
    let fold = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let folded = fold(word);
    let allowed = (folded.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&folded, &fold(known)), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// `did you mean …?`, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|near| format!("did you mean {near}?")).unwrap_or_default()
}
