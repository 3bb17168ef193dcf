//! A device's shell: a line goes out, its answer comes back. Nothing that could change the device goes out without a
//! pass, or in an attempt that only reads.

use super::reader::{Event, Prompt, Reader};
use super::script::shortened;
use super::wire::Wire;
use crate::executor::WritePass;
use crate::executor::ssh::is_too_much;
use crate::platform::Platform;
use crate::secrets::Secret;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::time::format_duration;

/// Pages of one answer, and questions that are answered after one line.
const KEYS_MAX: u32 = 20_000;
/// Longest line that is typed, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 4096;
/// A banner goes on within this time; a device that then still asks for a password before its first prompt waits for one.
const BANNER_WAIT: Duration = Duration::from_secs(3);
/// What is said of an answer without bounds.
pub(super) const TOO_MUCH: &str = "its answer does not end: it is longer than 1 MiB";

/// A line, and by what right it is said.
pub(super) enum Line<'a> {
    /// It only looks, as far as the platform's definition knows.
    Looks(&'a str),
    /// It may change the device.
    Changes(&'a WritePass, &'a str),
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) prompt: Prompt,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The line was not said: it may change the device, or cannot be typed.
    NotSaid(String),
    /// The device wants a password to be configured, and there is none or it was wrong.
    NoRights(String),
    /// Its answer is larger than any that is read.
    TooMuch,
    /// The session is gone, or nobody can say any more where its answers end.
    Lost(String),
}

/// One session's shell.
pub(super) struct Shell {
    wire: Box<dyn Wire>,
    reader: Reader,
    platform: Arc<Platform>,
    /// What the escalation asks for.
    password: Option<Secret>,
    /// Whether the password has been said.
    tried: bool,
    /// Longest wait for the answer to a line that may change the device; no such line is said without it.
    patience: Option<Duration>,
}

impl Shell {
    /// A shell that has just been opened; its first prompt comes with [`Shell::greeting`].
    pub(super) fn new(wire: Box<dyn Wire>, platform: Arc<Platform>, password: Option<Secret>) -> Self {
        let reader = Reader::new(platform.clone());
        Self { wire, reader, platform, password, tried: false, patience: None }
    }

