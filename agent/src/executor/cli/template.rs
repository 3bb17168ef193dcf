//! What a template must not say to a platform with lines: told before anything is written.

use super::script::Script;
use super::way_back::ALL_OR_NOTHING;
use crate::executor::Failure;
use crate::executor::device::Running;
use crate::executor::wanted::Wanted;
use crate::platform::Platform;
use switchyard_shared::configuration::{
    Block, Negation, after, contradiction, misplaced, missing, not_compared, spared, torn,
};
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Mode;

/// Fewest letters of a word that a device may understand as the whole word.
const SHORT_WORD_BYTES_MIN: usize = 3;
/// Most lists that a message names.
const NAMED_MAX: usize = 3;
/// First words that run a command of the ready prompt from within the configuration.
const ESCAPES: [&str; 2] = ["do", "run"];

impl Script {
    /// Refuses a template that `running` cannot be given: one of another form, with words that are the agent's own to
    /// say, with lines that contradict each other, or in an order that cannot be had.
    pub(super) fn must_be_sayable(
        &self,
        running: &[Block],
        wanted: &[Block],
        mode: Mode,
    ) -> Result<(), Failure> {
        let (dialect, name) = (&self.platform.dialect, &self.platform.name);
        let braced = |block: &Block| Some((block.line.clone(), dialect.instead_of_braces(&block.line)?));
        if let Some((line, [adds, removes])) = wanted.iter().find_map(braced) {
            let line = self.quoted(&line);
            return Err(self.refuses(
                &format!(
                    "{name} takes lines that begin with `{adds}` or `{removes}`, and the template says {line}"
                ),
                "write the template in that form, as the device's own `| display set` or `info flat` does",
            ));
        }
        if let Some(line) = own_word(wanted, &self.platform) {
            let line = self.quoted(line);
            return Err(self.refuses(
                &format!("the template says `{line}`, which is no configuration of {name}"),
                "leave it out: the agent enters the configuration, commits, leaves and saves by itself",
            ));
        }
        if let Some(line) = find(wanted, &|line| dialect.adds_alone(line)) {
            let why = format!(
                "the template says `{}` without the line that this adds to or removes from, and nobody can tell what the device has then",
                self.quoted(line)
            );
            return Err(self.refuses(&why, "write the whole value, as the device shows it afterwards"));
        }
        if let Some(line) = self.torn(running, wanted, mode) {
            let why = format!(
                "{name} has no way to take `{line}` or what stands beside it out of its list, or to put \
                               something between"
            );
            let hint =
                "give the list another number in the template, and name that one where the list is used";
            return Err(self.refuses(&why, hint));
        }
        match mode {
            Mode::Merge => match contradiction(wanted, dialect) {
                None => Ok(()),
                Some((back, again)) => {
                    let (back, again) = (self.quoted(back), self.quoted(again));
                    let why = format!("the template says {back} and then {again}: a merge cannot do both");
                    let hint = "leave out the line that takes it back, or use mode: replace";
                    Err(self.refuses(&why, hint))
                }
            },
            Mode::Replace => match misplaced(running, wanted, dialect) {
                None => Ok(()),
                Some(line) => {
                    let line = self.quoted(line);
                    let why = format!(
                        "`{line}` holds its lines in another order than the template, and that order is meaning"
                    );
                    let hint = "bring them into order by hand, or give the new order another name in the template: the \
                                agent does not take a section down that is in use";
                    Err(self.refuses(&why, hint))
                }
            },
        }
    }

    /// A line of a list that cannot be changed as is wanted without taking all of it away.
    fn torn(&self, running: &[Block], wanted: &[Block], mode: Mode) -> Option<String> {
        let dialect = &self.platform.dialect;
        if dialect.lists.is_empty() {
            return None;
        }
        let merged = match mode {
            Mode::Merge => after(running, &missing(running, wanted, dialect), dialect),
            Mode::Replace => Vec::new(),
        };
        let then = if mode == Mode::Merge { &merged } else { wanted };
        torn(running, then, dialect).map(|line| self.quoted(line))
    }

    /// The lists of these lines, in words; `None` where there are none.
    pub(super) fn lists_named(&self, lines: &[&str]) -> Option<String> {
        let named: Vec<String> =
            lines.iter().take(NAMED_MAX).map(|line| format!("`{}`", self.quoted(line))).collect();
        let more = match lines.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!named.is_empty()).then(|| format!("the list of {}{more}", named.join(", of ")))
    }

    /// What a person should know before a device with `running` gets what is wanted; goes on after a sentence and may be
    /// empty.
    pub(in crate::executor) fn forewarns(&self, running: &Running, wanted: &Wanted) -> String {
        let dialect = &self.platform.dialect;
        let (before, blocks) = (self.blocks(&running.0), self.blocks(wanted.reveal()));
        let mut words = String::new();
        if !dialect.lists.is_empty() {
            let then = after(&before, &self.steps(&before, wanted), dialect);
            let lists = self.lists_named(&spared(&then, &before, dialect).1);
            words.extend(lists.map(|lists| format!("; no way back puts back {lists}: {ALL_OR_NOTHING}")));
        }
        if let Some(section) = not_compared(&before, &blocks, dialect) {
            let section = self.quoted(section);
            words.push_str(&format!("; the order of `{section}` is the device's own and is not compared"));
        }
        words
    }

    fn refuses(&self, why: &str, hint: &str) -> Failure {
        let message = format!("{}: {why}", self.names.device);
        Failure::new(Class::PrecheckFailed, Phase::Read, message).with_hint(hint)
    }
}

/// The first line with which the agent works the platform itself, also in short.
fn own_word<'b>(wanted: &'b [Block], platform: &Platform) -> Option<&'b str> {
    let configure = &platform.configure;
    let candidate = configure.candidate.iter().flat_map(|candidate| {
        let confirmed = candidate.confirmed.iter();
        let confirmed =
            confirmed.flat_map(|confirmed| [&confirmed.commit, &confirmed.confirm, &confirmed.cancel]);
        [&candidate.commit, &candidate.abort].into_iter().chain(confirmed)
    });
    let lists = [&configure.enter, &configure.leave, &configure.clear, &configure.checkpoint];
    let lists = lists.into_iter().chain([&configure.rollback, &platform.save]).chain(candidate);
    let own: Vec<&str> =
        lists.flatten().chain(&platform.dialect.leave).map(|line| first_word(line)).collect();
    let adds_or_removes = |word: &str| match &platform.dialect.negation {
        Negation::Prefix(_) => false,
        Negation::Swap { adds, removes } => [adds, removes].iter().any(|own| own.trim_end() == word),
    };
    find(wanted, &|line| {
        let (word, alone) = (first_word(line), !line.contains([' ', '\n']));
        let is_short = |own: &&str| word.len() >= SHORT_WORD_BYTES_MIN && own.starts_with(word);
        let is_own = |own: &&str| (*own == word || is_short(own)) && (alone || !adds_or_removes(own));
        own.iter().any(is_own) || ESCAPES.contains(&word)
    })
}

fn first_word(line: &str) -> &str {
    line.split([' ', '\n']).next().unwrap_or_default()
}

fn find<'b>(blocks: &'b [Block], is_it: &impl Fn(&str) -> bool) -> Option<&'b str> {
    blocks.iter().find_map(|block| match is_it(&block.line) {
        true => Some(block.line.as_str()),
        false => find(&block.children, is_it),
    })
}
