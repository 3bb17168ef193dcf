//! The device's side as the SSH library reports it: its host key against the pins, and why it left.

use super::certificate::{Expected, refusal};
use russh::client::{DisconnectReason, Handler};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;

/// How a session ended, in the device's words or ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Farewell {
    /// The device sent a disconnect message with this SSH reason code.
    Message { code: u32, text: String },
    /// The connection broke.
    Broken(String),
}

#[derive(Debug, Default)]
struct Known {
    shown_key: Option<String>,
    farewell: Option<Farewell>,
}

/// What the session task learned, shared with the attempt.
#[derive(Debug, Clone, Default)]
pub(super) struct Record(Arc<Mutex<Known>>);

impl Record {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that the device showed, if it was refused: fingerprint and algorithm.
    pub(super) fn refused_key(&self) -> Option<String> {
        self.lock().shown_key.clone()
    }

    /// Why the session ended, once it has.
    pub(super) fn farewell(&self) -> Option<Farewell> {
        self.lock().farewell.clone()
    }
}

/// Accepts a device only if it proves one of the pinned keys, or an authority that is trusted vouches for it.
pub(super) struct Peer {
    pins: Vec<String>,
    expected: Expected,
    record: Record,
}

impl Peer {
    pub(super) fn of(task: &Task, now: Timestamp, record: Record) -> Self {
        Self { pins: task.endpoint.host_keys.clone(), expected: Expected::of(task, now), record }
    }
}

/// Base64 padding makes no difference between two fingerprints.
pub(super) fn same(pin: &str, fingerprint: &str) -> bool {
    pin.trim().trim_end_matches('=') == fingerprint
}

impl Handler for Peer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let (key, refusal) = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => (key.clone(), None),
            PublicKeyOrCertificate::Certificate(certificate) => {
                let Some(why) = refusal(certificate, &self.expected) else { return Ok(true) };
                (PublicKey::from(certificate.public_key().clone()), Some(why))
            }
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        if self.pins.iter().any(|pin| same(pin, &fingerprint)) {
            return Ok(true);
        }
        let why = refusal.map_or(String::new(), |why| format!(" with a certificate that {why}"));
        let algorithm = key.algorithm();
        self.record.lock().shown_key = Some(format!("{fingerprint} ({}){why}", algorithm.as_str()));
        Ok(false)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let (farewell, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (Farewell::Message { code: info.reason_code as u32, text: info.message }, Ok(()))
            }
            DisconnectReason::Error(error) => (Farewell::Broken(error.to_string()), Err(error)),
        };
        self.record.lock().farewell = Some(farewell);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_matches_with_or_without_padding_and_nothing_else() {
        assert!(same("SHA256:abc=", "SHA256:abc"));
        assert!(same(" SHA256:abc", "SHA256:abc"));
        assert!(!same("SHA256:ab", "SHA256:abc"));
        assert!(!same("", "SHA256:abc"));
    }
}
