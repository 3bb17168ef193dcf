//! What we need to know of a certificate: its key's fingerprint and its last day.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use switchyard_shared::time::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Bytes that are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the certificate: it is not X.509 in PEM")]
pub struct Malformed;

/// The first certificate in a PEM text.
pub fn from_pem(pem: &[u8]) -> Result<CertificateDer<'static>, Malformed> {
    CertificateDer::from_pem_slice(pem).map_err(|_| Malformed)
}

/// SHA-256 of the certificate's public key (its DER `SubjectPublicKeyInfo`), 64 hex digits.
pub fn fingerprint(der: &[u8]) -> Result<String, Malformed> {
    Ok(hex(&Sha256::digest(public_key(der)?)))
}

/// The certificate's public key, as DER `SubjectPublicKeyInfo`.
pub fn public_key(der: &[u8]) -> Result<Vec<u8>, Malformed> {
    Ok(parse(der)?.public_key().raw.to_vec())
}

/// The instant after which the certificate is refused.
pub fn valid_until(der: &[u8]) -> Result<Timestamp, Malformed> {
    Ok(Timestamp(parse(der)?.validity().not_after.timestamp().saturating_mul(1_000_000)))
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Malformed> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(|_| Malformed)
}
