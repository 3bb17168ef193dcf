//! Operators' words that carried a request id: the same request again gets the same answer and does nothing.

use super::effect::Turn;
use super::world::World;
use crate::refused::Refused;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use switchyard_proto::convert::link::BreakerAction;
use switchyard_shared::breaker::{Name, Report};
use switchyard_shared::id::{DeviceName, RolloutName};

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
    /// The breaker as it was then, when it was a word on one.
    #[serde(default)]
    report: Option<Report>,
    /// The devices that were settled or read.
    #[serde(default)]
    pub(super) devices: Vec<(RolloutName, DeviceName)>,
}

/// What is remembered of what was said.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub report: Option<Report>,
    pub devices: Vec<(RolloutName, DeviceName)>,
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
        let (request_id, Said { report, devices }) = (request_id.to_owned(), said);
        let answer = Answer { number, request_id, asked, report, devices };
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
        if let Some(report) = self.answers.known(request_id, &asked)?.and_then(|known| known.report.clone()) {
            return Ok(report);
        }
        let report = self.command_breaker(name, action, by, reason, turn)?;
        let said = Said { report: Some(report.clone()), ..Said::default() };
        self.answers.keep(request_id, asked, said, turn);
        Ok(report)
    }
}

fn verb(action: BreakerAction) -> &'static str {
    match action {
        BreakerAction::Trip => "trip",
        BreakerAction::Reset => "reset",
        BreakerAction::ForceClosed => "force-closed",
    }
}
