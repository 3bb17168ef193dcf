//! How an agent comes by its certificate: once, for a join token; its key never leaves this machine.

mod identity_folder;

#[cfg(test)]
mod tests;

use identity_folder::IdentityFolder;
pub use identity_folder::KeptError;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use std::path::{Path, PathBuf};
use std::time::Duration;
use switchyard_proto::identity::Identity;
use switchyard_proto::identity::join_token::{InvalidToken, JoinToken};
use switchyard_proto::tls::certificate;
use switchyard_proto::tls::client::{ClientIdentity, ConnectError, Security, connect};
use switchyard_proto::tls::files::FileError;
use switchyard_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use switchyard_proto::v1::{EnrollAgentRequest, EnrollAgentResponse};
use switchyard_shared::id::{AgentName, SiteName};
use switchyard_shared::time::Timestamp;
use tonic::{Code, Status};

/// How long connecting may take, and then the answer.
pub const ENROLL_WITHIN: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why an agent has no credentials. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// Never joined, and no token.
    #[error("find credentials for site {site}: {} has none and no join token was given; create one with `switchyard agent token create --site {site}` and start this agent with `--join TOKEN`", folder.display())]
    NeverJoined {
        /// Where they would be.
        folder: PathBuf,
        /// The site asked for.
        site: SiteName,
    },
    /// What is kept cannot be used.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// Not a token.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// The token admits to another site; it was not sent.
    #[error(
        "join site {asked}: the token is for site {token}; start this agent with `--site {token}`, or create a token with `switchyard agent token create --site {asked}`"
    )]
    OtherSite {
        /// The token's.
        token: SiteName,
        /// This agent's.
        asked: SiteName,
    },
    /// No connection to the coordinator that made the token; the token was not sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The coordinator said no.
    #[error("join site {site}: {message}")]
    Refused {
        /// The site asked for.
        site: SiteName,
        /// The coordinator's words.
        message: String,
    },
    /// No answer came, so that the token may be used up.
    #[error(
        "join site {site}: no answer to the request ({message}); try again, and if the token turns out to be used, create another with `switchyard agent token create --site {site}`"
    )]
    Unanswered {
        /// The site asked for.
        site: SiteName,
        /// What happened.
        message: String,
    },
    /// The answer is not what was asked for.
    #[error(
        "join site {site}: the coordinator's answer cannot be used, {problem}; update the older of the two programs, then create another token with `switchyard agent token create --site {site}`"
    )]
    Answer {
        /// The site asked for.
        site: SiteName,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The certificate was issued and is lost again.
    #[error(
        "keep the new credentials: {source}; the token is used up now: mend that, then create another with `switchyard agent token create --site {site}`"
    )]
    Keep {
        /// The site.
        site: SiteName,
        /// What could not be written.
        source: FileError,
    },
    /// No key could be made.
    #[error("make a private key: {0}")]
    Key(#[from] rcgen::Error),
}

/// The credentials of this agent: those in `DATA_DIR/identity`, or, the first time, new ones for the
/// token `join`. A token is ignored once there are credentials.
///
/// Should the agent be stopped between the coordinator's answer and the write, then the token is used
/// up and the next start says so: another token is needed.
pub async fn credentials(
    data_dir: &Path,
    site: &SiteName,
    coordinator: &str,
    join: Option<&str>,
    now: Timestamp,
) -> Result<ClientIdentity, EnrollError> {
    let folder = IdentityFolder::of(data_dir);
    if let Some(kept) = folder.open(site, now)? {
        if join.is_some() {
            tracing::info!(folder = %folder.path().display(), "joined before: the join token is ignored");
        }
        return Ok(kept);
    }
    let Some(join) = join else {
        return Err(EnrollError::NeverJoined { folder: folder.path().to_owned(), site: site.clone() });
    };
    let token: JoinToken = join.parse()?;
    if token.site() != site {
        return Err(EnrollError::OtherSite { token: token.site().clone(), asked: site.clone() });
    }
    let (identity, agent) = enroll(&token, coordinator).await?;
    folder.keep(&identity).map_err(|source| EnrollError::Keep { site: site.clone(), source })?;
    tracing::info!(%site, %agent, folder = %folder.path().display(), "joined");
    Ok(identity)
}

async fn enroll(token: &JoinToken, coordinator: &str) -> Result<(ClientIdentity, AgentName), EnrollError> {
    let site = token.site();
    let key = KeyPair::generate()?;
    let certificate_request = CertificateParams::default().serialize_request(&key)?.pem()?;
    let security = Security::Enroll { ca_fingerprint: token.ca_fingerprint().to_owned() };
    let channel = connect(coordinator, &security, ENROLL_WITHIN).await?;
    let mut service = EnrollmentServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    let request = EnrollAgentRequest { token: token.reveal(), certificate_request, site: site.to_string() };
    let answer = match tokio::time::timeout(ENROLL_WITHIN, service.enroll_agent(request)).await {
        Ok(Ok(answer)) => answer.into_inner(),
        Ok(Err(status)) => return Err(refused(site, &status)),
        Err(_) => {
            let message = format!("waited {} s", ENROLL_WITHIN.as_secs());
            return Err(EnrollError::Unanswered { site: site.clone(), message });
        }
    };
    let agent =
        check(&answer, token, &key).map_err(|problem| EnrollError::Answer { site: site.clone(), problem })?;
    let identity = ClientIdentity {
        ca_pem: answer.ca_certificate.into_bytes(),
        cert_pem: answer.certificate.into_bytes(),
        key_pem: key.serialize_pem().into_bytes(),
    };
    Ok((identity, agent))
}

fn refused(site: &SiteName, status: &Status) -> EnrollError {
    let (site, message) = (site.clone(), status.message().to_owned());
    let in_doubt =
        [Code::Unavailable, Code::Unknown, Code::Internal, Code::Cancelled, Code::DeadlineExceeded];
    if in_doubt.contains(&status.code()) {
        EnrollError::Unanswered { site, message }
    } else {
        EnrollError::Refused { site, message }
    }
}

fn check(answer: &EnrollAgentResponse, token: &JoinToken, key: &KeyPair) -> Result<AgentName, &'static str> {
    let ca =
        certificate::from_pem(answer.ca_certificate.as_bytes()).map_err(|_| "it holds no CA certificate")?;
    if certificate::fingerprint(&ca).as_deref() != Ok(token.ca_fingerprint()) {
        return Err("its CA is not the one in the token");
    }
    let leaf = certificate::from_pem(answer.certificate.as_bytes()).map_err(|_| "it holds no certificate")?;
    if certificate::public_key(&leaf) != Ok(key.subject_public_key_info()) {
        return Err("its certificate is for another key");
    }
    match Identity::from_certificate(&leaf) {
        Ok(Identity::Agent { site, agent }) if site == *token.site() => Ok(agent),
        Ok(Identity::Agent { .. } | Identity::Operator { .. }) | Err(_) => {
            Err("its certificate is not for an agent of this site")
        }
    }
}
