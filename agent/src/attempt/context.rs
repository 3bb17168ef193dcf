//! What an executor sees of the agent: where it may say how far it is, and the way through the gate.

use super::Gate;
use crate::clock::Clock;
use crate::executor::{AttemptContext, GateRefused, Hearing};
use crate::failpoint;
use crate::journal::{Entry, Log};
use crate::session::Lease;
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::guard::{self, Guard};
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::ssh::HostKey;
use switchyard_shared::time::Timestamp;
use tokio::sync::mpsc;

/// Where an attempt is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressNote {
    /// Which attempt.
    pub op: OpId,
    /// Where it is.
    pub phase: Phase,
    /// Since when.
    pub at: Timestamp,
}

/// What breakers must hear of the moment it happens; at most one of each kind for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Which attempt.
    pub op: OpId,
    /// What happened.
    pub kind: SignKind,
    /// When.
    pub at: Timestamp,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignKind {
    /// The device answered: its login is accepted or refused.
    Answered {
        /// Which of both.
        accepted: bool,
    },
    /// The first byte that can change the device is let through.
    Writes,
    /// The secret of this fingerprint is used.
    Secret(u64),
    /// What stands between the agent and the device failed.
    WayLost,
    /// The secrets are there: from now on the device is asked.
    Connects,
    /// The device cannot be looked at after its write.
    Unseen,
}

/// The context of one attempt.
pub struct Context {
    /// Which attempt.
    pub op: OpId,
    /// Its gate.
    pub gate: Arc<Gate>,
    /// Where the intent goes.
    pub log: Arc<dyn Log>,
    /// The right to start.
    pub lease: Arc<Lease>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes; dropped when nobody listens fast enough.
    pub progress: mpsc::Sender<ProgressNote>,
    /// Where signs go; has room for every sign of every attempt that can run at once.
    pub signs: mpsc::Sender<Sign>,
    /// The device's signs of life.
    pub hearing: Arc<Hearing>,
    /// Whether the device has answered.
    pub has_answered: AtomicBool,
    /// Whether the secret was told of.
    pub has_secret: AtomicBool,
    /// Whether the loss of the way to the device was told of.
    pub has_lost_way: AtomicBool,
    /// Whether it was told that the device cannot be looked at.
    pub is_unseen: AtomicBool,
    /// How the device differs, once that is known.
    pub diff: Mutex<String>,
    /// The host keys that the device has shown.
    pub keys: Mutex<Vec<HostKey>>,
}

impl Context {
    /// Checked before the intent and again after it: the disk may have been slow.
    fn check(&self) -> Result<(), GateRefused> {
        self.gate.check()?;
        if self.lease.is_held(self.clock.now()) {
            return Ok(());
        }
        Err(self
            .refuse(Class::Cancelled, "called off: no word from the coordinator for longer than its lease"))
    }

    /// How the device differs, if that was found out; forgotten here.
    pub fn take_diff(&self) -> String {
        std::mem::take(&mut self.diff.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The host keys that the device has shown; forgotten here.
    pub fn take_keys(&self) -> Vec<HostKey> {
        std::mem::take(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn sign(&self, kind: SignKind) {
        let sign = Sign { op: self.op.clone(), kind, at: self.clock.now() };
        if self.signs.try_send(sign).is_err() {
            tracing::error!(op = %self.op, ?kind, "a sign of an attempt was lost, which is a fault of this agent");
        }
    }

    fn refuse(&self, class: Class, message: &str) -> GateRefused {
        let refused = GateRefused { class, message: message.to_owned() };
        self.gate.call_off(refused.clone());
        refused
    }
}

impl AttemptContext for Context {
    fn progress(&self, phase: Phase) {
        // The gate has told of it, where it is never lost.
        if phase == Phase::Write {
            return;
        }
        let note = ProgressNote { op: self.op.clone(), phase, at: self.clock.now() };
        let _dropped_when_full = self.progress.try_send(note);
    }

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async move {
            self.check()?;
            let intent = Entry::Intent { op: self.op.clone(), at: self.clock.now(), before: before.clone() };
            let written = self.log.submit(vec![intent]);
            let written = if guard::holds(Guard::IntentWait) { written.await } else { Ok(Ok(())) };
            match written {
                Ok(Ok(())) => {}
                Ok(Err(lost)) => return Err(self.refuse(Class::AgentError, &format!("failed to {lost}"))),
                Err(_) => {
                    return Err(self.refuse(Class::AgentError, "failed to write the journal: it is closed"));
                }
            }
            failpoint::here("intent-synced");
            let first = !self.gate.has_passed();
            let may = self.check().and_then(|()| self.gate.pass(self.clock.now(), before));
            if guard::holds(Guard::SecondGateCheck) {
                may?;
            }
            if first {
                self.sign(SignKind::Writes);
            }
            failpoint::here("before-first-byte");
            Ok(())
        })
    }

    fn answered(&self, accepted: bool) {
        if !self.has_answered.swap(true, Ordering::SeqCst) {
            self.sign(SignKind::Answered { accepted });
        }
    }

    fn secret(&self, fingerprint: u64) {
        if !self.has_secret.swap(true, Ordering::SeqCst) {
            self.sign(SignKind::Secret(fingerprint));
        }
    }

    fn connects(&self) {
        self.sign(SignKind::Connects);
    }

    fn way_lost(&self) {
        if !self.has_lost_way.swap(true, Ordering::SeqCst) {
            self.sign(SignKind::WayLost);
        }
    }

    fn unseen(&self) {
        if !self.is_unseen.swap(true, Ordering::SeqCst) {
            self.sign(SignKind::Unseen);
        }
    }

    fn differs(&self, diff: String) {
        *self.diff.lock().unwrap_or_else(PoisonError::into_inner) = diff;
    }

    fn shows(&self, keys: Vec<HostKey>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn hearing(&self) -> Option<Arc<Hearing>> {
        Some(self.hearing.clone())
    }
}
