//! What went wrong, as an operator reads it: error, cause, hint, and the exit code.

mod show;
mod wire;

use crate::exit::Exit;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// An end that is not success, with everything that a person or a script needs to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(Box<Parts>);

/// What a [`Failure`] holds; boxed, so that a result stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// How the program ends.
    pub exit: Exit,
    /// What failed, one line.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// Every problem found, one line each, printed as they are: `file:line:column: path: message`.
    pub problems: Vec<String>,
    /// The gRPC code's name, such as `NOT_FOUND`.
    pub code: &'static str,
    /// The machine-readable reason, such as `PLAN_STALE`.
    pub reason: String,
    /// Who names the reason.
    pub domain: String,
    /// Facts for programs.
    pub metadata: BTreeMap<String, String>,
}

impl Failure {
    /// A failure found on this side of the wire.
    pub fn new(exit: Exit, reason: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            problems: Vec::new(),
            code: code_of(exit),
            reason: reason.to_owned(),
            domain: "switchyard.dev".to_owned(),
            metadata: BTreeMap::new(),
        }))
    }

    /// A command line that asks for something impossible.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "USAGE", message)
    }

    /// The same with a cause.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with problems, one line each.
    pub fn problems(mut self, problems: Vec<String>) -> Self {
        self.problems = problems;
        self
    }
}

impl Deref for Failure {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

fn code_of(exit: Exit) -> &'static str {
    match exit {
        Exit::Ok | Exit::Changes => "OK",
        Exit::Error | Exit::RolloutFailed | Exit::Undone => "UNKNOWN",
        Exit::Auth => "UNAUTHENTICATED",
        Exit::Blocked | Exit::Pending | Exit::NoTargets | Exit::Stale => "FAILED_PRECONDITION",
        Exit::Timeout => "DEADLINE_EXCEEDED",
        Exit::NotFound => "NOT_FOUND",
        Exit::Invalid | Exit::Usage => "INVALID_ARGUMENT",
        Exit::Unavailable => "UNAVAILABLE",
        Exit::Interrupted => "CANCELLED",
    }
}
