//! What a line does to a played device: its drafts, its commits, what it shows.

use super::{Out, Session, defaults};
use crate::simulator::Mode;
use crate::simulator::cli::memory::Entered;
use crate::simulator::cli::vendor::{Meaning, opened};
use crate::simulator::trick::Trick;
use std::time::Duration;
use switchyard_shared::configuration::{Block, after, print};

/// Lines of configuration after which a device that takes half a change is gone.
const HALF_LINES: usize = 2;
/// Lines of a configuration without bound, and of each piece of it.
const MANY_LINES: usize = 1_000_000;
pub(super) const PIECE_LINES: usize = 8_000;
/// A line that a device takes as the end of its configuration.
const LEAVES: &str = "leaves";
/// A line of IOS by which every session that configures does so alone, and what it says to that one.
const EXCLUSIVE: &str = "configuration mode exclusive auto";
const LOCKED_BY_YOU: &str = "Configuration mode locked exclusively. The lock will be cleared once you exit out of \
    configuration mode using end/exit\n";
/// The first byte of a character of two, at the end of a line.
const HALF_CHARACTER: &[u8] = b"\xc3\r\n";

impl Session {
    pub(super) fn obey(&mut self, meaning: Meaning, word: &str, line: &str) {
        let seconds =
            |unit: u64| word.parse::<u64>().ok().map(|count| Duration::from_secs(count.saturating_mul(unit)));
        match meaning {
            Meaning::Show | Meaning::Setup => self.answer(""),
            Meaning::ShowAll => self.show_all(),
            Meaning::Save => {
                self.cli.memory.save();
                self.answer("");
            }
            Meaning::ShowUnsaved => self.show_unsaved(),
            Meaning::Enter => self.enter(word),
            Meaning::Leave => self.leave(),
            Meaning::Abort => {
                self.cli.memory.discard(&self.name);
                self.leave();
            }
            Meaning::Discard if self.cli.memory.discard(word) => self.answer(""),
            Meaning::Discard => self.answer(&format!("% Cannot delete non-existent session {word}\n")),
            Meaning::Up if self.path.pop().is_some() => self.answer(""),
            Meaning::Up => self.leave(),
            Meaning::Commit => self.commit(line, None),
            Meaning::CommitForClock => self.commit_for(line, clock(word)),
            Meaning::CommitForMinutes => self.commit_for(line, seconds(60)),
            Meaning::CommitForSeconds => self.commit_for(line, seconds(1)),
            Meaning::Confirm if self.has(Trick::DropBeforeConfirm) => self.out.push_back(Out::Cut),
            Meaning::Confirm if self.cli.memory.confirm(word) => self.answer(""),
            Meaning::Cancel => match self.cli.memory.cancel(word) {
                Some(running) => {
                    self.device.puts(self.client, line, running.as_bytes());
                    self.answer("");
                }
                None => self.answer(self.vendor().refused),
            },
            Meaning::Clear => self.draft(Some(Vec::new())),
            Meaning::ClearAsking => {
                self.asks = true;
                self.say("This will delete the entire configuration\n");
                self.say("Delete everything under this level? [yes,no] (no) ");
            }
            Meaning::LoadRunning => self.draft(Some(self.cli.memory.running())),
            Meaning::LoadBefore => self.draft(self.cli.memory.before()),
            Meaning::LoadCheckpoint => self.draft(self.cli.memory.kept(word)),
            Meaning::Checkpoint => {
                self.cli.memory.keep(word);
                self.answer("");
            }
            Meaning::Rollback => match self.cli.memory.kept(word) {
                Some(kept) => {
                    self.put(kept, line);
                    self.answer("");
                }
                None => self.answer(self.vendor().refused),
            },
            Meaning::Confirm => self.answer(self.vendor().refused),
            Meaning::Goodbye => self.out.push_back(Out::End),
        }
    }

    fn show_unsaved(&mut self) {
        let [head, same] = self.vendor().unsaved;
        let [startup, running] = self.cli.memory.startup_and_running();
        let only_in = |one: &str, other: &str, sign: &str| -> String {
            let of_its_own = one.lines().filter(|line| !other.lines().any(|there| there == *line));
            of_its_own.flat_map(|line| [sign, line, "\n"]).collect()
        };
        let lines = only_in(&startup, &running, "-") + &only_in(&running, &startup, "+");
        self.answer(&format!("{head}{}", if lines.is_empty() { same } else { &lines }));
    }

