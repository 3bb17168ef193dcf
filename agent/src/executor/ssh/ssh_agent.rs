//! Logins with a key that an ssh-agent holds: it signs, and the key stays where it is.

use super::explain;
use crate::executor::Failure;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg};
use std::path::Path;
use switchyard_shared::task::Task;
use tokio::net::UnixStream;

/// Most keys that a message lists.
const LISTED_MAX: usize = 3;
/// What to do when there is no such key.
const START_ONE: &str = "start the agent with SSH_AUTH_SOCK of an ssh-agent that holds the key (ssh-add -l)";

/// A key of an ssh-agent, with the connection that signs.
pub(super) struct Held {
    agent: AgentClient<UnixStream>,
    identity: AgentIdentity,
}

/// Finds the key of this fingerprint, or the only one. A certificate for it goes before the bare key.
pub(super) async fn find(socket: &Path, wanted: Option<&str>, task: &Task) -> Result<Held, Failure> {
    let gone = |error: russh::keys::Error| {
        explain::credential(task, &format!("ask the ssh-agent: {error}"), START_ONE)
    };
    let mut agent = AgentClient::connect_uds(socket).await.map_err(gone)?;
    let mut all = agent.request_identities().await.map_err(gone)?;
    all.sort_by_key(|identity| matches!(identity, AgentIdentity::PublicKey { .. }));
    let print = |identity: &AgentIdentity| identity.public_key().fingerprint(HashAlg::Sha256).to_string();
    let mut prints: Vec<String> = all.iter().map(print).collect();
    prints.sort();
    prints.dedup();
    let wanted = match (wanted, &prints[..]) {
        (Some(wanted), _) => wanted.trim_end_matches('=').to_owned(),
        (None, [only]) => only.clone(),
        (None, []) => {
            return Err(explain::credential(task, "find a key in the ssh-agent: it holds none", START_ONE));
        }
        (None, several) => {
            let listed = several.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
            let why = format!("choose one of {} keys in the ssh-agent: {listed}", several.len());
            return Err(explain::credential(task, &why, "write it after the colon: ssh-agent:SHA256:…"));
        }
    };
    match all.into_iter().find(|identity| print(identity) == wanted) {
        Some(identity) => Ok(Held { agent, identity }),
        None => {
            let why = format!("find the key {wanted} in the ssh-agent, which holds {}", prints.len());
            Err(explain::credential(task, &why, START_ONE))
        }
    }
}

impl Held {
    /// Whether it is an RSA key, whose hash must be chosen.
    pub(super) fn is_rsa(&self) -> bool {
        matches!(self.identity.public_key().algorithm(), Algorithm::Rsa { .. })
    }

    /// One try with it. An error is a lost session, or an agent that will not sign.
    pub(super) async fn log_in(
        &mut self,
        handle: &mut Handle<super::peer::Peer>,
        user: &str,
        hash: Option<HashAlg>,
    ) -> Result<AuthResult, String> {
        let done = match &self.identity {
            AgentIdentity::PublicKey { key, .. } => {
                handle.authenticate_publickey_with(user, key.clone(), hash, &mut self.agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                handle.authenticate_certificate_with(user, certificate.clone(), hash, &mut self.agent).await
            }
        };
        done.map_err(|error| error.to_string())
    }
}
