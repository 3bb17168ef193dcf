//! What an answer that is no good means before a write, and after one.

use super::reply::RpcError;
use super::wire::CallError;
use crate::executor::Failure;
use crate::executor::device::WriteEnd;
use switchyard_shared::outcome::{Class, LeftAs, Phase};

/// What to do about a device that does not speak as NETCONF should.
const GARBLED_HINT: &str = "nothing was written; see what this device says over NETCONF, and whether its \
                            software has a fix";

/// `error` in an attempt that has written nothing; `place` names the device.
pub fn failure(error: CallError, phase: Phase, place: &str) -> Failure {
    match error {
        CallError::NotAllowed(word) => {
            let message = format!("{place}: {word} was kept back: this attempt may only read");
            Failure::new(Class::AgentError, phase, message)
                .with_hint("report this: it is a fault of the agent")
        }
        CallError::NotSent(why) | CallError::Lost(why) => {
            let message = format!("{place} closed the session: {why}");
            Failure::new(Class::Unreachable, phase, message)
                .with_hint("nothing was written; look at the device's log and its session limit")
        }
        CallError::Garbled(why) => {
            let class = if phase == Phase::Connect { Class::Unreachable } else { Class::PrecheckFailed };
            let message = format!("{place} does not speak NETCONF as it should: failed to {why}");
            Failure::new(class, phase, message).with_hint(GARBLED_HINT)
        }
        CallError::Refused(errors) => refused(&errors, phase, place),
    }
}

fn refused(errors: &[RpcError], phase: Phase, place: &str) -> Failure {
    let class = errors.first().map_or(Class::PrecheckFailed, RpcError::class);
    let is_full = errors.first().is_some_and(|error| error.tag == "resource-denied");
    let hint = if is_full {
        "nothing was written; it has no room: close idle sessions, or lower max_parallel_per_site, and try again"
    } else if class == Class::Overloaded {
        "nothing was written; wait for the other session, or end it, and try again"
    } else if class == Class::AuthFailed {
        "give the user the right to do this (NACM or the device's own roles)"
    } else {
        "nothing was written; see what the device can do over NETCONF"
    };
    Failure::new(class, phase, format!("{place}: {}", said(errors))).with_hint(hint)
}

/// The words of all errors.
pub fn said(errors: &[RpcError]) -> String {
    errors.iter().map(RpcError::to_string).collect::<Vec<_>>().join("; ")
}

/// `error` of a word before which nothing was in force yet: without the commit there is no change.
pub fn before_commit(error: CallError) -> WriteEnd {
    match error {
        CallError::NotAllowed(word) => WriteEnd::NotSent(format!("{word} was kept back")),
        CallError::NotSent(why) | CallError::Lost(why) => {
            WriteEnd::NotSent(format!("{why}, before the commit; its candidate is dropped with its lock"))
        }
        CallError::Garbled(why) => WriteEnd::NotSent(format!("failed to {why}, before the commit")),
        CallError::Refused(errors) => no(&errors, LeftAs::Unchanged),
    }
}

/// `error` of a word that puts something in force.
pub fn of_commit(error: CallError) -> WriteEnd {
    match error {
        CallError::NotAllowed(word) => WriteEnd::NotSent(format!("{word} was kept back")),
        CallError::NotSent(why) => WriteEnd::NotSent(why),
        CallError::Lost(why) => WriteEnd::Lost(why),
        CallError::Garbled(why) => WriteEnd::Lost(format!("failed to {why}")),
        CallError::Refused(errors) => no(&errors, LeftAs::Unknown),
    }
}

fn no(errors: &[RpcError], left_as: LeftAs) -> WriteEnd {
    match errors.first() {
        Some(first) if first.is_busy() && left_as == LeftAs::Unchanged => WriteEnd::Busy(said(errors)),
        Some(_) | None => WriteEnd::Rejected { message: said(errors), left_as },
    }
}
