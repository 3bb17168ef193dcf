//! How a watch ended: the last words, the document, the exit code.

use super::show::Show;
use crate::exit::Exit;
use crate::render::{document, plain, summary};
use crate::session::Session;
use crate::view::View;

/// Why the watch is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The rollout ended.
    Over,
    /// A person is needed; what for.
    Blocked(String),
    /// `--timeout` passed.
    TimedOut,
    /// Ctrl-C.
    Detached,
}

impl Ending {
    fn exit(&self, view: &View) -> Exit {
        match self {
            Self::Over => Exit::of_state(view.state),
            Self::Blocked(_) => Exit::Blocked,
            Self::TimedOut => Exit::Timeout,
            Self::Detached => Exit::Interrupted,
        }
    }
}

/// Says the last words and gives the exit code.
pub fn conclude(
    session: &mut Session,
    view: Option<&View>,
    show: &Show,
    ending: &Ending,
    rollout: &str,
) -> Exit {
    let rollout = crate::words::short("rollouts", rollout);
    let Some(view) = view else {
        advise(session, ending, rollout, None);
        return if *ending == Ending::TimedOut { Exit::Timeout } else { Exit::Interrupted };
    };
    let exit = ending.exit(view);
    let now = session.now();
    match show {
        Show::Live(_) => {
            let lines = summary::summary(view, now, (session.around.size)().0, session.color);
            session.say_all(&lines);
        }
        Show::Plain(plain) => plain.last(session, &plain::end(view, exit, now)),
        Show::Jsonl => {}
    }
    advise(session, ending, rollout, Some(view));
    if !session.for_people() {
        session.document(&document::document(view, now));
    }
    exit
}

fn advise(session: &mut Session, ending: &Ending, rollout: &str, view: Option<&View>) {
    let since = view.map(|view| format!(" --since {}", view.sequence)).unwrap_or_default();
    let back = format!("come back: switchyard watch {rollout}{since}");
    match ending {
        Ending::Over => {}
        Ending::Blocked(why) => {
            session.warn(&format!("blocked on: {why}"));
            session.note(&back);
            session.note(&format!("stop it: switchyard rollout abort {rollout} --reason WHY"));
        }
        Ending::TimedOut => {
            session.warn(&format!("--timeout passed; the rollout {rollout} goes on"));
            session.note(&back);
        }
        Ending::Detached => {
            session.warn(&format!("detached; the rollout {rollout} goes on"));
            session.note(&back);
            session.note(&format!("stop it: switchyard rollout abort {rollout} --reason WHY"));
        }
    }
}