    fn enter(&mut self, name: &str) {
        let locks = self.locks_itself();
        let alone = self.vendor().exclusive || locks;
        if self.has(Trick::Locked) || (alone && !self.cli.memory.hold(self.number)) {
            return self.answer(self.vendor().locked);
        }
        self.draft = match name {
            "" => Some(self.cli.memory.running()),
            name => match self.cli.memory.enter(name) {
                Entered::Draft(draft) => Some(draft),
                Entered::Completed => {
                    return self.answer(&format!("% Cannot enter session {name} (already completed)\n"));
                }
                Entered::NoRoom => return self.answer(self.vendor().locked),
            },
        };
        name.clone_into(&mut self.name);
        self.path.clear();
        self.answer(if locks { LOCKED_BY_YOU } else { "" });
    }

    fn locks_itself(&self) -> bool {
        let locks = |block: &Block| block.line == EXCLUSIVE;
        self.vendor().platform == "cisco_ios" && self.cli.memory.running().iter().any(locks)
    }

    fn draft(&mut self, draft: Option<Vec<Block>>) {
        match draft {
            Some(draft) => {
                self.draft = Some(draft);
                self.answer("");
            }
            None => self.answer(self.vendor().refused),
        }
    }

    fn has_candidate(&self) -> bool {
        self.cli.platform.configure.candidate.is_some()
    }

    /// Leaves the configuration: what was not committed is gone, unless it has a name.
    fn leave(&mut self) {
        if let Some(draft) = self.forget_draft() {
            self.cli.memory.leaves(&self.name, draft);
        }
        if self.has_candidate() || self.configured == 0 {
            return self.answer("");
        }
        self.after_the_change();
    }

    fn forget_draft(&mut self) -> Option<Vec<Block>> {
        self.cli.memory.release(self.number);
        self.path.clear();
        self.draft.take()
    }

    /// What is said once the whole change is in force.
    fn after_the_change(&mut self) {
        if self.device.mode() == Mode::DropAfterWrite {
            return self.out.push_back(Out::Cut);
        }
        if self.device.mode() == Mode::StallAfterWrite {
            self.silent = true;
            return;
        }
        self.answer("");
    }

    fn commit_for(&mut self, line: &str, patience: Option<Duration>) {
        match patience {
            Some(patience) => self.commit(line, Some(patience)),
            None => self.answer(self.vendor().refused),
        }
    }

    fn commit(&mut self, line: &str, patience: Option<Duration>) {
        if self.refuses_all() {
            return self.answer(self.vendor().not_committed);
        }
        if self.has(Trick::DropBeforeConfirm) && self.cli.memory.awaits() {
            return self.out.push_back(Out::Cut);
        }
        let Some(draft) = self.forget_draft() else { return self.answer(self.vendor().refused) };
        match patience {
            None => {
                self.put(draft, line);
                if !self.name.is_empty() {
                    self.cli.memory.completes(&self.name);
                }
            }
            Some(patience) => {
                let text = print(&draft);
                let number = self.cli.memory.put_until_confirmed(draft, &self.name);
                self.device.puts(self.client, line, text.as_bytes());
                self.out.push_back(Out::TakeBackAfter(patience, number));
            }
        }
        self.after_the_change();
    }

    /// Puts a configuration in force; that a commit only confirms what runs already is no change.
    fn put(&self, running: Vec<Block>, line: &str) {
        let text = (running != self.cli.memory.running()).then(|| print(&running));
        self.cli.memory.put(running);
        if let Some(text) = text {
            self.device.puts(self.client, line, text.as_bytes());
        }
    }

    fn refuses_all(&self) -> bool {
        matches!(self.device.mode(), Mode::Reject | Mode::SlowFailure)
    }

    /// A banner: up to the line `EOF` at Arista, at Cisco up to the character after its kind, which is shown as `^C`.
    fn begin_text(&mut self, line: &str) {
        let (head, end) = match self.vendor().platform {
            "arista_eos" => (line, "EOF"),
            _ => line.rsplit_once(' ').unwrap_or((line, "")),
        };
        let shown = if end == "EOF" { format!("{head} ") } else { format!("{head} ^C") };
        self.text = Some((shown, end.to_owned()));
        self.say(&format!("Enter TEXT message. Type '{end}' to end.\n"));
    }

