//! Turns a reference into the secret that it names; a secret never shows itself.

mod error;
mod exec;
mod file;
mod fingerprint;
mod own;
pub mod vault;

pub use error::SecretError;
pub use fingerprint::{FingerprintKey, KeyError, SiteKey};

use exec::Programs;
use file::Files;
use own::OwnFiles;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use switchyard_shared::secret_ref::{SecretRef, VaultRef};
use vault::{Vault, VaultError};
use zeroize::Zeroizing;

/// Largest private key or password, in bytes.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// The keys of a credential in a Vault.
const PRIVATE_KEY: &str = "private_key";
const PASSWORD: &str = "password";

/// The variable that says where an ssh-agent listens.
const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";

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
    /// A key that stays in an ssh-agent.
    SshAgent {
        /// Where the ssh-agent listens.
        socket: PathBuf,
        /// Which key; the only one there when absent.
        fingerprint: Option<String>,
    },
}

/// Resolves references at one agent. Cheap to share.
#[derive(Debug, Clone)]
pub struct Secrets {
    folder: PathBuf,
    files: Files,
    programs: Programs,
    vault: Option<Arc<Vault>>,
    /// Where an ssh-agent listens.
    ssh_agent: Option<PathBuf>,
}

impl Secrets {
    /// Relative `file:` references start at `folder`, the agent's data folder. Knows no Vault, and the ssh-agent of
    /// this process's `SSH_AUTH_SOCK`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let ssh_agent = std::env::var_os(SSH_AUTH_SOCK).map(PathBuf::from);
        Self { programs: Programs::of(&folder), files: Files::default(), folder, vault: None, ssh_agent }
    }

    /// The same with a Vault.
    pub fn with_vault(self, vault: Option<Arc<Vault>>) -> Self {
        Self { vault, ..self }
    }

    /// The same with the ssh-agent that listens at `socket`.
    pub fn with_ssh_agent(self, socket: PathBuf) -> Self {
        Self { ssh_agent: Some(socket), ..self }
    }

    /// The credential that `reference` names, which is nothing of the agent's own. Files and variables are read each time
    /// anew, so that a rotated key is used at once; what a Vault said is believed for [`vault::KEPT_FOR`].
    pub async fn resolve(&self, reference: &str) -> Result<Credential, SecretError> {
        match SecretRef::parse(reference)? {
            SecretRef::File(path) => {
                let path = self.folder.join(path);
                let (text, mode) = self.files.read_foreign(&path, self.own_files()).await?;
                match classify(text)? {
                    Credential::PrivateKey(_) if mode & 0o077 != 0 => Err(SecretError::Exposed(path, mode)),
                    credential @ (Credential::PrivateKey(_)
                    | Credential::Password(_)
                    | Credential::SshAgent { .. }) => Ok(credential),
                }
            }
            SecretRef::Vault(place) if place.key.is_none() => self.credential_in_vault(&place).await,
            SecretRef::SshAgent { fingerprint } => {
                let socket = self.ssh_agent.clone();
                let socket = socket.ok_or_else(|| SecretError::NoVariable(SSH_AUTH_SOCK.into()))?;
                Ok(Credential::SshAgent { socket, fingerprint })
            }
            one @ (SecretRef::Env(_) | SecretRef::Exec { .. } | SecretRef::Vault(_)) => {
                classify(self.text(one).await?)
            }
        }
    }

    /// The value that `reference` names, for a configuration; the line break at its end does not belong to it. What is
    /// the agent's own is none.
    pub async fn value(&self, reference: &str) -> Result<Secret, SecretError> {
        let text = self.text(SecretRef::parse(reference)?).await?;
        if text.len() as u64 > SECRET_BYTES_MAX {
            return Err(SecretError::TooLarge);
        }
        match without_last_break(&text) {
            "" => Err(SecretError::Empty),
            line => Ok(Secret::new(line.to_owned())),
        }
    }

    fn own_files(&self) -> OwnFiles {
        let token = self.vault.as_ref().and_then(|vault| vault.token_file());
        OwnFiles { folder: self.folder.clone(), token: token.map(Path::to_owned) }
    }

    async fn text(&self, reference: SecretRef) -> Result<Zeroizing<String>, SecretError> {
        match reference {
            SecretRef::File(path) => {
                let path = self.folder.join(path);
                Ok(self.files.read_foreign(&path, self.own_files()).await?.0)
            }
            SecretRef::Env(name) if own::variable(&name) => Err(SecretError::Own),
            SecretRef::Env(name) => {
                let text = std::env::var(&name).map_err(|_| SecretError::NoVariable(name))?;
                Ok(Zeroizing::new(text))
            }
            SecretRef::SshAgent { .. } => Err(SecretError::NeverGiven),
            SecretRef::Exec { command, argument } => Ok(self.programs.ask(&command, &argument).await?),
            SecretRef::Vault(place) => {
                let Some(key) = &place.key else { return Err(SecretError::WhichKey(place)) };
                let values = self.vault()?.read(&place).await?;
                match values.get(key) {
                    Some(value) => Ok(Zeroizing::new(value.reveal().to_owned())),
                    None => Err(values.has_no(key, &place).into()),
                }
            }
        }
    }

    async fn credential_in_vault(&self, place: &VaultRef) -> Result<Credential, SecretError> {
        let values = self.vault()?.read(place).await?;
        let found = values.get(PRIVATE_KEY).or_else(|| values.get(PASSWORD));
        let found = found.ok_or_else(|| SecretError::NoCredential(place.clone()))?;
        classify(Zeroizing::new(found.reveal().to_owned()))
    }

    fn vault(&self) -> Result<&Vault, VaultError> {
        self.vault.as_deref().ok_or(VaultError::Unconfigured)
    }
}

/// `text` without the line break at its end.
fn without_last_break(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
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
    let line = without_last_break(&text);
    if line.is_empty() {
        return Err(SecretError::Empty);
    }
    Ok(Credential::Password(Secret::new(line.to_owned())))
}

#[cfg(test)]
#[path = "secrets/tests.rs"]
mod tests;
