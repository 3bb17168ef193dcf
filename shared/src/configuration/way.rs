//! The way from one configuration to another: what is taken back and what is added, in an order that leaves no gap that
//! need not be.

use super::Dialect;
use super::freed::freed_first;
use super::index::{Index, Key, between};
use super::named::defined_first;
use super::order::{displaced, retyped};
use super::sections::Block;
use super::swaps::{Mentions, Partners};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// When a line is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before anything is added, or right before the line that it is exchanged for.
    First,
    /// After everything is added.
    Last,
}

/// The lines that turn `from` into `to`: first what is taken back, what stands deepest and last first, since that may
/// need what stands before it; then what is added, each definition before it is named, and what one section alone may
/// have once it is free ([`Dialect::exclusive`]); last what is needed until then ([`Dialect::joins`],
/// [`Dialect::defines`]). A line whose place a new one takes is not taken back, and one that differs from a new one in a
/// word alone is taken back right before that one. A section whose order is meaning is typed anew from the first line
/// that is out of place; of all others the order is left as it is.
pub fn way(from: &[Block], to: &[Block], dialect: &Dialect) -> Vec<Block> {
    let mentions = Mentions::of(from, to, dialect);
    let Steps { mut first, added, last } = Section::at_the_top(from, to, dialect).steps(&mentions);
    first.extend(defined_first(freed_first(added, from, dialect), dialect));
    first.extend(last);
    first
}

/// The lines that leave nothing in `block`, for a section that itself cannot be taken back.
pub fn emptied(block: &Block, dialect: &Dialect) -> Block {
    Block { line: block.line.clone(), children: way(&block.children, &[], dialect) }
}

/// What is said, in this order.
#[derive(Default)]
struct Steps {
    first: Vec<Block>,
    added: Vec<Block>,
    last: Vec<Block>,
}

/// One section, as it is and as it shall be.
pub(super) struct Section<'a> {
    pub(super) from: &'a [Block],
    pub(super) to: &'a [Block],
    pub(super) dialect: &'a Dialect,
    is_top: bool,
    has: Index<'a>,
    wanted: Index<'a>,
}

impl<'a> Section<'a> {
    pub(super) fn at_the_top(from: &'a [Block], to: &'a [Block], dialect: &'a Dialect) -> Self {
        Self {
            from,
            to,
            dialect,
            is_top: true,
            has: Index::of(from, dialect),
            wanted: Index::of(to, dialect),
        }
    }

    /// The section `has` of this one, that shall be as `wanted`.
    pub(super) fn within(&self, has: &'a Block, wanted: &'a Block) -> Self {
        Self { is_top: false, ..Self::at_the_top(&has.children, &wanted.children, self.dialect) }
    }

    /// What stays of `block`, as it shall be.
    pub(super) fn wanted(&self, block: &Block) -> Option<&'a Block> {
        self.wanted.find(&block.line)
    }

    /// The lines that are new, and where they shall stand.
    pub(super) fn coming(&self) -> impl Iterator<Item = (usize, &'a Block)> + use<'a, '_> {
        self.to.iter().enumerate().filter(|(_, block)| self.has.find(&block.line).is_none())
    }

    fn steps(&self, mentions: &Mentions<'a>) -> Steps {
        let (mut coming, mut partners) = (Coming::of(self), Partners::of(self));
        let (mut steps, mut gone, mut gone_last) = (Steps::default(), Vec::new(), Vec::new());
        let (mut before, mut changed) = (BTreeMap::new(), BTreeMap::new());
        for block in self.from {
            let negated = || Block::line(self.dialect.negated(&block.line));
            if let Some(wanted) = self.wanted(block) {
                let within = self.steps_within(block, wanted, mentions);
                for (steps, children) in [(&mut steps.first, within.first), (&mut steps.last, within.last)] {
                    if !children.is_empty() {
                        steps.push(Block { line: block.line.clone(), children });
                    }
                }
                if !within.added.is_empty() {
                    changed.insert(block.line.as_str(), within.added);
                }
                continue;
            }
            match coming.when(&block.line) {
                None => {}
                Some(When::Last) => gone_last.push(negated()),
                Some(When::First) => {
                    match partners.find(block, mentions, |line| coming.is_undone(line, block)) {
                        Some(partner) => drop(before.insert(partner, negated())),
                        None => gone.push(negated()),
                    }
                }
            }
        }
        for (steps, gone) in [(&mut steps.first, gone), (&mut steps.last, gone_last)] {
            steps.reverse();
            steps.extend(gone.into_iter().rev());
        }
        for (at, wanted) in self.to.iter().enumerate() {
            steps.added.extend(before.remove(&at));
            if self.has.find(&wanted.line).is_none() {
                steps.added.push(wanted.clone());
            } else if let Some(children) = changed.remove(wanted.line.as_str()) {
                steps.added.push(Block { line: wanted.line.clone(), children });
            }
        }
        steps
    }

    fn steps_within(&self, has: &'a Block, wanted: &'a Block, mentions: &Mentions<'a>) -> Steps {
        let section = self.within(has, wanted);
        let (gone, typed): (Vec<&Block>, Vec<&Block>) = if let Some(at) = displaced(has, wanted, self.dialect)
        {
            (has.children[at..].iter().collect(), wanted.children[at..].iter().collect())
        } else if let Some(typed) = retyped(has, wanted, self.dialect) {
            let anew: BTreeSet<&str> = typed.iter().map(|block| block.line.as_str()).collect();
            let goes = |has: &&Block| section.wanted(has).is_none() || anew.contains(has.line.as_str());
            (has.children.iter().filter(goes).collect(), typed)
        } else {
            return section.steps(mentions);
        };
        let gone = gone.into_iter().rev().map(|block| Block::line(self.dialect.negated(&block.line)));
        Steps { added: gone.chain(typed.into_iter().cloned()).collect(), ..Steps::default() }
    }
}

