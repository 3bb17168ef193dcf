//! The first operator's credentials and context, in the data folder, for whoever may read it.

use super::authority::{Authority, Leaf};
use super::{PkiError, uri};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, PublicKeyData};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use switchyard_proto::identity::Identity;
use switchyard_proto::tls::certificate;
use switchyard_proto::tls::client::ClientIdentity;
use switchyard_proto::tls::files::{self, FileError};
use switchyard_shared::id::OperatorName;
use switchyard_shared::time::Timestamp;

const FIRST_OPERATOR: &str = "admin";
const VALID: Duration = Duration::from_secs(365 * 24 * 3600);
/// Credentials are renewed at a start this long before their end.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Leaves working credentials alone; else writes new ones. Whoever can write here holds the CA's key
/// anyway, so this gives nobody more than they have.
pub(super) fn ensure(folder: &Path, authority: &Authority, now: Timestamp) -> Result<(), PkiError> {
    let kept =
        ClientIdentity::load(&folder.join("ca.pem"), &folder.join("cert.pem"), &folder.join("key.pem"));
    if kept.is_ok_and(|kept| works(&kept, authority, now)) {
        return Ok(());
    }
    let key = KeyPair::generate()?;
    let name = OperatorName::new(FIRST_OPERATOR).expect("the constant is a valid name");
    let leaf = Leaf {
        common_name: FIRST_OPERATOR.into(),
        names: vec![uri(&Identity::Operator { name })?],
        usage: ExtendedKeyUsagePurpose::ClientAuth,
        valid: VALID,
    };
    let certificate = authority.issue(leaf, &key, now)?.pem();
    files::make_folder(folder)?;
    files::write(&folder.join("key.pem"), key.serialize_pem().as_bytes())?;
    files::write(&folder.join("cert.pem"), certificate.as_bytes())?;
    files::write(&folder.join("ca.pem"), authority.pem.as_bytes())?;
    tracing::info!(folder = %folder.display(), operator = FIRST_OPERATOR, "operator credentials written");
    Ok(())
}

fn works(kept: &ClientIdentity, authority: &Authority, now: Timestamp) -> bool {
    let Ok(leaf) = certificate::from_pem(&kept.cert_pem) else { return false };
    let same_ca = kept.ca_pem == authority.pem.as_bytes();
    let key = std::str::from_utf8(&kept.key_pem).ok().and_then(|pem| KeyPair::from_pem(pem).ok());
    let same_key = key.is_some_and(|key| {
        certificate::public_key(&leaf).is_ok_and(|of| of == key.subject_public_key_info())
    });
    let mut roots = RootCertStore::empty();
    let verifier = roots.add(authority.certificate.clone()).ok().and_then(|()| {
        let provider = Arc::new(aws_lc_rs::default_provider());
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()
    });
    let later = UnixTime::since_unix_epoch(now.plus(RENEW_BEFORE).since(Timestamp(0)));
    let trusted = verifier.is_some_and(|verifier| verifier.verify_client_cert(&leaf, &[], later).is_ok());
    same_ca && same_key && trusted
}

#[derive(Serialize)]
struct Context<'a> {
    server: &'a str,
    ca: &'a str,
    cert: &'a str,
    key: &'a str,
}

/// Paths in it are relative to the file, so that the folder can be copied.
pub(super) fn write_context(folder: &Path, server: &str) -> Result<(), FileError> {
    let context = Context { server, ca: "ca.pem", cert: "cert.pem", key: "key.pem" };
    let text = toml::to_string(&context).expect("four strings always make a TOML table");
    files::write(&folder.join("context.toml"), text.as_bytes())
}