    pub(super) fn go_on_with_text(&mut self, line: &str) {
        self.note(line);
        let Some((mut text, end)) = self.text.take() else { return };
        text.push('\n');
        match (line.strip_suffix(end.as_str()), end.as_str()) {
            (Some(last), "EOF") => text.push_str(&format!("{last}EOF")),
            (Some(last), _) => text.push_str(&format!("{last}^C")),
            (None, _) => {
                text.push_str(line);
                self.text = Some((text, end));
                return;
            }
        }
        self.configure(&text);
    }

    pub(super) fn configure(&mut self, line: &str) {
        if line.starts_with("banner ") && !line.contains('\n') {
            return self.begin_text(line);
        }
        let dialect = &self.cli.platform.dialect;
        let flat = ["set ", "delete "].iter().any(|word| line.starts_with(word));
        let direct = !self.has_candidate();
        if line.contains("nonsense") || flat == dialect.indented || (direct && self.refuses_all()) {
            return self.answer(self.vendor().refused);
        }
        if line == LEAVES {
            return self.leave();
        }
        if self.device.mode() == Mode::Stall {
            self.silent = true;
            return;
        }
        self.configured += 1;
        let step = self
            .path
            .iter()
            .rev()
            .fold(Block::line(line), |inner, section| Block { line: section.clone(), children: vec![inner] });
        let opens = if dialect.indented { opened(&self.path, line) } else { None };
        let step = match &opens {
            Some(path) => path.iter().rev().fold(None, |inner: Option<Block>, section| {
                Some(Block { line: section.clone(), children: inner.into_iter().collect() })
            }),
            None => Some(step),
        };
        let draft = self.draft.take().unwrap_or_default();
        let draft = defaults::hidden(after(&draft, step.as_slice(), dialect), self.vendor().defaults);
        if direct {
            self.put(draft.clone(), line);
        }
        self.draft = Some(draft);
        self.path = opens.unwrap_or(std::mem::take(&mut self.path));
        if self.device.mode() == Mode::Half && self.configured >= HALF_LINES {
            return self.out.push_back(Out::Cut);
        }
        self.answer("");
    }

    pub(super) fn show(&mut self, line: &str) {
        if let Err(error) = self.device.show(self.client, line) {
            tracing::error!(device = self.device.name, %error, "a simulated device failed to write its ledger");
        }
        let platform = &self.cli.platform;
        let comment = platform.dialect.comments.first().cloned().unwrap_or_default();
        let end = if platform.running.whole.is_some() { "end\n" } else { "" };
        let running = print(&self.cli.memory.running());
        let whole = format!("{comment} simulated\n{running}{end}");
        let mode = self.device.mode();
        if mode == Mode::Garble {
            self.bytes(HALF_CHARACTER);
        }
        let half = whole[..whole.floor_char_boundary(whole.len() / 2)].to_owned();
        if mode == Mode::NoRead {
            return self.answer(self.vendor().refused);
        }
        if mode == Mode::StuckRead {
            self.say(&half);
            self.silent = true;
            return;
        }
        if mode == Mode::HalfRead {
            self.say(&half);
            return self.out.push_back(Out::Cut);
        }
        if mode == Mode::Flood {
            return self.again("x".repeat(PIECE_LINES), usize::MAX);
        }
        let is_second = self.cli.memory.is_read().is_multiple_of(2);
        if self.has(Trick::Partial) || (self.has(Trick::HalfReading) && is_second) {
            return self.answer(&half[..half.rfind('\n').map_or(0, |end| end + 1)]);
        }
        if self.has(Trick::ManyLines) {
            self.again("!\n".repeat(PIECE_LINES), MANY_LINES / PIECE_LINES);
        }
        if self.has(Trick::ForgedPrompt) {
            self.say(&format!("{comment} simulated\n"));
            self.prompt();
            self.out.push_back(Out::Rest);
            return self.answer(&format!("\n{running}{end}"));
        }
        if self.has(Trick::ForgedPrompts) {
            self.say(&format!("{comment} simulated\n"));
            self.prompt();
            let prompt = self.prompt_text();
            self.withheld = [format!("\n{prompt}"), format!("\n{running}{end}{prompt}")].into();
            return;
        }
        self.answer(&whole);
    }
}

/// `hh:mm:ss`.
fn clock(word: &str) -> Option<Duration> {
    let parts: Vec<u64> = word.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    match parts[..] {
        [hours, minutes, seconds] => Some(Duration::from_secs(
            hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60)).saturating_add(seconds),
        )),
        _ => None,
    }
}
