//! Logins with a key that an ssh-agent holds: it signs, and the key stays where it is.

use super::certificate_names::CertificateNames;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg};
use russh::{AgentAuthError, Signer};
use std::io;
use std::path::Path;
use std::time::Duration;
use switchyard_shared::time::format_duration;
use tokio::net::UnixStream;

/// Most keys that a message lists.
const LISTED_MAX: usize = 3;
/// What to do when there is no such key.
const START_ONE: &str = "start the agent with SSH_AUTH_SOCK of an ssh-agent that holds the key (ssh-add -l)";

/// What to do with one that gives no answer.
const MEND_IT: &str = "the ssh-agent hangs, or asks somebody who is not there: try ssh-add -l as the agent's user, \
                       and let it sign without a question (no ssh-add -c)";
/// Longest wait for one answer of an ssh-agent.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// A key of an ssh-agent, with the connection that signs.
pub(super) struct Held {
    agent: Patient,
    identity: AgentIdentity,
}

/// An ssh-agent that is waited for so long and no longer, and signs with the hash it is told last.
struct Patient {
    agent: AgentClient<UnixStream>,
    patience: Duration,
    hash: Option<HashAlg>,
}

/// Why there is no such key: what failed, to fit "failed to …", and what to do.
pub(super) struct NoKey {
    pub(super) why: String,
    pub(super) hint: &'static str,
}

impl NoKey {
    fn new(why: impl Into<String>, hint: &'static str) -> Self {
        Self { why: why.into(), hint }
    }
}

/// Finds the key of this fingerprint, or the only one, within `patience` and [`ANSWER_MAX`]. A certificate for it goes
/// before the bare key.
pub(super) async fn find(socket: &Path, wanted: Option<&str>, patience: Duration) -> Result<Held, NoKey> {
    let patience = patience.min(ANSWER_MAX);
    let asking = async {
        let mut agent = AgentClient::connect_uds(socket).await?;
        let all = agent.request_identities().await?;
        Ok::<_, russh::keys::Error>((agent, all))
    };
    let (agent, mut all) = match tokio::time::timeout(patience, asking).await {
        Ok(asked) => asked.map_err(|error| NoKey::new(format!("ask the ssh-agent: {error}"), START_ONE))?,
        Err(_) => return Err(NoKey::new(format!("ask the ssh-agent: {}", no_answer(patience)), MEND_IT)),
    };
    all.sort_by_key(|identity| matches!(identity, AgentIdentity::PublicKey { .. }));
    let print = |identity: &AgentIdentity| identity.public_key().fingerprint(HashAlg::Sha256).to_string();
    let mut prints: Vec<String> = all.iter().map(print).collect();
    prints.sort();
    prints.dedup();
    let wanted = match (wanted, &prints[..]) {
        (Some(wanted), _) => wanted.trim_end_matches('=').to_owned(),
        (None, [only]) => only.clone(),
        (None, []) => {
            return Err(NoKey::new("find a key in the ssh-agent: it holds none", START_ONE));
        }
        (None, several) => {
            let listed = several.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
            let why = format!("choose one of {} keys in the ssh-agent: {listed}", several.len());
            return Err(NoKey::new(why, "write it after the colon: ssh-agent:SHA256:…"));
        }
    };
    match all.into_iter().find(|identity| print(identity) == wanted) {
        Some(identity) => Ok(Held { agent: Patient { agent, patience, hash: None }, identity }),
        None => {
            let why = format!("find the key {wanted} in the ssh-agent, which holds {}", prints.len());
            Err(NoKey::new(why, START_ONE))
        }
    }
}

fn no_answer(waited: Duration) -> String {
    format!("no answer within {}", format_duration(waited))
}

impl Signer for Patient {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        _name: Option<HashAlg>,
        text: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        let signed = tokio::time::timeout(self.patience, self.agent.auth_sign(key, self.hash, text)).await;
        signed.unwrap_or_else(|_| {
            let error = io::Error::new(io::ErrorKind::TimedOut, no_answer(self.patience));
            Err(AgentAuthError::Key(russh::keys::Error::IO(error)))
        })
    }
}

impl Held {
    /// What another key, or another certificate for it, does not have.
    pub(super) fn mark(&self) -> String {
        match &self.identity {
            AgentIdentity::PublicKey { key, .. } => key.fingerprint(HashAlg::Sha256).to_string(),
            AgentIdentity::Certificate { certificate, .. } => certificate.to_openssh().unwrap_or_default(),
        }
    }

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
        names: CertificateNames,
    ) -> Result<AuthResult, String> {
        self.agent.hash = hash;
        let done = match &self.identity {
            AgentIdentity::PublicKey { key, .. } => {
                handle.authenticate_publickey_with(user, key.clone(), hash, &mut self.agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                let name = names.of_hash(hash);
                handle.authenticate_certificate_with(user, certificate.clone(), name, &mut self.agent).await
            }
        };
        done.map_err(|error| error.to_string())
    }
}
