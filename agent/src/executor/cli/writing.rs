//! What changes a device: lines into its configuration, commit, confirm, save, and the way back.

use super::reader::Prompt;
use super::script::{Refusal, Script, beside};
use super::session::CliSession;
use super::shell::{Answer, Broken, Line, TOO_MUCH};
use super::typing::{Typed, lines, one};
use super::way_back::{self, Carries};
use crate::executor::WritePass;
use crate::executor::device::{Restored, Running, WriteEnd, Written};
use crate::executor::wanted::Wanted;
use crate::platform::{Candidate, Configure};
use futures_util::future::BoxFuture;
use switchyard_shared::configuration::Block;
use switchyard_shared::outcome::LeftAs;
use switchyard_shared::procedure::Mode;
use switchyard_shared::time::format_duration;

/// What is done about a line that the device refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Nothing more is typed.
    Ends,
    /// The rest is typed without it.
    IsPassedOver,
}

/// The end of some lines that were not all taken.
enum End {
    /// The device refused one; the session goes on.
    Refused { message: String, busy: bool },
    /// The device left its configuration by itself; the session goes on, and nobody knows what became of it.
    Left(String),
    /// The session is lost.
    Lost(String),
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::NotSaid(message) => Self::Refused { message, busy: false },
            Broken::NoRights(why) => Self::Lost(why),
            Broken::TooMuch => Self::Lost(TOO_MUCH.into()),
            Broken::Lost(why) => Self::Lost(why),
        }
    }
}

impl End {
    /// The end of a write that has left the device as `left_as`, when it is told.
    fn ends(self, left_as: LeftAs) -> WriteEnd {
        match self {
            Self::Refused { message, busy: true } if left_as == LeftAs::Unchanged => WriteEnd::Busy(message),
            Self::Refused { message, .. } => WriteEnd::Rejected { message, left_as },
            Self::Left(message) => WriteEnd::Rejected { message, left_as: LeftAs::Unknown },
            Self::Lost(why) => WriteEnd::Lost(why),
        }
    }
}

pub(super) async fn write(
    session: &mut CliSession,
    pass: &WritePass,
    running: &Running,
    wanted: &Wanted,
) -> Result<Written, WriteEnd> {
    let before = session.blocks(&running.0);
    let steps = session.steps(&before, wanted);
    let configure = &session.platform.clone().configure;
    let whole =
        (wanted.mode == Mode::Replace && !configure.clear.is_empty()).then(|| session.whole(&before, wanted));
    session.note_said(whole.as_ref().unwrap_or(&steps));
    let mut lines = match &whole {
        Some(whole) => lines(whole, &[], &session.platform.dialect),
        None => lines(&steps, &before, &session.platform.dialect),
    };
    if wanted.mode == Mode::Merge {
        // Who asks for a section to go is told when it cannot.
        lines.iter_mut().for_each(|line| line.instead.clear());
    }
    for line in &session.of_place(&configure.checkpoint, running) {
        // A device without room for another checkpoint is put back by its lines.
        say(session, pass, line).await.map_err(|end| not_begun(end.into()))?;
    }
    session.begin_to_type();
    enter(session, pass, configure).await?;
    let cleared = if whole.is_some() { all(session, pass, &configure.clear).await } else { Ok(()) };
    let typed = match cleared {
        Ok(()) => type_all(session, pass, &lines, Refused::Ends).await,
        Err(end) => Err(end),
    };
    if let Err(end) = typed {
        return Err(give_up(session, pass, configure, end).await);
    }
    commit(session, pass, configure, session.names.confirmed).await
}

/// Before the first line of configuration nothing is changed, whatever happens.
fn not_begun(end: End) -> WriteEnd {
    match end {
        End::Lost(why) => WriteEnd::NotSent(why),
        refused @ (End::Refused { .. } | End::Left(_)) => refused.ends(LeftAs::Unchanged),
    }
}

