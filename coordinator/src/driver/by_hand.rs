//! An operator's word on groups of devices and on everything: in one rollout, or in every one of now and later.

use super::effect::Turn;
use super::world::{Active, World};
use crate::refused::Refused;
use switchyard_proto::convert::link::BreakerAction;
use switchyard_shared::breaker::{Name, Report, State};
use switchyard_shared::id::RolloutName;
use switchyard_shared::pace::Group;
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::rollout::event::Event;

/// Who says what, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByHand<'a> {
    pub action: BreakerAction,
    pub by: &'a str,
    pub reason: &'a str,
}

impl World {
    /// Opens or closes `group/…` or `global`, for every rollout or for one.
    pub(super) fn command_change(
        &mut self,
        name: &Name,
        word: ByHand<'_>,
        turn: &mut Turn,
    ) -> Result<Report, Refused> {
        if word.action == BreakerAction::ForceClosed {
            let why = format!(
                "{name} cannot be kept closed: what the evidence says of a change always counts; a site, a device or a \
                 credential can"
            );
            return Err(Refused::BadRequest { field: "name".into(), why });
        }
        match name {
            Name::Group { rollout: Some(rollout), group } => self.hold_in(rollout, group, word, turn)?,
            Name::Global { rollout: Some(rollout) } => self.stop_one(rollout, word, turn)?,
            Name::Group { rollout: None, group } => {
                if word.action == BreakerAction::Trip {
                    self.hold_everywhere(name, group, word, turn)?;
                } else {
                    self.let_go_everywhere(name, group, word, turn)?;
                }
            }
            Name::Global { rollout: None } => self.stop_all(name, word, turn),
            Name::Site(_) | Name::Device(_) | Name::Credential { .. } => {}
        }
        let report = self.known_breaker(name, turn.now)?;
        let report = match report.state {
            State::Closed => Report { by: word.by.to_owned(), reason: word.reason.to_owned(), ..report },
            State::Held | State::Open | State::HalfOpen | State::ForcedOpen | State::ForcedClosed => report,
        };
        Ok(match name {
            Name::Group { rollout: None, group } => self.with_reach(report, group, word.action),
            Name::Group { .. } | Name::Global { .. } => report,
            Name::Site(_) | Name::Device(_) | Name::Credential { .. } => report,
        })
    }

    fn hold_in(
        &mut self,
        rollout: &RolloutName,
        group: &Group,
        word: ByHand<'_>,
        turn: &mut Turn,
    ) -> Result<(), Refused> {
        let active = self.rollout(rollout.as_str())?;
        let event = match word.action {
            BreakerAction::Trip => active.rollout.hold(group, word.by, word.reason),
            BreakerAction::Reset | BreakerAction::ForceClosed => {
                let everywhere = Name::Group { rollout: None, group: group.clone() };
                self.refuse_while_forced("reset", rollout, &everywhere)?;
                active.rollout.release(group, word.by, word.reason)
            }
        };
        let is_held = active.notes.holds().any(|(held, _)| held == group);
        match event {
            Some(event) if word.action == BreakerAction::Trip => self.record(rollout, event, turn),
            Some(event) => self.release(rollout, event, word, turn),
            None if is_held => {}
            None => {
                let why = match word.action {
                    BreakerAction::Trip => {
                        format!("no device of rollouts/{rollout} has {group}, or it has ended")
                    }
                    BreakerAction::Reset | BreakerAction::ForceClosed => {
                        format!("rollouts/{rollout} does not hold {group}")
                    }
                };
                return Err(Refused::BadRequest { field: "name".into(), why });
            }
        }
        Ok(())
    }

    /// Lets a group go. A rollout that had paused because nothing but held devices waited goes on.
    fn release(&mut self, rollout: &RolloutName, event: Event, word: ByHand<'_>, turn: &mut Turn) {
        let Some(active) = self.rollouts.get(rollout) else { return };
        let by_auto = active.notes.pause().is_some_and(|word| word.by == "auto");
        let waited =
            by_auto && active.rollout.waits_for_held_only() && !active.rollout.is_stopped_by_evidence();
        self.record(rollout, event, turn);
        let resumed = self.rollouts[rollout].rollout.resume(word.by, word.reason, "").ok().flatten();
        if let Some(event) = resumed.filter(|_| waited && self.check_resume(rollout).is_ok()) {
            self.resume(rollout, event, turn);
        }
    }

