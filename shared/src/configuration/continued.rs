//! Values that a device shows on several lines when they are long: the first line sets one, the others add to it.

use super::{Block, Dialect, Index, pattern};
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of one line of such a value: devices take no longer ones.
const PART_BYTES_MAX: usize = 200;
/// The highest number of such a value.
const NUMBER_MAX: u16 = 4095;

/// What stands for every number.
const ALL: &str = "all";

/// Lines that set a list of numbers and ranges, and those that change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// The first words of the line that sets it.
    pub begins: String,
    /// The word that follows where the line adds to it.
    pub adds: String,
    /// The word that follows where the line removes from it.
    pub removes: String,
    /// The list that a device has which shows none, or `all`; absent where nobody knows.
    pub by_default: Option<String>,
}

/// What a line does to a value that another one sets.
struct ChangeOf<'d, 'l> {
    continued: &'d Continued,
    /// The words that it shares with the line that sets it.
    place: &'l str,
    /// Whether it adds, or removes.
    adds: bool,
    list: &'l str,
}

impl Continued {
    /// The numbers that a device has which shows these lines of `place`, none of which is a list.
    fn of_no_list(&self, place: &str, shown: &[&str]) -> Option<BTreeSet<u16>> {
        let is_all = |line: &&str| line.strip_prefix(place).is_some_and(|rest| rest.trim() == ALL);
        shown.iter().all(is_all).then(|| numbers(self.by_default.as_deref()?)).flatten()
    }
}

impl Dialect {
    /// Whether `line` adds to a value that no other line sets, or removes from one.
    pub fn adds_alone(&self, line: &str) -> bool {
        self.change_of(line).is_some()
    }

    /// `blocks` of one section, with every value in one line, and as a device lists it: the same numbers are the same text.
    pub(super) fn continued(&self, blocks: Vec<Block>) -> Vec<Block> {
        if !blocks.iter().any(|block| self.continues(&block.line).is_some()) {
            return blocks;
        }
        let (mut whole, mut set): (Vec<Block>, BTreeMap<String, usize>) = (Vec::new(), BTreeMap::new());
        for block in blocks {
            if let Some(ChangeOf { place, adds: true, list, .. }) = self.change_of(&block.line)
                && let Some(begun) = set.get(place).and_then(|at| whole.get_mut(*at))
            {
                begun.line.push(',');
                begun.line.push_str(list);
                continue;
            }
            if let Some((_, place)) =
                self.continues(&block.line).filter(|(_, at)| value(&block.line, at).is_some())
            {
                set.insert(place.to_owned(), whole.len());
            }
            whole.push(block);
        }
        for (place, at) in set {
            if let Some(numbers) = value(&whole[at].line, &place).and_then(numbers) {
                whole[at].line = format!("{place} {}", listed(&numbers));
            }
        }
        whole
    }

    /// `line` in the parts in which a device whose section `has` these lines takes it. Where it has such a value, nothing
    /// that stays is gone meanwhile: the first of several plain lines would be all that it has until the next one.
    pub(super) fn parts(&self, line: &str, has: &Index<'_>) -> Vec<String> {
        let long = self.continues(line).filter(|_| line.len() > PART_BYTES_MAX);
        let long = long.and_then(|(continued, place)| Some((continued, place, value(line, place)?)));
        let Some((continued, place, wanted)) = long else { return vec![line.to_owned()] };
        let [adds, removes] = [&continued.adds, &continued.removes].map(|word| format!("{place} {word}"));
        let shown: Vec<&str> = has.beginning_with(place).map(|block| block.line.as_str()).collect();
        let set = shown.iter().find_map(|line| numbers(value(line, place)?));
        let old = set.or_else(|| continued.of_no_list(place, &shown));
        let Some((old, new)) = old.zip(numbers(wanted)) else { return in_parts(place, &adds, wanted) };
        let more = if new.is_subset(&old) { Vec::new() } else { in_parts(&adds, &adds, wanted) };
        let gone = listed(&old.difference(&new).copied().collect());
        let less = if gone.is_empty() { Vec::new() } else { in_parts(&removes, &removes, &gone) };
        more.into_iter().chain(less).collect()
    }

