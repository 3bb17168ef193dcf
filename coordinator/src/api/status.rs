//! Refusals as gRPC statuses, each with an `ErrorInfo`: the one table.

use crate::refused::Refused;
use switchyard_proto::convert::BadField;
use switchyard_shared::rollout::{CommandRefused, NotRestored, NotSettled};
use switchyard_shared::yaml::Problem;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "switchyard.dev";
/// Problems that one status carries; a status travels in headers, which are bounded.
const VIOLATIONS_MAX: usize = 40;
/// Longest text of one problem in a status, in bytes.
const VIOLATION_BYTES_MAX: usize = 160;

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let (code, reason) = code(&refused);
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, DOMAIN, [] as [(String, String); 0]);
        if let Refused::SpecInvalid(problems) | Refused::InventoryInvalid(problems) = &refused {
            add_violations(&mut details, problems);
        }
        if let Refused::BadRequest { field, why } = &refused {
            details.add_bad_request_violation(field, why);
        }
        Self::with_error_details(code, refused.to_string(), details)
    }
}

fn code(refused: &Refused) -> (Code, &'static str) {
    match refused {
        Refused::Command(CommandRefused::StaleEtag { .. }) => (Code::Aborted, "ETAG_MISMATCH"),
        Refused::Command(CommandRefused::Ended { .. }) => (Code::FailedPrecondition, "ROLLOUT_ENDED"),
        Refused::Command(CommandRefused::WrongState { .. }) => (Code::FailedPrecondition, "WRONG_STATE"),
        Refused::NotSettled(NotSettled::NoDoubt { .. }) => (Code::FailedPrecondition, "NO_DOUBT"),
        Refused::NotSettled(NotSettled::NoDevice { .. }) => (Code::NotFound, "NOT_FOUND"),
        Refused::NotSettled(NotSettled::Unreadable { .. }) => (Code::FailedPrecondition, "UNREADABLE"),
        Refused::NotRestored(NotRestored::NoDevice { .. }) => (Code::NotFound, "NOT_FOUND"),
        Refused::NotRestored(NotRestored::ByCommand { .. }) => (Code::FailedPrecondition, "NO_SNAPSHOT"),
        Refused::NotRestored(NotRestored::NothingToRestore { .. }) => {
            (Code::FailedPrecondition, "NOTHING_TO_RESTORE")
        }
        Refused::NotRestored(NotRestored::TooMany { .. }) => (Code::ResourceExhausted, "TOO_MANY_ROLLBACKS"),
        Refused::HeldByOther { .. } => (Code::FailedPrecondition, "DEVICE_BUSY"),
        Refused::NotFound { .. } => (Code::NotFound, "NOT_FOUND"),
        Refused::BadRequest { .. } => (Code::InvalidArgument, "BAD_REQUEST"),
        Refused::SpecInvalid(_) => (Code::InvalidArgument, "SPEC_INVALID"),
        Refused::InventoryInvalid(_) => (Code::InvalidArgument, "INVENTORY_INVALID"),
        Refused::NoTargets(_) => (Code::FailedPrecondition, "NO_TARGETS"),
        Refused::PlanStale { .. } => (Code::FailedPrecondition, "PLAN_STALE"),
        Refused::CannotCompare { .. } => (Code::FailedPrecondition, "UNREADABLE"),
        Refused::TooManyComparisons(_) => (Code::ResourceExhausted, "TOO_MANY_COMPARISONS"),
        Refused::AlreadyRunning { .. } => (Code::FailedPrecondition, "ALREADY_RUNNING"),
        Refused::WouldRemove(_) => (Code::FailedPrecondition, "WOULD_REMOVE"),
        Refused::DeviceHeld { .. } => (Code::FailedPrecondition, "DEVICE_BUSY"),
        Refused::HeldByHand { .. } => (Code::FailedPrecondition, "HELD_BY_HAND"),
        Refused::AgentAway { .. } => (Code::FailedPrecondition, "AGENT_AWAY"),
        Refused::TokenRefused(_) => (Code::PermissionDenied, "TOKEN_REFUSED"),
        Refused::OtherSite(_) => (Code::PermissionDenied, "OTHER_SITE"),
        Refused::SiteTaken { .. } => (Code::AlreadyExists, "SITE_TAKEN"),
        Refused::FormerAgent { .. } => (Code::PermissionDenied, "FORMER_AGENT"),
        Refused::NothingToAdopt => (Code::FailedPrecondition, "NOTHING_TO_ADOPT"),
        Refused::RestoredBackup { .. } => (Code::FailedPrecondition, "RESTORED_BACKUP"),
        Refused::ToRead(_) => (Code::Unavailable, "PUT_AWAY"),
        Refused::DiskFull(_) => (Code::ResourceExhausted, "DISK_FULL"),
        Refused::Store(_) => (Code::Unavailable, "STORE_FAILED"),
        Refused::Stopping => (Code::Unavailable, "STOPPING"),
    }
}

fn add_violations(details: &mut ErrorDetails, problems: &[Problem]) {
    for problem in problems.iter().take(VIOLATIONS_MAX) {
        let text = switchyard_shared::outcome::printable(problem.to_string().as_bytes(), VIOLATION_BYTES_MAX);
        details.add_bad_request_violation(&problem.path, text);
    }
    if problems.len() > VIOLATIONS_MAX {
        let more = problems.len() - VIOLATIONS_MAX;
        details.add_bad_request_violation("", format!("and {more} more problems"));
    }
}

/// A message of the other side that cannot be understood.
pub fn bad_field(error: BadField) -> Status {
    Refused::BadRequest { field: error.field, why: error.why }.into()
}
