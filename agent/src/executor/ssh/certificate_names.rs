//! By which name a device knows an RSA certificate.

use russh::keys::HashAlg;

/// The first OpenSSH that knows RSA certificates by a name for each hash.
const NAMES_SINCE: (u32, u32) = (7, 8);

/// Which names of RSA certificates a device knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CertificateNames {
    /// `rsa-sha2-512-cert-v01@openssh.com` and `rsa-sha2-256-cert-v01@openssh.com`.
    OfEachHash,
    /// `ssh-rsa-cert-v01@openssh.com` alone, whatever hash it is signed with: OpenSSH before 7.8, though from 7.2 on it
    /// tells that it verifies the others. OpenSSH's own client knows it as `SSH_BUG_SIGTYPE` (its `compat.c`).
    OldOne,
}

impl CertificateNames {
    /// Those of the device that greets so.
    pub(super) fn of(greeting: Option<&str>) -> Self {
        match greeting.and_then(openssh) {
            Some(version) if version < NAMES_SINCE => Self::OldOne,
            Some(_) | None => Self::OfEachHash,
        }
    }

    /// What the certificate is named by when it is signed with `hash`.
    pub(super) fn of_hash(self, hash: Option<HashAlg>) -> Option<HashAlg> {
        match self {
            Self::OfEachHash => hash,
            Self::OldOne => None,
        }
    }
}

/// The version in `SSH-2.0-OpenSSH_7.4p1 Debian`.
fn openssh(greeting: &str) -> Option<(u32, u32)> {
    let (_, version) = greeting.split_once("OpenSSH_")?;
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_openssh_before_7_8_is_told_of_an_rsa_certificate_by_the_name_it_knows() {
        let sha512 = Some(HashAlg::Sha512);
        for old in ["SSH-2.0-OpenSSH_7.4", "SSH-2.0-OpenSSH_7.7p1 Debian-4", "SSH-2.0-OpenSSH_6.6.1"] {
            assert_eq!(CertificateNames::of(Some(old)).of_hash(sha512), None, "{old}");
        }
        for new in [
            "SSH-2.0-OpenSSH_7.8",
            "SSH-2.0-OpenSSH_9.2p1 Debian-2",
            "SSH-2.0-OpenSSH_10.0",
            "SSH-2.0-Cisco-1.25",
        ] {
            assert_eq!(CertificateNames::of(Some(new)).of_hash(sha512), sha512, "{new}");
        }
        assert_eq!(CertificateNames::of(None).of_hash(sha512), sha512);
    }
}
