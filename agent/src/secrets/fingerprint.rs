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
/// Where the configurations are that are known again by their digests under it.
const SNAPSHOTS: &str = "snapshots";
/// Its size, in bytes.
const KEY_BYTES: usize = 32;

/// Why the key that is there cannot be used. Another one would make every known way back impossible.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is there and cannot be read.
    #[error("read {path}: {1}; let the agent's user read it, or put it back from a backup", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// It is cut, or too long.
    #[error(
        "read {path}: it is damaged; put it back from a backup, or move it away: then another one is made, and what is \
         kept in snapshots beside it is put back by no rollback any more", path = .0.display()
    )]
    Damaged(PathBuf),
}

/// The key under which secrets are fingerprinted: made once for a data folder, and never leaving it.
pub struct FingerprintKey(Zeroizing<[u8; KEY_BYTES]>);

impl FingerprintKey {
    /// The key of `data`, made if there is none. Where it cannot be kept this process has one of its own, so that
    /// every secret looks changed after a restart, and no way back of before it is known.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        let path = data.join(KEY_FILE);
        if let Some(key) = read(&path)? {
            return Ok(Self(key));
        }
        let key = Zeroizing::new(crate::entropy::key());
        let kept = RealFs.create_dirs(data).and_then(|()| crate::fs::replace(&RealFs, &path, key.as_slice()));
        let snapshots = RealFs.list(&data.join(SNAPSHOTS)).is_ok_and(|names| !names.is_empty());
        match kept {
            Err(error) => tracing::error!(
                "failed to keep {}: {error}; at the next start of this agent breakers of credentials will close, and no \
                 rollback will put back what is written until then",
                path.display()
            ),
            Ok(()) if snapshots => tracing::error!(
                "{} was gone and is made anew: no rollback puts back what is kept in {SNAPSHOTS} beside it; put the old \
                 one back from a backup and start the agent again",
                path.display()
            ),
            Ok(()) => {}
        }
        Ok(Self(key))
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

    /// The key of `data`, opened now: for the start of an agent.
    pub fn open(data: &Path) -> Result<Arc<Self>, KeyError> {
        let key = OnceLock::from(FingerprintKey::open(data)?);
        Ok(Arc::new(Self { data: data.into(), key }))
    }

    fn key(&self) -> &FingerprintKey {
        self.key.get_or_init(|| {
            FingerprintKey::open(&self.data).unwrap_or_else(|error| {
                tracing::error!("failed to {error}");
                FingerprintKey(Zeroizing::new(crate::entropy::key()))
            })
        })
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

/// The key that is kept, if there is one.
fn read(path: &Path) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, KeyError> {
    // One byte more shows that it is too long.
    let bytes = match RealFs.read(path, KEY_BYTES as u64 + 1) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(KeyError::Unreadable(path.into(), error)),
    };
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Damaged(path.into()))?;
    Ok(Some(Zeroizing::new(key)))
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
        let before = FingerprintKey::open(here.path()).unwrap();
        let after = FingerprintKey::open(here.path()).unwrap();
        assert_eq!(before.of(&password("x")), after.of(&password("x")));
        assert_ne!(before.of(&password("x")), before.of(&password("y")));
        let there = FingerprintKey::open(there.path()).unwrap();
        assert_ne!(before.of(&password("x")), there.of(&password("x")));
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
    fn a_damaged_key_is_never_made_anew_and_says_what_to_do() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(KEY_FILE);
        for damaged in [b"short".to_vec(), vec![7; KEY_BYTES + 1], vec![]] {
            crate::fs::replace(&RealFs, &path, &damaged).unwrap();
            let error = SiteKey::open(data.path()).err().expect("an error").to_string();
            assert!(error.contains("it is damaged; put it back from a backup, or move it away"), "{error}");
            let (lazy, text) = (SiteKey::of(data.path()), b"x");
            assert_eq!(lazy.digest(text), lazy.digest(text));
            assert_eq!(RealFs.read(&path, 64).unwrap(), damaged, "what is left of it stays");
        }
        crate::fs::replace(&RealFs, &path, &[7; KEY_BYTES]).unwrap();
        assert!(SiteKey::open(data.path()).is_ok());
    }
}
