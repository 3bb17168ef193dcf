//! Operators' words that carried a request id: the same request again gets the same answer and does nothing.

use super::away;
use super::effect::Turn;
use super::message::{Steer, Verb};
use super::world::World;
use crate::refused::Refused;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use switchyard_proto::convert::link::BreakerAction;
use switchyard_shared::breaker::{Name, Report};
use switchyard_shared::id::{AgentName, DeviceName, RolloutName};

/// Answers that are remembered; the oldest give way.
pub(super) const ANSWERS_MAX: u64 = 256;
/// Longest request id, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// What a record of one is called in the store.
pub(super) const KIND: &str = "answer";

/// One word and what was said to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    number: u64,
    request_id: String,
    /// Who asked for what, in one line.
    asked: String,
    /// What was said.
    #[serde(flatten)]
    pub(super) said: Said,
}

/// What is remembered of what was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// The breaker as it was then, when it was a word on one.
    #[serde(default)]
    pub report: Option<Report>,
    /// The devices that were settled, read, given up or are in doubt by it.
    #[serde(default)]
    pub devices: Vec<(RolloutName, DeviceName)>,
    /// The epoch then, of the coordinator or of a site.
    #[serde(default)]
    pub epoch: u64,
    /// The agents that it was about.
    #[serde(default)]
    pub agents: Vec<AgentName>,
    /// How many devices are in doubt by it, where they are not named.
    #[serde(default)]
    pub unknown: usize,
}

/// The latest answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    latest: VecDeque<Answer>,
}

impl Answers {
    /// What the store kept, in any order.
    pub(super) fn kept(stored: BTreeMap<String, Answer>) -> Self {
        let mut latest: Vec<Answer> = stored.into_values().collect();
        latest.sort_by_key(|answer| answer.number);
        Self { latest: latest.into() }
    }

    /// What was said to this request before; refused when the id was used for something else.
    pub(super) fn known(&self, request_id: &str, asked: &str) -> Result<Option<&Answer>, Refused> {
        let bad = |why: String| Refused::BadRequest { field: "request_id".into(), why };
        if request_id.len() > REQUEST_ID_BYTES_MAX {
            return Err(bad(format!("it is longer than {REQUEST_ID_BYTES_MAX} bytes")));
        }
        match self.latest.iter().find(|answer| answer.request_id == request_id) {
            Some(answer) if answer.asked != asked => {
                Err(bad(format!("it was used before, for: {}; take a new one", answer.asked)))
            }
            known => Ok(known),
        }
    }

    /// Remembers one, in the place of the oldest once all places are taken. An empty `request_id` is no
    /// request to remember.
    pub(super) fn keep(&mut self, request_id: &str, asked: String, said: Said, turn: &mut Turn) {
        if request_id.is_empty() {
            return;
        }
        let number = self.latest.back().map_or(0, |last| last.number + 1);
        let answer = Answer { number, request_id: request_id.to_owned(), asked, said };
        turn.put_json(KIND, (number % ANSWERS_MAX).to_string(), &answer);
        self.latest.push_back(answer);
        while self.latest.len() as u64 > ANSWERS_MAX {
            self.latest.pop_front();
        }
    }
}

impl World {
    /// Carries out an operator's word on a breaker once: the same request again, also after a restart,
    /// gets the first answer.
    pub fn command_breaker_once(
        &mut self,
        request_id: &str,
        name: &Name,
        action: BreakerAction,
        by: &str,
        reason: &str,
        turn: &mut Turn,
    ) -> Result<Report, Refused> {
        let asked = format!("{} {name} by {by}: {reason}", verb(action));
        if let Some(report) =
            self.answers.known(request_id, &asked)?.and_then(|known| known.said.report.clone())
        {
            return Ok(report);
        }
        let report = self.command_breaker(name, action, by, reason, turn)?;
        let said = Said { report: Some(report.clone()), ..Said::default() };
        self.answers.keep(request_id, asked, said, turn);
        Ok(report)
    }
}

impl World {
    /// Carries out a person's word to a rollout once: a resume that is heard again does not resume over a new
    /// stop.
    pub fn steer_once(
        &mut self,
        request_id: &str,
        steer: &Steer,
        turn: &mut Turn,
    ) -> Result<RolloutName, Refused> {
        let asked = asked(steer, "");
        if let Some(name) = self.steered_before(request_id, &asked, steer)? {
            return Ok(name);
        }
        let name = self.steer(steer, turn)?;
        self.answers.keep(request_id, asked, Said::default(), turn);
        Ok(name)
    }

    /// The same for an abort that stops waiting; gives what is no longer waited for.
    pub fn abort_by_force_once(
        &mut self,
        request_id: &str,
        steer: &Steer,
        turn: &mut Turn,
    ) -> Result<(RolloutName, Vec<DeviceName>), Refused> {
        let asked = asked(steer, " by force");
        if let Some(name) = self.steered_before(request_id, &asked, steer)? {
            let known = self.answers.known(request_id, &asked)?.map(|known| known.said.devices.clone());
            return Ok((name, known.unwrap_or_default().into_iter().map(|(_, device)| device).collect()));
        }
        let (name, devices) = self.abort_by_force(steer, turn)?;
        let given_up = devices.iter().map(|device| (name.clone(), device.clone())).collect();
        self.answers.keep(request_id, asked, Said { devices: given_up, ..Said::default() }, turn);
        Ok((name, devices))
    }

    fn steered_before(
        &self,
        request_id: &str,
        asked: &str,
        steer: &Steer,
    ) -> Result<Option<RolloutName>, Refused> {
        let known = self.answers.known(request_id, asked)?;
        Ok(known.and_then(|_| RolloutName::new(away::bare(&steer.name)).ok()))
    }
}

fn asked(steer: &Steer, how: &str) -> String {
    let verb = match steer.verb {
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Promote => "promote",
        Verb::Abort => "abort",
    };
    let Steer { name, by, reason, etag, .. } = steer;
    format!("{verb} {}{how} at [{etag}] by {by}: {reason}", away::bare(name))
}

fn verb(action: BreakerAction) -> &'static str {
    match action {
        BreakerAction::Trip => "trip",
        BreakerAction::Reset => "reset",
        BreakerAction::ForceClosed => "force-closed",
    }
}
