//! What is said to a device by the definition of its platform, and what its words mean: whoever carries the lines.

use super::shell::untypable;
use super::unshown::Unshown;
use crate::executor::Failure;
use crate::executor::device::{Difference, Job, Running, WriteEnd};
use crate::executor::wanted::{Redactor, Wanted};
use crate::platform::{Platform, Unsaved};
use regex::Regex;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::{
    Block, Index, after, commands, differ_in_order_alone, missing, out_of_order, parse, print, unified, way,
};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Mode;
use switchyard_shared::task::Purpose;
use zeroize::Zeroizing;

/// Lines after a refusal that are quoted with it: many devices give their reasons there, or say who is in the way.
const REASONS_MAX: usize = 3;
/// Lines at the beginning of what a device shows in which it may refuse to.
const REFUSAL_LINES_MAX: usize = 3;
/// Longest quotation of a device, in characters.
const QUOTED_CHARS_MAX: usize = 200;

/// Attempts of one rollout whose drafts are taken away: itself, and those before it.
const DISCARDED_MAX: usize = 3;
/// Longest comment of a commit that is typed, in bytes.
const COMMENT_BYTES_MAX: usize = 120;

/// What stands in a platform's lines for this attempt.
#[derive(Debug, Clone)]
pub(in crate::executor) struct Names {
    /// How messages name the device.
    pub(in crate::executor) device: String,
    /// A short name of the attempt that is undone: itself, or the one that a restoration is about.
    pub(super) id: String,
    /// It, and those of the attempts before it.
    pub(super) ids: Vec<String>,
    pub(super) comment: String,
    pub(super) confirm_timeout: Duration,
    /// Whether it may write at all.
    pub(super) writes: bool,
    /// Longest wait for one answer.
    pub(in crate::executor) answer: Duration,
    /// Longest wait for all lines of one write, or of one way back.
    pub(in crate::executor) typing: Duration,
    pub(super) redactor: Redactor,
    /// Whether a commit is to be confirmed, where the platform can.
    pub(in crate::executor) confirmed: bool,
    /// The template, with names in the place of its secrets.
    pub(super) template: Arc<[u8]>,
    /// What is known of its lines that the device does not show.
    pub(super) unshown: Unshown,
}

impl Names {
    pub(in crate::executor) fn of(job: &Job<'_>) -> Self {
        let (task, commit) = (job.task, &job.procedure.commit);
        let attempt = match &task.purpose {
            Purpose::Restore { attempt, .. } => *attempt,
            Purpose::Apply | Purpose::Settle { .. } | Purpose::Compare => task.op.attempt,
        };
        let id = |attempt| {
            format!("sw{:08x}", crc32c::crc32c(format!("{}@{attempt}", task.op.rollout).as_bytes()))
        };
        let plain = |c: &char| c.is_ascii_alphanumeric() || " ._-:/#,".contains(*c);
        Self {
            device: format!("{} ({}:{})", task.op.device, task.endpoint.hostname, task.endpoint.port),
            id: id(attempt),
            ids: (1..=attempt).rev().take(DISCARDED_MAX).map(id).collect(),
            comment: match commit.comment.is_empty() {
                true => format!("rollout {}", task.op.rollout),
                false => commit.comment.chars().filter(plain).take(COMMENT_BYTES_MAX).collect(),
            },
            confirm_timeout: commit.confirm_timeout,
            writes: task.purpose.writes(),
            answer: task.timeouts.command,
            typing: job.procedure.typing(task.lines()),
            redactor: job.redactor.clone(),
            confirmed: commit.confirmed,
            template: task.configuration.clone(),
            unshown: job.unshown.clone(),
        }
    }

    /// A line of a definition with everything in it.
    pub(in crate::executor) fn fill(&self, line: &str) -> String {
        self.fill_for(&self.id, line)
    }

    /// The same of another attempt or place.
    fn fill_for(&self, id: &str, line: &str) -> String {
        let seconds = self.confirm_timeout.as_secs().max(1);
        let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        line.replace("{id}", id)
            .replace("{comment}", &self.comment)
            .replace("{seconds}", &seconds.to_string())
            .replace("{minutes}", &seconds.div_ceil(60).to_string())
            .replace("{clock}", &clock)
    }
}

/// What an answer says against the line.
pub(in crate::executor) enum Refusal {
    /// The device will not have it.
    Refused(String),
    /// Another session is in the way.
    Busy(String),
}

impl Refusal {
    /// What the device said.
    pub(in crate::executor) fn words(&self) -> &str {
        match self {
            Self::Refused(said) | Self::Busy(said) => said,
        }
    }

