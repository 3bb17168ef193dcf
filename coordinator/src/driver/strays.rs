//! Results that fit no work of this coordinator: they change nothing, and are kept for a person to look at.

use super::effect::Turn;
use super::world::World;
use serde::Serialize;
use switchyard_shared::id::{AgentName, OpId};
use switchyard_shared::outcome::Outcome;
use switchyard_shared::time::Timestamp;

/// What a record of one is called in the store.
const KIND: &str = "stray";
/// Strays of one agent that are kept; the oldest give way.
const KEPT_MAX: u64 = 64;

#[derive(Serialize)]
struct Stray<'a> {
    agent: &'a AgentName,
    sequence: u64,
    op: &'a OpId,
    why: &'a str,
    at: Timestamp,
    outcome: &'a Outcome,
}

impl World {
    /// Keeps a result that fits nothing, in the transaction that acknowledges it.
    pub(super) fn keep_stray(
        &self,
        agent: &AgentName,
        (sequence, op, outcome): (u64, &OpId, &Outcome),
        why: &str,
        turn: &mut Turn,
    ) {
        tracing::warn!(%agent, %op, class = %outcome.class, message = outcome.message, why, "stray result; it changes nothing");
        let stray = Stray { agent, sequence, op, why, at: turn.now, outcome };
        turn.put_json(KIND, format!("{agent} {}", sequence % KEPT_MAX), &stray);
    }
}
