//! Host certificates: whether an authority that is trusted says that a device is the one it should be.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg};
use switchyard_shared::task::Task;
use switchyard_shared::time::Timestamp;

/// What a certificate must fit.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// Fingerprints of the authorities.
    pub(super) authorities: Vec<String>,
    /// The names of the device, any of which the certificate must be for.
    pub(super) names: Vec<String>,
    /// When it is looked at.
    pub(super) now: Timestamp,
}

impl Expected {
    /// What the certificate of the task's device must fit.
    pub(super) fn of(task: &Task, now: Timestamp) -> Self {
        let endpoint = &task.endpoint;
        let names = vec![endpoint.hostname.clone(), task.op.device.to_string()];
        Self { authorities: endpoint.ssh.host_ca.clone(), names, now }
    }
}

/// Most of its names that a message lists.
const LISTED_MAX: usize = 3;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Why `certificate` does not prove the device; fits "a certificate that …". See PROTOCOL.certkeys of OpenSSH.
pub(super) fn refusal(certificate: &Certificate, expected: &Expected) -> Option<String> {
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    let signer = authority.to_string();
    if !expected.authorities.iter().any(|known| super::peer::same(known, &signer)) {
        return Some(format!("was signed by {signer}, which is not in host_ca"));
    }
    if matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None }) {
        return Some("was signed with SHA-1".into());
    }
    if certificate.cert_type() != CertType::Host {
        return Some("is for users, not for hosts".into());
    }
    let is_for = |name: &String| expected.names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let principals = certificate.valid_principals();
    if !principals.iter().any(is_for) {
        let listed: Vec<&str> = principals.iter().take(LISTED_MAX).map(String::as_str).collect();
        let listed = if listed.is_empty() { "nobody".to_owned() } else { listed.join(", ") };
        return Some(format!("is for {listed}, not for {}", expected.names.join(" or ")));
    }
    let seconds = u64::try_from(expected.now.0 / MICROS_PER_SECOND).unwrap_or(0);
    if seconds < certificate.valid_after() {
        return Some(format!("is valid from {}", instant(certificate.valid_after())));
    }
    if seconds >= certificate.valid_before() {
        return Some(format!("was valid until {}", instant(certificate.valid_before())));
    }
    if !certificate.critical_options().is_empty() {
        return Some("has a critical option, and none is known for hosts".into());
    }
    certificate
        .validate_at(seconds, [&authority])
        .err()
        .map(|_| "has a signature that does not fit it".to_owned())
}

fn instant(seconds: u64) -> String {
    let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_SECOND);
    Timestamp(micros).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::certificate::Builder;

    const AT: u64 = 1_790_000_000;

    fn key(seed: u8) -> PrivateKey {
        let pair = russh::keys::ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]);
        PrivateKey::from(pair)
    }

    fn made(change: impl FnOnce(&mut Builder)) -> Certificate {
        made_as(CertType::Host, change)
    }

    fn made_as(kind: CertType, change: impl FnOnce(&mut Builder)) -> Certificate {
        let mut builder = Builder::new([7; 16], key(1).public_key().key_data().clone(), AT - 60, AT + 60)
            .expect("a builder");
        builder.cert_type(kind).expect("a type");
        change(&mut builder);
        builder.sign(&key(9)).expect("a certificate")
    }

    fn named(builder: &mut Builder) {
        builder.valid_principal("r1.example.net").expect("a name");
    }

    fn expected() -> Expected {
        Expected {
            authorities: vec![key(9).public_key().fingerprint(HashAlg::Sha256).to_string()],
            names: vec!["R1.example.net".into(), "r1".into()],
            now: Timestamp(i64::try_from(AT).expect("small") * MICROS_PER_SECOND),
        }
    }

    #[test]
    fn a_certificate_of_a_trusted_authority_for_the_device_proves_it() {
        assert_eq!(refusal(&made(named), &expected()), None);
    }

    #[test]
    fn every_other_certificate_is_refused_with_its_reason() {
        let other = |builder: &mut Builder| {
            builder.valid_principal("r2.example.net").expect("a name");
        };
        let everybody = |builder: &mut Builder| {
            builder.all_principals_valid().expect("everybody");
        };
        let option = |builder: &mut Builder| {
            named(builder);
            builder.critical_option("force-command", "true").expect("an option");
        };
        for (certificate, why) in [
            (made_as(CertType::User, named), "is for users"),
            (made(other), "is for r2.example.net, not for R1.example.net or r1"),
            (made(everybody), "is for nobody"),
            (made(option), "has a critical option"),
        ] {
            let said = refusal(&certificate, &expected()).expect("a refusal");
            assert!(said.starts_with(why), "{said}");
        }
        let minute = 60 * MICROS_PER_SECOND;
        let at = |change: i64| Expected { now: Timestamp(expected().now.0 + change), ..expected() };
        assert!(refusal(&made(named), &at(minute)).expect("late").starts_with("was valid until 2026-"));
        assert!(
            refusal(&made(named), &at(-minute - MICROS_PER_SECOND))
                .expect("early")
                .starts_with("is valid from")
        );
        let stranger = Expected { authorities: vec!["SHA256:other".into()], ..expected() };
        assert!(refusal(&made(named), &stranger).expect("a stranger").contains("not in host_ca"));
    }

    #[test]
    fn a_certificate_that_was_changed_after_it_was_signed_is_refused() {
        let bytes = made(named).to_bytes().expect("bytes");
        let at = bytes.windows(2).position(|pair| pair == b"r1").expect("its name");
        let mut forged = bytes.clone();
        forged[at + 1] = b'9';
        let forged = Certificate::from_bytes(&forged).expect("a certificate");
        let fits = Expected { names: vec!["r9.example.net".into()], ..expected() };
        assert_eq!(refusal(&forged, &fits).as_deref(), Some("has a signature that does not fit it"));
    }
}
