//! Every rollout by name: those that go on by themselves, so that no turn's work grows with how many have ended.

use super::world::Active;
use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;
use switchyard_shared::id::RolloutName;
use switchyard_shared::time::Timestamp;

/// The rollouts of a coordinator.
#[derive(Default)]
pub struct Rollouts {
    live: BTreeMap<RolloutName, Active>,
    ended: BTreeMap<RolloutName, Active>,
    newest: BTreeSet<(Reverse<Timestamp>, RolloutName)>,
    by_request: BTreeMap<String, RolloutName>,
    #[cfg(test)]
    pub(super) visited: std::cell::Cell<usize>,
}

impl Rollouts {
    /// Adds one.
    pub(super) fn insert(&mut self, active: Active) {
        let rollout = &active.rollout;
        let name = rollout.name.clone();
        self.newest.insert((Reverse(rollout.created_at), name.clone()));
        if !rollout.request_id.is_empty() {
            self.by_request.insert(rollout.request_id.clone(), name.clone());
        }
        let has_ended = rollout.has_ended();
        let place = if has_ended { &mut self.ended } else { &mut self.live };
        place.insert(name, active);
    }

    /// Puts a rollout away if its last event has ended it: to be called after every event.
    pub(super) fn put_away_if_ended(&mut self, name: &RolloutName) {
        if self.live.get(name).is_some_and(|active| active.rollout.has_ended())
            && let Some(active) = self.live.remove(name)
        {
            self.ended.insert(name.clone(), active);
        }
    }

    /// One of that name, ended or not.
    pub fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<&Active>
    where
        RolloutName: Borrow<Q>,
    {
        self.live.get(name).or_else(|| self.ended.get(name))
    }

    /// One of that name, ended or not, to change.
    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<&mut Active>
    where
        RolloutName: Borrow<Q>,
    {
        self.live.get_mut(name).or_else(|| self.ended.get_mut(name))
    }

    /// One that has not ended.
    pub(super) fn live_mut<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<&mut Active>
    where
        RolloutName: Borrow<Q>,
    {
        self.live.get_mut(name)
    }

    /// Those that have not ended, by name.
    pub fn live(&self) -> impl Iterator<Item = &Active> {
        self.live.values().inspect(|_| self.visit())
    }

    /// All of them, ended ones too: for recovery, never for a turn.
    pub(super) fn all(&self) -> impl Iterator<Item = &Active> {
        self.live.values().chain(self.ended.values()).inspect(|_| self.visit())
    }

    /// Those that have not ended, to change.
    pub(super) fn each_live(&mut self, mut change: impl FnMut(&mut Active)) {
        for active in self.live.values_mut() {
            change(active);
        }
        self.live.values().for_each(|_| self.visit());
    }

    /// Names of those that have not ended.
    pub(super) fn live_names(&self) -> Vec<RolloutName> {
        self.live().map(|active| active.rollout.name.clone()).collect()
    }

    /// All of them, the newest first; pages of it cost what they show.
    pub fn newest_first(&self) -> impl ExactSizeIterator<Item = &RolloutName> {
        self.newest.iter().map(|(_, name)| name)
    }

    /// What a request made.
    pub(super) fn of_request(&self, request_id: &str) -> Option<&RolloutName> {
        self.by_request.get(request_id)
    }

    /// How many there are, ended ones too.
    pub fn len(&self) -> usize {
        self.live.len() + self.ended.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cfg(test)]
    fn visit(&self) {
        self.visited.set(self.visited.get() + 1);
    }

    #[cfg(not(test))]
    fn visit(&self) {}
}

impl Index<&RolloutName> for Rollouts {
    type Output = Active;

    fn index(&self, name: &RolloutName) -> &Active {
        self.get(name).expect("the caller has just found it by this name")
    }
}
