//! A failure before the first byte that can change the device.

use crate::clock::Clock;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};

/// Why an attempt ended before anything was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it is evidence of.
    pub class: Class,
    /// Where it happened.
    pub phase: Phase,
    /// What happened, on what.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(class: Class, phase: Phase, message: impl Into<String>) -> Self {
        Self { class, phase, message: message.into(), hint: String::new() }
    }

    /// The same with a hint.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The end of an attempt with it: nothing was written.
    pub fn outcome(&self, clock: &dyn Clock) -> Outcome {
        Outcome::new(self.class, self.phase, LeftAs::Unchanged, &self.message, clock.now())
            .with_hint(&self.hint)
    }
}
