//! TLS as a client: which CAs are trusted, and what a handshake that fails is evidence of.

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Largest file of CAs, in bytes.
const CA_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Where systems keep the CAs they trust.
const SYSTEM_CAS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Trusts the CAs of `path`, or those of the system; the error is a sentence.
pub async fn trust_file(path: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let system = || SYSTEM_CAS.iter().map(Path::new).find(|path| path.is_file());
    let path = path.or_else(system).ok_or("the system has no CAs: name one")?;
    let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut pem = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    file.take(CA_BYTES_MAX).read_to_end(&mut pem).await.map_err(unreadable)?;
    trust(&pem).map_err(|why| format!("{} {why}", path.display()))
}

/// Trusts the CAs in `pem` and no others; the error goes on after the name of what holds them.
pub fn trust(pem: &[u8]) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err("holds no certificate in PEM".into());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Why there is no TLS with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFailure {
    /// Its certificate does not show that it is who we wanted: another name, or nobody trusted has signed it.
    NotProven(String),
    /// Its certificate is not valid now, or cannot be used.
    Certificate(String),
    /// What answers does not speak TLS.
    NoTls,
    /// The connection ended, or both share no version or algorithm.
    Other(String),
}

impl std::fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotProven(why) | Self::Certificate(why) => write!(f, "its certificate: {why}"),
            Self::NoTls => f.write_str("it does not speak TLS on this port"),
            Self::Other(why) => write!(f, "no TLS: {why}"),
        }
    }
}

/// Shakes hands over `stream` with a server that must prove that it is `name`; the caller bounds the time.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<TlsStream<S>, TlsFailure> {
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => of_rustls(error),
        None => TlsFailure::Other(error.to_string()),
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library adds errors")]
fn of_rustls(error: &Error) -> TlsFailure {
    match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFailure::NotProven(format!("it is for another name ({why})"))
            }
            CertificateError::UnknownIssuer => {
                TlsFailure::NotProven("none of the trusted CAs has signed it".into())
            }
            CertificateError::BadSignature | CertificateError::Revoked => {
                TlsFailure::NotProven(why.to_string())
            }
            _ => TlsFailure::Certificate(why.to_string()),
        },
        Error::InvalidMessage(_) => TlsFailure::NoTls,
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            TlsFailure::NotProven("it knows no server of this name".into())
        }
        error => TlsFailure::Other(error.to_string()),
    }
}