async fn enter(session: &mut CliSession, pass: &WritePass, configure: &Configure) -> Result<(), WriteEnd> {
    for line in &session.discards() {
        say(session, pass, line).await.map_err(|end| not_begun(end.into()))?;
    }
    let mut prompt = Prompt::Ready;
    for line in &configure.enter {
        let answer = say(session, pass, line).await.map_err(|end| not_begun(end.into()))?;
        prompt = answer.prompt;
        match session.refusal(&answer.text) {
            // Whoever is let in is told of locks, too: of its own, or of others who look.
            Some(Refusal::Busy(_)) if prompt == Prompt::Configure => {}
            Some(refusal) => return Err(not_begun(refused(line, refusal))),
            None => {}
        }
    }
    if prompt == Prompt::Configure {
        return Ok(());
    }
    let message = format!("it did not enter its configuration with `{}`", configure.enter.join("`, `"));
    Err(WriteEnd::Rejected { message, left_as: LeftAs::Unchanged })
}

/// Leaves a configuration that was not taken whole.
async fn give_up(session: &mut CliSession, pass: &WritePass, configure: &Configure, end: End) -> WriteEnd {
    if matches!(end, End::Lost(_) | End::Left(_)) {
        return end.ends(LeftAs::Unknown);
    }
    let (leave, left_as) = match &configure.candidate {
        Some(candidate) => (&candidate.abort, LeftAs::Unchanged),
        None => (&configure.leave, LeftAs::Unknown),
    };
    match finish(session, pass, leave).await {
        Ok(()) => end.ends(left_as),
        Err(left) => End::Lost(format!("{}; then {}", end.message(), left.message())).ends(LeftAs::Unknown),
    }
}

/// Says lines that end at the ready prompt, whatever it says to each of them.
async fn finish(session: &mut CliSession, pass: &WritePass, lines: &[String]) -> Result<(), End> {
    let mut prompt = None;
    for line in lines {
        prompt = Some(say(session, pass, line).await?.prompt);
    }
    match prompt {
        None | Some(Prompt::Ready) => Ok(()),
        Some(Prompt::Configure | Prompt::User) => Err(End::Lost("it did not leave its configuration".into())),
    }
}

/// Makes what was typed the running configuration, and leaves.
async fn commit(
    session: &mut CliSession,
    pass: &WritePass,
    configure: &Configure,
    confirmed: bool,
) -> Result<Written, WriteEnd> {
    let Some(candidate) = &configure.candidate else {
        return match finish(session, pass, &configure.leave).await {
            Ok(()) => Ok(Written::ForGood),
            Err(end) => Err(end.ends(LeftAs::Unknown)),
        };
    };
    let awaiting = candidate.confirmed.as_ref().filter(|_| confirmed);
    let words = awaiting.map_or(&candidate.commit, |confirmed| &confirmed.commit);
    let since = pass.now();
    match all(session, pass, words).await {
        Ok(()) if awaiting.is_some() => Ok(Written::UntilConfirmed { since }),
        Ok(()) => Ok(Written::ForGood),
        Err(end) => Err(not_committed(session, pass, candidate, end).await),
    }
}

async fn not_committed(
    session: &mut CliSession,
    pass: &WritePass,
    candidate: &Candidate,
    end: End,
) -> WriteEnd {
    if matches!(end, End::Lost(_)) {
        return end.ends(LeftAs::Unknown);
    }
    match finish(session, pass, &candidate.abort).await {
        // A commit in several words may have done a part of its work: the engine looks.
        Ok(()) => end.ends(LeftAs::Unknown),
        Err(left) => End::Lost(format!("{}; then {}", end.message(), left.message())).ends(LeftAs::Unknown),
    }
}

pub(super) async fn confirm(session: &mut CliSession, pass: &WritePass) -> Result<(), WriteEnd> {
    let platform = session.platform.clone();
    let confirmed = platform.configure.candidate.as_ref().and_then(|candidate| candidate.confirmed.as_ref());
    let Some(confirmed) = confirmed else { return Ok(()) };
    all(session, pass, &confirmed.confirm).await.map_err(|end| end.ends(LeftAs::Unknown))
}

