//! A document that the operator names, positional or by `-f`; `-` is standard input.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::session::Session;
use std::path::PathBuf;
use switchyard_shared::yaml::{self, Problem};

/// The file, however it was named.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// The file; - reads standard input
    #[arg(value_name = "FILE", required_unless_present = "file", conflicts_with = "file")]
    path: Option<String>,
    /// The file, too
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,
}

impl FileArgs {
    /// The file that `-f` names.
    pub fn named(file: String) -> Self {
        Self { path: None, file: Some(file) }
    }

    /// As it was typed.
    pub fn name(&self) -> &str {
        self.path.as_deref().or(self.file.as_deref()).unwrap_or("-")
    }

    /// How problems name it.
    pub fn source(&self) -> &str {
        if self.is_stdin() { "<stdin>" } else { self.name() }
    }

    /// The folder that paths within it are relative to.
    pub fn folder(&self, session: &Session) -> PathBuf {
        let cwd = session.around.cwd.clone();
        if self.is_stdin() {
            return cwd;
        }
        cwd.join(self.name()).parent().map_or(cwd, PathBuf::from)
    }

    fn is_stdin(&self) -> bool {
        self.name() == "-"
    }

    /// Its text, at most `bytes_max` bytes of UTF-8; `what` names the kind of document.
    pub fn read(&self, session: &mut Session, what: &Kind, bytes_max: usize) -> Result<String, Failure> {
        let bytes = if self.is_stdin() {
            files::bounded(&mut session.around.input, bytes_max)
        } else {
            files::read(&session.around.cwd.join(self.name()), bytes_max)
        };
        let bytes = bytes.map_err(|error| {
            what.invalid(format!("the {} {} cannot be read", what.noun, self.source()))
                .because(error.to_string())
        })?;
        match yaml::text(&bytes, self.source(), bytes_max) {
            Ok(text) => Ok(text.to_owned()),
            Err(problems) => Err(what.problems(&problems)),
        }
    }
}

/// A kind of document.
pub struct Kind {
    /// What it is called.
    pub noun: &'static str,
    /// The reason of a failure that it is invalid.
    pub reason: &'static str,
    /// The `kind` of the documents that it is most easily mistaken for.
    pub other_kind: &'static str,
    /// What to do with such a document.
    pub other_hint: &'static str,
}

/// A rollout spec.
pub const SPEC: Kind = Kind {
    noun: "spec",
    reason: "SPEC_INVALID",
    other_kind: "Inventory",
    other_hint: "this is an inventory; import it: switchyard inventory import FILE",
};
/// An inventory.
pub const INVENTORY: Kind = Kind {
    noun: "inventory",
    reason: "INVENTORY_INVALID",
    other_kind: "Rollout",
    other_hint: "this is a rollout spec; plan it: switchyard plan -f SPEC",
};

/// Host keys that were accepted.
pub const HOST_KEYS: Kind = Kind {
    noun: "list of host keys",
    reason: "HOST_KEYS_INVALID",
    other_kind: "Inventory",
    other_hint: "this is an inventory; it goes without --host-keys",
};

impl Kind {
    /// It is invalid.
    pub fn invalid(&self, message: String) -> Failure {
        Failure::new(Exit::Invalid, self.reason, message)
    }

    /// It is invalid, with everything that is wrong with it.
    pub fn problems(&self, problems: &[Problem]) -> Failure {
        let count = crate::text::counted(problems.len() as u64, "problem");
        let failure = self
            .invalid(format!("the {} has {count}", self.noun))
            .problems(problems.iter().map(ToString::to_string).collect());
        let other = format!("not \"{}\"", self.other_kind);
        if problems.iter().any(|problem| problem.path == "kind" && problem.message.contains(&other)) {
            failure.hint(self.other_hint)
        } else {
            failure
        }
    }
}
