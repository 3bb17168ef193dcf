//! Lists without a section: each of their lines says the number of its list.

use super::{Block, Dialect, Negation, pattern};
use std::collections::BTreeMap;

/// Lines at the top that are lines of a section, said without it: `access-list 101 permit …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// What they begin with, before the number.
    pub begins: String,
    /// The lowest number.
    pub from: u32,
    /// The highest number.
    pub to: u32,
    /// What their section begins with, before the number.
    pub section: String,
}

impl Numbered {
    /// The section of `line`, and what `line` says in it; that is empty where it says the section alone.
    fn section_of(&self, line: &str) -> Option<(String, String)> {
        let rest = line.strip_prefix(self.begins.as_str())?.strip_prefix(' ')?;
        let (number, said) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_it = number.parse().is_ok_and(|number: u32| (self.from..=self.to).contains(&number));
        is_it.then(|| (format!("{} {number}", self.section), said.to_owned()))
    }
}

impl Dialect {
    /// `line` of the top within its section, where it has one of a number; taken back there, too, if it takes back.
    pub(super) fn in_section(&self, line: String) -> Block {
        let of = |line: &str| self.numbered.iter().find_map(|numbered| numbered.section_of(line));
        let word = match &self.negation {
            Negation::Prefix(word) => word.as_str(),
            Negation::Swap { .. } => return Block::line(line),
        };
        let (word, bare) = line.strip_prefix(word).map_or(("", line.as_str()), |bare| (word, bare));
        match of(bare) {
            Some((section, said)) if said.is_empty() => Block::line(format!("{word}{section}")),
            Some((section, said)) => {
                Block { line: section, children: vec![Block::line(format!("{word}{said}"))] }
            }
            None => Block::line(line),
        }
    }
}

/// The first line of `to` in a list ([`Dialect::lists`]) of which something goes, or comes anywhere but at its end: all of
/// it would go, and nobody can say how long the rest is missed.
pub fn torn<'a>(from: &[Block], to: &'a [Block], dialect: &Dialect) -> Option<&'a str> {
    torn_lists(from, to, dialect).into_iter().find_map(|(_, lines)| lines.first().copied())
}

/// `to` with every list that would be [`torn`] as it is in `from`, and the first line of each of those.
pub fn spared<'a>(from: &[Block], to: &'a [Block], dialect: &Dialect) -> (Vec<Block>, Vec<&'a str>) {
    let torn = torn_lists(from, to, dialect);
    let stays = |block: &&Block| {
        let list = pattern::followed(&block.line, &dialect.lists);
        list.is_some_and(|list| torn.iter().any(|(torn, _)| *torn == list))
    };
    let others = to.iter().filter(|block| !stays(block));
    let spared = others.chain(from.iter().filter(stays)).cloned().collect();
    (spared, torn.iter().filter_map(|(_, lines)| lines.first().copied()).collect())
}

/// The words that a list begins with, and the word that follows.
type List<'a> = (&'a str, &'a str);

fn torn_lists<'a>(from: &[Block], to: &'a [Block], dialect: &Dialect) -> Vec<(List<'a>, Vec<&'a str>)> {
    let (has, wanted) = (lists(from, dialect), lists(to, dialect));
    let is_torn =
        |(list, lines): &(List<'a>, Vec<&'a str>)| has.get(list).is_some_and(|had| !lines.starts_with(had));
    wanted.into_iter().filter(is_torn).collect()
}

fn lists<'a>(blocks: &'a [Block], dialect: &Dialect) -> BTreeMap<List<'a>, Vec<&'a str>> {
    let mut lists: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for block in blocks {
        if let Some(list) = pattern::followed(&block.line, &dialect.lists) {
            lists.entry(list).or_default().push(&block.line);
        }
    }
    lists
}