    /// What the words are that `line` shares with the line it changes, when it adds to a value or removes from it.
    pub(super) fn changes<'l>(&self, line: &'l str) -> Option<&'l str> {
        self.change_of(line).map(|change| change.place)
    }

    /// What a device with the line `has`, or with none, shows once it has heard `line`, which changes that.
    pub(super) fn changed(&self, has: Option<&str>, line: &str) -> Option<String> {
        let ChangeOf { continued, place, adds, list } = self.change_of(line)?;
        let old = match has {
            Some(has) => {
                let set = value(has, place).and_then(numbers);
                set.or_else(|| continued.of_no_list(place, &[has]))
            }
            None => continued.of_no_list(place, &[]),
        };
        let (old, more) = (old?, numbers(list)?);
        let new = if adds { &old | &more } else { &old - &more };
        Some(if new.is_empty() { format!("{place} none") } else { format!("{place} {}", listed(&new)) })
    }

    /// What `line` does to a value that another line sets.
    fn change_of<'l>(&self, line: &'l str) -> Option<ChangeOf<'_, 'l>> {
        let (continued, place) = self.continues(line)?;
        let (word, list) = line[place.len()..].trim_start().split_once(' ')?;
        let adds = word == continued.adds;
        let change = ChangeOf { continued, place, adds, list: list.trim_start() };
        (adds || word == continued.removes).then_some(change)
    }

    /// What kind of value `line` sets or changes, and the words that all lines about this one begin with.
    fn continues<'l>(&self, line: &'l str) -> Option<(&Continued, &'l str)> {
        let place = |continued: &Continued| pattern::beginning(line, &continued.begins);
        self.continues.iter().find_map(|continued| Some((continued, place(continued)?)))
    }
}

/// The list that `line` sets after the words `place`: what begins with a word, such as `none`, is no list to add to.
fn value<'l>(line: &'l str, place: &str) -> Option<&'l str> {
    let value = line.strip_prefix(place)?.strip_prefix(' ')?;
    value.starts_with(|first: char| first.is_ascii_digit()).then_some(value)
}

/// `list` on lines that begin with `first`, and behind the first one with `further`.
fn in_parts(first: &str, further: &str, list: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for item in list.split(',') {
        let begins = if parts.is_empty() { first } else { further };
        match parts.last_mut().filter(|part| part.len() + 1 + item.len() <= PART_BYTES_MAX) {
            Some(part) => {
                part.push(',');
                part.push_str(item);
            }
            None => parts.push(format!("{begins} {item}")),
        }
    }
    parts
}

/// The numbers of `list`, when it is one of numbers and ranges.
fn numbers(list: &str) -> Option<BTreeSet<u16>> {
    let range = |item: &str| -> Option<(u16, u16)> {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from <= to && to <= NUMBER_MAX).then_some((from, to))
    };
    let mut ranges = list.split(',').map(range).collect::<Option<Vec<_>>>()?;
    ranges.sort_unstable();
    let (mut numbers, mut next) = (BTreeSet::new(), 0);
    for (from, to) in ranges {
        // Each number once, however often a device says it.
        numbers.extend(from.max(next)..=to);
        next = next.max(to + 1);
    }
    Some(numbers)
}

/// `numbers` as a device lists them.
fn listed(numbers: &BTreeSet<u16>) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match ranges.last_mut().filter(|(_, to)| to + 1 == *number) {
            Some((_, to)) => *to = *number,
            None => ranges.push((*number, *number)),
        }
    }
    let item = |(from, to): &(u16, u16)| match to - from {
        0 => from.to_string(),
        _ => format!("{from}-{to}"),
    };
    ranges.iter().map(item).collect::<Vec<_>>().join(",")
}