pub(super) async fn cancel(session: &mut CliSession, pass: &WritePass) -> Result<(), WriteEnd> {
    let platform = session.platform.clone();
    let confirmed = platform.configure.candidate.as_ref().and_then(|candidate| candidate.confirmed.as_ref());
    let Some(confirmed) = confirmed else {
        return Err(WriteEnd::NotSent("this platform takes nothing back by itself".into()));
    };
    all(session, pass, &confirmed.cancel).await.map_err(|end| end.ends(LeftAs::Unknown))
}

pub(super) async fn save(session: &mut CliSession, pass: &WritePass) -> Result<(), WriteEnd> {
    let platform = session.platform.clone();
    all(session, pass, &platform.save).await.map_err(|end| end.ends(LeftAs::Changed))
}

impl Carries for CliSession {
    fn script(&self) -> &Script {
        self
    }

    fn reread(&mut self) -> BoxFuture<'_, Result<Running, WriteEnd>> {
        Box::pin(read(self))
    }

    fn roll_back<'a>(
        &'a mut self,
        pass: &'a WritePass,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Option<String>, WriteEnd>> {
        Box::pin(async move {
            match roll_back(self, pass, before).await {
                Ok(()) => Ok(None),
                Err(End::Refused { message, .. }) => Ok(Some(message)),
                Err(end @ (End::Left(_) | End::Lost(_))) => Err(end.ends(LeftAs::Unknown)),
            }
        })
    }

    fn bring_back<'a>(
        &'a mut self,
        pass: &'a WritePass,
        steps: &'a [Block],
        has: &'a [Block],
        whole: bool,
    ) -> BoxFuture<'a, Result<Option<String>, WriteEnd>> {
        Box::pin(async move {
            let lines = lines(steps, if whole { &[] } else { has }, &self.platform.dialect);
            bring_back(self, pass, &lines, whole).await
        })
    }
}

/// Back to `before`, in the time that there is to type.
pub(super) async fn restore(
    session: &mut CliSession,
    pass: &WritePass,
    running: &Running,
    before: &Running,
) -> Result<Restored, WriteEnd> {
    session.begin_to_type();
    way_back::restore(session, pass, running, before).await
}

async fn read(session: &mut CliSession) -> Result<Running, WriteEnd> {
    let answer = session.names.answer;
    match tokio::time::timeout(answer, session.read_running()).await {
        Ok(read) => read.map_err(|failure| WriteEnd::Lost(failure.message)),
        Err(_) => Err(WriteEnd::Lost(format!("it could not be read within {}", format_duration(answer)))),
    }
}

/// Goes back to the place that was kept before the write. A refusal leaves no draft open, in which nothing can be read.
async fn roll_back(session: &mut CliSession, pass: &WritePass, before: &Running) -> Result<(), End> {
    let platform = session.platform.clone();
    let configure = &platform.configure;
    for line in &session.of_place(&configure.rollback, before) {
        let answer = say(session, pass, line).await?;
        let Some(refusal) = session.refusal(&answer.text) else { continue };
        if answer.prompt == Prompt::Configure {
            let candidate = configure.candidate.as_ref();
            let abort = candidate.map_or(&configure.leave, |candidate| &candidate.abort);
            finish(session, pass, abort).await?;
        }
        return Err(refused(line, refusal));
    }
    Ok(())
}

