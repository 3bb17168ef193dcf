//! The single-use token that an agent joins with: its site, a secret, and the CA to expect.

use crate::tls::certificate::hex;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use switchyard_shared::id::SiteName;

/// Bytes of randomness in a token.
pub const SECRET_BYTES: usize = 32;
const PREFIX: &str = "sy1.";
const HEX_LEN: usize = 64;

/// `sy1.SITE.SECRET.CA-FINGERPRINT`; secret and fingerprint are 64 hex digits each.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    site: SiteName,
    secret: String,
    ca_fingerprint: String,
}

/// Text that is not a join token. Never carries the text, which may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Another kind of text.
    #[error(
        "read the join token: it does not begin with `sy1.`; copy all of what `switchyard agent token create` printed"
    )]
    Prefix,
    /// Cut off or mangled at the end.
    #[error(
        "read the join token: its last part is not a CA fingerprint of 64 hex digits; it may have been cut off when copied"
    )]
    Fingerprint,
    /// Cut off or mangled before that.
    #[error(
        "read the join token: the part before its last is not a secret of 64 hex digits; it may have been cut off when copied"
    )]
    Secret,
    /// No site, or not a name.
    #[error("read the join token: its second part is not the name of a site")]
    Site,
}

impl JoinToken {
    /// A token for one agent of `site`. `secret` must be fresh randomness.
    pub fn new(site: SiteName, secret: [u8; SECRET_BYTES], ca_fingerprint: &str) -> Self {
        Self { site, secret: hex(&secret), ca_fingerprint: ca_fingerprint.to_owned() }
    }

    /// The whole token, secret included: to show once, to the person who asked for it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}.{}.{}", self.site, self.secret, self.ca_fingerprint)
    }

    /// The site it admits to.
    pub fn site(&self) -> &SiteName {
        &self.site
    }

    /// SHA-256 of the public key of the CA that the coordinator must show, in hex.
    pub fn ca_fingerprint(&self) -> &str {
        &self.ca_fingerprint
    }

    /// SHA-256 of the secret in hex: what a coordinator keeps and looks a token up by.
    pub fn secret_sha256(&self) -> String {
        hex(&Sha256::digest(self.secret.as_bytes()))
    }
}

/// Reads what [`JoinToken::reveal`] wrote; white space around it is ignored.
impl FromStr for JoinToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let rest = text.trim().strip_prefix(PREFIX).ok_or(InvalidToken::Prefix)?;
        // A site's name may contain dots, so the other parts are taken from the end.
        let (rest, ca_fingerprint) = rest.rsplit_once('.').ok_or(InvalidToken::Fingerprint)?;
        if !is_hex(ca_fingerprint) {
            return Err(InvalidToken::Fingerprint);
        }
        let (site, secret) = rest.rsplit_once('.').ok_or(InvalidToken::Secret)?;
        if !is_hex(secret) {
            return Err(InvalidToken::Secret);
        }
        let site = SiteName::new(site).map_err(|_| InvalidToken::Site)?;
        Ok(Self { site, secret: secret.to_owned(), ca_fingerprint: ca_fingerprint.to_owned() })
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({PREFIX}{}.[secret].{})", self.site, self.ca_fingerprint)
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == HEX_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(site: &str) -> JoinToken {
        JoinToken::new(SiteName::new(site).unwrap(), [0xab; SECRET_BYTES], &"12".repeat(32))
    }

    #[test]
    fn a_token_reads_back_also_for_a_site_with_dots() {
        for site in ["lon", "lon.dc1.rack-2", "sy1.x"] {
            let token = token(site);
            assert_eq!(format!(" {}\n", token.reveal()).parse(), Ok(token.clone()));
            assert_eq!(token.site().as_str(), site);
        }
    }

    #[test]
    fn a_mangled_token_is_told_apart_by_where_it_broke() {
        let good = token("lon").reveal();
        let cases = [
            ("", InvalidToken::Prefix),
            ("sy2.lon", InvalidToken::Prefix),
            ("sy1.lon", InvalidToken::Fingerprint),
            (&good[..good.len() - 1], InvalidToken::Fingerprint),
            (&good.replace(".abab", ".ABab"), InvalidToken::Secret),
            (&good.replace("lon.ab", "lon."), InvalidToken::Secret),
            (&good.replace("lon", ""), InvalidToken::Site),
            (&good.replace("lon", "l/n"), InvalidToken::Site),
        ];
        for (text, problem) in cases {
            assert_eq!(text.parse::<JoinToken>(), Err(problem), "{text}");
        }
    }

    #[test]
    fn a_token_never_shows_its_secret_by_accident() {
        let shown = format!("{:?}", token("lon"));
        assert!(!shown.contains("abab"), "{shown}");
        assert!(shown.contains("lon"));
    }
}
