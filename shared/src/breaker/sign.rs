//! What the end of an attempt says about reaching its device and about its credential.

use crate::outcome::Class;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The handshake was done and the credential accepted.
    Welcome,
    /// The handshake was done and the credential refused.
    Refused,
    /// The credential could not be had; the device was not asked.
    NoCredential,
    /// No answer, or none that leads to a session.
    Failed,
    /// Another device, or somebody between us and it.
    Strange,
    /// Nothing about either.
    Nothing,
    /// It was never started.
    NotStarted,
}

impl Sign {
    pub fn of(class: Class) -> Self {
        match class {
            Class::Ok
            | Class::Unchanged
            | Class::PrecheckFailed
            | Class::Rejected
            | Class::PostcheckFailed
            | Class::LostAfterWrite
            | Class::RollbackFailed
            | Class::Inconclusive => Self::Welcome,
            Class::AuthFailed => Self::Refused,
            Class::CredentialUnavailable => Self::NoCredential,
            Class::Unreachable | Class::Timeout => Self::Failed,
            Class::HostKeyMismatch => Self::Strange,
            Class::Overloaded | Class::AgentError | Class::Cancelled => Self::Nothing,
            Class::NotStarted => Self::NotStarted,
        }
    }
}
