//! Turns on their way to the disk: the next one is decided meanwhile, and nothing of a turn is done before
//! it and all turns before it are durable.

use super::effect::Effect;
use crate::store::{Answer, StoreError};
use std::collections::VecDeque;

/// Turns that may be on their way at once: with one more, the next is decided while the one before it is
/// written; with many, each would carry little.
const COMMITS_MAX: usize = 2;

/// The turns on their way, in order.
#[derive(Default)]
pub(super) struct Commits<'a> {
    waiting: VecDeque<(Answer<'a, ()>, Vec<Effect>)>,
}

impl<'a> Commits<'a> {
    /// Adds the turn after all others: what makes it durable, and what is done then.
    pub fn push(&mut self, durable: Answer<'a, ()>, effects: Vec<Effect>) {
        self.waiting.push_back((durable, effects));
    }

    /// Whether another turn may be decided.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < COMMITS_MAX
    }

    /// Waits for the first of them, and no other, to be durable: what is to be done now. `None` when there
    /// is none. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Result<Vec<Effect>, StoreError>> {
        let (durable, _) = self.waiting.front_mut()?;
        let done = durable.await;
        let (_, effects) = self.waiting.pop_front()?;
        Some(done.map(|()| effects))
    }
}
