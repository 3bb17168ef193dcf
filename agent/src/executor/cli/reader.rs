//! Finds the end of an answer: the prompt that the device has, at the end of its output, and said twice when in doubt.

use super::screen::{Screen, TooMuch};
use crate::platform::Platform;
use std::sync::Arc;

/// Longest prompt or question, in bytes.
const PROMPT_BYTES_MAX: usize = 256;
/// Shortest beginning of its name that a device may shorten it to in a prompt.
const SHORT_NAME_BYTES_MIN: usize = 8;
/// Lines above a prompt that are looked at.
const LINES_ABOVE_MAX: usize = 12;
/// Most of a sent line that is looked for in its echo, in bytes: editors scroll long lines.
const ECHO_BYTES_MAX: usize = 16;

/// What the device waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Commands that read, and the way into the configuration.
    Ready,
    /// Configuration.
    Configure,
    /// A user without rights.
    User,
}

/// What came of some output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A prompt stands at the end: the answer is whole, unless this was said to need certainty.
    Prompt(Prompt),
    /// As before, and it does not bear the device's name.
    OtherName(Prompt, String),
    /// A prompt that may be a part of the output: an empty line must be sent, and the prompt come again.
    Doubt,
    /// The prompt came again, and the output may hold even that: a mark must be said, and a prompt echo it.
    Unmarked,
    /// The pager waits.
    Pager,
    /// The question of this index of the platform waits.
    Question(usize),
    /// It asks for the password of the escalation.
    Password,
}

/// Reads one session's output.
#[derive(Debug)]
pub(super) struct Reader {
    platform: Arc<Platform>,
    screen: Screen,
    /// What the device calls itself; learned from its first prompt.
    name: Option<String>,
    awaits: Awaits,
    /// The last bytes of what was sent, to know its echo.
    echo: String,
    /// What nobody can foresee in the output.
    mark: String,
    configuring: bool,
    /// What was sent asks for the right to configure: nothing else may ask for its password.
    escalates: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// A prompt after an answer; `certain`: twice.
    Answer { certain: bool },
    /// The same prompt again, after an empty line; `certain`: and once more, after a mark.
    Again { certain: bool },
    /// The prompt that echoes the mark, and the one after it.
    Mark,
}

impl Reader {
    /// A session that has said nothing yet: the first prompt must be certain.
    pub(super) fn new(platform: Arc<Platform>) -> Self {
        Self {
            platform,
            screen: Screen::default(),
            name: None,
            awaits: Awaits::Answer { certain: true },
            echo: String::new(),
            mark: String::new(),
            configuring: false,
            escalates: false,
        }
    }

    /// `line` was sent. `certain`: no prompt within the answer shall pass for its end.
    pub(super) fn sent(&mut self, line: &str, certain: bool, configuring: bool) {
        self.screen.clear();
        self.awaits = Awaits::Answer { certain };
        let escalation = self.platform.escalation.as_ref();
        self.escalates = !configuring && escalation.is_some_and(|escalation| escalation.command == line);
        let line = line.lines().next().unwrap_or_default().trim_end();
        let from = line.floor_char_boundary(line.len().saturating_sub(ECHO_BYTES_MAX));
        line[from..].clone_into(&mut self.echo);
        self.configuring = configuring;
    }

    /// The empty line after [`Event::Doubt`] was sent.
    pub(super) fn asked_again(&mut self) {
        self.awaits = match self.awaits {
            Awaits::Answer { certain } | Awaits::Again { certain } => Awaits::Again { certain },
            Awaits::Mark => Awaits::Mark,
        };
    }

    /// `mark` was sent after [`Event::Unmarked`].
    pub(super) fn marked(&mut self, mark: &str) {
        mark.clone_into(&mut self.mark);
        self.awaits = Awaits::Mark;
    }

    /// The pager or a question was answered: what it said is no part of the answer.
    pub(super) fn answered(&mut self) {
        self.screen.drop_unfinished();
    }

    /// From now on the device bears the name of its last prompt.
    pub(super) fn learn(&mut self, name: &str) {
        self.name = Some(name.to_owned());
    }

