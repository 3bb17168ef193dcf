//! Gives an `ErrorInfo` to the refusals that the gRPC library makes itself, so that every error has one.

use crate::api::DOMAIN;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Passes a response on; a bare error status is replaced by the same one with its reason.
pub fn explain(response: http::Response<Body>) -> http::Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            explained(&status).into_http()
        }
        Some(_) | None => response,
    }
}

fn explained(status: &Status) -> Status {
    let details = ErrorDetails::with_error_info(reason(status.code()), DOMAIN, [] as [(String, String); 0]);
    Status::with_error_details(status.code(), status.message(), details)
}

fn reason(code: Code) -> &'static str {
    match code {
        Code::OutOfRange => "MESSAGE_TOO_LARGE",
        Code::Unimplemented => "NO_SUCH_METHOD",
        Code::InvalidArgument | Code::Internal => "BAD_MESSAGE",
        Code::ResourceExhausted => "OVERLOADED",
        Code::DeadlineExceeded | Code::Cancelled => "GIVEN_UP",
        Code::Unavailable => "UNAVAILABLE",
        Code::Unauthenticated | Code::PermissionDenied => "NOT_PERMITTED",
        Code::Ok
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::DataLoss => "UNEXPECTED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_refusal_of_the_library_gets_a_reason_and_ours_keep_theirs() {
        let large = Status::out_of_range("decoded message length too large");
        let answered = explain(large.into_http());
        let status = Status::from_header_map(answered.headers()).unwrap();
        assert_eq!(status.get_details_error_info().unwrap().reason, "MESSAGE_TOO_LARGE");
        let own = crate::Refused::Stopping;
        let answered = explain(Status::from(own).into_http());
        let status = Status::from_header_map(answered.headers()).unwrap();
        assert_eq!(status.get_details_error_info().unwrap().reason, "STOPPING");
    }
}
