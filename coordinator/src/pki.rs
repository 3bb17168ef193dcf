//! The coordinator's own CA: made at the first start, kept in the data folder, the root of all identity.
//!
//! `DIR/ca` is the one thing that cannot be made again: without it every agent and operator needs new
//! credentials. So it is created whole or not at all, and never replaced when anything of it exists.
//! The server's certificate is not kept: each start issues a new one, so a new name needs nothing else.

mod authority;
mod operator;
mod server_names;
pub mod token;

#[cfg(test)]
mod tests;

use authority::{Authority, Leaf};
use rcgen::{CertificateSigningRequestParams, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::identity::Identity;
use switchyard_proto::tls::files::FileError;
use switchyard_proto::tls::server::{self, ServerConfigError};
use switchyard_shared::id::{AgentName, SiteName};
use switchyard_shared::time::Timestamp;
use token::{JoinToken, TokenRecord};

/// Largest certificate request, in bytes.
pub const CSR_BYTES_MAX: usize = 16 * 1024;
const DAY: Duration = Duration::from_secs(24 * 3600);
const SERVER_VALID: Duration = DAY.saturating_mul(2 * 365);
const AGENT_VALID: Duration = DAY.saturating_mul(365);
/// Bytes of a P-256 public key: one for its form, twice 32.
const P256_POINT_BYTES: usize = 65;

/// Why the CA cannot be used. Says what was found and what to do.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// Some of the CA is there and some is not.
    #[error("use the CA in {}: found {found}, but no {missing}; restore the folder from a backup; to begin anew (every agent and operator then needs new credentials) move {} and {} away", folder.display(), folder.display(), operator.display())]
    Incomplete {
        /// The CA's folder.
        folder: PathBuf,
        /// The operator's folder.
        operator: PathBuf,
        /// What is there.
        found: String,
        /// What is not.
        missing: &'static str,
    },
    /// All of it is there and it does not work.
    #[error("use the CA in {}: {problem}; restore the folder from a backup; to begin anew (every agent and operator then needs new credentials) move it and its neighbour `operator` away", folder.display())]
    Damaged {
        /// The CA's folder.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A name for the server's certificate is none.
    #[error("issue the server's certificate: {0:?} is neither a DNS name nor an IP address")]
    Name(String),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The cryptographic library refused.
    #[error("issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// TLS refused what was issued.
    #[error(transparent)]
    Server(#[from] ServerConfigError),
}

/// Why a certificate request was refused.
#[derive(Debug, thiserror::Error)]
pub enum CsrRefused {
    /// Too large to look at.
    #[error("sign the certificate request: it has {0} bytes, more than {CSR_BYTES_MAX}")]
    TooLarge(usize),
    /// Not PKCS#10, or not signed by its own key.
    #[error("sign the certificate request: {0}")]
    Invalid(rcgen::Error),
    /// A key we do not certify.
    #[error("sign the certificate request: its key is not ECDSA P-256")]
    Key,
    /// The cryptographic library refused.
    #[error("sign the certificate request: {0}")]
    Issue(rcgen::Error),
}

/// The CA and the server's certificate.
pub struct Pki {
    operator: PathBuf,
    authority: Authority,
    server: CertificateDer<'static>,
    server_key: PrivateKeyDer<'static>,
}

impl Pki {
    /// Opens the CA under `dir`, or makes it if there is nothing of one; makes sure that the first
    /// operator has working credentials in `DIR/operator`; issues a server certificate for
    /// `localhost`, the loopback addresses, this machine's name and `names`.
    pub fn open_or_create(dir: &Path, names: &[String], now: Timestamp) -> Result<Self, PkiError> {
        let (folder, operator) = (dir.join("ca"), dir.join("operator"));
        let authority = Authority::open_or_create(&folder, &operator, now)?;
        operator::ensure(&operator, &authority, now)?;
        let key = KeyPair::generate()?;
        let leaf = Leaf {
            common_name: "switchyard coordinator".into(),
            names: server_names::all(names)?,
            usage: ExtendedKeyUsagePurpose::ServerAuth,
            valid: SERVER_VALID,
        };
        let server = authority.issue(leaf, &key, now)?.into();
        let server_key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Self { operator, authority, server, server_key })
    }

    /// SHA-256 of the CA's public key, 64 hex digits: what a join token carries.
    pub fn fingerprint(&self) -> &str {
        &self.authority.fingerprint
    }

    /// TLS for the listener.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, PkiError> {
        let ca = self.authority.certificate.clone();
        Ok(server::config(ca, self.server.clone(), self.server_key.clone_key())?)
    }

    /// Writes `DIR/operator/context.toml`, which tells the command line where the coordinator is.
    pub fn write_context(&self, server_url: &str) -> Result<(), PkiError> {
        Ok(operator::write_context(&self.operator, server_url)?)
    }

    /// A join token for one agent of `site`, and what to keep of it. `secret` must be fresh randomness.
    pub fn new_token(
        &self,
        site: &SiteName,
        expires_at: Timestamp,
        secret: [u8; token::SECRET_BYTES],
    ) -> (JoinToken, TokenRecord) {
        let token = JoinToken::new(site.clone(), secret, self.fingerprint());
        let secret_sha256 = token.secret_sha256();
        (token, TokenRecord { secret_sha256, site: site.clone(), expires_at, used_by: None })
    }

    /// Certifies the key of a request, in PEM, as that of `agent` of `site`, for clients only and for
    /// a year; all else that the request asks for is ignored. Gives the certificate and the CA's, in PEM.
    pub fn sign_agent(
        &self,
        csr_pem: &str,
        site: &SiteName,
        agent: &AgentName,
        now: Timestamp,
    ) -> Result<(String, String), CsrRefused> {
        if csr_pem.len() > CSR_BYTES_MAX {
            return Err(CsrRefused::TooLarge(csr_pem.len()));
        }
        let request = CertificateSigningRequestParams::from_pem(csr_pem).map_err(CsrRefused::Invalid)?;
        let key = request.public_key;
        if key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 || key.der_bytes().len() != P256_POINT_BYTES {
            return Err(CsrRefused::Key);
        }
        let identity = Identity::Agent { site: site.clone(), agent: agent.clone() };
        let leaf = Leaf {
            common_name: agent.to_string(),
            names: vec![uri(&identity).map_err(CsrRefused::Issue)?],
            usage: ExtendedKeyUsagePurpose::ClientAuth,
            valid: AGENT_VALID,
        };
        let certificate = self.authority.issue(leaf, &key, now).map_err(CsrRefused::Issue)?;
        Ok((certificate.pem(), self.authority.pem.clone()))
    }
}

fn uri(identity: &Identity) -> Result<SanType, rcgen::Error> {
    Ok(SanType::URI(identity.uri().try_into()?))
}
