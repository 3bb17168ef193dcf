//! Why a Vault gave no secret, and what to do then.

use std::path::PathBuf;
use switchyard_shared::secret_ref::VaultRef;

/// Why there is no secret. Holds addresses, paths and names of keys, never a value and never the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The agent was not told of any.
    #[error("ask a Vault: this agent was started without the address of one")]
    Unconfigured,
    /// The address is none, or its CA cannot be used.
    #[error("use the Vault {address}: {why}")]
    Settings {
        /// As given.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// The token's file.
    #[error("read the Vault token in {path}: {why}", path = path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No connection, or no answer.
    #[error("reach the Vault {server}: {why}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What happened.
        why: String,
    },
    /// It is sealed, or not initialized.
    #[error("ask the Vault {server}: it is sealed")]
    Sealed {
        /// Its address.
        server: String,
    },
    /// It is a standby that sends us on.
    #[error("ask the Vault {server}: it is a standby and names another address")]
    Elsewhere {
        /// Its address.
        server: String,
    },
    /// Its policy says no, or the token has expired.
    #[error("read {place} in the Vault {server}: permission denied")]
    Denied {
        /// Its address.
        server: String,
        /// What was asked for.
        place: Box<VaultRef>,
    },
    /// The token itself is refused.
    #[error("use the agent's token at the Vault {server}: permission denied")]
    TokenRefused {
        /// Its address.
        server: String,
    },
    /// Nothing is there.
    #[error("find {0} in the Vault: there is no such path")]
    NoPath(VaultRef),
    /// It was there.
    #[error("read {0} in the Vault: this version was deleted")]
    Deleted(VaultRef),
    /// The path is there, the key is not.
    #[error("find the key {key} of {place} in the Vault: it has {has}")]
    NoKey {
        /// What was asked for.
        place: Box<VaultRef>,
        /// The key.
        key: String,
        /// The keys that are there.
        has: String,
    },
    /// Any other answer.
    #[error("ask the Vault {server}: it answered {status}: {why}")]
    Refused {
        /// Its address.
        server: String,
        /// The HTTP status.
        status: u16,
        /// In its words.
        why: String,
    },
    /// An answer that is not of a KV engine, version 2.
    #[error("understand what the Vault says of {0}: it is no secret of a KV engine, version 2")]
    Answer(VaultRef),
}

impl VaultError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unconfigured => {
                "start the agent with --vault-address (or VAULT_ADDR) and --vault-token-file (or VAULT_TOKEN)".into()
            }
            Self::Settings { .. } => "correct VAULT_ADDR and VAULT_CACERT of the agent and start it again".into(),
            Self::NoToken { path, .. } => {
                format!("put a token into {}, readable by the agent's user alone", path.display())
            }
            Self::Unreachable { .. } => {
                "check VAULT_ADDR of the agent, the Vault itself, its certificate, and the way from the site to it".into()
            }
            Self::Sealed { .. } => "unseal it: vault operator unseal, or bao operator unseal".into(),
            Self::Elsewhere { .. } => "set VAULT_ADDR of the agent to the address of the active node or of all".into(),
            Self::Denied { place, .. } => format!(
                "let the policy of the agent's token read {}/data/{}, or give it a new token if this one has expired",
                place.mount, place.path
            ),
            Self::TokenRefused { .. } => "it has expired or was revoked: give the agent a new one".into(),
            Self::NoPath(place) => {
                format!("look at it with vault kv get -mount={} {}; correct the reference", place.mount, place.path)
            }
            Self::Deleted(place) => {
                format!("choose another version, or vault kv undelete -mount={} {}", place.mount, place.path)
            }
            Self::NoKey { place, .. } => format!(
                "correct the key in the reference, or vault kv patch -mount={} {} KEY=-", place.mount, place.path
            ),
            Self::Refused { .. } => "see the Vault's own log".into(),
            Self::Answer(place) => {
                format!("check that {} is a KV engine, version 2: vault secrets list -detailed", place.mount)
            }
        }
    }
}
