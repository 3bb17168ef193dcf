//! What has to be said to a device so that it has what it should have.

use super::Dialect;
use super::index::{Index, Key, between};
use super::order::displaced;
use super::sections::Block;
use std::collections::{BTreeMap, BTreeSet};

/// What of `wanted` a device that has `running` does not have: the lines that a merge must send, with the sections
/// they stand in. Empty: the device has it all.
pub fn missing(running: &[Block], wanted: &[Block], dialect: &Dialect) -> Vec<Block> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let running = Index::of(running, dialect);
    wanted.iter().filter_map(|block| missing_of(&running, block, dialect)).collect()
}

/// A line of `wanted` that takes something back which a later line of the same section sets again, and that line. What
/// a merge of them must send depends on what each one meets, so [`missing`] cannot judge them one by one.
pub fn contradiction<'a>(wanted: &'a [Block], dialect: &Dialect) -> Option<(&'a str, &'a str)> {
    let (mut later, mut first) = (BTreeMap::new(), None);
    for block in wanted.iter().rev() {
        let taken_back = dialect.takes_back(&block.line);
        let again = taken_back.and_then(|short| {
            later
                .get(&Key::of(short))
                .copied()
                .or_else(|| between(&later, short).next().map(|(_, line)| *line))
        });
        first = match again {
            Some(again) => Some((block.line.as_str(), again)),
            None => contradiction(&block.children, dialect).or(first),
        };
        later.insert(Key::of(dialect.bare(&block.line)), block.line.as_str());
    }
    first
}

fn missing_of(running: &Index<'_>, wanted: &Block, dialect: &Dialect) -> Option<Block> {
    if let Some(has) = running.find(&wanted.line) {
        let children = missing(&has.children, &wanted.children, dialect);
        return (!children.is_empty()).then(|| Block { line: wanted.line.clone(), children });
    }
    if let Some(taken_back) = dialect.takes_back(&wanted.line)
        && !running.has_or_begins_with(taken_back)
    {
        return None;
    }
    Some(wanted.clone())
}

/// When a line is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before anything is added.
    First,
    /// After what stands beside it until then.
    Last,
}

/// The lines that turn `from` into `to`: first what is taken back, what stands deepest and last first, since that may
/// need what stands before it; then what is added; last the lines that new ones stand beside ([`Dialect::joins`]). A
/// line whose place a new one takes is not taken back. A section whose order is meaning is typed anew from the first
/// line that is out of place; of all others the order is left as it is.
pub fn way(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let mut steps = taken_back(from, to, dialect, When::First);
    steps.extend(added(from, to, dialect));
    steps.extend(taken_back(from, to, dialect, When::Last));
    steps
}

fn taken_back(from: &[Block], to: &[Block], dialect: &Dialect, when: When) -> Vec<Block> {
    let (mut steps, mut lines, mut coming) = (Vec::new(), Vec::new(), Coming::of(from, to, dialect));
    let to = Index::of(to, dialect);
    for block in from {
        if let Some(wanted) = to.find(&block.line) {
            if displaced(block, wanted, dialect).is_some() {
                continue;
            }
            let children = taken_back(&block.children, &wanted.children, dialect, when);
            if !children.is_empty() {
                steps.push(Block { line: block.line.clone(), children });
            }
        } else if coming.when(&block.line, dialect) == Some(when) {
            lines.push(Block::line(dialect.negated(&block.line)));
        }
    }
    steps.reverse();
    steps.extend(lines.into_iter().rev());
    steps
}

/// What the new lines of a section mean for those that go.
struct Coming<'a> {
    lines: BTreeMap<Key<'a>, ()>,
    /// How many take a place.
    takers: BTreeMap<Key<'a>, usize>,
    /// What follows in each on the words that it shares with lines it stands beside.
    beside: BTreeMap<Key<'a>, BTreeSet<&'a str>>,
}

impl<'a> Coming<'a> {
    fn of(from: &'a [Block], to: &'a [Block], dialect: &Dialect) -> Self {
        let from = Index::of(from, dialect);
        let mut coming = Self { lines: BTreeMap::new(), takers: BTreeMap::new(), beside: BTreeMap::new() };
        for Block { line, .. } in to.iter().filter(|block| from.find(&block.line).is_none()) {
            coming.lines.insert(Key::of(line), ());
            if let Some(place) = dialect.place(line) {
                *coming.takers.entry(Key::of(place)).or_default() += 1;
            }
            if let Some((place, next)) = dialect.beside(line) {
                coming.beside.entry(Key::of(place)).or_default().insert(next);
            }
        }
        coming
    }

    /// When `line` is taken back, if it has to be. Each new line takes the place of one.
    fn when(&mut self, line: &'a str, dialect: &Dialect) -> Option<When> {
        let takers = dialect.place(line).and_then(|place| self.takers.get_mut(&Key::of(place)));
        if let Some(left) = takers.filter(|left| **left > 0) {
            *left -= 1;
            return None;
        }
        // `no ip address` is over as soon as there is one.
        let ends = |undone: &str| {
            self.lines.contains_key(&Key::owned(undone)) || between(&self.lines, undone).next().is_some()
        };
        if dialect.takes_back(line).is_some_and(ends) {
            return None;
        }
        // With the same next word it may be the same one: to take the old one back would take the new one away.
        let stands_beside = dialect.beside(line).is_some_and(|(place, next)| {
            self.beside.get(&Key::of(place)).is_some_and(|others| !others.contains(next))
        });
        Some(if stands_beside { When::Last } else { When::First })
    }
}

fn added(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let from = Index::of(from, dialect);
    let added_of = |wanted: &Block| match from.find(&wanted.line) {
        None => Some(wanted.clone()),
        Some(has) => {
            let children = match displaced(has, wanted, dialect) {
                Some(at) => anew(&has.children[at..], &wanted.children[at..], dialect),
                None => added(&has.children, &wanted.children, dialect),
            };
            (!children.is_empty()).then(|| Block { line: wanted.line.clone(), children })
        }
    };
    to.iter().filter_map(added_of).collect()
}

fn anew(has: &[Block], wanted: &[Block], dialect: &Dialect) -> Vec<Block> {
    let gone = has.iter().rev().map(|block| Block::line(dialect.negated(&block.line)));
    gone.chain(wanted.iter().cloned()).collect()
}

/// The lines that leave nothing in `block`, for a section that itself cannot be taken back.
pub fn emptied(block: &Block, dialect: &Dialect) -> Block {
    Block { line: block.line.clone(), children: taken_back(&block.children, &[], dialect, When::First) }
}

/// The lines to type, in order; a section is left again after its last line.
pub fn commands(steps: &[Block], dialect: &Dialect) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        lines.push(step.line.clone());
        if !step.children.is_empty() {
            lines.extend(commands(&step.children, dialect));
            lines.extend(dialect.leave.clone());
        }
    }
    lines
}
