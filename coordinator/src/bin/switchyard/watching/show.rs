//! Where news of a rollout go: a live screen, plain lines, or JSON lines.

use crate::cli::Format;
use crate::json;
use crate::render::{live, plain};
use crate::session::Session;
use crate::view::View;
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_shared::time::{Timestamp, format_duration};

/// How often plain lines say how far it is come while devices end.
const PROGRESS: Duration = Duration::from_secs(10);
/// How often they say it while nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// One way of showing.
pub enum Show {
    /// A screen that is drawn again and again.
    Live(Live),
    /// One line per event.
    Plain(Plain),
    /// One JSON object per event.
    Jsonl,
}

/// The live screen.
pub struct Live {
    dirty: bool,
    shown: Option<Timestamp>,
}

/// The plain lines.
pub struct Plain {
    on_stderr: bool,
    silent: bool,
    started: bool,
    blocked: Option<String>,
    progress_at: Option<Timestamp>,
    progress_done: u32,
}

impl Show {
    /// The way that suits the output.
    pub fn new(session: &mut Session) -> Self {
        match session.format {
            Format::Jsonl => Self::Jsonl,
            Format::Table if session.around.output_is_terminal && !session.globals.quiet => {
                session.draw(live::ENTER);
                Self::Live(Live { dirty: true, shown: None })
            }
            Format::Table | Format::Json | Format::Yaml => Self::Plain(Plain {
                on_stderr: !session.for_people(),
                silent: session.globals.quiet,
                started: false,
                blocked: None,
                progress_at: None,
                progress_done: 0,
            }),
        }
    }

    /// Whether a person sits in front of it.
    pub fn is_on_terminal(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// The whole state came, as a `snapshot` of the stream or because it was asked for.
    pub fn base(&mut self, session: &mut Session, view: &View, snapshot: Option<&v1::Rollout>) {
        match self {
            Self::Live(live) => live.dirty = true,
            Self::Plain(plain) => plain.base(session, view),
            Self::Jsonl => {
                if let Some(rollout) = snapshot {
                    session.say(&json::watch_snapshot(rollout, session.now()).to_string());
                }
            }
        }
    }

    /// An event came and is folded in.
    pub fn event(&mut self, session: &mut Session, view: &View, message: &v1::WatchRolloutResponse) {
        match self {
            Self::Live(live) => live.dirty = true,
            Self::Plain(plain) => plain.event(session, view, message),
            Self::Jsonl => session.say(&json::watch_event(message).to_string()),
        }
    }

    /// The connection broke.
    pub fn lost(&mut self, session: &mut Session, view: &View, cause: &str, attempt: u32, wait: Duration) {
        match self {
            Self::Live(live) => live.dirty = true,
            Self::Plain(plain) => {
                let line = plain::lost(session.now(), cause, attempt, wait, view.sequence);
                plain.line(session, &line);
            }
            Self::Jsonl => session.note(&format!("reconnecting in {}: {cause}", format_duration(wait))),
        }
    }

    /// The connection is back.
    pub fn back(&mut self, session: &mut Session, view: &View) {
        match self {
            Self::Live(live) => live.dirty = true,
            Self::Plain(plain) => {
                let line = plain::back(session.now(), view.sequence);
                plain.line(session, &line);
            }
            Self::Jsonl => session.note("reconnected"),
        }
    }

    /// Time passed.
    pub fn tick(&mut self, session: &mut Session, view: &View) {
        let now = session.now();
        match self {
            Self::Live(live) if live.dirty || live.is_old(now) => {
                let (width, height) = (session.around.size)();
                let lines = live::render(view, width, height, now, session.color);
                session.draw(&live::frame(&lines));
                live.dirty = false;
                live.shown = Some(now);
            }
            Self::Live(_) | Self::Jsonl => {}
            Self::Plain(plain) => plain.progress(session, view, now),
        }
    }

    /// Gives the terminal back.
    pub fn leave(&mut self, session: &mut Session) {
        if matches!(self, Self::Live(_)) {
            session.draw(live::LEAVE);
        }
    }
}

impl Live {
    fn is_old(&self, now: Timestamp) -> bool {
        self.shown.is_none_or(|shown| now.since(shown) >= Duration::from_secs(1))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprint!("{}", live::LEAVE);
        }
    }
}

impl Plain {
    /// The one line that is written even with `--quiet`, unless a document follows.
    pub fn last(&self, session: &mut Session, line: &str) {
        if !self.on_stderr {
            session.say(line);
        } else if !self.silent {
            session.warn(line);
        }
    }

    fn line(&self, session: &mut Session, line: &str) {
        if self.silent {
            return;
        }
        if self.on_stderr {
            session.warn(line);
        } else {
            session.say(line);
        }
    }

    fn base(&mut self, session: &mut Session, view: &View) {
        let now = session.now();
        let line = if self.started { plain::caught_up(view, now) } else { plain::start(view, now) };
        self.started = true;
        self.line(session, &line);
        self.waiting(session, view, now);
    }

    fn event(&mut self, session: &mut Session, view: &View, message: &v1::WatchRolloutResponse) {
        let now = session.now();
        for line in plain::event(view, message, now, session.globals.verbose) {
            self.line(session, &line);
        }
        self.waiting(session, view, now);
    }

    fn waiting(&mut self, session: &mut Session, view: &View, now: Timestamp) {
        let blocked = view.waiting_for();
        let gist = blocked.as_deref().map(plain::without_numbers);
        if gist != self.blocked {
            self.line(session, &plain::blocked(blocked.as_deref(), now));
            self.blocked = gist;
        }
    }

    fn progress(&mut self, session: &mut Session, view: &View, now: Timestamp) {
        let due = self.progress_at.get_or_insert(now);
        let waited = now.since(*due);
        let done = view.counts.done();
        if waited >= SIGN_OF_LIFE || (waited >= PROGRESS && done != self.progress_done) {
            *due = now;
            self.progress_done = done;
            self.line(session, &plain::progress(view, now));
        }
    }
}
