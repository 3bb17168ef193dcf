//! Lines that are exchanged for one that differs from them in a single word: the device is without them for one line only.

use super::Dialect;
use super::sections::Block;
use super::way::{Coming, Section, When};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most words of a line that is looked at.
const WORDS_MAX: usize = 32;

/// What stands before one of the words of a line, that word, and what stands after it. Its first word makes it what it is.
fn but_one(line: &str) -> impl DoubleEndedIterator<Item = (&str, &str, &str)> {
    let words = if line.contains('\n') { 0 } else { line.split(' ').count() };
    let starts = line.match_indices(' ').map(|(blank, _)| blank + 1);
    let starts: Vec<usize> = if words > WORDS_MAX { Vec::new() } else { starts.take(words).collect() };
    starts.into_iter().map(|start| {
        let end = line[start..].find(' ').map_or(line.len(), |length| start + length);
        (&line[..start], &line[start..end], &line[end..])
    })
}

/// The new lines of a section, by what they share with each line that differs from them in one word.
pub(super) struct Partners<'a> {
    lines: BTreeMap<(&'a str, &'a str), VecDeque<(usize, &'a str)>>,
    taken: BTreeSet<usize>,
    dialect: &'a Dialect,
}

impl<'a> Partners<'a> {
    pub(super) fn of(section: &Section<'a>) -> Self {
        let (dialect, mut lines) = (section.dialect, BTreeMap::new());
        for (at, block) in section.coming().filter(|(_, block)| is_plain(block, dialect)) {
            for (before, _, after) in but_one(&block.line) {
                lines
                    .entry((before, after))
                    .or_insert_with(VecDeque::new)
                    .push_back((at, block.line.as_str()));
            }
        }
        Self { lines, taken: BTreeSet::new(), dialect }
    }

    /// The place of the new line that `gone` is exchanged for. None where the word in which they differ is said elsewhere,
    /// too: then it may name what other lines need or hang on, and those go in their own order. Nor where to take it back
    /// later would take a new line away (`is_undone`).
    pub(super) fn find(
        &mut self,
        gone: &'a Block,
        mentions: &Mentions<'a>,
        is_undone: impl Fn(&str) -> bool,
    ) -> Option<usize> {
        if !is_plain(gone, self.dialect) {
            return None;
        }
        for (before, word, after) in but_one(&gone.line).rev() {
            let Some(lines) = self.lines.get_mut(&(before, after)) else { continue };
            while lines.pop_front_if(|(at, _)| self.taken.contains(at)).is_some() {}
            let Some((at, line)) = lines.front().copied() else { continue };
            if mentions.has_elsewhere(word, &gone.line) || is_undone(line) {
                return None;
            }
            self.taken.insert(at);
            return Some(at);
        }
        None
    }
}

/// Whether `block` is a line that stands alone and sets something.
fn is_plain(block: &Block, dialect: &Dialect) -> bool {
    block.children.is_empty() && dialect.takes_back(&block.line).is_none()
}

/// The words of the lines that are taken back before anything is added, and of new lines.
#[derive(Default)]
pub(super) struct Mentions<'a> {
    /// The line that says a word, absent where that is more than one.
    gone: BTreeMap<&'a str, Option<&'a str>>,
    new: BTreeSet<&'a str>,
}

impl<'a> Mentions<'a> {
    pub(super) fn of(from: &'a [Block], to: &'a [Block], dialect: &'a Dialect) -> Self {
        let mut mentions = Self::default();
        mentions.note(&Section::at_the_top(from, to, dialect));
        mentions
    }

    fn note(&mut self, section: &Section<'a>) {
        let mut coming = Coming::of(section);
        section.coming().for_each(|(_, block)| self.note_new(block));
        for block in section.from {
            if let Some(wanted) = section.wanted(block) {
                self.note(&section.within(block, wanted));
            } else if coming.when(&block.line) == Some(When::First) {
                for word in block.line.split(' ') {
                    let said = self.gone.entry(word).or_insert(Some(&block.line));
                    said.take_if(|line| *line != block.line);
                }
            }
        }
    }

    fn note_new(&mut self, block: &'a Block) {
        self.new.extend(block.line.split(' '));
        block.children.iter().for_each(|child| self.note_new(child));
    }

    /// Whether `word` is said by a line other than `line`.
    fn has_elsewhere(&self, word: &str, line: &str) -> bool {
        self.new.contains(word) || self.gone.get(word).is_none_or(|said| said.is_none_or(|said| said != line))
    }
}
