//! Why a reference names nothing usable, and what to do then.

use super::exec::ExecError;
use super::vault::VaultError;
use super::{PASSWORD, PRIVATE_KEY, SECRET_BYTES_MAX};
use std::io;
use std::path::PathBuf;
use switchyard_shared::secret_ref::{FORMS, SecretRefError, VaultRef};

/// Why a reference names nothing usable. Holds names and paths, never content.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It is no reference.
    #[error("read the reference: it {0}")]
    Reference(#[from] SecretRefError),
    /// It names a place with several values where one is needed.
    #[error("choose a value: {0} holds several")]
    WhichKey(VaultRef),
    /// The variable is not set, or is not UTF-8.
    #[error("find the environment variable {0}")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("read {path}: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// It gives no answer, or an earlier read of it has not ended.
    #[error("read {path}: it gives no answer", path = .0.display())]
    Hangs(PathBuf),
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
    /// Neither of the keys that a credential has.
    #[error("find {PRIVATE_KEY} or {PASSWORD} in {0}")]
    NoCredential(VaultRef),
    /// An ssh-agent signs with its keys and gives none away.
    #[error("take a value out of an ssh-agent, which only logs in")]
    NeverGiven,
    /// It is the agent's own, such as its key or its Vault's token.
    #[error("give a device a secret of the agent itself")]
    Own,
    /// A program gave nothing.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// A Vault gave nothing.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl SecretError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Reference(_) => format!("write it as {FORMS}"),
            Self::WhichKey(place) => format!("write the key after a #, such as vault:{place}#key"),
            Self::NoCredential(place) => {
                format!("put it there as {PRIVATE_KEY} or {PASSWORD}, or name the key: vault:{place}#KEY")
            }
            Self::Exec(error) => error.hint(),
            Self::Vault(error) => error.hint(),
            Self::NoVariable(name) => {
                format!("set {name} in the environment of the agent and start it again")
            }
            Self::Unreadable(path, _) | Self::NotAFile(path) => format!(
                "put the key or password at {} on the machine of the agent, readable by its user",
                path.display()
            ),
            Self::Hangs(path) => format!(
                "look at the disk or mount of {} on the machine of the agent; it is read again once it answers",
                path.display()
            ),
            Self::Exposed(path, _) => format!("chmod 600 {}", path.display()),
            Self::TooLarge | Self::Empty | Self::NotText => {
                "the reference must name one private key (PEM) or one password".into()
            }
            Self::Own => {
                "name a file or a variable that is there for devices, or keep it in the Vault".into()
            }
            Self::NeverGiven => "name it as file:, env:, exec: or vault:".into(),
            Self::NotPrivate => "name the private key, which is the file without .pub".into(),
        }
    }
}
