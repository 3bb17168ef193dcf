//! One value of a document, read as what it must be.

use super::problem::did_you_mean;
use super::section::join;
use super::{Entry, Node, Position, Problems, Section, Value, shown};
use crate::time::{format_duration, parse_duration};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A value with its key path. Every getter reports what is wrong and answers `None` then.
#[derive(Clone)]
pub struct Field<'a> {
    pub(super) node: &'a Node,
    /// Where to point: the value, or its key when the value is empty.
    pub at: Position,
    /// The key path.
    pub path: String,
    pub(super) problems: &'a Problems,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self { node, at: node.at, path: String::new(), problems }
    }

    pub(super) fn of_entry(entry: &'a Entry, path: &str, problems: &'a Problems) -> Self {
        let at = if entry.value.is_nothing() { entry.at } else { entry.value.at };
        let path = join(path, &entry.key);
        problems.remember(&path, at);
        Self { node: &entry.value, at, path, problems }
    }

    /// Reports something about this value.
    pub fn problem(&self, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.add(self.at, &self.path, message, hint);
    }

    /// Reports something about this value at another place, such as its key.
    pub fn problem_at(&self, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.add(at, &self.path, message, hint);
    }

    fn unexpected<T>(&self, expected: &str) -> Option<T> {
        self.problem(format!("must be {expected}, not {}", self.node.kind()), "");
        None
    }

    /// Text, also an unquoted number or word; not nothing.
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text { text, .. } if !self.node.is_nothing() => Some(text),
            Value::Text { .. } | Value::List(_) | Value::Map(_) => self.unexpected("text"),
        }
    }

    /// Text that `read` accepts; its error becomes the problem.
    pub fn parsed<T, E: fmt::Display>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        match read(self.text()?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(error.to_string(), "");
                None
            }
        }
    }

    /// `true` or `false`, unquoted.
    pub fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Text { text, plain: true } if text.as_ref() == "true" => Some(true),
            Value::Text { text, plain: true } if text.as_ref() == "false" => Some(false),
            Value::Text { .. } | Value::List(_) | Value::Map(_) => self.unexpected("true or false"),
        }
    }

    /// Whether this is `word`, unquoted; reports nothing.
    pub(crate) fn says(&self, word: &str) -> bool {
        matches!(&self.node.value, Value::Text { text, plain: true } if text.as_ref() == word)
    }

    /// A whole number in `range`, unquoted.
    pub fn number(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let Value::Text { text, plain: true } = &self.node.value else { return self.unexpected(&expected()) };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if digits && range.contains(&number) => Some(number),
            Ok(_) | Err(_) => self.unexpected(&expected()),
        }
    }

    /// A duration in `range`, such as `30s` or `5m`.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.text()?;
        match parse_duration(text) {
            Some(duration) if range.contains(&duration) => Some(duration),
            Some(_) => {
                let (low, high) = (format_duration(*range.start()), format_duration(*range.end()));
                self.problem(format!("must be from {low} to {high}, not {}", shown(text)), "");
                None
            }
            None => {
                let message = format!("must be a duration, not {}", shown(text));
                self.problem(message, "a whole number and ms, s, m, h or d, such as 30s");
                None
            }
        }
    }

    /// One of the listed words.
    pub fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let all = words.iter().map(|(word, _)| *word);
            let message =
                format!("must be {}, not {}", all.clone().collect::<Vec<_>>().join(" or "), shown(text));
            self.problem(message, did_you_mean(text, all));
        }
        found
    }

    /// Whether this is text.
    pub fn is_text(&self) -> bool {
        matches!(self.node.value, Value::Text { .. }) && !self.node.is_nothing()
    }

    /// Whether this is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Whether this is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// The items of a list of at most `items_max`.
    pub fn list(&self, items_max: usize) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &self.node.value else { return self.unexpected("a list") };
        if items.len() > items_max {
            self.problem(format!("has {} items, more than the {items_max} allowed", items.len()), "");
            return None;
        }
        let item = |(index, node): (usize, &'a Node)| {
            let path = format!("{}[{index}]", self.path);
            self.problems.remember(&path, node.at);
            Field { node, at: node.at, path, problems: self.problems }
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The entries of a mapping of at most `entries_max` whose keys are the writer's own: key, where it
    /// stands, value.
    pub fn map(&self, entries_max: usize) -> Option<Vec<(&'a str, Position, Field<'a>)>> {
        let Value::Map(entries) = &self.node.value else { return self.unexpected("a mapping") };
        if entries.len() > entries_max {
            self.problem(format!("has {} entries, more than the {entries_max} allowed", entries.len()), "");
            return None;
        }
        let entry = |entry: &'a Entry| {
            let field = Field::of_entry(entry, &self.path, self.problems);
            (entry.key.as_ref(), entry.at, field)
        };
        Some(entries.iter().map(entry).collect())
    }

    /// A mapping with known keys.
    pub fn section(&self) -> Option<Section<'a>> {
        let Value::Map(entries) = &self.node.value else {
            let hint = if self.node.is_nothing() { "write {} for an empty one" } else { "" };
            self.problem(format!("must be a mapping, not {}", self.node.kind()), hint);
            return None;
        };
        Some(Section {
            entries,
            at: self.at,
            path: self.path.clone(),
            problems: self.problems,
            known: Vec::new(),
        })
    }
}
