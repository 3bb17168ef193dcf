//! Tells whether a secret is still the one it was, without keeping it.

use super::Credential;
use crate::fs::{Fs, RealFs};
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// The key's name in the data folder.
const KEY_FILE: &str = "fingerprint.key";
/// Its size, in bytes.
const KEY_BYTES: usize = 32;

/// The key under which secrets are fingerprinted: made once for a data folder, and never leaving it.
pub struct FingerprintKey(Zeroizing<[u8; KEY_BYTES]>);

impl FingerprintKey {
    /// The key of `data`. Where it cannot be kept another one is made for this process, so that every
    /// secret looks changed after a restart.
    pub fn open(data: &Path) -> Self {
        Self(match open(&RealFs, data) {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!(
                    "failed to keep {}: {error}; breakers of credentials will close at the next start of this agent",
                    data.join(KEY_FILE).display()
                );
                Zeroizing::new(crate::entropy::key())
            }
        })
    }

    /// The fingerprint of a secret: another one for another secret or another key.
    pub fn of(&self, credential: &Credential) -> u64 {
        let text = match credential {
            Credential::PrivateKey(secret) | Credential::Password(secret) => secret.reveal(),
            // Only the ssh-agent knows which key that is: see `of_text`.
            Credential::SshAgent { fingerprint, .. } => fingerprint.as_deref().unwrap_or("ssh-agent"),
        };
        self.of_text(text)
    }

    /// The same of a text that tells one credential from another.
    pub fn of_text(&self, text: &str) -> u64 {
        let mut hash = Sha256::new();
        hash.update(*self.0);
        hash.update(text.as_bytes());
        let mut head = [0; 8];
        head.copy_from_slice(&hash.finalize()[..8]);
        u64::from_le_bytes(head)
    }
}

impl FingerprintKey {
    /// The digest of a text that may hold secrets: HMAC-SHA-256 (RFC 2104) under this key, so that nobody without
    /// it can try what the text was.
    pub fn digest(&self, text: &[u8]) -> String {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&*self.0).expect("HMAC takes a key of any length");
        mac.update(text);
        let hex = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("hmac-sha256:{hex}")
    }
}

/// The key of a data folder, opened when it is first needed.
pub struct SiteKey {
    data: PathBuf,
    key: OnceLock<FingerprintKey>,
}

impl SiteKey {
    /// The key of `data`.
    pub fn of(data: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self { data: data.into(), key: OnceLock::new() })
    }

    fn key(&self) -> &FingerprintKey {
        self.key.get_or_init(|| FingerprintKey::open(&self.data))
    }

    /// See [`FingerprintKey::of`].
    pub fn fingerprint(&self, credential: &Credential) -> u64 {
        self.key().of(credential)
    }

    /// See [`FingerprintKey::of_text`].
    pub fn fingerprint_of(&self, text: &str) -> u64 {
        self.key().of_text(text)
    }

    /// See [`FingerprintKey::digest`].
    pub fn digest(&self, text: &[u8]) -> String {
        self.key().digest(text)
    }
}

fn open(fs: &dyn Fs, data: &Path) -> io::Result<Zeroizing<[u8; KEY_BYTES]>> {
    let path = data.join(KEY_FILE);
    match fs.read(&path, KEY_BYTES as u64) {
        Ok(bytes) => {
            let bytes = Zeroizing::new(bytes);
            if let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
                return Ok(Zeroizing::new(key));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let key = Zeroizing::new(crate::entropy::key());
    fs.create_dirs(data)?;
    crate::fs::replace(fs, &path, key.as_slice())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    fn password(text: &str) -> Credential {
        Credential::Password(Secret::new(text.into()))
    }

    #[test]
    fn a_fingerprint_is_the_same_after_a_restart_and_another_one_elsewhere() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let before = FingerprintKey::open(here.path());
        let after = FingerprintKey::open(here.path());
        assert_eq!(before.of(&password("x")), after.of(&password("x")));
        assert_ne!(before.of(&password("x")), before.of(&password("y")));
        assert_ne!(before.of(&password("x")), FingerprintKey::open(there.path()).of(&password("x")));
    }

    #[test]
    fn a_text_has_another_digest_at_every_site() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (here, there) = (SiteKey::of(here.path()), SiteKey::of(there.path()));
        assert_eq!(here.digest(b"x"), here.digest(b"x"));
        assert_ne!(here.digest(b"x"), here.digest(b"y"));
        assert_ne!(here.digest(b"x"), there.digest(b"x"));
        assert_eq!(here.digest(b"x").len(), "hmac-sha256:".len() + 64);
    }

    #[test]
    fn a_key_that_is_damaged_is_made_anew() {
        let data = tempfile::tempdir().unwrap();
        crate::fs::replace(&RealFs, &data.path().join(KEY_FILE), b"short").unwrap();
        let first = FingerprintKey::open(data.path()).of(&password("x"));
        assert_eq!(FingerprintKey::open(data.path()).of(&password("x")), first);
    }
}