    fn stop_one(&mut self, rollout: &RolloutName, word: ByHand<'_>, turn: &mut Turn) -> Result<(), Refused> {
        let active = self.rollout(rollout.as_str())?;
        match word.action {
            BreakerAction::Trip => match active.rollout.pause(word.by, word.reason, "")? {
                Some(event) => self.record(rollout, event, turn),
                None => self.pause_by_hand(rollout, word, turn),
            },
            BreakerAction::Reset | BreakerAction::ForceClosed => {
                self.check_resume(rollout)?;
                if let Some(event) =
                    self.rollout(rollout.as_str())?.rollout.resume(word.by, word.reason, "")?
                {
                    self.resume(rollout, event, turn);
                }
            }
        }
        Ok(())
    }

    /// It is paused already: what the evidence paused now waits for a person, and the agents hear it again.
    fn pause_by_hand(&mut self, rollout: &RolloutName, word: ByHand<'_>, turn: &mut Turn) {
        let Some(pause) = self.rollouts.get(rollout).and_then(|active| active.notes.pause()) else { return };
        if pause.by == "auto" {
            let reason = format!("{}; paused before: {}", word.reason, pause.reason);
            self.record(rollout, Event::Paused { by: word.by.to_owned(), reason }, turn);
        } else {
            self.call_off(rollout, false, word.reason, turn);
        }
    }

    fn hold_everywhere(
        &mut self,
        name: &Name,
        group: &Group,
        word: ByHand<'_>,
        turn: &mut Turn,
    ) -> Result<(), Refused> {
        self.check_group(group)?;
        self.keep_forced(name, word, turn);
        for rollout in self.rollouts.live_names() {
            self.hold_forced(&rollout, turn);
        }
        Ok(())
    }

    /// Lets go what was held for `name`, and nothing that somebody held in one rollout.
    fn let_go_everywhere(
        &mut self,
        name: &Name,
        group: &Group,
        word: ByHand<'_>,
        turn: &mut Turn,
    ) -> Result<(), Refused> {
        let Some(forced) = self.forced.get(name) else {
            let rest = self.still_held(group).unwrap_or_else(|| "see: switchyard breaker list".to_owned());
            let why = format!("nobody holds {name} in every rollout; {rest}");
            return Err(Refused::BadRequest { field: "name".into(), why });
        };
        let text = forced_text(forced);
        self.forget_forced(name, turn);
        for rollout in self.rollouts.live_names() {
            let active = &self.rollouts[&rollout];
            let ours = active.notes.holds().any(|(held, word)| held == group && word.reason == text);
            let event = active.rollout.release(group, word.by, word.reason);
            if let Some(event) = event.filter(|_| ours) {
                self.release(&rollout, event, word, turn);
            }
        }
        Ok(())
    }

    /// The rollouts that hold a group by themselves, with the commands that let it go.
    fn still_held(&self, group: &Group) -> Option<String> {
        let holds = |active: &&Active| active.notes.holds().any(|(held, _)| held == group);
        let names = self.rollouts.live().filter(holds).map(|active| &active.rollout.name);
        let resets: Vec<String> = names
            .map(|name| format!("switchyard breaker reset rollout/{name}/group/{group} --reason WHY"))
            .collect();
        (!resets.is_empty()).then(|| format!("still held, let it go with: {}", resets.join("; ")))
    }

    /// The answer to a word on a group in every rollout says what it reaches.
    fn with_reach(&self, report: Report, group: &Group, action: BreakerAction) -> Report {
        let reach = match (action, self.devices_of(group)) {
            (BreakerAction::Trip, 0) => Some(
                "it holds no device now: none of the inventory and of the live rollouts has it; check the value".to_owned(),
            ),
            (BreakerAction::Trip, count) => Some(format!("it holds {count} device(s) now")),
            (BreakerAction::Reset | BreakerAction::ForceClosed, _) => self.still_held(group),
        };
        match reach {
            Some(reach) => Report { reason: format!("{}; {reach}", report.reason), ..report },
            None => report,
        }
    }

