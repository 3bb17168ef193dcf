//! What an answer that is no good means before a write, and after its first byte.

use super::errors::{RestError, errors, said};
use super::wire::{CallError, Wire};
use crate::executor::device::WriteEnd;
use crate::executor::wanted::Redactor;
use crate::executor::{Failure, json_secrecy};
use crate::http_client::Reply;
use hyper::header::LOCATION;
use switchyard_shared::outcome::{Class, LeftAs, Phase};

/// Longest quotation of an answer, in characters.
const QUOTED_CHARS_MAX: usize = 120;

/// Whether an answer of this status to the first questions ends the attempt; others only say that the device does not
/// know what was asked for.
pub(super) fn ends_a_login(status: u16) -> bool {
    ends_everything(status) || matches!(status, 300..=399 | 403)
}

/// Whether an answer of this status says that nothing else would be answered either.
pub(super) fn ends_everything(status: u16) -> bool {
    has_no_room(status) || matches!(status, 401 | 407)
}

/// Whether an answer of this status says that there is no room now, of the device or of what stands before it.
pub(super) fn has_no_room(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// Whether an answer of this status is of what stands before the device.
pub(super) fn is_of_a_gateway(status: u16) -> bool {
    matches!(status, 502 | 504)
}

impl Wire {
    /// `error` in an attempt that has written nothing.
    pub(super) fn failed(&self, error: &CallError, phase: Phase) -> Failure {
        let place = self.place();
        match error {
            CallError::NotAllowed(word) => {
                let message = format!("{place}: {word} was kept back: this attempt may only read");
                Failure::new(Class::AgentError, phase, message)
                    .with_hint("report this: it is a fault of the agent")
            }
            CallError::NotSent(why) => Failure::new(Class::Unreachable, phase, format!("{place}: {why}"))
                .with_hint("nothing was written; look at the device's log and its session limit"),
            CallError::NoWay(failure) => (**failure).clone(),
            CallError::Lost(why) => {
                Failure::new(Class::Unreachable, phase, format!("{place} gave no whole answer: {why}"))
                    .with_hint("nothing was written; look at the device's log and at the way to it")
            }
            CallError::TooLarge(why) => {
                let class = if phase == Phase::Connect { Class::Unreachable } else { Class::PrecheckFailed };
                self.too_large(why, class, phase)
            }
        }
    }

    /// An answer of which only a part would be read.
    pub(super) fn too_large(&self, why: &str, class: Class, phase: Phase) -> Failure {
        Failure::new(class, phase, format!("{} cannot be read whole: {why}", self.place()))
            .with_hint("nothing was written; see what the device answers, and look at its log")
    }

    /// An answer that is no success, in an attempt that has written nothing.
    pub(super) fn refused(&self, reply: &Reply, phase: Phase, path: &str) -> Failure {
        let (place, user, words) = (self.place(), &self.user, self.words(reply));
        let failure =
            |class, message: String, hint: &str| Failure::new(class, phase, message).with_hint(hint);
        match reply.status {
            401 | 407 => Failure::new(
                Class::AuthFailed,
                Phase::Authenticate,
                format!("{place} refused the password of user {user}{words}"),
            )
            .with_hint(
                "check username and credential_ref of the device; further tries could lock the account, so its breaker \
                 stays open for a while and tells how to try at once",
            ),
            403 => Failure::new(
                Class::AuthFailed,
                Phase::Authenticate,
                format!("{place} does not let user {user} read {path}{words}"),
            )
            .with_hint("give the user the right to do this (NACM or the device's own roles)"),
            429 | 503 => failure(
                Class::Overloaded,
                format!("{place} is busy (status {}){words}", reply.status),
                "nothing was written; it has no room: wait, or lower max_parallel_per_site, and try again",
            ),
            409 | 423 => failure(
                Class::Overloaded,
                format!("{place} is busy (status {}){words}", reply.status),
                "nothing was written; wait for the other session, or end it, and try again",
            ),
            300..=399 => failure(
                if phase == Phase::Connect { Class::Unreachable } else { Class::PrecheckFailed },
                format!("{place} sends us elsewhere{}: redirects are not followed", self.location(reply)),
                "nothing was written, and the login was sent to nobody else; name the device's own address and port in \
                 the inventory",
            ),
            404 => failure(
                Class::PrecheckFailed,
                format!("{place} has nothing at {path}{words}"),
                "turn its API on (RESTCONF, eAPI, NX-API), or correct platform and port",
            ),
            status => failure(
                Class::PrecheckFailed,
                format!("{place} answers at {path} with status {status}{words}"),
                "nothing was written; see what the device can do over its API, and look at its log",
            ),
        }
    }

    /// What an answer to a request that writes is the end of; `Ok` is a success.
    pub(super) fn end_of(&self, name: &str, reply: &Reply) -> Result<(), WriteEnd> {
        let errors = errors(&reply.body, &self.redactor);
        let words = self.words(reply);
        let rejected = |message: String| Err(WriteEnd::Rejected { message, left_as: LeftAs::Unknown });
        match reply.status {
            200 | 201 | 204 => Ok(()),
            412 => Err(WriteEnd::Busy(format!(
                "somebody has changed its configuration since it was read, so {name} was not carried out{words}"
            ))),
            401 | 403 | 407 => Err(WriteEnd::Rejected {
                message: format!(
                    "user {} may not do this (status {}; give it the right by NACM or the device's own roles){words}",
                    self.user, reply.status
                ),
                left_as: LeftAs::Unchanged,
            }),
            423 => Err(WriteEnd::Busy(format!("status {}{words}", reply.status))),
            409 | 429 | 503 if errors.iter().any(RestError::is_busy) => Err(WriteEnd::Busy(said(&errors))),
            300..=399 => rejected(format!(
                "it sends {name} elsewhere{}: redirects are not followed",
                self.location(reply)
            )),
            400..=428 | 430..=499 | 501 | 505 => match errors.is_empty() {
                false => rejected(said(&errors)),
                true => rejected(format!("{name} ended with status {}{words}", reply.status)),
            },
            // RFC 9110 section 15.6 and RFC 6585 section 4 do not say that nothing was done, and a proxy answers so
            // too when the device behind it is at work for longer than it waits.
            status => Err(WriteEnd::Lost(format!(
                "{name} ended with status {status}, and the device may be at work on it{words}"
            ))),
        }
    }

    /// Where a redirect points, for a message: neither a login in it nor what it asks there.
    fn location(&self, reply: &Reply) -> String {
        let to = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let to = to.split(['?', '#']).next().unwrap_or_default();
        let to = match to.split_once("//") {
            Some((scheme, rest)) => {
                let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                format!("{scheme}//{}{path}", place.rsplit('@').next().unwrap_or_default())
            }
            None => to.to_owned(),
        };
        let cut: String = self.redactor.redact(&to).chars().take(QUOTED_CHARS_MAX).collect();
        if cut.is_empty() { String::new() } else { format!(" ({cut})") }
    }

    /// What an answer says, after a colon; nothing when it says nothing.
    fn words(&self, reply: &Reply) -> String {
        let errors = errors(&reply.body, &self.redactor);
        if !errors.is_empty() {
            return format!(": {}", said(&errors));
        }
        quoted(&String::from_utf8_lossy(&reply.body), &self.redactor)
    }
}

/// `error` of a request that writes.
pub(super) fn lost(error: CallError) -> WriteEnd {
    match error {
        CallError::NotAllowed(word) => WriteEnd::NotSent(format!("{word} was kept back")),
        CallError::NotSent(why) => WriteEnd::NotSent(why),
        CallError::NoWay(failure) => WriteEnd::NoWay(failure),
        CallError::Lost(why) | CallError::TooLarge(why) => WriteEnd::Lost(why),
    }
}

/// The first line of a text, after a colon, without secrets and cut; nothing when it says nothing.
fn quoted(text: &str, redactor: &Redactor) -> String {
    let text = json_secrecy::shown(text, redactor);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let cut: String = line.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect();
    if cut.is_empty() { cut } else { format!(": {cut}") }
}
