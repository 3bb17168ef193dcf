//! Commits that a device takes back by itself (openconfig/reference rpc/gnmi/gnmi-commit-confirmed.md), and whether it
//! knows them: one that does not may pass over the wish and keep the change for good.

use super::messages::{commit, confirm};
use super::trouble::{self, Refusal};
use super::wire::Wire;
use crate::executor::WritePass;
use crate::executor::device::WriteEnd;
use switchyard_proto::gnmi::SetRequest;
use tonic::Code;

/// Whether a device that has just accepted a change until it is confirmed waits for that. It is asked to confirm a
/// commit that there is not: one that waits must refuse that (§3.2.2), one that passes over the extension takes it.
/// Nobody else's commit can be hit, since while one waits no other change is accepted (§3.2.1); and a device that does
/// not look at ids makes this change last, as is then told. One that does not answer may wait.
pub async fn waits(wire: &mut Wire, pass: &WritePass, id: &str) -> bool {
    confirm_nobodys(wire, pass, id).await.is_err()
}

/// Whether a device that called a change until it is confirmed an invalid argument knows such commits, so that it was
/// the change. One that does not calls the extension so without a change, too; one that does says that no commit waits
/// (§3.2.2, `FAILED_PRECONDITION`).
pub async fn are_known(wire: &mut Wire, pass: &WritePass, id: &str) -> bool {
    let refused = confirm_nobodys(wire, pass, id).await.err();
    !refused.is_some_and(|refusal| matches!(refusal.code, Code::InvalidArgument | Code::Unimplemented))
}

async fn confirm_nobodys(wire: &mut Wire, pass: &WritePass, id: &str) -> Result<(), Refusal> {
    let nobodys = commit(&format!("{id}/nobodys"), confirm());
    wire.set(pass, SetRequest { extension: vec![nobodys], ..Default::default() }).await
}

/// The end of a Set that was refused: a device that waits for another commit is in use, whatever it says. It is asked
/// by a Set of nothing, which is refused only then (§3.2.1; gNMI specification §3.4).
pub async fn refused(wire: &mut Wire, pass: &WritePass, refusal: &Refusal) -> WriteEnd {
    if refusal.code == Code::FailedPrecondition
        && let Err(again) = wire.set(pass, SetRequest::default()).await
        && again.code == Code::FailedPrecondition
    {
        return WriteEnd::Busy(format!("it waits for the confirmation of another commit: {}", again.said));
    }
    trouble::of_set(refusal)
}