/// One round of the way back, by the lines that differ or, where a candidate can be emptied, by all of them: `whole`.
/// What the device refused of it, if anything.
async fn bring_back(
    session: &mut CliSession,
    pass: &WritePass,
    lines: &[Typed],
    whole: bool,
) -> Result<Option<String>, WriteEnd> {
    let configure = &session.platform.clone().configure;
    enter(session, pass, configure).await?;
    let typed = match whole {
        true => match all(session, pass, &configure.clear).await {
            Ok(()) => type_all(session, pass, lines, Refused::Ends).await,
            Err(end) => Err(end),
        },
        false => type_all(session, pass, lines, Refused::IsPassedOver).await,
    };
    let refused = match typed {
        Ok(refused) => refused,
        Err(end) => return Err(give_up(session, pass, configure, end).await),
    };
    commit(session, pass, configure, false).await?;
    Ok(refused)
}

/// Types `lines` into an open configuration. Gives the first refusal that was passed over.
async fn type_all(
    session: &mut CliSession,
    pass: &WritePass,
    lines: &[Typed],
    on_refusal: Refused,
) -> Result<Option<String>, End> {
    let (mut at, mut passed_over) = (0, None);
    while let Some(typed) = lines.get(at) {
        if session.is_late() {
            let time = format_duration(session.names.typing);
            let message = format!("it had {at} of {} lines when their time was over ({time})", lines.len());
            return Err(End::Refused { message, busy: false });
        }
        at += 1;
        let Err(end) = type_one(session, pass, typed).await else { continue };
        let End::Refused { message, .. } = &end else { return Err(end) };
        if !typed.instead.is_empty() {
            let refused = Box::pin(type_all(session, pass, &typed.instead, on_refusal)).await?;
            passed_over = passed_over.or(refused);
        } else if on_refusal == Refused::IsPassedOver {
            passed_over.get_or_insert_with(|| message.clone());
            at += typed.within;
        } else {
            return Err(end);
        }
    }
    Ok(passed_over)
}

async fn type_one(session: &mut CliSession, pass: &WritePass, typed: &Typed) -> Result<(), End> {
    // What is between its prompts may look like one.
    let is_text = typed.line.contains('\n');
    let answer = session.shell.say(Line::Changes(pass, &typed.line), is_text).await?;
    let said = if is_text { beside(&answer.text, &typed.line) } else { answer.text };
    if let Some(refusal) = session.refusal(&said) {
        return Err(refused(&session.quoted(&typed.line), refusal));
    }
    match answer.prompt {
        Prompt::Configure => Ok(()),
        // What follows would be said outside of the configuration.
        Prompt::Ready => {
            Err(End::Left(format!("`{}` has ended its configuration", session.quoted(&typed.line))))
        }
        Prompt::User => {
            Err(End::Lost(format!("`{}` has ended its right to configure", session.quoted(&typed.line))))
        }
    }
}

/// Says every one of the platform's own `lines`; the first that is refused ends it.
async fn all(session: &mut CliSession, pass: &WritePass, lines: &[String]) -> Result<(), End> {
    for line in lines {
        let answer = say(session, pass, line).await?;
        if let Some(refusal) = session.refusal(&answer.text) {
            return Err(refused(line, refusal));
        }
    }
    Ok(())
}

async fn say(session: &mut CliSession, pass: &WritePass, line: &str) -> Result<Answer, Broken> {
    let line = one(&session.names.fill(line)).line;
    session.shell.say(Line::Changes(pass, &line), false).await
}

fn refused(line: &str, refusal: Refusal) -> End {
    match refusal {
        Refusal::Refused(said) => End::Refused { message: format!("`{line}`: {said}"), busy: false },
        Refusal::Busy(said) => End::Refused { message: said, busy: true },
    }
}

impl End {
    fn message(&self) -> &str {
        match self {
            Self::Refused { message, .. } | Self::Left(message) | Self::Lost(message) => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_in_use_half_way_through_a_change_is_looked_at_and_not_called_untouched() {
        let busy = || End::Refused { message: "locked".into(), busy: true };
        assert_eq!(busy().ends(LeftAs::Unchanged), WriteEnd::Busy("locked".into()));
        let half = WriteEnd::Rejected { message: "locked".into(), left_as: LeftAs::Unknown };
        assert_eq!(busy().ends(LeftAs::Unknown), half);
    }
}