    /// From now on lines that may change the device are said, and no answer to one is waited for longer than `patience`.
    pub(super) fn may_write(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// Waits for the first prompt, whatever stands before it.
    pub(super) async fn greeting(&mut self) -> Result<Answer, Broken> {
        self.answer(true).await
    }

    /// Forgets the password: the escalation is over.
    pub(super) fn forget(&mut self) {
        self.password = None;
    }

    /// Says a line and waits for its whole answer. `certain`: nothing in the answer may pass for its end, which costs
    /// one more exchange, and two where no last line tells that it is whole.
    pub(super) async fn say(&mut self, line: Line<'_>, certain: bool) -> Result<Answer, Broken> {
        let (text, patience) = match (line, self.patience) {
            (Line::Looks(text), _) if self.only_looks(text) => (text.to_owned(), None),
            (Line::Looks(text), _) => {
                let why = format!("`{text}` is not known to only look, so it was not said");
                return Err(Broken::NotSaid(why));
            }
            (Line::Changes(_pass, text), Some(patience)) => {
                (typed(text, self.platform.configure.literal.as_deref())?, Some(patience))
            }
            (Line::Changes(..), None) => return Err(Broken::NotSaid("this attempt only reads".into())),
        };
        self.reader.sent(&text, certain, patience.is_some());
        self.send(text + "\n").await?;
        let Some(patience) = patience else { return self.answer(false).await };
        let answer = tokio::time::timeout(patience, self.answer(true)).await;
        let waited = || format!("no answer to a line within {}", format_duration(patience));
        answer.unwrap_or_else(|_| Err(Broken::Lost(waited())))
    }

    fn only_looks(&self, line: &str) -> bool {
        let platform = &self.platform;
        let escalates = platform.escalation.as_ref().is_some_and(|escalation| escalation.command == line);
        escalates || platform.setup.iter().any(|known| known == line) || platform.looks.allow(line)
    }

    async fn send(&mut self, text: String) -> Result<(), Broken> {
        self.wire.send(text.into_bytes()).await.map_err(Broken::Lost)
    }

    async fn answer(&mut self, may_rename: bool) -> Result<Answer, Broken> {
        for _ in 0..KEYS_MAX {
            let event = self.event().await?;
            match event {
                Event::Prompt(prompt) => return Ok(Answer { text: self.reader.take(), prompt }),
                Event::OtherName(prompt, name) if may_rename => {
                    self.reader.learn(&name);
                    return Ok(Answer { text: self.reader.take(), prompt });
                }
                Event::OtherName(_, name) => {
                    return Err(Broken::Lost(format!("its prompt suddenly says {name:?}: another device?")));
                }
                Event::Doubt => {
                    self.reader.asked_again();
                    self.send("\n".into()).await?;
                }
                Event::Unmarked => {
                    let begins = self.platform.running.mark.unwrap_or_default();
                    let mark = format!("{begins}{:016x}", crate::entropy::seed());
                    self.reader.marked(&mark);
                    self.send(mark + "\n").await?;
                }
                Event::Pager => {
                    self.key(|platform| platform.prompts.pager.as_ref().map(|pager| &pager.answer)).await?
                }
                Event::Question(at) => {
                    self.key(|platform| platform.answers.questions.get(at).map(|question| &question.answer))
                        .await?;
                }
                Event::Password => {
                    let Some(password) = self.password.take() else {
                        let why = match self.tried {
                            true => "it refuses the password of the login for the right to configure",
                            false => "it asks for a password to be configured, and there is none",
                        };
                        return Err(Broken::NoRights(why.into()));
                    };
                    self.tried = true;
                    self.reader.answered();
                    self.send(format!("{}\n", password.reveal())).await?;
                }
            }
        }
        Err(Broken::Lost(format!("it asked for a key {KEYS_MAX} times")))
    }

    async fn key(&mut self, of: impl Fn(&Platform) -> Option<&String>) -> Result<(), Broken> {
        let answer = of(&self.platform).cloned().unwrap_or_default();
        self.reader.answered();
        self.send(answer).await
    }

    async fn event(&mut self) -> Result<Event, Broken> {
        loop {
            let may_ask = self.reader.may_ask_to_log_in();
            let next = self.wire.next();
            let next = match may_ask {
                false => next.await,
                true => match tokio::time::timeout(BANNER_WAIT, next).await {
                    Ok(next) => next,
                    Err(_) => return Ok(Event::Password),
                },
            };
            let bytes = next.map_err(Broken::Lost)?;
            match self.reader.push(&bytes) {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => {}
                Err(_) => return Err(Broken::TooMuch),
            }
        }
    }

    /// What a device that gives no prompt has said against the session, if that is that it has too many.
    pub(super) fn turned_away(&mut self) -> Option<String> {
        let said = self.reader.take();
        let busy = |line: &&str| {
            is_too_much(line) || self.platform.answers.busy.iter().any(|pattern| pattern.is_match(line))
        };
        said.lines().find(busy).map(|line| shortened(&self.platform.redact(line.trim())))
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        self.wire.close().await;
    }
}

/// `line` as it is typed, so that no character of it does anything by itself.
fn typed(line: &str, literal: Option<&str>) -> Result<String, Broken> {
    // Within a text of several lines a question mark asks nothing.
    let (first, text) = line.split_at(line.find('\n').unwrap_or(line.len()));
    let untypable = untypable(first, literal.is_some())
        .or_else(|| text.split('\n').find_map(|line| self::untypable(line, true)));
    if let Some(why) = untypable {
        return Err(Broken::NotSaid(why));
    }
    match literal {
        Some(literal) => Ok(first.replace('?', &format!("{literal}?")) + text),
        None => Ok(line.to_owned()),
    }
}

/// Why `line` cannot be typed, if it cannot.
pub(in crate::executor) fn untypable(line: &str, has_literal: bool) -> Option<String> {
    if line.chars().any(char::is_control) {
        return Some("it holds a control character".into());
    }
    if line.contains(char::REPLACEMENT_CHARACTER) {
        return Some("it holds a character that is not UTF-8".into());
    }
    if line.contains('?') && !has_literal {
        return Some("it holds a question mark, which asks this platform for help".into());
    }
    (line.len() > LINE_BYTES_MAX).then(|| format!("it is longer than {LINE_BYTES_MAX} bytes"))
}
