//! Turns a credential reference into what it names; a secret never shows itself.

mod fingerprint;

pub use fingerprint::{FingerprintKey, SiteKey};

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

/// Largest private key or password, in bytes.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Text that neither `Debug` nor `Display` shows, zeroed when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over `text`.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself: hand it to nothing that logs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// What proves to a device who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A private key as PEM text.
    PrivateKey(Secret),
    /// A password.
    Password(Secret),
}

/// Why a reference names nothing usable. Holds names and paths, never content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The reference has no known scheme.
    #[error("read the reference: it must be file:PATH or env:NAME")]
    Scheme,
    /// The variable is not set, or is not UTF-8.
    #[error("find the environment variable {0}")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("read {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// A folder, pipe or device.
    #[error("read {path}: it is not a regular file", path = .0.display())]
    NotAFile(PathBuf),
    /// Others can read the private key.
    #[error("trust {path}: mode {1:04o} lets others read this private key", path = .0.display())]
    Exposed(PathBuf, u32),
    /// More than [`SECRET_BYTES_MAX`].
    #[error("read a secret of more than {SECRET_BYTES_MAX} bytes")]
    TooLarge,
    /// Nothing there.
    #[error("read a secret from nothing: it is empty")]
    Empty,
    /// Not UTF-8.
    #[error("read the secret as UTF-8 text")]
    NotText,
    /// A public key or a certificate where a private key belongs.
    #[error("find a private key: this is a public key or a certificate")]
    NotPrivate,
}

impl SecretError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Scheme => "write credential_ref as file:PATH or env:NAME in the inventory".into(),
            Self::NoVariable(name) => {
                format!("set {name} in the environment of the agent and start it again")
            }
            Self::Unreadable(path, _) | Self::NotAFile(path) => format!(
                "put the key or password at {} on the machine of the agent, readable by its user",
                path.display()
            ),
            Self::Exposed(path, _) => format!("chmod 600 {}", path.display()),
            Self::TooLarge | Self::Empty | Self::NotText => {
                "the reference must name one private key (PEM) or one password".into()
            }
            Self::NotPrivate => "name the private key, which is the file without .pub".into(),
        }
    }
}

/// Resolves references against one data folder.
#[derive(Debug, Clone)]
pub struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// Relative `file:` references start at `folder`, the agent's data folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Reads what `reference` names, each time anew, so that a rotated key is used at once.
    pub async fn resolve(&self, reference: &str) -> Result<Credential, SecretError> {
        if let Some(name) = reference.strip_prefix("env:").filter(|name| !name.is_empty()) {
            let text = std::env::var(name).map_err(|_| SecretError::NoVariable(name.into()))?;
            return classify(Zeroizing::new(text));
        }
        let path = reference.strip_prefix("file:").filter(|path| !path.is_empty());
        let path = self.folder.join(path.ok_or(SecretError::Scheme)?);
        let (text, mode) = read(&path).await?;
        let credential = classify(text)?;
        match credential {
            Credential::PrivateKey(_) if mode & 0o077 != 0 => Err(SecretError::Exposed(path, mode)),
            Credential::PrivateKey(_) | Credential::Password(_) => Ok(credential),
        }
    }
}

/// The text and the mode that matters: as OpenSSH does, only a file of our own user is judged.
async fn read(path: &Path) -> Result<(Zeroizing<String>, u32), SecretError> {
    let unreadable = |error| SecretError::Unreadable(path.into(), error);
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile(path.into()));
    }
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText)?;
    let ours = metadata.uid() == rustix::process::geteuid().as_raw();
    Ok((Zeroizing::new(text.to_owned()), if ours { metadata.mode() & 0o7777 } else { 0 }))
}

fn classify(text: Zeroizing<String>) -> Result<Credential, SecretError> {
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(SecretError::TooLarge);
    }
    let start = text.trim_start();
    if start.starts_with("-----BEGIN ") {
        let label = start.lines().next().unwrap_or_default();
        let private = label.contains("PRIVATE KEY");
        return private.then(|| Credential::PrivateKey(Secret(text.clone()))).ok_or(SecretError::NotPrivate);
    }
    if ["ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-"].iter().any(|prefix| start.starts_with(prefix)) {
        return Err(SecretError::NotPrivate);
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(SecretError::Empty);
    }
    Ok(Credential::Password(Secret::new(line.to_owned())))
}

#[cfg(test)]
#[path = "secrets/tests.rs"]
mod tests;
