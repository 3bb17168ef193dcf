//! `spec.change` for a driver: the transport, the mode and the commit.

use crate::procedure::{COMMENT_BYTES_MAX, CONFIRM_TIMEOUTS, Commit, Mode, Transport};
use crate::yaml::Section;

/// What a spec says of the way its change goes.
pub(super) struct Chosen {
    pub(super) transport: Option<Transport>,
    pub(super) mode: Mode,
    pub(super) commit: Commit,
}

/// Reads the keys of a driver; beside a command they are refused.
pub(super) fn read(section: &mut Section<'_>, is_command: bool) -> Chosen {
    if is_command {
        for key in ["mode", "transport", "commit"] {
            section.refuse(key, "does not go with ssh.command", "leave out ssh to have a driver do the work");
        }
        return Chosen { transport: None, mode: Mode::Merge, commit: Commit::default() };
    }
    let modes = [(Mode::Merge.as_str(), Mode::Merge), (Mode::Replace.as_str(), Mode::Replace)];
    Chosen {
        transport: section.take("transport").and_then(|field| Transport::read(&field)),
        mode: section.take("mode").and_then(|field| field.word(&modes)).unwrap_or(Mode::Merge),
        commit: section.section("commit").map(commit).unwrap_or_default(),
    }
}

fn commit(mut section: Section<'_>) -> Commit {
    let mut commit = Commit::default();
    if let Some(method) = section.take("method") {
        commit.confirmed = method.word(&[("confirmed", true), ("direct", false)]).unwrap_or(true);
    }
    if let Some(field) = section.take("confirm_timeout") {
        if !commit.confirmed {
            field.problem("means nothing with method: direct", "");
        }
        commit.confirm_timeout = field.duration(CONFIRM_TIMEOUTS).unwrap_or(commit.confirm_timeout);
    }
    if let Some(field) = section.take("save") {
        commit.save = field.boolean().unwrap_or(false);
    }
    if let Some(field) = section.take("comment") {
        commit.comment = field.parsed(comment).unwrap_or_default();
    }
    commit
}

fn comment(text: &str) -> Result<String, String> {
    if text.len() > COMMENT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("must be one line of at most {COMMENT_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}
