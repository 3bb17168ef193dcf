//! One session with a played command line: bytes in, what to say out. No socket, no clock.

mod defaults;
mod obey;

use super::vendor::{Meaning, Place, Vendor};
use super::{Call, Cli};
use crate::simulator::device::Device;
use crate::simulator::trick::Trick;
use crate::simulator::{Kind, Mode};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::configuration::Block;

/// Longest line that is heard, in bytes; the rest of a longer one is not.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Lines of a page.
const PAGE_LINES: usize = 3;
/// Ctrl-V: the next character stands for itself.
const LITERAL: u8 = 0x16;
const GREETING: &str = "\nAuthorized use only. Prompts:\nr1#\nops@r1>\nA:r1# \n and others\n\n";
/// Colour, a title, a line that is wiped, a bell.
const ESCAPES: &[u8] = b"\x1b[1;31m\x1b]0;owned\x07\x1b[K\x1b[0m\x07";

/// What is to be said or done, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Out {
    Bytes(Vec<u8>),
    /// The same piece so many times.
    Again(Vec<u8>, usize),
    /// Waits as long as a slow device.
    Rest,
    /// Drops the connection.
    Cut,
    /// Ends the session.
    End,
    /// The change of this number is to be taken back after so long.
    TakeBackAfter(Duration, u64),
}

/// One session.
pub(super) struct Session {
    device: Arc<Device>,
    cli: Arc<Cli>,
    client: SocketAddr,
    number: u64,
    out: VecDeque<Out>,
    line: Vec<u8>,
    literal: bool,
    /// The candidate, or what is being configured at once.
    draft: Option<Vec<Block>>,
    /// What the draft is called, where it is called something.
    name: String,
    path: Vec<String>,
    /// A text of several lines that is not at its end, and what ends it.
    text: Option<(String, String)>,
    configured: usize,
    pages: VecDeque<String>,
    /// The rest of an answer, each piece of which waits until a line is typed.
    withheld: VecDeque<String>,
    /// What was typed meanwhile.
    early: Vec<u8>,
    /// The question waits whether the draft is to be emptied.
    asks: bool,
    spoken: bool,
    /// It has shown its defaults.
    shown_all: bool,
    /// Nothing is said or heard any more.
    silent: bool,
}

impl Session {
    pub(super) fn new(call: &Call, number: u64) -> Self {
        Self {
            device: call.device.clone(),
            cli: call.cli.clone(),
            client: call.client,
            number,
            out: VecDeque::new(),
            line: Vec::new(),
            literal: false,
            draft: None,
            name: String::new(),
            path: Vec::new(),
            text: None,
            configured: 0,
            pages: VecDeque::new(),
            withheld: VecDeque::new(),
            early: Vec::new(),
            asks: false,
            spoken: false,
            shown_all: false,
            silent: false,
        }
    }

