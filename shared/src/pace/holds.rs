//! Holding and releasing groups, and going on after a stop: never by time, always one device first.

use super::engine::{Doubt, Pace, Spot};
use super::{Decision, Evidence, Group};

/// The devices with one value, or with two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    One(usize),
    Pair(usize, usize),
}

/// A group that is held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    group: Group,
    cut: Cut,
    evidence: Evidence,
    by_evidence: bool,
}

impl Held {
    pub(super) fn is_pair_by_evidence(&self) -> bool {
        self.by_evidence && matches!(self.cut, Cut::Pair(..))
    }
}

/// A pair that was released and has not succeeded since: one device at a time, one failure holds it.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    one: usize,
    other: usize,
    /// The number of starts before the release: only later ones decide.
    from: u64,
    /// Devices of it in flight that are not silent.
    pub(super) blocking: u32,
}

impl Trial {
    pub(super) fn cut(&self) -> Cut {
        Cut::Pair(self.one, self.other)
    }
}

impl Pace {
    /// Holds a group because a person said so, or in a replay; `false` when no device has it.
    pub fn hold(&mut self, group: &Group) -> bool {
        let Some(cut) = self.cut_of(group) else { return false };
        if !self.held.iter().any(|held| held.cut == cut) {
            self.mark(cut, group.clone(), self.evidence(Some(cut)), false);
            self.replay();
        }
        true
    }

    /// Lets a held group go on, one device first: it counts as unproven, and one failure holds it again
    /// at once. `false` when it was not held.
    pub fn release(&mut self, group: &Group) -> bool {
        let Some(cut) = self.cut_of(group) else { return false };
        let Some(index) = self.held.iter().position(|held| held.cut == cut) else { return false };
        self.held.remove(index);
        self.set_free(cut);
        self.replay();
        true
    }

