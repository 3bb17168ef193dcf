//! What the agent knows of a platform's command line, as data: prompts, words, refusals, the way to commit.

mod decode;
mod file;
mod http;
mod looks;
mod sections;
mod shelf;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use file::{FilePlatform, NEW, PATH};
pub use http::{ALL_LINES, Call, HttpApi, ONE_LINE};
pub use looks::Looks;
pub use shelf::{PLATFORMS_MAX, Platforms, PlatformsError};

use regex::Regex;
use switchyard_shared::configuration::Dialect;

/// Largest definition, in bytes.
pub const DEFINITION_BYTES_MAX: usize = 64 * 1024;
/// Most items of one list in a definition.
pub const ITEMS_MAX: usize = 128;
/// Longest word, line or pattern in a definition, in bytes.
pub const TEXT_BYTES_MAX: usize = 512;
/// Memory that one compiled pattern may take, and as much again while it is used, in bytes.
pub const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// What stands where a secret was.
const HIDDEN: &str = "(secret)";

/// What a definition defines.
#[derive(Debug)]
pub enum Definition {
    /// An interactive command line.
    Typed(Box<Platform>),
    /// One file.
    File(Box<FilePlatform>),
}

/// One platform with an interactive command line.
#[derive(Debug)]
pub struct Platform {
    /// Its name, as an inventory says it.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// The terminal that is asked for.
    pub terminal: String,
    /// What its prompts look like.
    pub prompts: Prompts,
    /// Lines that are said after the login: no paging.
    pub setup: Vec<String>,
    /// How to get from a user's prompt to the one that configures.
    pub escalation: Option<Escalation>,
    /// What only looks.
    pub looks: Looks,
    /// What its answers mean.
    pub answers: Answers,
    /// How the running configuration is read.
    pub running: Reading,
    /// How it writes its configuration.
    pub dialect: Dialect,
    /// Lines of which a replacement leaves alone what it does not name itself.
    pub keeps: Vec<Regex>,
    /// How it is configured.
    pub configure: Configure,
    /// What keeps the running configuration for the next boot; empty where nothing has to.
    pub save: Vec<String>,
    /// How it shows what is not saved; absent where nobody can tell by one command that only looks.
    pub unsaved: Option<Unsaved>,
    /// How its lines are said over HTTP; absent where they cannot.
    pub http: Option<HttpApi>,
    /// Where lines hold a secret: each match of the group `secret`, or of the whole.
    pub secrets: Vec<Regex>,
}

/// Prompts: the whole last line, without a line end. The group `name` is what the device calls itself.
#[derive(Debug)]
pub struct Prompts {
    /// Where reading commands are taken.
    pub ready: Regex,
    /// Where configuration is taken.
    pub configure: Regex,
    /// Where neither is, before [`Escalation`].
    pub user: Option<Regex>,
    /// What the line right above a prompt looks like where configuration is taken, for platforms that have the same
    /// prompt everywhere; [`Prompts::configure`] says nothing then.
    pub configure_above: Option<Regex>,
    /// Lines right above a prompt that belong to it.
    pub above: Vec<Regex>,
    /// The last line while it waits for a key, and the key.
    pub pager: Option<Question>,
}

/// A question and what to answer.
#[derive(Debug)]
pub struct Question {
    /// The whole last line.
    pub asks: Regex,
    /// What is sent, as it stands: no line end is added.
    pub answer: String,
}

/// How to be allowed to configure.
#[derive(Debug)]
pub struct Escalation {
    /// What is said.
    pub command: String,
    /// What it asks for the password with.
    pub asks: Regex,
}

/// What lines of an answer mean.
#[derive(Debug)]
pub struct Answers {
    /// The device refused what was said.
    pub refused: Vec<Regex>,
    /// Another session holds what is needed.
    pub busy: Vec<Regex>,
    /// Looks like a refusal and is none.
    pub harmless: Vec<Regex>,
    /// Questions that are answered while configuring.
    pub questions: Vec<Question>,
}

/// How the running configuration is read.
#[derive(Debug)]
pub struct Reading {
    /// The command.
    pub command: String,
    /// A line that is always there when the answer is whole: the last one. A device without it must show the same twice
    /// before anything is written.
    pub whole: Option<Regex>,
    /// What begins a comment at the ready prompt, for platforms without such a line: after the answer a comment that
    /// nobody can foresee is said, and the prompt that echoes it stands behind the end.
    pub mark: Option<&'static str>,
    /// Lines that change by themselves.
    pub leave_out: Vec<Regex>,
    /// The command that shows the defaults too, for templates that take back what the other one does not show.
    pub all: Option<String>,
    /// Lines that it shows wherever they are in force: where they are not shown, nobody has to ask for the defaults.
    pub shows: Vec<Shown>,
}

