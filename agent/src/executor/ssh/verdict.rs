//! What the end of a write is evidence of, in words for an operator.

use super::capture::Capture;
use super::exchange::Ending;
use super::explain::{first_words, place};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::task::Task;
use switchyard_shared::time::{Timestamp, format_duration};

const READ_IT: &str =
    "read the device before anything else: it may hold the old configuration, the new one or a part of it";

/// The outcome of an attempt whose write gate has opened.
pub(super) fn outcome(task: &Task, ending: Ending, capture: &Capture, at: Timestamp) -> Outcome {
    let place = place(task);
    let command = first_words(task.work.write_command());
    let lost = |message: String| {
        Outcome::new(Class::LostAfterWrite, Phase::Write, LeftAs::Unknown, &message, at).with_hint(READ_IT)
    };
    let mut exit_status = None;
    let mut outcome = match ending {
        Ending::NotSent(why) => {
            let message = format!("{place}: session lost before the command was sent: {why}");
            Outcome::new(Class::Unreachable, Phase::Connect, LeftAs::Unchanged, &message, at)
                .with_hint("nothing was written; check why the device drops idle sessions and try again")
        }
        Ending::NoCommand => {
            let message = format!("{place} refuses to run commands: the request for `{command}` was denied");
            Outcome::new(Class::Rejected, Phase::Write, LeftAs::Unchanged, &message, at)
                .with_hint("allow this user to run change.ssh.command on the device, or use another command")
        }
        Ending::Exit { status: 0, whole: true } => {
            exit_status = Some(0);
            let message = format!("`{command}` took the configuration");
            Outcome::new(Class::Ok, Phase::Write, LeftAs::Changed, &message, at)
        }
        Ending::Exit { status, whole } => {
            exit_status = Some(status);
            rejected(&place, &command, status, whole, capture, at)
        }
        Ending::Signal(name) => {
            lost(format!("{place}: a signal ({name}) ended `{command}` before it gave an exit status"))
        }
        Ending::Silence => lost(format!(
            "{place}: `{command}` gave no exit status within {}; the session was cut",
            format_duration(task.timeouts.command)
        )),
        Ending::Lost(why) => lost(format!("{place}: no exit status of `{command}`: {why}")),
    };
    outcome.exit_status = exit_status;
    outcome.output = capture.text();
    outcome.output_bytes = capture.total();
    outcome
}

fn rejected(
    place: &str,
    command: &str,
    status: u32,
    whole: bool,
    capture: &Capture,
    at: Timestamp,
) -> Outcome {
    let said = match capture.first_line() {
        Some(line) => first_words(&line),
        None if capture.total() == 0 => "it printed nothing".into(),
        None => "it printed only blank lines".into(),
    };
    let message = match whole {
        true => format!("exit status {status} of `{command}` on {place}: {said}"),
        false => format!(
            "exit status {status} of `{command}` on {place} before it had read the whole configuration: {said}"
        ),
    };
    let hint = match status {
        126 | 127 => "the device could not run the command: check change.ssh.command",
        _ => "read the device: what a refused change leaves behind depends on the command; then correct it",
    };
    Outcome::new(Class::Rejected, Phase::Write, LeftAs::Unknown, &message, at).with_hint(hint)
}