    /// Goes on after a stop: the budget line and the detectors start anew, all holds are released, and
    /// one device goes first; its failure stops the rollout again.
    pub fn resume(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.set_free(held.cut);
        }
        self.stopped = false;
        self.decisions.clear();
        self.log.clear();
        self.line = super::engine::Line::default();
        self.timers.forget_successes();
        for device in &mut self.devices {
            if device.doubt != Doubt::None {
                device.doubt = Doubt::Waived;
            }
            device.result = device.result.map(|(failed, _)| (failed, false));
        }
        for tally in &mut self.tallies {
            (tally.mature, tally.lost, tally.doubt) = (0, 0, 0);
        }
        let everything = self.everything();
        let all = &mut self.tallies[everything];
        (all.proven, all.trial, all.trial_from) = (false, true, self.starts);
        self.replay();
        self.idle = false;
    }

    /// What is held, and the evidence at the time.
    pub fn holds(&self) -> Vec<(Group, Evidence)> {
        self.held.iter().map(|held| (held.group.clone(), held.evidence)).collect()
    }

    /// Holds `cut` and says so.
    pub(super) fn hold_by_evidence(&mut self, cut: Cut) {
        let group = self.group_of(cut);
        let evidence = self.evidence(Some(cut));
        let reason = evidence.text(Some(&group));
        self.decisions.push_back(Decision::Hold { group: group.clone(), evidence, reason });
        self.mark(cut, group, evidence, true);
    }

    /// The name of `cut`.
    pub(super) fn group_of(&self, cut: Cut) -> Group {
        let label = |value: usize| &self.watched.values[value].label;
        match cut {
            Cut::One(value) => Group::of(label(value)),
            Cut::Pair(one, other) => Group::of_pair(label(one), label(other)),
        }
    }

    fn mark(&mut self, cut: Cut, group: Group, evidence: Evidence, by_evidence: bool) {
        self.held.push(Held { group, cut, evidence, by_evidence });
        self.trials.retain(|trial| trial.cut() != cut);
        for rank in self.members(cut) {
            let device = &mut self.devices[rank as usize];
            if by_evidence && !std::mem::replace(&mut device.spread, true) {
                self.spread += 1;
            }
            if !std::mem::replace(&mut device.held, true) && device.waits {
                self.take(rank);
                self.put(rank, Spot::Held);
            }
        }
        self.idle = false;
    }

    /// What a released group starts with: no evidence, no credit, one device first.
    fn set_free(&mut self, cut: Cut) {
        let mut log = std::mem::take(&mut self.log);
        log.retain(|(rank, _)| !self.is_in(*rank, cut));
        self.log = log;
        match cut {
            Cut::One(value) => {
                let tally = &mut self.tallies[value];
                if std::mem::take(&mut tally.proven) {
                    self.unproven.push(value as u32);
                }
                (tally.trial, tally.trial_from) = (true, self.starts);
                tally.mature = 0;
            }
            Cut::Pair(one, other) => {
                let in_flight = |rank: &u32| {
                    let device = self.devices[*rank as usize];
                    device.spot == Spot::Flight && !device.silent
                };
                let blocking = self.members(cut).into_iter().filter(in_flight).count() as u32;
                self.trials.push(Trial { one, other, from: self.starts, blocking });
            }
        }
        for rank in self.members(cut) {
            let held = self.held.iter().any(|held| self.is_in(rank, held.cut));
            let spread = self.held.iter().any(|held| held.by_evidence && self.is_in(rank, held.cut));
            let device = &mut self.devices[rank as usize];
            device.held = held;
            self.spread -= u32::from(std::mem::replace(&mut device.spread, spread) && !spread);
            if device.spot == Spot::Held && !held {
                self.take(rank);
                self.put(rank, Spot::Ready);
            }
        }
        self.idle = false;
    }

    /// Holds again what was released and failed at once; whether anything was.
    pub(super) fn fail_trials(&mut self, rank: u32) -> bool {
        let starts_before = self.devices[rank as usize].starts_before;
        let is_tried = |value: &usize| {
            let tally = &self.tallies[*value];
            tally.trial && starts_before >= tally.trial_from
        };
        let values = self.fleet.labels(rank).filter(is_tried).map(Cut::One);
        let pairs = self.trials.iter().filter(|trial| self.decides(rank, trial)).map(Trial::cut);
        let failed: Vec<Cut> = values.chain(pairs).collect();
        for cut in &failed {
            if let Cut::One(value) = cut {
                self.tallies[*value].trial = false;
            }
            self.hold_by_evidence(*cut);
        }
        self.end_trials(rank);
        !failed.is_empty()
    }

    fn decides(&self, rank: u32, trial: &Trial) -> bool {
        self.devices[rank as usize].starts_before >= trial.from && self.is_in(rank, trial.cut())
    }

    /// Ends the trials of the pairs that the device has and was started for.
    pub(super) fn end_trials(&mut self, rank: u32) {
        if self.trials.iter().any(|trial| self.decides(rank, trial)) {
            let mut trials = std::mem::take(&mut self.trials);
            trials.retain(|trial| !self.decides(rank, trial));
            self.trials = trials;
            self.wake_trials();
        }
    }

    /// The device is one that others of its released pair wait for.
    pub(super) fn block_trials(&mut self, rank: u32) {
        self.change_trials(rank, |trial| trial.blocking += 1);
    }

    /// Nobody waits for the device any more.
    pub(super) fn unblock_trials(&mut self, rank: u32) {
        if self.change_trials(rank, |trial| trial.blocking = trial.blocking.saturating_sub(1)) {
            self.wake_trials();
        }
    }

    fn change_trials(&mut self, rank: u32, change: impl Fn(&mut Trial)) -> bool {
        let mut trials = std::mem::take(&mut self.trials);
        let mut any = false;
        for trial in trials.iter_mut().filter(|trial| self.is_in(rank, trial.cut())) {
            change(trial);
            any = true;
        }
        self.trials = trials;
        any
    }

    fn wake_trials(&mut self) {
        for rank in 0..self.devices.len() as u32 {
            if self.devices[rank as usize].spot == Spot::Trial {
                self.take(rank);
                self.put(rank, Spot::Ready);
            }
        }
        self.idle = false;
    }

    /// The devices of a cut, by rank.
    fn members(&self, cut: Cut) -> Vec<u32> {
        let (Cut::One(value) | Cut::Pair(value, _)) = cut;
        let all = self.fleet.values.slots(value).map(|slot| self.fleet.values.at(slot));
        all.filter(|rank| self.is_in(*rank, cut)).collect()
    }

    /// The values that `group` names; `None` when no device has them.
    fn cut_of(&self, group: &Group) -> Option<Cut> {
        let text = group.as_str();
        let find = |text: &str| {
            let value = self.watched.values.iter().position(|value| {
                let rest = text.strip_prefix(value.label.key.as_str());
                rest.and_then(|rest| rest.strip_prefix('=')) == Some(value.label.value.as_str())
            });
            value.filter(|value| !self.fleet.values.slots(*value).is_empty())
        };
        let pair = |(at, _): (usize, &str)| {
            let (one, other) = (find(&text[..at])?, find(&text[at + 1..])?);
            let cut = Cut::Pair(one.min(other), one.max(other));
            (one != other && !self.members(cut).is_empty()).then_some(cut)
        };
        find(text).map(Cut::One).or_else(|| text.match_indices('&').find_map(pair))
    }
}
