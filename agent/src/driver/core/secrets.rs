//! Secrets that were refused or could not be had: looked at again and again, because another secret
//! closes what the old one opened, and behind an open breaker nobody would use it.

use super::{Core, Effect};
use std::collections::BTreeMap;
use std::time::Duration;
use switchyard_shared::breaker::{Name, State};
use switchyard_shared::outcome::Class;
use switchyard_shared::time::Timestamp;

/// How often a secret is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long after its last failure.
const LOOK_FOR: Duration = Duration::from_secs(24 * 3600);
/// Most secrets that are looked at; the one that failed longest ago gives way.
const SECRETS_MAX: usize = 64;

/// Which secrets are looked at.
#[derive(Debug, Default)]
pub struct Watched(BTreeMap<String, Watch>);

#[derive(Debug)]
struct Watch {
    failed_at: Timestamp,
    look_at: Timestamp,
}

impl Watched {
    fn add(&mut self, reference: &str, now: Timestamp) {
        let look_at = now.plus(LOOK_EVERY);
        let watch = self.0.entry(reference.to_owned()).or_insert(Watch { failed_at: now, look_at });
        watch.failed_at = now;
        if self.0.len() > SECRETS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, watch)| watch.failed_at);
            if let Some(oldest) = oldest.map(|(reference, _)| reference.clone()) {
                self.0.remove(&oldest);
            }
        }
    }

    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.0.values().map(|watch| watch.look_at).min()
    }
}

impl Core {
    /// Breakers of credentials that were open when the agent ended.
    pub(super) fn watch_open_credentials(&mut self, now: Timestamp) {
        for report in self.breakers.reports() {
            if let (Name::Credential { reference, .. }, State::Open) = (&report.name, report.state) {
                self.watched.add(reference, now);
            }
        }
    }

    /// An attempt with this credential ended.
    pub(super) fn note_credential(&mut self, reference: &str, class: Class, now: Timestamp) {
        if matches!(class, Class::AuthFailed | Class::CredentialUnavailable) {
            self.watched.add(reference, now);
        }
    }

    pub(super) fn look_at_secrets(&mut self, now: Timestamp) {
        self.watched.0.retain(|_, watch| now.since(watch.failed_at) < LOOK_FOR);
        for (reference, watch) in &mut self.watched.0 {
            if watch.look_at <= now {
                watch.look_at = now.plus(LOOK_EVERY);
                self.effects.push_back(Effect::Fingerprint(reference.clone()));
            }
        }
    }

    /// The secret behind `reference` as it is now.
    pub(super) fn secret_is(&mut self, reference: &str, fingerprint: u64, now: Timestamp) {
        self.breakers.credential_changed(reference, fingerprint, now);
        self.note_moves(now);
    }
}
