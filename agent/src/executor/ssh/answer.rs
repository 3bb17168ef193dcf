//! What reading a device means: it has the change, has it not, is neither, or cannot be read.

use super::explain::{first_words, place};
use super::reading::{Heard, Unread};
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::readback::{self, ANSWER_BYTES_MAX};
use switchyard_shared::task::Task;
use switchyard_shared::time::{Timestamp, format_duration};

const NOTHING_WRITTEN: &str =
    "nothing was written; run the command on the device by hand, then correct change.ssh.read";

/// The device has the configuration already: nothing is written.
pub(super) fn unchanged(task: &Task, command: &str, at: Timestamp) -> Outcome {
    let message = format!("{} has it already, says `{}`", place(task), first_words(command));
    Outcome::new(Class::Unchanged, Phase::Verify, LeftAs::Unchanged, &message, at)
}

/// Whether a device has the configuration, by its `answer`; nothing is written.
pub(super) fn compared(task: &Task, answer: &[u8], at: Timestamp) -> Outcome {
    let has_it = readback::says_the_same(answer, &task.configuration);
    let (class, message) = match has_it {
        true => (Class::Unchanged, format!("{} has it already", place(task))),
        false => (Class::Ok, format!("{} would be changed", place(task))),
    };
    let mut outcome = Outcome::new(class, Phase::Read, LeftAs::Unchanged, &message, at);
    outcome.exit_status = Some(0);
    outcome.output_bytes = answer.len() as u64;
    outcome
}

/// What a device in doubt has, by its `answer`; `as_before` is whether it said the same before the doubtful write, where
/// that is known.
pub(super) fn settled(task: &Task, answer: &[u8], as_before: Option<bool>, at: Timestamp) -> Outcome {
    let place = place(task);
    let found = readback::found(answer, &task.configuration, as_before == Some(true));
    let (left_as, message) = match found {
        Found::Applied => (LeftAs::Changed, format!("{place} was read and has the change")),
        Found::NotApplied => {
            (LeftAs::Unchanged, format!("{place} was read and is as it was before the write"))
        }
        Found::Different if as_before.is_none() => (
            LeftAs::Unknown,
            format!("{place} was read and has not the change; what it had before was never read"),
        ),
        Found::Different => (
            LeftAs::Unknown,
            format!("{place} was read and is neither as it was before the write nor as it should be"),
        ),
    };
    let mut outcome = Outcome::new(Class::Ok, Phase::Verify, left_as, &message, at);
    if found == Found::Different {
        outcome =
            outcome.with_hint("look at the device: it may hold a part of the change, or somebody else's");
    }
    outcome.exit_status = Some(0);
    outcome.output_bytes = answer.len() as u64;
    outcome.found = Some(found);
    outcome
}

/// The device gave no answer that could be compared. Nothing was written by this attempt.
pub(super) fn unread(task: &Task, command: &str, why: Unread, heard: &Heard, at: Timestamp) -> Outcome {
    let (place, command) = (place(task), first_words(command));
    let refused = |message: String, hint: &str| {
        Outcome::new(Class::PrecheckFailed, Phase::Verify, LeftAs::Unchanged, &message, at).with_hint(hint)
    };
    let mut exit_status = None;
    let mut outcome = match why {
        Unread::NoCommand => refused(
            format!("{place} refuses to run commands: the request for `{command}` was denied"),
            "nothing was written; allow this user to run change.ssh.read on the device",
        ),
        Unread::Exit(status) => {
            exit_status = Some(status);
            let said = heard.words.first_line();
            let said = said.map_or_else(|| "it printed nothing".into(), |line| first_words(&line));
            refused(format!("exit status {status} of `{command}` on {place}: {said}"), NOTHING_WRITTEN)
        }
        Unread::Signal(name) => {
            refused(format!("{place}: a signal ({name}) ended `{command}`"), NOTHING_WRITTEN)
        }
        Unread::TooLong => refused(
            format!("{place}: `{command}` printed more than {ANSWER_BYTES_MAX} bytes, too many to compare"),
            "nothing was written; let change.ssh.read print only what this change configures",
        ),
        Unread::Silence => {
            let waited = format_duration(task.timeouts.command);
            let message = format!("{place}: `{command}` gave no whole answer within {waited}");
            Outcome::new(Class::Timeout, Phase::Verify, LeftAs::Unchanged, &message, at)
                .with_hint("nothing was written; try the command on the device by hand, or give it more time")
        }
        Unread::Lost(why) => {
            let message = format!("{place}: session lost while `{command}` ran: {why}");
            Outcome::new(Class::Unreachable, Phase::Verify, LeftAs::Unchanged, &message, at)
                .with_hint("nothing was written; check the way to the device and its session limits")
        }
    };
    outcome.exit_status = exit_status;
    outcome.output = heard.words.text();
    outcome.output_bytes = heard.words.total();
    outcome
}
