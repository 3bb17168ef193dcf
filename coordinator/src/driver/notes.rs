//! What a rollout's log says beside its state: who holds what since when, and which sites opened when.

use std::collections::{BTreeMap, BTreeSet};
use switchyard_proto::convert::rollout::held;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::{RolloutName, SiteName};
use switchyard_shared::pace::{Evidence, Group};
use switchyard_shared::rollout::Rollout;
use switchyard_shared::rollout::event::Event;
use switchyard_shared::time::Timestamp;

/// A reason that says itself what lets a group go.
const RESET: &str = "switchyard breaker reset ";

/// The word of a change or a person to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Since when.
    pub at: Timestamp,
    /// `auto` or an operator.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A fold of the rollout's events, like the rollout itself.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    holds: BTreeMap<Group, (Option<Evidence>, Word)>,
    pause: Option<Word>,
    /// When somebody last resumed: what had opened until then is accepted.
    resumed_at: Option<Timestamp>,
    /// Sites that opened by themselves and have not closed since.
    opened: BTreeMap<SiteName, Timestamp>,
    /// What was last said to be not closed, by hand or by itself.
    shut: BTreeSet<Name>,
    began: bool,
    ended: bool,
}

impl Notes {
    /// Takes one event that happened at `at`.
    pub fn take(&mut self, event: &Event, at: Timestamp) {
        let word = |by: &str, reason: &str| Word { at, by: by.to_owned(), reason: reason.to_owned() };
        match event {
            Event::Held { group, evidence, by, reason } => {
                self.holds.insert(group.clone(), (*evidence, word(by, reason)));
            }
            Event::Released { group, .. } => drop(self.holds.remove(group)),
            Event::Paused { by, reason } => self.pause = Some(word(by, reason)),
            Event::Resumed { .. } => {
                self.pause = None;
                self.resumed_at = Some(at);
            }
            Event::Breaker { report } => self.site_moved(report, at),
            Event::WaveStarted { .. } => self.began = true,
            Event::Ended { .. } => {
                self.holds.clear();
                self.pause = None;
                self.ended = true;
            }
            Event::Created { .. }
            | Event::Dispatched { .. }
            | Event::Finished { .. }
            | Event::Requeued { .. }
            | Event::ReadBack { .. }
            | Event::StillUnknown { .. }
            | Event::GivenUp { .. }
            | Event::Settled { .. }
            | Event::Conflicted { .. }
            | Event::Skipped { .. }
            | Event::WaveFinished { .. }
            | Event::Restoring { .. }
            | Event::Restored { .. }
            | Event::Promoted { .. }
            | Event::Aborted { .. } => {}
        }
    }

    /// A resume lets go some groups and keeps others: the rollout, which has taken `event` already, knows.
    pub fn keep_held(&mut self, rollout: &Rollout, event: &Event) {
        if matches!(event, Event::Resumed { .. }) {
            let held = rollout.holds();
            self.holds.retain(|group, _| held.iter().any(|(known, _)| known == group));
        }
    }

    /// A site that was open before the rollout began opened then, not now.
    fn site_moved(&mut self, report: &Report, at: Timestamp) {
        match report.state {
            State::Closed | State::ForcedClosed => drop(self.shut.remove(&report.name)),
            State::Open | State::ForcedOpen | State::Held | State::HalfOpen => {
                self.shut.insert(report.name.clone());
            }
        }
        let Name::Site(site) = &report.name else { return };
        match report.state {
            State::Open => {
                let since = if self.began { at } else { report.since.min(at) };
                self.opened.entry(site.clone()).or_insert(since);
            }
            State::Closed | State::ForcedOpen | State::ForcedClosed => drop(self.opened.remove(site)),
            State::Held | State::HalfOpen => {}
        }
    }

    /// Whether the log last said of a breaker that it is not closed.
    pub fn is_shut(&self, name: &Name) -> bool {
        self.shut.contains(name)
    }

    /// Whether somebody has resumed it: harm beyond the budget may have been accepted.
    pub fn was_resumed(&self) -> bool {
        self.resumed_at.is_some()
    }

