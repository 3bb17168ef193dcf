//! Operators' words that carried a request id: the same request again gets the same answer and does nothing.

use super::effect::Turn;
use super::world::World;
use crate::refused::Refused;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use switchyard_proto::convert::link::BreakerAction;
use switchyard_shared::breaker::{Name, Report};

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
    report: Report,
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

    fn find(&self, request_id: &str) -> Option<&Answer> {
        self.latest.iter().find(|answer| answer.request_id == request_id)
    }

    /// Remembers one, in the place of the oldest once all places are taken.
    fn keep(&mut self, request_id: &str, asked: String, report: &Report, turn: &mut Turn) {
        let number = self.latest.back().map_or(0, |last| last.number + 1);
        let (request_id, report) = (request_id.to_owned(), report.clone());
        let answer = Answer { number, request_id, asked, report };
        turn.put_json(KIND, (number % ANSWERS_MAX).to_string(), &answer);
        self.latest.push_back(answer);
        while self.latest.len() as u64 > ANSWERS_MAX {
            self.latest.pop_front();
        }
    }
}

impl World {
    /// Carries out an operator's word on a breaker once: the same request again, also after a restart,
    /// gets the first answer. An empty `request_id` is no request to remember.
    pub fn command_breaker_once(
        &mut self,
        request_id: &str,
        name: &Name,
        action: BreakerAction,
        by: &str,
        reason: &str,
        turn: &mut Turn,
    ) -> Result<Report, Refused> {
        let bad = |why: String| Refused::BadRequest { field: "request_id".into(), why };
        if request_id.len() > REQUEST_ID_BYTES_MAX {
            return Err(bad(format!("it is longer than {REQUEST_ID_BYTES_MAX} bytes")));
        }
        let asked = format!("{} {name} by {by}: {reason}", verb(action));
        if let Some(known) = self.answers.find(request_id) {
            return if known.asked == asked {
                Ok(known.report.clone())
            } else {
                Err(bad(format!("it was used before, for: {}; take a new one", known.asked)))
            };
        }
        let report = self.command_breaker(name, action, by, reason, turn)?;
        if !request_id.is_empty() {
            self.answers.keep(request_id, asked, &report, turn);
        }
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
