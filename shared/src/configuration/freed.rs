//! A line that one section alone has at a time is gone from there before another one takes it.

use super::index::Key;
use super::{Block, Dialect, Index, pattern};
use std::collections::{BTreeMap, BTreeSet};

/// Among all sections.
const EVERYWHERE: &str = "";

/// `steps` in their order, except that a section in which another line takes the place of an exclusive one
/// ([`Dialect::exclusive`], [`Dialect::exclusive_of_port`]) comes before the section that takes that one. Of sections that
/// wait for each other one is without such a line for a while; but never without a port's, which the session may run over:
/// those the device refuses.
pub(super) fn freed_first(steps: Vec<Block>, from: &[Block], dialect: &Dialect) -> Vec<Block> {
    let mut freed = freed(&steps, from, dialect);
    if freed.is_empty() {
        return steps;
    }
    let (mut waits, mut is_said) = (vec![false; steps.len()], vec![false; steps.len()]);
    let mut order = Vec::with_capacity(steps.len());
    for first in 0..steps.len() {
        let mut chain = vec![first];
        while let Some(at) = chain.last().copied().filter(|at| !is_said[*at]) {
            waits[at] = true;
            let needed = steps[at].children.iter().find_map(|child| {
                let among = among(&steps[at].line, &child.line, dialect)?;
                let other = freed.remove(&(among.to_owned(), Key::owned(&child.line)))?;
                (other != at && !is_said[other]).then_some((other, &child.line, among))
            });
            match needed {
                Some((other, line, EVERYWHERE)) if waits[other] => {
                    let children = vec![Block::line(dialect.negated(line))];
                    order.push(Block { line: steps[other].line.clone(), children });
                }
                Some((other, _, _)) if waits[other] => {}
                Some((other, _, _)) => chain.push(other),
                None => {
                    is_said[at] = true;
                    order.push(steps[at].clone());
                    chain.pop();
                }
            }
        }
    }
    order
}

/// The exclusive lines of `from` of which `steps` take the place, among which sections they are, and which step does it.
fn freed(steps: &[Block], from: &[Block], dialect: &Dialect) -> BTreeMap<(String, Key<'static>), usize> {
    if dialect.exclusive.is_empty() && dialect.exclusive_of_port.is_empty() {
        return BTreeMap::new();
    }
    let has = Index::of(from, dialect);
    let mut freed = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        let Some(section) = has.find(&step.line) else { continue };
        let new = step.children.iter().filter_map(|child| dialect.place(&child.line));
        let new: BTreeSet<Key<'_>> = new.map(Key).collect();
        for line in section.children.iter().map(|child| child.line.as_str()) {
            let Some(among) = among(&step.line, line, dialect) else { continue };
            if dialect.place(line).is_some_and(|place| new.contains(&Key(place))) {
                freed.insert((among.to_owned(), Key::owned(line)), at);
            }
        }
    }
    freed
}

/// Among which sections one alone has `line` at a time, which stands in `section`: those of its port, or [`EVERYWHERE`].
fn among<'s>(section: &'s str, line: &str, dialect: &Dialect) -> Option<&'s str> {
    let is_one_of =
        |patterns: &[String]| patterns.iter().any(|words| pattern::beginning(line, words).is_some());
    if is_one_of(&dialect.exclusive) {
        return Some(EVERYWHERE);
    }
    let (port, _) = section.rsplit_once('.')?;
    is_one_of(&dialect.exclusive_of_port).then_some(port)
}