    /// Sites that opened at or after `since` by themselves, that nobody has accepted by a resume.
    pub fn opened_since(&self, since: Timestamp) -> impl Iterator<Item = &SiteName> {
        let accepted = self.resumed_at;
        let fresh = move |at: &Timestamp| *at >= since && accepted.is_none_or(|resumed| *at > resumed);
        self.opened.iter().filter(move |(_, at)| fresh(at)).map(|(site, _)| site)
    }

    /// How many sites have opened by themselves and not closed since.
    pub fn opened(&self) -> usize {
        self.opened.len()
    }

    /// Since when and by whom everything is paused.
    pub fn pause(&self) -> Option<&Word> {
        self.pause.as_ref()
    }

    /// The groups that are held, with since when, why and by whom.
    pub fn holds(&self) -> impl Iterator<Item = (&Group, &Word)> {
        self.holds.iter().map(|(group, (_, word))| (group, word))
    }

    /// A line for each held group: why, on what evidence, since when, and what lets it go.
    pub fn held_lines(&self, name: &RolloutName) -> Vec<String> {
        let line = |(group, (evidence, word)): (&Group, &(Option<Evidence>, Word))| {
            let since = word.at.clock();
            let why = match evidence {
                Some(evidence) => format!("{}, since {since}", evidence.text(Some(group))),
                None => format!("{}, by {} since {since}", word.reason, word.by),
            };
            let reset = format!(
                "switchyard breaker reset rollout/{name}/group/{group} --reason WHY (one device first)"
            );
            if word.reason.contains(RESET) {
                format!("held {group}: {why}")
            } else {
                format!("held {group}: {why}; nothing of it starts until: {reset}")
            }
        };
        self.holds.iter().map(line).collect()
    }

    /// What is held and stopped, as breakers.
    pub fn breakers<'a>(&'a self, name: &'a RolloutName) -> impl Iterator<Item = Report> + 'a {
        let groups = self.holds.iter().map(move |(group, (evidence, word))| {
            held(name, group, evidence.as_ref(), word.at, &word.by, &word.reason)
        });
        groups.chain(self.pause.as_ref().map(|word| {
            let of = Name::Global { rollout: Some(name.clone()) };
            let state = if word.by == "auto" { State::Open } else { State::ForcedOpen };
            Report {
                state,
                by: word.by.clone(),
                reason: word.reason.clone(),
                first_opened_at: Some(word.at),
                opened_times: 1,
                ..Report::closed(of, None, word.at)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(site: &str, since: i64) -> Event {
        let site = SiteName::new(site).unwrap();
        let closed = Report::closed(Name::Site(site.clone()), Some(site), Timestamp(since));
        Event::Breaker { report: Report { state: State::Open, ..closed } }
    }

    fn fresh(notes: &Notes, since: i64) -> Vec<String> {
        notes.opened_since(Timestamp(since)).map(SiteName::to_string).collect()
    }

    #[test]
    fn a_site_that_was_open_before_the_rollout_began_did_not_open_now() {
        let mut notes = Notes::default();
        notes.take(&open("old", 5), Timestamp(100));
        notes.take(&Event::WaveStarted { wave: 0 }, Timestamp(101));
        notes.take(&open("new", 5), Timestamp(110));
        assert_eq!(fresh(&notes, 50), ["new"]);
        assert_eq!(notes.opened(), 2);
    }

    #[test]
    fn a_resume_accepts_the_openings_so_far_and_only_those() {
        let mut notes = Notes::default();
        notes.take(&Event::WaveStarted { wave: 0 }, Timestamp(0));
        notes.take(&open("a", 10), Timestamp(10));
        notes.take(&Event::Resumed { by: "ann".into(), reason: String::new() }, Timestamp(20));
        notes.take(&open("a", 30), Timestamp(30));
        notes.take(&open("b", 30), Timestamp(30));
        assert_eq!(fresh(&notes, 0), ["b"], "a has not closed since it was accepted");
    }
}
