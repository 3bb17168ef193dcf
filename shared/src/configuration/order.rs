//! Sections in which the order of lines is meaning, and configurations that differ in order alone.

use super::{Block, Dialect};
use std::collections::{BTreeMap, BTreeSet};

/// From which of its lines on the section `has` must be typed anew so that it is as `wanted`: `None` where it is once
/// what goes is gone and what is new stands at the end, and where its order has no meaning or must be left alone.
pub(super) fn displaced(has: &Block, wanted: &Block, dialect: &Dialect) -> Option<usize> {
    if !counts(wanted, dialect) || !is_flat(has) || !is_flat(wanted) {
        return None;
    }
    if comes_right(has, wanted, dialect) {
        return None;
    }
    let mut pairs = has.children.iter().zip(&wanted.children);
    Some(
        pairs
            .position(|(has, wanted)| has != wanted)
            .unwrap_or(has.children.len().min(wanted.children.len())),
    )
}

/// Which lines of the section `wanted` are typed anew, new ones among them, so that they stand behind each other as they
/// shall whatever the order in which the device shows them: `None` where no line that stays is. Lines with the same first
/// word may stand in any order.
pub(super) fn retyped<'a>(has: &Block, wanted: &'a Block, dialect: &Dialect) -> Option<Vec<&'a Block>> {
    if !dialect.is_sorted(&wanted.line) || is_numbered(wanted) || !is_flat(has) || !is_flat(wanted) {
        return None;
    }
    let (here, mut words, mut stays) = (lines(has), BTreeSet::new(), false);
    let mut retyped = Vec::new();
    for block in &wanted.children {
        let word = block.line.split(' ').next().unwrap_or_default();
        let is_new = !here.contains(block.line.as_str());
        if is_new || words.iter().any(|other| *other != word) {
            stays |= !is_new;
            words.insert(word);
            retyped.push(block);
        }
    }
    stays.then_some(retyped)
}

/// The first section of `to` in which order is meaning, whose lines would stand in another order once what goes is gone
/// and what is new stands at the end, and that cannot be typed anew: more stands beneath its lines.
pub fn misplaced<'a>(from: &[Block], to: &'a [Block], dialect: &Dialect) -> Option<&'a str> {
    if dialect.ordered.is_empty() {
        return None;
    }
    let from = super::Index::of(from, dialect);
    to.iter().find_map(|wanted| {
        let has = from.find(&wanted.line)?;
        if counts(wanted, dialect) && !(is_flat(has) && is_flat(wanted)) && !comes_right(has, wanted, dialect)
        {
            return Some(wanted.line.as_str());
        }
        misplaced(&has.children, &wanted.children, dialect)
    })
}

/// Whether two configurations hold the same lines, and only their order is another one, which is meaning nowhere.
pub fn differ_in_order_alone(one: &[Block], other: &[Block], dialect: &Dialect) -> bool {
    one != other && sorted(one) == sorted(other) && out_of_order(one, other, dialect).is_none()
}

/// The first section of `other` in which order is meaning, and whose lines stand in another order in `one`.
pub fn out_of_order<'a>(one: &[Block], other: &'a [Block], dialect: &Dialect) -> Option<&'a str> {
    if dialect.ordered.is_empty() {
        return None;
    }
    let one = super::Index::of(one, dialect);
    other.iter().find_map(|block| {
        let has = one.find(&block.line)?;
        let differs = || !in_order(&has.children, dialect).eq(in_order(&block.children, dialect));
        if counts(block, dialect) && differs() {
            return Some(block.line.as_str());
        }
        out_of_order(&has.children, &block.children, dialect)
    })
}

/// The first section of `wanted` in which order is meaning and is not what a device shows ([`Dialect::sorted`]), and of
/// which `has` shows lines with another first word in another order: what that means on the device nobody can tell.
pub fn not_compared<'a>(has: &[Block], wanted: &'a [Block], dialect: &Dialect) -> Option<&'a str> {
    if dialect.sorted.is_empty() {
        return None;
    }
    let has = super::Index::of(has, dialect);
    wanted.iter().find_map(|block| {
        let here = has.find(&block.line)?;
        let is_it = dialect.is_sorted(&block.line) && !is_numbered(block);
        if is_it && others_before(here, &lines(block)) != others_before(block, &lines(here)) {
            return Some(block.line.as_str());
        }
        not_compared(&here.children, &block.children, dialect)
    })
}

/// How many of the lines before each one begin with another word, of those that are in `both`.
fn others_before<'a>(section: &'a Block, both: &BTreeSet<&str>) -> BTreeMap<&'a str, usize> {
    let (mut of_word, mut before): (BTreeMap<&str, usize>, _) = (BTreeMap::new(), BTreeMap::new());
    let lines = section.children.iter().map(|block| block.line.as_str());
    for (at, line) in lines.filter(|line| both.contains(line)).enumerate() {
        let same = of_word.entry(line.split(' ').next().unwrap_or_default()).or_default();
        before.insert(line, at - *same);
        *same += 1;
    }
    before
}

/// Whether the order of the lines of `section` is meaning. Lines with numbers say themselves where they stand.
fn counts(section: &Block, dialect: &Dialect) -> bool {
    dialect.is_ordered(&section.line) && !is_numbered(section)
}

fn is_numbered(section: &Block) -> bool {
    let mut words = section.children.iter().map(|block| block.line.split(' ').next().unwrap_or_default());
    words.all(|word| word.parse::<u64>().is_ok())
}

/// Whether the lines of `has` stand as in `wanted` once what goes is gone and what is new stands at the end.
fn comes_right(has: &Block, wanted: &Block, dialect: &Dialect) -> bool {
    let (here, there) = (lines(has), lines(wanted));
    let stay = in_order(&has.children, dialect).filter(|line| there.contains(line));
    let come = in_order(&wanted.children, dialect).filter(|line| !here.contains(line));
    stay.chain(come).eq(in_order(&wanted.children, dialect))
}

/// The lines that stand where they were put.
fn in_order<'a>(blocks: &'a [Block], dialect: &Dialect) -> impl Iterator<Item = &'a str> {
    let lines = blocks.iter().map(|block| block.line.as_str());
    lines.filter(|line| !dialect.last.iter().any(|last| last == line))
}

fn is_flat(section: &Block) -> bool {
    section.children.iter().all(|block| block.children.is_empty())
}

fn lines(section: &Block) -> BTreeSet<&str> {
    section.children.iter().map(|block| block.line.as_str()).collect()
}

fn sorted(blocks: &[Block]) -> Vec<Block> {
    let mut blocks: Vec<Block> = blocks
        .iter()
        .map(|block| Block { line: block.line.clone(), children: sorted(&block.children) })
        .collect();
    blocks.sort_by(|one, other| one.line.cmp(&other.line));
    blocks
}
