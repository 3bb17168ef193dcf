//! Every reason that the coordinator gives ends in its exit code.

use super::*;
use tonic_types::{FieldViolation, HelpLink};

fn status(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "switchyard.dev", [("rollout", "ntp")].map(own));
    Status::with_error_details(code, "it went wrong", details)
}

fn own((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn the_reason_decides_the_exit_code() {
    let cases = [
        (Code::InvalidArgument, "SPEC_INVALID", 13),
        (Code::InvalidArgument, "INVENTORY_INVALID", 13),
        (Code::FailedPrecondition, "NO_TARGETS", 9),
        (Code::FailedPrecondition, "PLAN_STALE", 10),
        (Code::Aborted, "ETAG_MISMATCH", 10),
        (Code::NotFound, "NOT_FOUND", 12),
        (Code::NotFound, "PLAN_GONE", 12),
        (Code::Unauthenticated, "NO_CERTIFICATE", 4),
        (Code::PermissionDenied, "WRONG_SITE", 4),
        (Code::Unavailable, "SHUTTING_DOWN", 69),
        (Code::AlreadyExists, "ROLLOUT_RUNNING", 1),
        (Code::Internal, "STORE", 1),
    ];
    for (code, reason, exit) in cases {
        assert_eq!(Failure::from_status(&status(code, reason), "s").exit.code(), exit, "{reason}");
    }
}

#[test]
fn every_problem_of_a_spec_is_printed() {
    let mut details = ErrorDetails::with_error_info("SPEC_INVALID", "switchyard.dev", [("a", "b")].map(own));
    details.set_bad_request(vec![
        FieldViolation::new("spec.targets", "r.yaml:4:3: spec.targets: missing"),
        FieldViolation::new("spec.wavs", "unknown key, did you mean waves?"),
    ]);
    details.set_help(vec![HelpLink::new("read", "https://example.net/spec")]);
    let failure =
        Failure::from_status(&Status::with_error_details(Code::InvalidArgument, "bad", details), "s");
    assert_eq!(
        failure.problems,
        ["r.yaml:4:3: spec.targets: missing", "spec.wavs: unknown key, did you mean waves?"]
    );
    assert_eq!(failure.hints, ["read: https://example.net/spec"]);
}

#[test]
fn a_stale_plan_is_planned_again_and_a_stale_etag_is_looked_at_again() {
    let hint = |reason| Failure::from_status(&status(Code::Aborted, reason), "s").hints.join("\n");
    assert_eq!(hint("PLAN_STALE"), "plan again: switchyard plan -f SPEC");
    assert!(hint("ETAG_MISMATCH").contains("look again and repeat"), "{}", hint("ETAG_MISMATCH"));
}

#[test]
fn an_empty_inventory_says_how_to_fill_it() {
    let hints = |message: &str| {
        let details =
            ErrorDetails::with_error_info("NO_TARGETS", "switchyard.dev", [] as [(String, String); 0]);
        let status = Status::with_error_details(Code::FailedPrecondition, message, details);
        Failure::from_status(&status, "s").hints.join("\n")
    };
    assert!(hints("every device selects 0 of 0 devices").contains("switchyard inventory import FILE"));
    assert!(!hints("every device selects 0 of 10 devices").contains("import"));
}

#[test]
fn no_coordinator_says_how_to_start_one() {
    let failure = Failure::from_status(&Status::unavailable("tcp connect error"), "http://127.0.0.1:7443");
    assert_eq!(failure.exit.code(), 69);
    assert!(failure.message.contains("http://127.0.0.1:7443"), "{failure:?}");
    assert!(failure.hints[0].contains("switchyard serve --data DIR"), "{failure:?}");
}

#[test]
fn metadata_and_code_reach_the_script() {
    let shown = Failure::from_status(&status(Code::FailedPrecondition, "PLAN_STALE"), "s").to_json();
    assert_eq!(shown["error"]["code"], "FAILED_PRECONDITION");
    assert_eq!(shown["error"]["metadata"]["rollout"], "ntp");
}
