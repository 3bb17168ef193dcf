//! The seam to devices: what carries out one attempt, and the gate before its first changing byte.

mod at_length;
pub mod cli;
pub mod device;
pub mod engine;
pub mod executors;
mod failure;
pub mod gnmi;
mod hearing;
pub mod http;
mod json_order;
mod json_secrecy;
pub mod local_exec;
pub mod netconf;
mod pass;
#[cfg(test)]
mod played;
pub mod snapshots;
pub mod ssh;
mod tls_dial;
pub mod wanted;

pub use failure::Failure;
pub use hearing::{Asking, Hearing};
pub use pass::WritePass;

use futures_util::future::BoxFuture;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Outcome, Phase};
use switchyard_shared::ssh::HostKey;
use switchyard_shared::task::Task;
use tokio_util::sync::CancellationToken;

/// Why the gate before the write stayed shut; nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRefused {
    /// `CANCELLED`, `NOT_STARTED` or `AGENT_ERROR`.
    pub class: Class,
    /// Why, in one line.
    pub message: String,
}

/// What an executor needs of the agent while it works on a device.
pub trait AttemptContext: Send + Sync + 'static {
    /// Tells where the attempt is; never waits.
    fn progress(&self, phase: Phase);

    /// Tells, the moment it is so, that the device has answered: the key exchange is done and the login
    /// is `accepted` or refused. Never lost and never waits: the site's breaker lives on it.
    fn answered(&self, _accepted: bool) {}

    /// Tells which secret is used, by its fingerprint: another one closes what the old one opened.
    fn secret(&self, _fingerprint: u64) {}

    /// Tells, once at most, that the secrets of the change are there and the device is asked from now on.
    fn connects(&self) {}

    /// Tells that what stands between the agent and the device failed, and not the device: its site hears of it, as of
    /// a device that cannot be reached, and the device's breaker does not.
    fn way_lost(&self) {}

    /// Tells that the device cannot be looked at after its write: whether the link to its site was cut is found out now,
    /// for the device may heal itself before the attempt ends.
    fn unseen(&self) {}

    /// Tells how the device differs from the configuration: at most
    /// [`switchyard_shared::configuration::DIFF_BYTES_MAX`], without secrets.
    fn differs(&self, _diff: String) {}

    /// Tells which host keys the device has proved to have: at most [`switchyard_shared::ssh::KEYS_SHOWN_MAX`].
    fn shows(&self, _keys: Vec<HostKey>) {}

    /// Where to note every sign of life of the device; absent when nobody asks.
    fn hearing(&self) -> Option<Arc<Hearing>> {
        None
    }

    /// Must be awaited immediately before the first byte that can change the device. `Ok` means that
    /// `INTENT` is on disk and that nobody has called the attempt off since; from then on the attempt
    /// is not cancelled any more and ends by its own deadline.
    ///
    /// `before` is a digest, under the site's key, of what the device said just now, when it was asked: it is kept with the intent, so that a doubt can be settled by reading the device again.
    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>>;
}

/// Configures one device once. A device's failure is data: an [`Outcome`], never an error or a panic.
pub trait Executor: Send + Sync + 'static {
    /// Carries out `task`. Until the write gate has opened, `cancel` ends the attempt at once with
    /// `CANCELLED`. Every phase has a deadline, so this always ends by itself.
    fn attempt<'a>(
        &'a self,
        task: &'a Task,
        context: &'a dyn AttemptContext,
        cancel: CancellationToken,
    ) -> BoxFuture<'a, Outcome>;

    /// The fingerprint of the secret that `reference` names now; `None` if it cannot be had.
    fn fingerprint(&self, _reference: String) -> BoxFuture<'static, Option<u64>> {
        Box::pin(async { None })
    }
}
