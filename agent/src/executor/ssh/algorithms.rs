//! The algorithms of each profile: what an SSH session may use, most preferred first.

use russh::client::GexParams;
use russh::keys::Algorithm;
use russh::{AlgorithmKind, Preferred, cipher, kex, mac};
use std::borrow::Cow;
use switchyard_shared::ssh::Algorithms;

/// Groups of at least this many bits, this many preferred and at most this many, in the exchange of RFC 4419.
type Groups = (usize, usize, usize);

/// What `profile` may use.
pub(super) fn preferred(profile: Algorithms) -> Preferred {
    let sha1_signs = profile != Algorithms::Modern;
    let keys = Preferred::DEFAULT.key.iter().filter(|key| sha1_signs || !is_sha1(key)).cloned();
    Preferred {
        kex: Cow::Owned(exchanges(profile)),
        key: keys.collect(),
        cipher: Cow::Owned(ciphers(profile)),
        mac: Cow::Owned(macs(profile)),
        ..Preferred::DEFAULT
    }
}

/// The kinds of host keys that `profile` believes, most preferred first, each with the algorithms that prove a key of it.
pub(super) fn kinds_of_keys(profile: Algorithms) -> Vec<Vec<Algorithm>> {
    let mut kinds: Vec<Vec<Algorithm>> = Vec::new();
    for algorithm in preferred(profile).key.iter() {
        let kind = kinds.iter_mut().find(|kind| is_same_kind(&kind[0], algorithm));
        match kind {
            Some(kind) => kind.push(algorithm.clone()),
            None => kinds.push(vec![algorithm.clone()]),
        }
    }
    kinds
}

fn is_same_kind(one: &Algorithm, other: &Algorithm) -> bool {
    match (one, other) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. })
        | (Algorithm::Ecdsa { .. }, Algorithm::Ecdsa { .. }) => true,
        (one, other) => one == other,
    }
}

/// The sizes of groups that `profile` takes from a device that chooses its own.
pub(super) fn groups(profile: Algorithms) -> GexParams {
    let (least, preferred, most): Groups = match profile {
        Algorithms::Modern => (3072, 8192, 8192),
        Algorithms::Compat | Algorithms::Legacy => (2048, 3072, 8192),
    };
    GexParams::new(least, preferred, most).unwrap_or_default()
}

/// The first profile that knows one of `theirs`, when a session with `used` has failed for want of one.
pub(super) fn that_would_do(used: Algorithms, kind: &AlgorithmKind, theirs: &[String]) -> Option<Algorithms> {
    let knows = |profile: &Algorithms| {
        let offers = |name: &str| theirs.iter().any(|theirs| theirs == name);
        match kind {
            AlgorithmKind::Kex => {
                exchanges(*profile).iter().any(|name| !is_extension(name) && offers(name.as_ref()))
            }
            AlgorithmKind::Cipher => ciphers(*profile).iter().any(|name| offers(name.as_ref())),
            AlgorithmKind::Mac => macs(*profile).iter().any(|name| offers(name.as_ref())),
            AlgorithmKind::Key => preferred(*profile).key.iter().any(|key| offers(key.as_str())),
            AlgorithmKind::Compression => false,
        }
    };
    Algorithms::ALL.iter().copied().filter(|profile| *profile > used).find(knows)
}

/// A word about the session that travels among the exchanges and is none.
fn is_extension(name: &kex::Name) -> bool {
    ["ext-info-", "kex-strict-"].iter().any(|start| name.as_ref().starts_with(start))
}

fn is_sha1(key: &Algorithm) -> bool {
    matches!(key, Algorithm::Rsa { hash: None })
}

fn exchanges(profile: Algorithms) -> Vec<kex::Name> {
    let mut names = Preferred::DEFAULT.kex.to_vec();
    let end = names.iter().position(is_extension).unwrap_or(names.len());
    if profile == Algorithms::Legacy {
        names.splice(end..end, [kex::DH_GEX_SHA1, kex::DH_G1_SHA1]);
    }
    if profile != Algorithms::Modern {
        names.splice(end..end, [kex::DH_G14_SHA1]);
        let first_group = names.iter().position(|name| *name == kex::DH_GEX_SHA256).unwrap_or(0);
        let curves = [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
        names.splice(first_group..first_group, curves);
    }
    names
}

fn ciphers(profile: Algorithms) -> Vec<cipher::Name> {
    let mut names = Preferred::DEFAULT.cipher.to_vec();
    if profile == Algorithms::Legacy {
        names.extend([cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC]);
    }
    names
}

fn macs(profile: Algorithms) -> Vec<mac::Name> {
    let mut names = Preferred::DEFAULT.mac.to_vec();
    if profile == Algorithms::Legacy {
        names.extend([mac::HMAC_SHA1_ETM, mac::HMAC_SHA1]);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(profile: Algorithms) -> Vec<String> {
        let preferred = preferred(profile);
        let mut names: Vec<String> = preferred.kex.iter().map(|name| name.as_ref().to_owned()).collect();
        names.extend(preferred.cipher.iter().map(|name| name.as_ref().to_owned()));
        names.extend(preferred.mac.iter().map(|name| name.as_ref().to_owned()));
        names.extend(preferred.key.iter().map(|key| key.as_str().to_owned()));
        names
    }

    #[test]
    fn modern_knows_no_sha1_and_no_cbc_and_only_legacy_knows_both() {
        let weak = |name: &&String| name.ends_with("sha1") || name.ends_with("cbc") || *name == "ssh-rsa";
        assert_eq!(all(Algorithms::Modern).iter().filter(weak).count(), 0, "{:?}", all(Algorithms::Modern));
        let compat: Vec<String> = all(Algorithms::Compat).iter().filter(weak).cloned().collect();
        assert_eq!(compat, ["diffie-hellman-group14-sha1", "ssh-rsa"]);
        let legacy = all(Algorithms::Legacy);
        for name in ["diffie-hellman-group1-sha1", "aes128-cbc", "hmac-sha1", "ecdh-sha2-nistp256"] {
            assert!(legacy.iter().any(|known| known == name), "{name}");
        }
    }

    #[test]
    fn each_profile_has_what_the_one_before_it_has_in_the_same_order() {
        for pair in Algorithms::ALL.windows(2) {
            let (less, more) = (all(pair[0]), all(pair[1]));
            let kept: Vec<&String> = more.iter().filter(|name| less.contains(name)).collect();
            assert_eq!(kept, less.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_profile_that_would_do_is_named_and_none_when_none_would() {
        let theirs = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let would = |used, names: &[&str]| that_would_do(used, &AlgorithmKind::Kex, &theirs(names));
        let old = ["diffie-hellman-group1-sha1"];
        assert_eq!(would(Algorithms::Modern, &old), Some(Algorithms::Legacy));
        assert_eq!(would(Algorithms::Modern, &["ecdh-sha2-nistp256"]), Some(Algorithms::Compat));
        assert_eq!(would(Algorithms::Legacy, &old), None);
        assert_eq!(would(Algorithms::Modern, &["rot13", "kex-strict-s-v00@openssh.com"]), None);
        let rsa = theirs(&["ssh-rsa"]);
        assert_eq!(that_would_do(Algorithms::Modern, &AlgorithmKind::Key, &rsa), Some(Algorithms::Compat));
    }
}