    /// What is to be done next.
    pub(super) fn next(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// Everything before the first line.
    pub(super) fn greet(&mut self) {
        if self.has(Trick::SessionLimit) {
            self.say("\n% Too many sessions: the maximum number of sessions has been reached\n");
            return self.out.push_back(Out::End);
        }
        self.say(if self.has(Trick::Banner) { GREETING } else { "\n" });
        self.prompt();
    }

    /// Bytes that were typed.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.silent {
                return;
            }
            if !self.withheld.is_empty() {
                self.hear_early(*byte);
                continue;
            }
            match byte {
                b' ' | b'\n' | b'\r' if !self.pages.is_empty() => self.page(),
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    self.say("\n");
                    self.heard(&String::from_utf8_lossy(&line));
                }
                &LITERAL if self.cli.platform.configure.literal.is_some() => self.literal = true,
                b'?' if self.cli.platform.configure.literal.is_some()
                    && self.text.is_none()
                    && !std::mem::take(&mut self.literal) =>
                {
                    self.say("\n  WORD  there is no help here\n");
                    self.prompt();
                    self.bytes(&self.line.clone());
                }
                8 | 127 => self.rub_out(),
                _ if self.line.len() < LINE_BYTES_MAX => {
                    self.literal = false;
                    self.line.push(*byte);
                    self.bytes(&[*byte]);
                }
                _ => {}
            }
        }
    }

    /// Takes what is typed while an answer pauses, and goes on with it after each line.
    fn hear_early(&mut self, byte: u8) {
        self.early.push(byte);
        if byte == b'\n'
            && let Some(piece) = self.withheld.pop_front()
        {
            self.say(&piece);
            if self.withheld.is_empty() {
                let early = std::mem::take(&mut self.early);
                self.hear(&early);
            }
        }
    }

    fn rub_out(&mut self) {
        if self.line.pop().is_some() {
            self.bytes(b"\x08 \x08");
        }
    }

    fn has(&self, trick: Trick) -> bool {
        self.device.mode() == Mode::Trick(trick)
    }

    fn vendor(&self) -> &'static Vendor {
        self.cli.vendor
    }

    fn heard(&mut self, line: &str) {
        if std::mem::take(&mut self.asks) {
            if line == "yes" {
                self.draft = Some(Vec::new());
            }
            return self.answer("");
        }
        if self.text.is_some() {
            return self.go_on_with_text(line);
        }
        if line.is_empty() || line.starts_with(['!', '#']) {
            return self.answer("");
        }
        self.spoken = true;
        let place = if self.draft.is_some() { Place::Configure } else { Place::Ready };
        match self.vendor().meaning(line, place) {
            Some((Meaning::Show, _)) => self.show(line),
            Some((meaning @ (Meaning::Setup | Meaning::ShowUnsaved | Meaning::ShowAll), _)) => {
                self.obey(meaning, "", line)
            }
            Some((meaning, words)) => {
                self.note(line);
                let word = words.first().copied().unwrap_or_default().to_owned();
                self.obey(meaning, &word, line);
            }
            None if place == Place::Ready && self.cli.platform.looks.allow(line) => {
                // The driver goes by the definition: whether that is right, its maker's words tell.
                if !self.vendor().only_looks(line) {
                    self.note(line);
                }
                let locked = self.has(Trick::LooksLocked);
                self.answer(if locked { self.vendor().locked } else { "Switchyard simulated device\n" });
            }
            None => {
                self.note(line);
                match place {
                    Place::Configure => self.configure(line),
                    Place::Ready => self.answer(self.vendor().refused),
                }
            }
        }
    }

    /// Something was typed that can write.
    fn note(&self, line: &str) {
        crate::simulator::listener::note(&self.device, Kind::Typed, self.client, line);
    }

    fn again(&mut self, piece: String, times: usize) {
        self.out.push_back(Out::Again(piece.replace('\n', "\r\n").into_bytes(), times));
    }

    /// Answers with `text` and the prompt, page by page where it pages.
    fn answer(&mut self, text: &str) {
        if matches!(self.device.mode(), Mode::Slow | Mode::SlowFailure) {
            self.out.push_back(Out::Rest);
        }
        if self.device.mode() == Mode::Garble {
            self.bytes(ESCAPES);
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        if self.has(Trick::Paging) && lines.len() > PAGE_LINES {
            self.pages = lines.chunks(PAGE_LINES).map(<[&str]>::concat).collect();
            return self.page();
        }
        self.say(text);
        self.prompt();
    }

    fn page(&mut self) {
        self.bytes(b"\r            \r");
        let page = self.pages.pop_front().unwrap_or_default();
        self.say(&page);
        match self.pages.is_empty() {
            true => self.prompt(),
            false => self.say(self.vendor().more),
        }
    }

    fn prompt(&mut self) {
        let prompt = self.prompt_text();
        self.say(&prompt);
    }

    fn prompt_text(&self) -> String {
        let vendor = self.vendor();
        let prompt = match (&self.draft, self.path.is_empty()) {
            (None, _) => vendor.ready,
            (Some(_), true) => vendor.configure,
            (Some(_), false) => vendor.section,
        };
        let other = self.has(Trick::OtherPrompt) && self.spoken;
        let name = if other { "another-device" } else { self.device.name.as_str() };
        prompt.replace("{name}", name)
    }

    fn say(&mut self, text: &str) {
        self.bytes(text.replace('\n', "\r\n").as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.out.back_mut() {
            Some(Out::Bytes(last)) => last.extend_from_slice(bytes),
            Some(_) | None => self.out.push_back(Out::Bytes(bytes.to_vec())),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cli.memory.release(self.number);
        if let Some(draft) = self.draft.take() {
            self.cli.memory.leaves(&self.name, draft);
        }
    }
}
