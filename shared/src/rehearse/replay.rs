//! A rollout that happened, as a world: its devices do again what they did, under other settings.

use super::figures::{Figures, judge};
use super::ground::Ground;
use super::model::{Failures, Model, Rule};
use super::track::Track;
use super::world::World;
use super::{others, sim};
use crate::outcome::{Class, words};
use std::time::Duration;

words!(
    /// What a recorded rollout knows of a device.
    Seen {
        /// It got the change.
        Good = "GOOD",
        /// The change broke it.
        Broken = "BROKEN",
        /// It did not answer.
        Silent = "SILENT",
        /// Nothing: it was never tried, or its end says nothing about the change. Taken as good.
        Untried = "UNTRIED",
    }
);

impl Seen {
    /// What the class of its last attempt says.
    pub fn of(class: Option<Class>) -> Self {
        match class {
            Some(Class::Ok | Class::Unchanged) => Self::Good,
            Some(
                Class::Rejected | Class::PostcheckFailed | Class::LostAfterWrite | Class::RollbackFailed,
            ) => Self::Broken,
            Some(Class::Unreachable | Class::Timeout) => Self::Silent,
            None
            | Some(
                Class::AuthFailed
                | Class::HostKeyMismatch
                | Class::Overloaded
                | Class::PrecheckFailed
                | Class::Inconclusive
                | Class::CredentialUnavailable
                | Class::AgentError
                | Class::Cancelled
                | Class::NotStarted,
            ) => Self::Untried,
        }
    }
}

/// One device of a recorded rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// What is known of it.
    pub seen: Seen,
    /// How long its last attempt took.
    pub took: Duration,
}

/// The model of a replay: nothing is drawn.
pub fn replayed_model() -> Model {
    Model {
        fleet: None,
        failures: Failures { overall: 0.0, slower: 1.0, causes: Vec::new() },
        latency: Vec::new(),
        handshake: Vec::new(),
        unreachable: 0.0,
        dark: None,
        sensitivity: 1.0,
        rules: Vec::new(),
    }
}

/// Replays `recorded`, one for each device of the inventory that `ground` stands on, in the order with
/// this number of the seed: which device comes when is chance, as in every rollout.
pub fn replay(ground: &Ground, recorded: &[Recorded], seed: u64, number: u64) -> (Figures, Track) {
    let world = World::recorded(ground, recorded);
    let unhindered = others::run(Rule::None, ground, &world);
    let track = sim::run(ground, &world, &ground.ranked(seed, number));
    (judge(&track, ground, &replayed_model(), &world, unhindered.duration), track)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_about_the_change_is_harm() {
        let broken = Class::ALL.iter().filter(|class| Seen::of(Some(**class)) == Seen::Broken);
        assert_eq!(broken.count(), 4);
        assert_eq!(Seen::of(Some(Class::Timeout)), Seen::Silent);
        assert_eq!(Seen::of(None), Seen::Untried);
    }
}
