//! Host keys, wire and domain.

use super::{BadField, same_names};
use crate::v1;
use switchyard_shared::outcome::printable;
use switchyard_shared::ssh::{HostCertificate, HostKey, KEYS_SHOWN_MAX};
use switchyard_shared::trust::Trust;

same_names!(v1::collect_host_keys_response::State, Trust, "state", [Pinned, New, Changed, Unknown, NoSsh]);

/// Longest name of an algorithm, and longest fingerprint, in bytes.
const WORD_BYTES_MAX: usize = 128;
/// Longest reason against a certificate, in bytes.
const REFUSAL_BYTES_MAX: usize = 512;

impl From<&HostKey> for v1::HostKey {
    fn from(key: &HostKey) -> Self {
        let certificate = key.certificate.as_ref().map(|certificate| v1::HostCertificate {
            authority: certificate.authority.clone(),
            refusal: certificate.refusal.clone().unwrap_or_default(),
        });
        Self { algorithm: key.algorithm.clone(), fingerprint: key.fingerprint.clone(), certificate }
    }
}

/// The keys of a device: what is not text of their kind was not shown by SSH.
pub(super) fn to_keys(wire: Vec<v1::HostKey>) -> Result<Vec<HostKey>, BadField> {
    if wire.len() > KEYS_SHOWN_MAX {
        return Err(BadField::new("host_keys", format!("more than {KEYS_SHOWN_MAX}")));
    }
    wire.into_iter().map(to_key).collect()
}

fn to_key(wire: v1::HostKey) -> Result<HostKey, BadField> {
    let certificate = wire.certificate.map(|certificate| {
        let refusal = printable(certificate.refusal.as_bytes(), REFUSAL_BYTES_MAX);
        Ok(HostCertificate {
            authority: fingerprint(certificate.authority, "host_keys.certificate.authority")?,
            refusal: Some(refusal).filter(|text| !text.is_empty()),
        })
    });
    Ok(HostKey {
        algorithm: printable(wire.algorithm.as_bytes(), WORD_BYTES_MAX),
        fingerprint: fingerprint(wire.fingerprint, "host_keys.fingerprint")?,
        certificate: certificate.transpose()?,
    })
}

fn fingerprint(text: String, field: &str) -> Result<String, BadField> {
    let is_one = text.len() <= WORD_BYTES_MAX
        && text.strip_prefix("SHA256:").is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        });
    is_one.then_some(text).ok_or_else(|| BadField::new(field, "no SHA256:… fingerprint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_fingerprint_or_too_much_is_refused() {
        let key = |fingerprint: &str| v1::HostKey { fingerprint: fingerprint.into(), ..Default::default() };
        for bad in ["", "SHA256:", "MD5:00", "SHA256:a\nhost_keys: b", "SHA256:a b"] {
            assert_eq!(to_keys(vec![key(bad)]).unwrap_err().field, "host_keys.fingerprint", "{bad:?}");
        }
        assert_eq!(to_keys(vec![key("SHA256:a"); KEYS_SHOWN_MAX + 1]).unwrap_err().field, "host_keys");
        assert_eq!(to_keys(vec![key("SHA256:a+/0")]).unwrap().len(), 1);
    }
}
