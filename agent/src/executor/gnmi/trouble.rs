//! What a call without a good answer means before a write, and after one (gNMI specification §3.3.4 and §3.4.7).

use super::dial::SessionOver;
use super::wire::ANSWER_BYTES_MAX;
use crate::executor::Failure;
use crate::executor::device::WriteEnd;
use crate::executor::wanted::Redactor;
use std::error::Error;
use std::time::Duration;
use switchyard_proto::{code_name, gnmi};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::time::format_duration;
use tonic::{Code, Status};

/// What our side says of an answer that is larger than it may be.
const TOO_LARGE: &str = "decoded message length too large";
/// Longest part of a device's own words in a message, in characters.
const SAID_CHARS_MAX: usize = 300;

/// A call that has no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it is.
    pub code: Code,
    /// What the device said, in one line without secrets.
    pub said: String,
    /// The connection was gone before the call, so that nothing of it was sent.
    is_over: bool,
    /// The device itself said so, and not the connection to it.
    is_said: bool,
    /// It answered that the Set went well, and of a part of it that it did not.
    pub was_accepted: bool,
}

impl Refusal {
    /// What `status` is, without what `redactor` hides.
    pub fn of(status: &Status, redactor: &Redactor) -> Self {
        let is_said = status.source().is_none();
        let (code, said, is_over) = (status.code(), said(status, redactor), is_over(status));
        Self { code, said, is_over, is_said, was_accepted: false }
    }

    /// What `error` within the answer of a call says; its status was good.
    pub fn within(error: &gnmi::Error, redactor: &Redactor) -> Option<Self> {
        let code = i32::try_from(error.code).map_or(Code::Unknown, Code::from);
        (code != Code::Ok).then(|| Self::of(&Status::new(code, error.message.clone()), redactor))
    }

    /// The same of a Set at `place`: something of it may be there.
    pub fn accepted(self, place: &str) -> Self {
        let said = format!("it answers that the Set went well, and of {place}: {}", self.said);
        Self { code: Code::Aborted, said, was_accepted: true, ..self }
    }

    /// No answer came within `patience`.
    pub fn silent(patience: Duration) -> Self {
        let said = format!("no answer within {}", format_duration(patience));
        Self { code: Code::DeadlineExceeded, said, is_over: false, is_said: false, was_accepted: false }
    }

    /// Nothing was sent, because of `why`.
    pub fn not_sent(why: &str) -> Self {
        Self {
            code: Code::Cancelled,
            said: why.to_owned(),
            is_over: true,
            is_said: false,
            was_accepted: false,
        }
    }

    /// Whether the device itself said it, and not the connection to it.
    pub fn is_of_the_device(&self) -> bool {
        self.is_said
    }
}

/// `refusal` in an attempt that has written nothing; `place` names the device.
pub fn failure(refusal: &Refusal, phase: Phase, place: &str) -> Failure {
    let said = &refusal.said;
    let is_first = phase == Phase::Authenticate;
    let is_gone = !refusal.is_said || matches!(refusal.code, Code::Unavailable | Code::Cancelled);
    let (class, message, hint) = match refusal.code {
        Code::Unauthenticated => (
            Class::AuthFailed,
            format!("{place} refused the login: {said}"),
            "check username and credential_ref of the device; further tries could lock the account",
        ),
        Code::PermissionDenied => (
            Class::AuthFailed,
            format!("{place} does not let this user do that: {said}"),
            "give the user the right to read and write over gNMI at the device",
        ),
        Code::ResourceExhausted | Code::Aborted => (
            Class::Overloaded,
            format!("{place} is in use: {said}"),
            "nothing was written; wait until it has room, and try again",
        ),
        Code::OutOfRange => (
            Class::PrecheckFailed,
            format!("{place} answered with more than {ANSWER_BYTES_MAX} bytes, or not at all: {said}"),
            "nothing was written; a configuration as large as that cannot be kept for the way back",
        ),
        Code::DeadlineExceeded => (
            Class::Timeout,
            format!("{place} gave up on its answer: {said}"),
            "nothing was written; see what keeps the device from answering, and try again",
        ),
        Code::Unavailable | Code::Cancelled | Code::Unknown | Code::Internal if is_gone => (
            Class::Unreachable,
            format!("{place} ended the session: {said}"),
            "nothing was written; look at the device's log and its session limit",
        ),
        Code::Unimplemented if is_first => (
            Class::Unreachable,
            format!("{place} has no gNMI on this port: {said}"),
            "turn gNMI on at the device, or correct the port: 9339, 57400 and 6030 are usual",
        ),
        Code::Ok
        | Code::Unknown
        | Code::Internal
        | Code::Unavailable
        | Code::Cancelled
        | Code::DataLoss
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Unimplemented => {
            let class = if is_first { Class::Unreachable } else { Class::PrecheckFailed };
            let message = format!("{place} cannot be read over gNMI: {said}");
            (class, message, "nothing was written; see what this device says over gNMI")
        }
    };
    Failure::new(class, phase, message).with_hint(hint)
}

/// An answer that came and cannot be used.
pub fn odd(why: &str, phase: Phase, place: &str) -> Failure {
    let message = format!("{place} does not speak gNMI as it should: in its answer {why}");
    Failure::new(Class::PrecheckFailed, phase, message)
        .with_hint("nothing was written; see whether the device's software has a fix")
}

/// The end of a Set.
pub fn of_set(refusal: &Refusal) -> WriteEnd {
    let said = refusal.said.clone();
    match refusal.code {
        _ if refusal.is_over => WriteEnd::NotSent(said),
        // The connection broke, whatever code that is called by: the device may have taken the change before.
        _ if !refusal.is_said => WriteEnd::Lost(said),
        Code::ResourceExhausted => WriteEnd::Busy(said),
        Code::Aborted | Code::FailedPrecondition if is_locked(&said) => WriteEnd::Busy(said),
        // What our side did not read to its end says nothing of the change.
        Code::OutOfRange if said.contains(TOO_LARGE) => WriteEnd::Lost(said),
        // A Set is a transaction: what was refused is not there. The engine looks all the same. ABORTED is what a
        // transaction should be called that failed, whatever the reason (gNMI specification §3.4.7).
        Code::Aborted
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => WriteEnd::Rejected { message: said, left_as: LeftAs::Unknown },
        Code::PermissionDenied | Code::Unauthenticated => {
            WriteEnd::Rejected { message: said, left_as: LeftAs::Unchanged }
        }
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => WriteEnd::Lost(said),
    }
}

/// Whether another session is what stands in the way.
fn is_locked(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["locked by", "lock held", "lock is held", "held by"].iter().any(|words| said.contains(words))
}

fn is_over(status: &Status) -> bool {
    let mut reason = status.source();
    while let Some(error) = reason {
        if error.is::<SessionOver>() {
            return true;
        }
        reason = error.source();
    }
    false
}

/// What the device said, in one line: its words and its code. Redacted before it is cut.
fn said(status: &Status, redactor: &Redactor) -> String {
    let words = match status.source() {
        Some(source) => root(source),
        None => status.message().to_owned(),
    };
    let words = redactor.redact(&words);
    let words: String =
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect();
    format!("{} ({})", words.trim(), code_name(status.code()))
}

/// The last of the reasons of `error`.
pub fn root(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(reason) = last.source() {
        last = reason;
    }
    last.to_string()
}