/// A line that is shown where it is in force.
#[derive(Debug)]
pub struct Shown {
    /// First words of the sections in which that is so: elsewhere the same line may be a default.
    pub within: String,
    /// The line.
    pub line: String,
}

impl Shown {
    /// Whether it is `line` in `section`.
    pub fn is(&self, section: &str, line: &str) -> bool {
        self.line == line && section.strip_prefix(&*self.within).is_some_and(|rest| rest.starts_with(' '))
    }
}

/// How a device shows in what the running configuration differs from that of the next boot.
#[derive(Debug)]
pub struct Unsaved {
    /// The command.
    pub command: String,
    /// Lines of its answer that tell of no difference, beside empty ones and comments.
    pub leave_out: Vec<Regex>,
}

/// How it is configured. In every line `{id}` is a short name of the attempt, `{comment}` what the spec says of the
/// change, `{seconds}`, `{minutes}` and `{clock}` (hh:mm:ss) how long the device waits for the confirmation.
#[derive(Debug, Default)]
pub struct Configure {
    /// What takes away a draft that an earlier session has left under the name of this one, at the ready prompt. Whatever
    /// it answers: mostly there is none.
    pub discard: Vec<String>,
    /// From the ready prompt into the configuration.
    pub enter: Vec<String>,
    /// Out of it again.
    pub leave: Vec<String>,
    /// How what was typed becomes the running configuration; absent where every line does at once.
    pub candidate: Option<Candidate>,
    /// What empties the candidate before a whole configuration is typed; empty: only the differences are typed.
    pub clear: Vec<String>,
    /// What keeps a place to come back to, before the first line, at the ready prompt.
    pub checkpoint: Vec<String>,
    /// What brings the device back to that place, at the ready prompt.
    pub rollback: Vec<String>,
    /// What stands before a question mark so that it asks nothing; without it lines with one cannot be typed.
    pub literal: Option<String>,
}

/// A candidate configuration. Each list of lines ends at the ready prompt.
#[derive(Debug)]
pub struct Candidate {
    /// Makes it the running one.
    pub commit: Vec<String>,
    /// Throws it away.
    pub abort: Vec<String>,
    /// The same as a commit, and the device takes it back by itself; absent where it cannot.
    pub confirmed: Option<Confirmed>,
}

/// A commit that awaits its confirmation. Confirmation and cancellation come over a session of their own.
#[derive(Debug)]
pub struct Confirmed {
    /// The commit.
    pub commit: Vec<String>,
    /// Makes it last.
    pub confirm: Vec<String>,
    /// Takes it back at once.
    pub cancel: Vec<String>,
}

impl Platform {
    /// `text` without what its lines say in secret.
    pub fn redact(&self, text: &str) -> String {
        hidden(&self.secrets, text)
    }

    /// How it shows what is not saved. The error is what is known of that without a question: `Some(true)` where a commit
    /// is there at the next boot, too.
    pub fn shows_unsaved(&self) -> Result<&Unsaved, Option<bool>> {
        match &self.unsaved {
            _ if self.save.is_empty() => Err(Some(true)),
            None => Err(None),
            Some(unsaved) => Ok(unsaved),
        }
    }
}

/// `text` without what `secrets` find in its lines.
fn hidden(secrets: &[Regex], text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        lines.push(secrets.iter().fold(line.to_owned(), |line, secret| hide(secret, &line)));
    }
    let end = if text.ends_with('\n') { "\n" } else { "" };
    lines.join("\n") + end
}

fn hide(pattern: &Regex, line: &str) -> String {
    let replaced = pattern.replace_all(line, |found: &regex::Captures<'_>| {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        match (found.name("secret"), found.get(0)) {
            (Some(secret), Some(at)) => {
                let (from, to) = (secret.start() - at.start(), secret.end() - at.start());
                format!("{}{HIDDEN}{}", &whole[..from], &whole[to..])
            }
            (None, _) | (_, None) => HIDDEN.to_owned(),
        }
    });
    replaced.into_owned()
}
