//! Results that fit no work of this coordinator: they change nothing, and are kept for a person to look at.

use super::effect::Turn;
use super::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use switchyard_shared::id::{AgentName, OpId};
use switchyard_shared::outcome::Outcome;
use switchyard_shared::time::Timestamp;

/// What a record of one is called in the store.
pub(super) const KIND: &str = "stray";
/// Strays of one agent that are kept; the oldest give way.
const KEPT_MAX: u64 = 64;

/// A result that fitted nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// Whose.
    pub agent: AgentName,
    /// Its number there.
    pub sequence: u64,
    /// Of which attempt, as its agent says.
    pub op: OpId,
    /// Why it fits nothing.
    pub why: String,
    /// When it came.
    pub at: Timestamp,
    /// What it says.
    pub outcome: Outcome,
}

/// Those that are kept, by agent and by their places in the store.
pub(super) type Strays = BTreeMap<AgentName, BTreeMap<u64, Stray>>;

/// What the store kept, in any order.
pub(super) fn kept(stored: BTreeMap<String, Stray>) -> Strays {
    let mut strays = Strays::new();
    for stray in stored.into_values() {
        strays.entry(stray.agent.clone()).or_default().insert(place(stray.sequence), stray);
    }
    strays
}

fn place(sequence: u64) -> u64 {
    sequence % KEPT_MAX
}

impl World {
    /// Keeps a result that fits nothing, in the transaction that acknowledges it.
    pub(super) fn keep_stray(
        &mut self,
        agent: &AgentName,
        (sequence, op, outcome): (u64, &OpId, &Outcome),
        why: &str,
        turn: &mut Turn,
    ) {
        tracing::warn!(%agent, %op, class = %outcome.class, message = outcome.message, why, "stray result; it changes nothing: switchyard agent get {agent}");
        let (op, outcome, why) = (op.clone(), outcome.clone(), why.to_owned());
        let stray = Stray { agent: agent.clone(), sequence, op, why, at: turn.now, outcome };
        turn.put_json(KIND, format!("{agent} {}", place(sequence)), &stray);
        self.strays.entry(agent.clone()).or_default().insert(place(sequence), stray);
    }

    /// The results of an agent that fitted nothing, oldest first.
    pub fn strays_of(&self, agent: &AgentName) -> Vec<&Stray> {
        let mut strays: Vec<&Stray> = self.strays.get(agent).into_iter().flat_map(BTreeMap::values).collect();
        strays.sort_by_key(|stray| (stray.at, stray.sequence));
        strays
    }
}
