//! What the host keys that a device shows are to those that are pinned.

use crate::outcome::words;
use crate::ssh::HostKey;

words!(
    /// What a device shows is to what is pinned for it.
    Trust {
        /// A rollout believes every key that it shows.
        Pinned = "PINNED",
        /// It shows keys that are not pinned, beside one that is; or nothing is pinned at all.
        New = "NEW",
        /// Something is pinned, and it shows nothing of that.
        Changed = "CHANGED",
        /// Nobody could ask it, or not for every kind of key, and it shows none that is pinned.
        Unknown = "UNKNOWN",
        /// Its way has no SSH.
        NoSsh = "NO_SSH",
    }
);

/// Judges what a device shows; `pins` are its fingerprints, `authorities` tells whether a certificate would do as well.
pub fn judge(keys: &[HostKey], pins: &[String], authorities: bool) -> Trust {
    let believed = keys.iter().filter(|key| is_believed(key, pins)).count();
    match (keys.len(), believed) {
        (0, _) => Trust::Unknown,
        (shown, believed) if shown == believed => Trust::Pinned,
        (_, 0) if !pins.is_empty() || authorities => Trust::Changed,
        (_, _) => Trust::New,
    }
}

/// Whether a rollout believes this key: it is pinned, or an authority that is trusted vouches for it.
pub fn is_believed(key: &HostKey, pins: &[String]) -> bool {
    let vouched = key.certificate.as_ref().is_some_and(|certificate| certificate.refusal.is_none());
    vouched || pins.contains(&key.fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::HostCertificate;

    fn key(fingerprint: &str) -> HostKey {
        HostKey { algorithm: "ssh-ed25519".into(), fingerprint: fingerprint.into(), certificate: None }
    }

    fn vouched(refusal: Option<&str>) -> HostKey {
        let certificate =
            HostCertificate { authority: "SHA256:ca".into(), refusal: refusal.map(str::to_owned) };
        HostKey { certificate: Some(certificate), ..key("SHA256:x") }
    }

    #[test]
    fn a_device_that_shows_nothing_of_what_is_pinned_has_changed_and_is_never_new() {
        let pins = |pins: &[&str]| pins.iter().map(|&pin| pin.to_owned()).collect::<Vec<_>>();
        for (shown, pinned, authorities, trust) in [
            (vec![], pins(&["a"]), false, Trust::Unknown),
            (vec![key("a")], pins(&[]), false, Trust::New),
            (vec![key("a")], pins(&["b", "a"]), false, Trust::Pinned),
            (vec![key("a"), key("c")], pins(&["a"]), false, Trust::New),
            (vec![key("c"), key("d")], pins(&["a"]), false, Trust::Changed),
            (vec![key("c")], pins(&[]), true, Trust::Changed),
            (vec![vouched(None)], pins(&[]), true, Trust::Pinned),
            (vec![vouched(Some("was valid until 2020"))], pins(&[]), true, Trust::Changed),
            (vec![vouched(None), key("c")], pins(&["a"]), true, Trust::New),
        ] {
            assert_eq!(judge(&shown, &pinned, authorities), trust, "{shown:?} {pinned:?}");
        }
    }
}
