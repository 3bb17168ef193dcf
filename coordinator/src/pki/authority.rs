//! The CA itself: its key and certificate on disk, and the certificates it issues.

use super::PkiError;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;
use switchyard_proto::tls::{certificate, files};
use switchyard_shared::time::Timestamp;

const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";
const CA_VALID: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Certificates are valid from a day and an hour before now: a clock that is behind, or is put back, locks
/// nobody out.
const CLOCK_SLACK: Duration = Duration::from_secs(25 * 3600);

pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) pem: String,
    pub(super) fingerprint: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate says, apart from its key.
pub(super) struct Leaf {
    pub(super) common_name: String,
    pub(super) names: Vec<SanType>,
    pub(super) usage: ExtendedKeyUsagePurpose,
    pub(super) valid: Duration,
}

impl Authority {
    pub(super) fn open_or_create(folder: &Path, operator: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let incomplete = |found: &[String], missing| PkiError::Incomplete {
            folder: folder.to_owned(),
            operator: operator.to_owned(),
            found: found.join(", "),
            missing,
        };
        let found = files::names_in(folder)?;
        if found.is_empty() {
            let issued = files::names_in(operator)?;
            if !issued.is_empty() {
                let issued: Vec<_> = issued.iter().map(|name| format!("operator/{name}")).collect();
                return Err(incomplete(&issued, "ca"));
            }
            create(folder, now)?;
        } else if let Some(missing) =
            [KEY, CERTIFICATE].into_iter().find(|name| !found.contains(&(*name).into()))
        {
            return Err(incomplete(&found, missing));
        }
        Self::open(folder, now)
    }

    fn open(folder: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let damaged =
            |problem: &str| PkiError::Damaged { folder: folder.to_owned(), problem: problem.to_owned() };
        let pem = String::from_utf8(files::read(&folder.join(CERTIFICATE))?);
        let pem = pem.map_err(|_| damaged("cert.pem is not text"))?;
        let key = String::from_utf8(files::read_private(&folder.join(KEY))?);
        let key = key.ok().and_then(|key| KeyPair::from_pem(&key).ok());
        let key = key.ok_or_else(|| damaged("key.pem holds no private key"))?;
        let der =
            certificate::from_pem(pem.as_bytes()).map_err(|_| damaged("cert.pem holds no certificate"))?;
        let facts = certificate::public_key(&der).and_then(|key| Ok((key, certificate::valid_until(&der)?)));
        let (public_key, valid_until) = facts.map_err(|_| damaged("cert.pem holds no certificate"))?;
        if public_key != key.subject_public_key_info() {
            return Err(damaged("cert.pem and key.pem are not of the same key"));
        }
        if valid_until <= now {
            return Err(damaged(&format!("its certificate expired at {valid_until} (is the clock right?)")));
        }
        let fingerprint =
            certificate::fingerprint(&der).map_err(|_| damaged("cert.pem holds no certificate"))?;
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|error| damaged(&error.to_string()))?;
        Ok(Self { certificate: der, pem, fingerprint, issuer })
    }

    pub(super) fn issue(
        &self,
        leaf: Leaf,
        key: &impl PublicKeyData,
        now: Timestamp,
    ) -> Result<Certificate, rcgen::Error> {
        let mut params = params(leaf.common_name, leaf.valid, key, now);
        params.is_ca = IsCa::ExplicitNoCa;
        params.subject_alt_names = leaf.names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![leaf.usage];
        params.use_authority_key_identifier_extension = true;
        params.signed_by(key, &self.issuer)
    }
}

fn create(folder: &Path, now: Timestamp) -> Result<(), PkiError> {
    let key = KeyPair::generate()?;
    let print = certificate::hex(&Sha256::digest(key.subject_public_key_info()));
    let mut params = params(format!("Switchyard CA {}", &print[..8]), CA_VALID, &key, now);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?.pem();
    if let Some(data) = folder.parent() {
        files::make_folder(data)?;
    }
    let content = [(CERTIFICATE, certificate.as_bytes()), (KEY, key.serialize_pem().as_bytes())]
        .map(|(name, bytes)| (name, bytes.to_owned()));
    let content: Vec<_> = content.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    files::create_folder(folder, &content)?;
    Ok(())
}

fn params(
    common_name: String,
    valid: Duration,
    key: &impl PublicKeyData,
    now: Timestamp,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    let serial = Sha256::new()
        .chain_update(key.subject_public_key_info())
        .chain_update(&common_name)
        .chain_update(now.0.to_be_bytes())
        .finalize();
    params.serial_number = Some(serial[..16].to_vec().into());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = rcgen::date_time_ymd(1970, 1, 1) + now.since(Timestamp(0));
    params.not_before = now - CLOCK_SLACK;
    params.not_after = now + valid;
    params
}