/// What the new lines of a section mean for those that go.
pub(super) struct Coming<'a> {
    dialect: &'a Dialect,
    /// Without the word that adds them.
    lines: BTreeMap<Key<'a>, ()>,
    /// How many take a place.
    takers: BTreeMap<Key<'a>, usize>,
    /// What follows in each on the words that it shares with lines it stands beside.
    beside: BTreeMap<Key<'a>, BTreeSet<&'a str>>,
    /// The names that are defined then; absent where nothing is defined.
    names: Option<BTreeSet<&'a str>>,
}

impl<'a> Coming<'a> {
    pub(super) fn of(section: &Section<'a>) -> Self {
        let dialect = section.dialect;
        let names = || section.to.iter().filter_map(|block| dialect.defined(&block.line)).collect();
        let mut coming = Self {
            dialect,
            lines: BTreeMap::new(),
            takers: BTreeMap::new(),
            beside: BTreeMap::new(),
            names: section.is_top.then(names),
        };
        for (_, Block { line, .. }) in section.coming() {
            coming.lines.insert(Key::of(dialect.bare(line)), ());
            if let Some(place) = dialect.place(line) {
                *coming.takers.entry(Key(place)).or_default() += 1;
            }
            if let Some((place, next)) = dialect.beside(line) {
                coming.beside.entry(Key::of(place)).or_default().insert(next);
            }
        }
        coming
    }

    /// When `line` is taken back, if it has to be. Each new line takes the place of one.
    pub(super) fn when(&mut self, line: &'a str) -> Option<When> {
        let takers = self.dialect.place(line).and_then(|place| self.takers.get_mut(&Key(place)));
        if let Some(left) = takers.filter(|left| **left > 0) {
            *left -= 1;
            return None;
        }
        // `no ip address` is over as soon as there is one.
        if self.dialect.takes_back(line).is_some_and(|undone| self.begin_with(undone).next().is_some()) {
            return None;
        }
        // With the same next word it may be the same one: to take the old one back would take the new one away.
        let stands_beside = self.dialect.beside(line).is_some_and(|(place, next)| {
            self.beside.get(&Key::of(place)).is_some_and(|others| !others.contains(next))
        });
        let names_nothing = self
            .dialect
            .defined(line)
            .is_some_and(|name| self.names.as_ref().is_some_and(|names| !names.contains(name)));
        Some(if stands_beside || names_nothing { When::Last } else { When::First })
    }

    /// Whether taking `block` back takes a new line away, too, that is not `line`.
    fn is_undone(&self, line: &str, block: &Block) -> bool {
        let negated = self.dialect.negated(&block.line);
        let undone = self.dialect.takes_back(&negated).unwrap_or(&negated);
        self.begin_with(undone).any(|other| other != self.dialect.bare(line))
    }

    /// The new lines that are `short`, or begin with it and go on with another word.
    fn begin_with<'s>(&'s self, short: &'s str) -> impl Iterator<Item = &'s str> {
        let whole = self.lines.get_key_value(&Key(Cow::Borrowed(short))).map(|(key, ())| &*key.0);
        whole.into_iter().chain(between(&self.lines, short).map(|(line, ())| line))
    }
}
