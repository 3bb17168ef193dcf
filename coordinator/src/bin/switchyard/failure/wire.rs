//! From a gRPC status and its details to a failure.

use super::Failure;
use crate::exit::Exit;
use crate::text::one_line;
use std::error::Error as _;
use switchyard_proto::code_name;
use switchyard_proto::tls::client::ConnectError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Most problems shown of one answer.
const PROBLEMS_MAX: usize = 200;

impl Failure {
    /// What `status` means to the operator of the coordinator at `server`.
    pub fn from_status(status: &Status, server: &str) -> Self {
        if let Some(error) = status.source().and_then(ConnectError::find) {
            return crate::dial::refused(error, server);
        }
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        let exit = exit_of(status, &reason);
        if exit == Exit::Unavailable && reason.is_empty() {
            return Self::unreachable(server, &deepest(status));
        }
        let mut failure = Self::new(exit, &reason, one_line(status.message()));
        failure.code = code_name(status.code());
        if failure.message.is_empty() {
            failure.message = format!("the coordinator answered {} with no message", failure.code);
        }
        if let Some(info) = details.error_info() {
            if info.domain == failure.domain && exit != Exit::Auth {
                failure.message = format!("failed to {}", failure.message);
            }
            failure.domain.clone_from(&info.domain);
            failure.metadata = info.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        }
        failure.problems = problems(&details, &failure.message);
        failure.causes = causes(&details);
        failure.hints = hints(&details);
        if failure.hints.is_empty() {
            failure.hints.extend(own_hint(exit, &reason, status.message()));
        }
        failure
    }

    /// The coordinator at `server` does not answer.
    pub fn unreachable(server: &str, cause: &str) -> Self {
        Self::new(Exit::Unavailable, "UNAVAILABLE", format!("the coordinator at {server} cannot be reached"))
            .because(if cause.is_empty() { "no answer" } else { cause })
            .hint("start it: switchyard serve --data DIR")
            .hint("or name another one: --server URL, --context NAME")
    }
}

fn exit_of(status: &Status, reason: &str) -> Exit {
    match reason {
        "SPEC_INVALID" | "INVENTORY_INVALID" | "TEMPLATE_INVALID" | "RENDER_FAILED" => return Exit::Invalid,
        "NO_TARGETS" => return Exit::NoTargets,
        "PLAN_STALE" | "ETAG_MISMATCH" => return Exit::Stale,
        "NOT_FOUND" => return Exit::NotFound,
        "BAD_REQUEST" => return Exit::Usage,
        "UNREADABLE" => return Exit::Blocked,
        _ => {}
    }
    match status.code() {
        Code::NotFound => Exit::NotFound,
        Code::Unauthenticated | Code::PermissionDenied => Exit::Auth,
        Code::Unavailable => Exit::Unavailable,
        Code::Unknown | Code::Internal | Code::Cancelled if is_transport(status) => Exit::Unavailable,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Exit::Error,
    }
}

/// Whether the status was made on this side because the connection broke.
pub(super) fn is_transport(status: &Status) -> bool {
    status.source().is_some()
}

fn deepest(status: &Status) -> String {
    let mut cause: Option<&dyn std::error::Error> = status.source();
    let mut text = String::new();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    one_line(if text.is_empty() { status.message() } else { &text })
}

fn problems(details: &ErrorDetails, message: &str) -> Vec<String> {
    let Some(bad) = details.bad_request() else { return Vec::new() };
    let all = &bad.field_violations;
    let mut lines: Vec<String> = all
        .iter()
        .take(PROBLEMS_MAX)
        .map(|violation| match (violation.field.as_str(), violation.description.as_str()) {
            (field, text) if field.is_empty() || text.contains(field) => text.to_owned(),
            (field, text) => format!("{field}: {text}"),
        })
        .filter(|problem| !message.contains(problem.as_str()))
        .collect();
    if all.len() > PROBLEMS_MAX {
        lines.push(format!("… {} more", all.len() - PROBLEMS_MAX));
    }
    lines
}

fn causes(details: &ErrorDetails) -> Vec<String> {
    let Some(failed) = details.precondition_failure() else { return Vec::new() };
    failed
        .violations
        .iter()
        .map(|violation| match violation.subject.as_str() {
            "" => violation.description.clone(),
            subject => format!("{subject}: {}", violation.description),
        })
        .collect()
}

fn hints(details: &ErrorDetails) -> Vec<String> {
    let Some(help) = details.help() else { return Vec::new() };
    help.links
        .iter()
        .map(|link| match (link.description.as_str(), link.url.as_str()) {
            (text, "") => text.to_owned(),
            ("", url) => url.to_owned(),
            (text, url) => format!("{text}: {url}"),
        })
        .collect()
}

fn own_hint(exit: Exit, reason: &str, message: &str) -> Option<String> {
    match exit {
        Exit::Auth => {
            Some("use the credentials of this coordinator: --context DIR/operator/context.toml".into())
        }
        Exit::Unavailable => Some("try again in a moment, or start it: switchyard serve --data DIR".into()),
        Exit::Stale if reason == "PLAN_STALE" => Some("plan again: switchyard plan -f SPEC".into()),
        Exit::Stale => Some("look again and repeat the command: the state has moved on".into()),
        Exit::NoTargets if message.contains(" of 0 devices") => {
            Some("the inventory is empty; fill it: switchyard inventory import FILE".into())
        }
        Exit::NoTargets => Some("see what there is: switchyard inventory list".into()),
        Exit::Ok
        | Exit::Error
        | Exit::Changes
        | Exit::RolloutFailed
        | Exit::Undone
        | Exit::Blocked
        | Exit::Timeout
        | Exit::Pending
        | Exit::NotFound
        | Exit::Invalid
        | Exit::Usage
        | Exit::Interrupted => None,
    }
}

#[cfg(test)]
mod tests;
