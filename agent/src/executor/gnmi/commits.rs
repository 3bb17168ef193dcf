//! Commits that a device takes back by itself (openconfig/reference rpc/gnmi/gnmi-commit-confirmed.md), and whether it
//! knows them: one that does not may ignore the wish and keep the change for good.

use super::messages::{cancel, commit};
use super::trouble::{self, Refusal};
use super::wire::Wire;
use crate::executor::WritePass;
use crate::executor::device::WriteEnd;
use switchyard_proto::gnmi::SetRequest;
use tonic::Code;

/// What a device makes of the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commits {
    /// It knows it and waits for no confirmation.
    Known,
    /// It does not know it, or does not follow it.
    Unknown,
    /// It waits for somebody to confirm another commit.
    Pending(String),
}

/// Asks by cancelling a commit that there is not: one that knows the extension must refuse that with
/// FAILED_PRECONDITION, or with INVALID_ARGUMENT while it waits for another one (§3.2.3). Nothing is changed.
pub async fn ask(wire: &mut Wire, pass: &WritePass, id: &str) -> Result<Commits, Refusal> {
    let nobodys =
        SetRequest { extension: vec![commit(&format!("{id}/ask"), cancel())], ..Default::default() };
    match wire.set(pass, nobodys).await {
        Ok(()) => Ok(Commits::Unknown),
        Err(refusal) if refusal.code == Code::FailedPrecondition => Ok(Commits::Known),
        Err(refusal) if refusal.code == Code::Unimplemented => Ok(Commits::Unknown),
        // It may be the id that is wrong, or the extension: while it waits, every other Set is refused (§3.2.1).
        Err(refusal) if refusal.code == Code::InvalidArgument => {
            match wire.set(pass, SetRequest::default()).await {
                Err(refusal) if refusal.code == Code::FailedPrecondition => {
                    Ok(Commits::Pending(refusal.said))
                }
                Ok(()) => Ok(Commits::Unknown),
                Err(refusal) if refusal.code == Code::InvalidArgument => Ok(Commits::Unknown),
                Err(refusal) => Err(refusal),
            }
        }
        Err(refusal) => Err(refusal),
    }
}

/// The end of a Set that was refused: a device that waits for another commit is in use, whatever it says.
pub async fn refused(wire: &mut Wire, pass: &WritePass, id: &str, refusal: &Refusal) -> WriteEnd {
    if refusal.code == Code::FailedPrecondition
        && let Ok(Commits::Pending(said)) = ask(wire, pass, id).await
    {
        return pending(&said);
    }
    trouble::of_set(refusal)
}

/// Another commit has to end first.
pub fn pending(said: &str) -> WriteEnd {
    WriteEnd::Busy(format!("it waits for the confirmation of another commit: {said}"))
}
