//! Finds lines of a section without a look at every one of them: devices may have hundreds of thousands.

use super::{Block, Dialect, Negation};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The lines of a section as they stood when it was made.
pub struct Index<'a> {
    blocks: &'a [Block],
    lines: BTreeMap<Key<'a>, usize>,
    bare: BTreeMap<Key<'a>, usize>,
}

impl<'a> Index<'a> {
    /// That of `blocks`.
    pub fn of(blocks: &'a [Block], dialect: &Dialect) -> Self {
        let mut index = Self { blocks, lines: BTreeMap::new(), bare: BTreeMap::new() };
        for (at, block) in blocks.iter().enumerate() {
            index.lines.entry(Key::of(&block.line)).or_insert(at);
            index.bare.entry(Key::of(dialect.bare(&block.line))).or_insert(at);
        }
        index
    }

    /// The first block with this line.
    pub fn find(&self, line: &str) -> Option<&'a Block> {
        self.lines.get(&Key::of(line)).map(|at| &self.blocks[*at])
    }

    /// Whether a line is `short`, or begins with it and goes on with another word.
    pub fn has_or_begins_with(&self, short: &str) -> bool {
        let mut beginnings = between(&self.bare, short);
        self.bare.contains_key(&Key::of(short)) || beginnings.next().is_some()
    }

    /// `line` in the parts in which a device that has these lines takes it.
    pub fn parts(&self, line: &str, dialect: &Dialect) -> Vec<String> {
        dialect.parts(line, self)
    }

    /// The first block of each line that begins with `short` and goes on with another word.
    pub fn beginning_with(&self, short: &str) -> impl Iterator<Item = &'a Block> {
        between(&self.bare, short).map(|(_, at)| &self.blocks[*at])
    }
}

/// What begins with `short` and a blank.
pub(super) fn between<'m, V>(
    keys: &'m BTreeMap<Key<'_>, V>,
    short: &str,
) -> impl Iterator<Item = (&'m str, &'m V)> + use<'m, V> {
    let start = format!("{short} ");
    let from = Key(Cow::Owned(start.clone()));
    let begins = move |(key, _): &(&Key<'_>, &V)| key.0.starts_with(&start);
    keys.range(from..).take_while(begins).map(|(key, value)| (&*key.0, value))
}

impl Dialect {
    /// `line` without the word that adds it.
    pub(super) fn bare<'l>(&self, line: &'l str) -> &'l str {
        match &self.negation {
            Negation::Prefix(_) => line,
            Negation::Swap { adds, .. } => line.strip_prefix(adds.as_str()).unwrap_or(line),
        }
    }
}

/// A line in an index. Tests count how often two are compared: that is the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'a> Key<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self(Cow::Borrowed(line))
    }

    pub(super) fn owned(line: &str) -> Key<'static> {
        Key(Cow::Owned(line.to_owned()))
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        COMPARED.with(|compared| compared.set(compared.get() + 1));
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
thread_local! {
    /// How often lines were compared in this thread.
    pub(super) static COMPARED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}