    /// What it means of a `line` that only looks.
    pub(in crate::executor) fn of_a_look(&self, line: &str, phase: Phase, device: &str) -> Failure {
        let (class, hint) = match self {
            Self::Refused(_) => {
                (Class::PrecheckFailed, "nothing was written; try it by hand: may this user run it?")
            }
            Self::Busy(_) => (
                Class::Overloaded,
                "nothing was written; wait for the other session, or end it, and try again",
            ),
        };
        Failure::new(class, phase, format!("{device} refuses `{line}`: {}", self.words())).with_hint(hint)
    }
}

/// What carries lines to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::executor) enum Carrier {
    /// They are typed.
    Keyboard,
    /// They are said one by one over an API: a question mark asks nothing, and a text of several lines has no place.
    Api,
}

/// The lines of one attempt.
pub(in crate::executor) struct Script {
    pub(in crate::executor) platform: Arc<Platform>,
    pub(in crate::executor) names: Names,
}

impl Script {
    pub(in crate::executor) fn new(platform: Arc<Platform>, names: Names) -> Self {
        Self { platform, names }
    }

    /// What is to be said of a commit that was asked to be confirmed where the platform has none such.
    pub(in crate::executor) fn remark(&self) -> &'static str {
        let candidate = self.platform.configure.candidate.as_ref();
        let can = candidate.is_some_and(|candidate| candidate.confirmed.is_some());
        match self.names.confirmed && !can {
            true => "this platform takes no commit back by itself, so this one was for good at once",
            false => "",
        }
    }

    pub(in crate::executor) fn blocks(&self, text: &str) -> Vec<Block> {
        parse(text, &self.platform.dialect)
    }

    /// The running configuration in what a device shows of it.
    pub(in crate::executor) fn running(&self, text: String) -> Result<Running, Failure> {
        let (platform, command) = (&self.platform, &self.platform.running.command);
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let is_whole = platform.running.whole.as_ref().is_none_or(|whole| whole.is_match(last));
        if !is_whole || last.is_empty() {
            let message =
                format!("{}: `{command}` did not show the configuration to its end", self.names.device);
            return Err(Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("nothing was written; run the command by hand: may this user see all of it?"));
        }
        let stays = |line: &&str| !platform.running.leave_out.iter().any(|pattern| pattern.is_match(line));
        let kept: String = text.lines().filter(stays).flat_map(|line| [line, "\n"]).collect();
        let text = Zeroizing::new(text);
        let running = Running(Zeroizing::new(print(&self.blocks(&Zeroizing::new(kept)))));
        drop(text);
        Ok(running)
    }

    /// A shown configuration without its texts of several lines: what they hold is no word of the device.
    pub(in crate::executor) fn beside_texts<'t>(&self, shown: &'t str) -> Cow<'t, str> {
        if self.platform.dialect.texts.is_empty() {
            return Cow::Borrowed(shown);
        }
        Cow::Owned(print(&without_texts(self.blocks(shown))))
    }

    /// Whether an answer to the platform's [`Unsaved::command`] shows no difference.
    pub(in crate::executor) fn shows_nothing(&self, unsaved: &Unsaved, answer: &str) -> bool {
        let comments = &self.platform.dialect.comments;
        answer.lines().map(str::trim).all(|line| {
            line.is_empty()
                || comments.iter().any(|comment| line.starts_with(comment.as_str()))
                || unsaved.leave_out.iter().any(|pattern| pattern.is_match(line))
        })
    }

    /// What is to be said to a device that has `running`.
    pub(in crate::executor) fn steps(&self, running: &[Block], wanted: &Wanted) -> Vec<Block> {
        let dialect = &self.platform.dialect;
        let blocks = self.blocks(wanted.reveal());
        let (lacks, shown) = self.parted(running, &blocks);
        let mut steps = match wanted.mode {
            Mode::Merge => missing(running, &blocks, dialect),
            Mode::Replace => way(&self.given_up(running, &blocks), &shown, dialect),
        };
        steps.extend(lacks);
        steps
    }

    /// Everything that a device with `running` shall have after a replacement.
    pub(in crate::executor) fn whole(&self, running: &[Block], wanted: &Wanted) -> Vec<Block> {
        let blocks = self.blocks(wanted.reveal());
        let named = Index::of(&blocks, &self.platform.dialect);
        let kept = running.iter().filter(|block| self.stays(block, &named));
        kept.chain(&blocks).cloned().collect()
    }

    /// `running` without what a replacement leaves alone.
    fn given_up(&self, running: &[Block], wanted: &[Block]) -> Vec<Block> {
        let named = Index::of(wanted, &self.platform.dialect);
        running.iter().filter(|block| !self.stays(block, &named)).cloned().collect()
    }

    fn stays(&self, block: &Block, named: &Index<'_>) -> bool {
        named.find(&block.line).is_none()
            && self.platform.keeps.iter().any(|keeps| keeps.is_match(&block.line))
    }

    /// Whether a device that has `running` has all of a replacement, in another order.
    pub(in crate::executor) fn differs_in_order_alone(&self, running: &Running, wanted: &Wanted) -> bool {
        let (running, blocks) = (self.blocks(&running.0), self.blocks(wanted.reveal()));
        match wanted.mode {
            Mode::Merge => false,
            Mode::Replace => {
                let (given_up, shown) = (self.given_up(&running, &blocks), self.parted(&running, &blocks).1);
                differ_in_order_alone(&given_up, &shown, &self.platform.dialect)
            }
        }
    }

    /// Whether two readings show the same lines, in whatever order where that is no meaning.
    pub(in crate::executor) fn alike(&self, one: &Running, other: &Running) -> bool {
        self.is_alike(one, &self.blocks(&other.0))
    }

    /// The same of a reading and the lines that it should show.
    pub(super) fn is_alike(&self, one: &Running, there: &[Block]) -> bool {
        let here = self.blocks(&one.0);
        here == there || differ_in_order_alone(&here, there, &self.platform.dialect)
    }

    /// The end of a way back to `before` on which all was tried, and after which the device has `now`; `said` is what it
    /// said last, for the end of a sentence.
    pub(in crate::executor) fn not_back(&self, now: &Running, before: &[Block], said: &str) -> WriteEnd {
        let order = match out_of_order(&self.blocks(&now.0), before, &self.platform.dialect) {
            Some(section) => {
                let section = self.quoted(section);
                format!(": `{section}` holds its lines in another order, and that order is meaning")
            }
            None => String::new(),
        };
        let message = format!("it still has another configuration than before the change{order}{said}");
        WriteEnd::Rejected { message, left_as: LeftAs::Unknown }
    }

    /// `lines` that make a place to come back to or go there. It is named after what it holds, too: an older one of the
    /// same attempt's name is another place.
    pub(in crate::executor) fn of_place(&self, lines: &[String], before: &Running) -> Vec<String> {
        let holds = crc32c::crc32c(self.platform.redact(&before.0).as_bytes());
        let id = format!("{}{holds:08x}", self.names.id);
        lines.iter().map(|line| self.names.fill_for(&id, line)).collect()
    }

    /// What takes away the drafts that this attempt, and those before it, may have left.
    pub(in crate::executor) fn discards(&self) -> Vec<String> {
        let lines = &self.platform.configure.discard;
        let ids = self.names.ids.iter();
        ids.flat_map(|id| lines.iter().map(move |line| self.names.fill_for(id, line))).collect()
    }

    /// How a device would differ.
    pub(in crate::executor) fn difference(
        &self,
        running: &Running,
        wanted: &Wanted,
        carrier: Carrier,
    ) -> Result<Difference, Failure> {
        let dialect = &self.platform.dialect;
        let before = self.blocks(&running.0);
        let blocks = self.blocks(wanted.reveal());
        self.must_be_sayable(&before, &blocks, wanted.mode)?;
        let steps = self.steps(&before, wanted);
        if steps.is_empty() {
            return Ok(Difference { text: Default::default() });
        }
        let refused = |message: String, hint: &str| {
            Err(Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(hint))
        };
        if wanted.mode == Mode::Replace && blocks.is_empty() {
            let message = format!("{}: an empty configuration would take everything away", self.names.device);
            return refused(message, "correct the template, or use mode: merge");
        }
        let lines = commands(&steps, &before, dialect);
        for line in &lines {
            if let Some(why) = self.unsayable(line, carrier) {
                let message =
                    format!("{}: a line cannot be typed: {why}: {}", self.names.device, self.quoted(line));
                return refused(message, "correct the template, then plan again");
            }
        }
        let diff = unified(&running.0, &print(&after(&before, &steps, dialect)));
        let diff = match diff.is_empty() {
            // What is said changes nothing that shows: it is shown itself.
            true => lines.iter().flat_map(|line| ["+", line, "\n"]).collect(),
            false => diff,
        };
        Ok(Difference { text: self.platform.redact(&diff).into() })
    }

    /// Why `line` cannot be said, if it cannot.
    fn unsayable(&self, line: &str, carrier: Carrier) -> Option<String> {
        let literal = self.platform.configure.literal.is_some();
        match (carrier, self.platform.dialect.typed(line)) {
            (Carrier::Api, _) if line.contains('\n') => Some("it is a text of several lines".into()),
            (Carrier::Api, _) => untypable(line, true),
            (Carrier::Keyboard, None) => Some("it holds every character that could end it".into()),
            (Carrier::Keyboard, Some(typed)) => {
                typed.split('\n').enumerate().find_map(|(at, line)| untypable(line, literal || at > 0))
            }
        }
    }

    /// What `answer` says against the line it answers.
    pub(in crate::executor) fn refusal(&self, answer: &str) -> Option<Refusal> {
        self.judged(answer.lines(), |pattern, line| pattern.is_match(line))
    }

    /// What `answer` says against a line that only looks: at its beginning, and with the first word of a line. Whatever
    /// else it holds is what was to be shown.
    pub(in crate::executor) fn refusal_to_show(&self, answer: &str) -> Option<Refusal> {
        let shown = answer.lines().filter(|line| !line.trim().is_empty());
        self.judged(shown.take(REFUSAL_LINES_MAX), begins)
    }

    /// The same of a shown configuration: where no last line tells that it is whole, it may be refused half way.
    pub(in crate::executor) fn refusal_to_read(&self, answer: &str) -> Option<Refusal> {
        let answer = self.beside_texts(answer);
        match self.platform.running.whole {
            Some(_) => self.refusal_to_show(&answer),
            None => self.judged(answer.lines(), begins),
        }
    }

    fn judged<'l>(
        &self,
        lines: impl Iterator<Item = &'l str> + Clone,
        is: fn(&Regex, &str) -> bool,
    ) -> Option<Refusal> {
        let answers = &self.platform.answers;
        let any = |patterns: &[Regex], line: &str| patterns.iter().any(|pattern| is(pattern, line));
        let mut lines = lines.filter(|line| !answers.harmless.iter().any(|pattern| pattern.is_match(line)));
        let mut rest = lines.clone();
        if let Some(first) = rest.find(|line| any(&answers.busy, line)) {
            return Some(Refusal::Busy(self.with_reasons(first, rest)));
        }
        let first = lines.find(|line| any(&answers.refused, line))?;
        Some(Refusal::Refused(self.with_reasons(first, lines)))
    }

    /// A line against what was said, and the reasons that follow it.
    fn with_reasons<'l>(&self, first: &'l str, rest: impl Iterator<Item = &'l str>) -> String {
        let reasons = rest.filter(|line| !line.trim().is_empty()).take(REASONS_MAX);
        let said: Vec<String> = std::iter::once(first).chain(reasons).map(|line| self.hidden(line)).collect();
        shortened(&said.join(" "))
    }

    /// A device's line for a message: short and without secrets.
    pub(in crate::executor) fn quoted(&self, line: &str) -> String {
        shortened(&self.hidden(line))
    }

    fn hidden(&self, line: &str) -> String {
        self.platform.redact(&self.names.redactor.redact(line.trim()))
    }
}

