//! `DATA_DIR/identity`: the agent's key and certificates, there whole or not at all.

use std::path::{Path, PathBuf};
use std::time::Duration;
use switchyard_proto::identity::{Identity, IdentityError};
use switchyard_proto::tls::certificate::{self, Malformed};
use switchyard_proto::tls::client::ClientIdentity;
use switchyard_proto::tls::files::{self, FileError};
use switchyard_shared::id::SiteName;
use switchyard_shared::time::Timestamp;

const CA: &str = "ca.pem";
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.pem";
/// A certificate this near its end is worth a warning.
const WARN_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Why the credentials that are there cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// Some of them are missing.
    #[error("use the credentials in {}: there is no {missing}; restore it, or move the folder away and join anew with a token", folder.display())]
    Incomplete {
        /// Where.
        folder: PathBuf,
        /// What.
        missing: &'static str,
    },
    /// The certificate cannot be read.
    #[error("use the credentials in {}: {problem}; restore the folder, or move it away and join anew with a token", folder.display())]
    Damaged {
        /// Where.
        folder: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// They are those of another agent than this one is to be.
    #[error("serve site {asked}: the credentials in {} are those of {held}; start it with that site, or give this agent its own --data folder", folder.display())]
    OtherSite {
        /// Where.
        folder: PathBuf,
        /// Whose.
        held: Identity,
        /// The site asked for.
        asked: SiteName,
    },
    /// Their time is over.
    #[error("use the credentials in {}: the certificate expired at {at} (is the clock right?); move the folder away and join anew with a token from `switchyard agent token create --site {site}`", folder.display())]
    Expired {
        /// Where.
        folder: PathBuf,
        /// When.
        at: Timestamp,
        /// The site.
        site: SiteName,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

pub(super) struct IdentityFolder(PathBuf);

impl IdentityFolder {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("identity"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What is kept, if it is for the agent of `site`; `None` if nothing is.
    pub(super) fn open(&self, site: &SiteName, now: Timestamp) -> Result<Option<ClientIdentity>, KeptError> {
        let folder = || self.0.clone();
        let found = files::names_in(&self.0)?;
        if found.is_empty() {
            return Ok(None);
        }
        if let Some(missing) =
            [CA, CERTIFICATE, KEY].into_iter().find(|name| !found.contains(&(*name).into()))
        {
            return Err(KeptError::Incomplete { folder: folder(), missing });
        }
        let file = |name| self.0.join(name);
        let kept = ClientIdentity::load(&file(CA), &file(CERTIFICATE), &file(KEY))?;
        let (held, at) = read(&kept.cert_pem)
            .map_err(|error| KeptError::Damaged { folder: folder(), problem: error.to_string() })?;
        if !matches!(&held, Identity::Agent { site: of, .. } if of == site) {
            return Err(KeptError::OtherSite { folder: folder(), held, asked: site.clone() });
        }
        if at <= now {
            return Err(KeptError::Expired { folder: folder(), at, site: site.clone() });
        }
        if at <= now.plus(WARN_BEFORE) {
            tracing::warn!(expires_at = %at, folder = %self.0.display(), "this agent's certificate ends soon: join anew");
        }
        Ok(Some(kept))
    }

    pub(super) fn keep(&self, identity: &ClientIdentity) -> Result<(), FileError> {
        if let Some(data_dir) = self.0.parent() {
            files::make_folder(data_dir)?;
        }
        let content = [
            (CA, identity.ca_pem.as_slice()),
            (CERTIFICATE, identity.cert_pem.as_slice()),
            (KEY, identity.key_pem.as_slice()),
        ];
        files::create_folder(&self.0, &content)
    }
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Certificate(#[from] Malformed),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

fn read(cert_pem: &[u8]) -> Result<(Identity, Timestamp), Unreadable> {
    let der = certificate::from_pem(cert_pem)?;
    Ok((Identity::from_certificate(&der)?, certificate::valid_until(&der)?))
}
