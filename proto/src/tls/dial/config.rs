//! TLS settings of a client, with credentials or with the fingerprint of a CA.

use crate::tls::client::{ClientIdentity, ConnectError};
use crate::tls::pin::PinnedCa;
use crate::tls::{ALPN_HTTP2, VERSIONS, certificate, provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Trusts the CA of `identity` and shows its certificate.
pub(super) fn mutual(server: &str, identity: &ClientIdentity) -> Result<ClientConfig, ConnectError> {
    let wrong = |problem: String| ConnectError::Credentials { server: server.to_owned(), problem };
    let mut roots = RootCertStore::empty();
    let ca =
        certificate::from_pem(&identity.ca_pem).map_err(|_| wrong("ca.pem holds no certificate".into()))?;
    roots.add(ca).map_err(|error| wrong(format!("ca.pem: {error}")))?;
    let chain = CertificateDer::pem_slice_iter(&identity.cert_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| wrong("cert.pem is not PEM".into()))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key_pem)
        .map_err(|_| wrong("key.pem holds no private key in PEM".into()))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| wrong(format!("certificate and key: {error}")))?;
    Ok(speaking_http2(config))
}

/// Trusts the CA with this fingerprint and shows nothing.
pub(super) fn pinned(server: &str, fingerprint: &str) -> Result<ClientConfig, ConnectError> {
    let verifier = PinnedCa { fingerprint: fingerprint.to_owned(), provider: provider() };
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .map_err(|error| ConnectError::Credentials { server: server.to_owned(), problem: error.to_string() })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(speaking_http2(config))
}

fn speaking_http2(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config
}