fn begins(pattern: &Regex, line: &str) -> bool {
    pattern.find(line).is_some_and(|found| found.start() == 0)
}

fn without_texts(mut blocks: Vec<Block>) -> Vec<Block> {
    blocks.retain(|block| !block.line.contains('\n'));
    for block in &mut blocks {
        block.children = without_texts(std::mem::take(&mut block.children));
    }
    blocks
}

/// What `answer` says beside the lines of `text`, which were typed and are echoed in it.
pub(in crate::executor) fn beside(answer: &str, text: &str) -> String {
    let typed: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let echoes = |line: &str| typed.iter().any(|typed| line.trim_end().ends_with(typed));
    answer.lines().filter(|line| !echoes(line)).flat_map(|line| [line, "\n"]).collect()
}

/// `line` cut to what a message quotes; it holds no secret any more.
pub(in crate::executor) fn shortened(line: &str) -> String {
    match line.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::cli::tests;

    #[test]
    fn a_reading_that_shows_nothing_is_no_configuration() {
        for name in ["cisco_nxos", "juniper_junos", "nokia_srlinux", "cisco_ios"] {
            let script = Script::new(tests::platform(name), tests::names());
            for shown in ["", "\n", "  \r\n"] {
                let failure = script.running(shown.to_owned()).err().map(|failure| failure.class);
                assert_eq!(failure, Some(Class::PrecheckFailed), "{name} {shown:?}");
            }
        }
    }
}
