//! What a call without a good answer means before a write, and after one (gNMI specification §3.3.4 and §3.4.7).

use super::dial::SessionOver;
use super::wire::ANSWER_BYTES_MAX;
use crate::executor::Failure;
use crate::executor::device::WriteEnd;
use std::error::Error;
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use tonic::{Code, Status};

/// Longest part of a device's own words in a message, in characters.
const SAID_CHARS_MAX: usize = 300;

/// `status` in an attempt that has written nothing; `place` names the device.
pub fn failure(status: &Status, phase: Phase, place: &str) -> Failure {
    let said = said(status);
    let is_first = phase == Phase::Authenticate;
    let (class, message, hint) = match status.code() {
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
        Code::Unavailable | Code::Cancelled => (
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
pub fn of_set(status: &Status) -> WriteEnd {
    let said = said(status);
    match status.code() {
        _ if is_over(status) => WriteEnd::NotSent(said),
        Code::ResourceExhausted | Code::Aborted => WriteEnd::Busy(said),
        // A Set is a transaction: what was refused is not there. The engine looks all the same.
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::PermissionDenied
        | Code::Unauthenticated => WriteEnd::Rejected { message: said, left_as: LeftAs::Unknown },
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => WriteEnd::Lost(said),
    }
}

/// Whether the connection was gone before the call, so that nothing of it was sent.
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

/// What the device said, in one line: its code and its words.
pub fn said(status: &Status) -> String {
    let words = match status.source() {
        Some(source) => root(source),
        None => status.message().to_owned(),
    };
    let words: String =
        words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect();
    format!("{} ({})", words.trim(), name(status.code()))
}

/// The last of the reasons of `error`.
pub fn root(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(reason) = last.source() {
        last = reason;
    }
    last.to_string()
}

/// The names that people know.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
