//! Every rollout by name: those that go on by themselves apart, so that neither a turn's work nor memory
//! grows with how many have ended.

use super::away::Away;
use super::world::Active;
use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;
use std::time::Duration;
use switchyard_shared::id::RolloutName;
use switchyard_shared::time::Timestamp;

/// How long one that has ended stays in memory whole after its end or its last use.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Ended ones that stay in memory whole although nothing more happens to them, at most.
const KEPT_MAX: usize = 4;
/// How often they are looked through.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The rollouts of a coordinator.
#[derive(Default)]
pub struct Rollouts {
    live: BTreeMap<RolloutName, Active>,
    /// Ended ones that are in memory whole: with devices in doubt, or used lately.
    ended: BTreeMap<RolloutName, Active>,
    /// When those of them were last used to which nothing more happens.
    used: BTreeMap<RolloutName, Timestamp>,
    /// How those ended to which nothing more happens, in memory whole or not.
    away: BTreeMap<RolloutName, Away>,
    looked_at: Option<Timestamp>,
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
        let place = if goes_on(&active) { &mut self.live } else { &mut self.ended };
        place.insert(name, active);
    }

    /// Puts a rollout away when its last event has ended it, and back when one makes it go on: to be called
    /// after every event.
    pub(super) fn put_in_its_place(&mut self, name: &RolloutName) {
        if self.live.get(name).is_some_and(|active| !goes_on(active))
            && let Some(active) = self.live.remove(name)
        {
            self.ended.insert(name.clone(), active);
        } else if self.ended.get(name).is_some_and(goes_on)
            && let Some(active) = self.ended.remove(name)
        {
            self.live.insert(name.clone(), active);
        }
    }

    /// Keeps how a rollout ended; whole it stays in memory a while only. `None` keeps it whole.
    pub(super) fn put_away(&mut self, name: &RolloutName, away: Option<Away>, now: Timestamp) {
        let Some(away) = away else {
            self.used.remove(name);
            self.away.remove(name);
            return;
        };
        self.newest.insert((Reverse(away.created_at), name.clone()));
        if !away.request_id.is_empty() {
            self.by_request.insert(away.request_id.clone(), name.clone());
        }
        if self.ended.contains_key(name) {
            self.used.insert(name.clone(), now);
        }
        self.away.insert(name.clone(), away);
    }

    /// Takes one that was put away into memory for a while.
    pub(super) fn lend(&mut self, active: Active, now: Timestamp) {
        let name = active.rollout.name.clone();
        if self.away.contains_key(&name) && !self.ended.contains_key(&name) {
            self.used.insert(name.clone(), now);
            self.ended.insert(name, active);
        }
    }

    /// Forgets what has not been used lately of what has ended.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        if self.used.is_empty() || self.looked_at.is_some_and(|at| now.since(at) < LOOK_EVERY && at <= now) {
            return;
        }
        self.looked_at = Some(now);
        let mut used: Vec<_> = self.used.iter().map(|(name, at)| (Reverse(*at), name.clone())).collect();
        used.sort_unstable();
        for (place, (Reverse(at), name)) in used.into_iter().enumerate() {
            if place >= KEPT_MAX || now.since(at) >= KEPT_FOR {
                self.used.remove(&name);
                self.ended.remove(&name);
            }
        }
    }

    /// How a rollout ended to which nothing more happens.
    pub(super) fn away<Q: Ord + ?Sized>(&self, name: &Q) -> Option<&Away>
    where
        RolloutName: Borrow<Q>,
    {
        self.away.get(name)
    }

    /// Whether all but its end must be read from the store.
    pub(super) fn must_be_read<Q: Ord + ?Sized>(&self, name: &Q) -> bool
    where
        RolloutName: Borrow<Q>,
    {
        self.away.contains_key(name) && !self.ended.contains_key(name)
    }

    /// Whether there is one of that name.
    pub fn has<Q: Ord + ?Sized>(&self, name: &Q) -> bool
    where
        RolloutName: Borrow<Q>,
    {
        self.live.contains_key(name) || self.ended.contains_key(name) || self.away.contains_key(name)
    }

    /// One of that name, ended or not, that is in memory whole.
    pub fn get<Q: Ord + ?Sized>(&self, name: &Q) -> Option<&Active>
    where
        RolloutName: Borrow<Q>,
    {
        self.live.get(name).or_else(|| self.ended.get(name))
    }

    /// The same to change.
    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<&mut Active>
    where
        RolloutName: Borrow<Q>,
    {
        self.live.get_mut(name).or_else(|| self.ended.get_mut(name))
    }

    /// One that goes on.
    pub(super) fn live_mut<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<&mut Active>
    where
        RolloutName: Borrow<Q>,
    {
        self.live.get_mut(name)
    }

    /// Whether there is one of that name that has not ended.
    pub(super) fn is_live(&self, name: &str) -> bool {
        self.live.get(name).is_some_and(|active| !active.rollout.has_ended())
    }

    /// Those that go on, by name: they have not ended, or devices of theirs are being read after a doubt.
    pub fn live(&self) -> impl Iterator<Item = &Active> {
        self.live.values().inspect(|_| self.visit())
    }

    /// All that are in memory whole, ended ones too: for recovery, never for a turn.
    pub(super) fn all(&self) -> impl Iterator<Item = &Active> {
        self.live.values().chain(self.ended.values()).inspect(|_| self.visit())
    }

    /// Those that go on, to change.
    pub(super) fn each_live(&mut self, mut change: impl FnMut(&mut Active)) {
        for active in self.live.values_mut() {
            change(active);
        }
        self.live.values().for_each(|_| self.visit());
    }

    /// Names of those that go on.
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
        self.newest.len()
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

fn goes_on(active: &Active) -> bool {
    !active.rollout.has_ended() || active.rollout.is_settling() || active.rollout.counts.running > 0
}

impl Index<&RolloutName> for Rollouts {
    type Output = Active;

    fn index(&self, name: &RolloutName) -> &Active {
        self.get(name).expect("the caller has just found it by this name")
    }
}