    /// Some output came.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Option<Event>, TooMuch> {
        self.screen.push(bytes)?;
        Ok(self.look())
    }

    /// The answer without its echo and its prompts; to be asked when the answer is whole.
    pub(super) fn take(&mut self) -> String {
        let text = self.screen.clear();
        let mut lines: Vec<&str> = text.lines().collect();
        if self.awaits == Awaits::Mark
            && let Some(at) = lines.iter().rposition(|line| line.trim_end().ends_with(&self.mark))
        {
            lines.truncate(at);
        }
        self.drop_above(&mut lines);
        if !matches!(self.awaits, Awaits::Answer { .. }) {
            lines.pop();
            self.drop_above(&mut lines);
        }
        let echoes = |line: &&str| !self.echo.is_empty() && line.trim_end().ends_with(&self.echo);
        let skipped = usize::from(lines.first().is_some_and(echoes));
        lines[skipped..].iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
    }

    fn drop_above(&self, lines: &mut Vec<&str>) {
        let belongs = |line: &str| line.is_empty() || self.is_above(line);
        while lines.last().is_some_and(|line| belongs(line.trim_end())) {
            lines.pop();
        }
    }

    /// Whether what came last, before any prompt, may ask for a password: it may be a part of a banner, too.
    pub(super) fn may_ask_to_log_in(&self) -> bool {
        let asks = self.platform.escalation.as_ref().map(|escalation| &escalation.asks);
        let last = self.screen.unfinished(PROMPT_BYTES_MAX).filter(|_| self.name.is_none());
        asks.zip(last).is_some_and(|(asks, last)| asks.is_match(last.trim_end()))
    }

    fn look(&self) -> Option<Event> {
        let last = self.screen.unfinished(PROMPT_BYTES_MAX)?;
        let last = last.trim_end();
        // Before the echo has ended the prompt of the line before it stands there.
        if last.is_empty() || (!self.echo.is_empty() && !self.screen.has_lines()) {
            return None;
        }
        if let Some(escalation) = &self.platform.escalation
            && self.escalates
            && escalation.asks.is_match(last)
        {
            return Some(Event::Password);
        }
        let questions = &self.platform.answers.questions;
        if self.configuring
            && let Some(at) = questions.iter().position(|question| question.asks.is_match(last))
        {
            return Some(Event::Question(at));
        }
        let above = self.lines_above();
        if let Some((prompt, name)) = self.prompt(last, &above) {
            return self.judge(prompt, name, &above);
        }
        let pager = self.platform.prompts.pager.as_ref();
        pager.is_some_and(|pager| pager.asks.is_match(last)).then_some(Event::Pager)
    }

    /// The finished lines that prompts are judged by, the last one first.
    fn lines_above(&self) -> Vec<String> {
        let lines = self.screen.finished().rsplit(|byte| *byte == b'\n').skip(1).take(LINES_ABOVE_MAX);
        let short = lines.take_while(|line| line.len() <= PROMPT_BYTES_MAX);
        short.map(|line| String::from_utf8_lossy(line).trim_end().to_owned()).collect()
    }

    fn judge(&self, prompt: Prompt, name: &str, above: &[String]) -> Option<Event> {
        let known = self.name.as_deref();
        let ours = known.is_some_and(|known| is_name(known, name));
        match self.awaits {
            Awaits::Answer { certain: false } if ours => Some(Event::Prompt(prompt)),
            Awaits::Answer { .. } => Some(Event::Doubt),
            Awaits::Again { .. } if !self.comes_again(prompt, name, above) => None,
            Awaits::Again { certain: true } if ours && self.platform.running.mark.is_some() => {
                Some(Event::Unmarked)
            }
            Awaits::Mark if !self.is_marked(prompt, name, above) => None,
            Awaits::Again { .. } | Awaits::Mark if ours => Some(Event::Prompt(prompt)),
            Awaits::Again { .. } | Awaits::Mark => Some(Event::OtherName(prompt, name.to_owned())),
        }
    }

    /// Whether the prompt at the end stands in the lines above too, with nothing between but what belongs to prompts.
    fn comes_again(&self, prompt: Prompt, name: &str, above: &[String]) -> bool {
        let belongs = |line: &String| line.is_empty() || self.is_above(line);
        let between = above.iter().take_while(|line| belongs(line)).count();
        let before = above.get(between).and_then(|line| self.prompt(line, &above[between + 1..]));
        before == Some((prompt, name))
    }

    /// Whether a prompt in the lines above echoes the mark, right after the one that came again.
    fn is_marked(&self, prompt: Prompt, name: &str, above: &[String]) -> bool {
        let marked = above.iter().position(|line| line.ends_with(&self.mark));
        marked.is_some_and(|at| {
            let echoes = above[at].strip_suffix(&self.mark).unwrap_or_default().trim_end();
            let above = &above[at + 1..];
            self.prompt(echoes, above) == Some((prompt, name)) && self.comes_again(prompt, name, above)
        })
    }

    fn is_above(&self, line: &str) -> bool {
        self.platform.prompts.above.iter().any(|above| above.is_match(line))
    }

    /// What prompt `line` is, below the lines `above`.
    fn prompt<'l>(&self, line: &'l str, above: &[String]) -> Option<(Prompt, &'l str)> {
        let prompts = &self.platform.prompts;
        let matches = |pattern: &regex::Regex| {
            let found = pattern.captures(line)?;
            Some(found.name("name").map_or("", |name| name.as_str()))
        };
        let configure = match &prompts.configure_above {
            None => matches(&prompts.configure),
            Some(mode) => {
                matches(&prompts.configure).filter(|_| above.first().is_some_and(|line| mode.is_match(line)))
            }
        };
        configure
            .map(|name| (Prompt::Configure, name))
            .or_else(|| matches(&prompts.ready).map(|name| (Prompt::Ready, name)))
            .or_else(|| prompts.user.as_ref().and_then(matches).map(|name| (Prompt::User, name)))
    }
}

/// Whether a prompt with `name` is of the device that is `known`: some shorten their names in long prompts.
fn is_name(known: &str, name: &str) -> bool {
    known == name || (name.len() >= SHORT_NAME_BYTES_MIN && known.starts_with(name))
}