    fn stop_all(&mut self, name: &Name, word: ByHand<'_>, turn: &mut Turn) {
        if word.action != BreakerAction::Trip {
            return self.forget_forced(name, turn);
        }
        self.keep_forced(name, word, turn);
        for rollout in self.rollouts.live_names() {
            self.hold_forced(&rollout, turn);
        }
    }

    fn keep_forced(&mut self, name: &Name, word: ByHand<'_>, turn: &mut Turn) {
        let report = Report {
            state: State::ForcedOpen,
            by: word.by.to_owned(),
            reason: word.reason.to_owned(),
            first_opened_at: Some(turn.now),
            opened_times: 1,
            ..Report::closed(name.clone(), None, turn.now)
        };
        turn.put_json("forced", name.to_string(), &Some(&report));
        self.forced.insert(name.clone(), report.clone());
        self.fleet.breakers.insert(name.clone(), report);
        self.breakers_moved(turn);
    }

    fn forget_forced(&mut self, name: &Name, turn: &mut Turn) {
        turn.put_json("forced", name.to_string(), &None::<Report>);
        self.forced.remove(name);
        self.fleet.breakers.remove(name);
        self.breakers_moved(turn);
    }

    /// Puts on a rollout, new or resumed, what operators hold in every one.
    pub(super) fn hold_forced(&mut self, rollout: &RolloutName, turn: &mut Turn) {
        let forced: Vec<Report> = self.forced.values().cloned().collect();
        for report in forced {
            let active = &self.rollouts[rollout];
            let event = match &report.name {
                Name::Group { rollout: None, group } => {
                    let own = active.rollout.hold(group, &report.by, &forced_text(&report));
                    own.or_else(|| self.pause_instead(active, group, &report))
                }
                Name::Global { rollout: None } => {
                    active.rollout.pause(&report.by, &forced_text(&report), "").ok().flatten()
                }
                Name::Group { rollout: Some(_), .. }
                | Name::Global { rollout: Some(_) }
                | Name::Site(_)
                | Name::Device(_)
                | Name::Credential { .. } => None,
            };
            if let Some(event) = event {
                self.record(rollout, event, turn);
            }
        }
    }

    /// A rollout whose devices all have the label, or one that does not watch its key, cannot hold these
    /// devices alone: it pauses.
    fn pause_instead(&self, active: &Active, group: &Group, report: &Report) -> Option<Event> {
        if active.rollout.layout.watched.knows(group) || !self.concerns(active, group) {
            return None;
        }
        let why = format!("{}; these devices cannot be held alone here", forced_text(report));
        active.rollout.pause(&report.by, &why, "").ok().flatten()
    }

    /// Whether a rollout may be resumed: not while everything is held open by hand.
    pub(super) fn check_resume(&self, rollout: &RolloutName) -> Result<(), Refused> {
        self.refuse_while_forced("resume", rollout, &Name::Global { rollout: None })
    }

    fn refuse_while_forced(
        &self,
        what: &'static str,
        rollout: &RolloutName,
        name: &Name,
    ) -> Result<(), Refused> {
        let Some(report) = self.forced.get(name) else { return Ok(()) };
        Err(Refused::HeldByHand { what, rollout: rollout.to_string(), why: forced_text(report) })
    }

    /// Resumes; what operators hold in every rollout stays held.
    pub(super) fn resume(&mut self, rollout: &RolloutName, event: Event, turn: &mut Turn) {
        self.record(rollout, event, turn);
        if self.rollouts[rollout].rollout.state == RolloutState::Running {
            self.hold_forced(rollout, turn);
        }
    }
}

fn forced_text(report: &Report) -> String {
    let Report { name, by, reason, .. } = report;
    format!("{name} is FORCED_OPEN by {by}: {reason}; switchyard breaker reset {name} --reason WHY")
}
