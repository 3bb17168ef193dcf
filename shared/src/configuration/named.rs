//! What is defined is there before anything names it.

use super::{Block, Dialect};
use std::collections::BTreeMap;

/// Deepest chain of definitions that name each other which is followed.
const CHAIN_MAX: usize = 16;

/// `steps` in their order, except that what defines a name stands before the first of them that says it.
pub(super) fn defined_first(steps: Vec<Block>, dialect: &Dialect) -> Vec<Block> {
    let bare = |step: &Block| dialect.takes_back(&step.line).unwrap_or(&step.line).to_owned();
    let lines: Vec<String> = steps.iter().map(bare).collect();
    let names: Vec<Option<&str>> = lines.iter().map(|line| dialect.defined(line)).collect();
    let mut defines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        defines.entry(name.unwrap_or_default()).or_default().push(at);
    }
    let mut order = Order { names: &names, defines, said: vec![false; steps.len()], order: Vec::new() };
    for at in 0..steps.len() {
        order.say(at, &steps, CHAIN_MAX);
    }
    let order = order.order;
    let mut steps: Vec<Option<Block>> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| steps[at].take()).collect()
}

/// The steps that are said, in order.
struct Order<'a> {
    /// What each of them defines.
    names: &'a [Option<&'a str>],
    /// Which of them define a name that was not needed yet.
    defines: BTreeMap<&'a str, Vec<usize>>,
    said: Vec<bool>,
    order: Vec<usize>,
}

impl Order<'_> {
    fn say(&mut self, at: usize, steps: &[Block], chain: usize) {
        if std::mem::replace(&mut self.said[at], true) {
            return;
        }
        if chain > 0 {
            let mut needed = Vec::new();
            self.needed(&steps[at], self.names[at], &mut needed);
            needed.into_iter().for_each(|needed| self.say(needed, steps, chain - 1));
        }
        self.order.push(at);
    }

    /// What defines the words of `step`, beside what it defines itself.
    fn needed(&mut self, step: &Block, own: Option<&str>, needed: &mut Vec<usize>) {
        for word in step.line.split(' ').filter(|word| !word.is_empty() && Some(*word) != own) {
            needed.extend(self.defines.remove(word).into_iter().flatten());
        }
        step.children.iter().for_each(|child| self.needed(child, own, needed));
    }
}
