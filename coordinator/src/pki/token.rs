//! What the coordinator keeps of a join token, and when it lets an agent in for it.

use serde::{Deserialize, Serialize};
pub use switchyard_proto::identity::join_token::{InvalidToken, JoinToken, SECRET_BYTES};
use switchyard_shared::id::SiteName;
use switchyard_shared::time::Timestamp;

/// A token that was handed out; holds nothing that lets anybody in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// SHA-256 of the secret in hex: the key to look it up by.
    pub secret_sha256: String,
    /// The site it admits to.
    pub site: SiteName,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The agent that joined with it.
    pub used_by: Option<String>,
}

/// Why a token lets nobody in. Each text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// No such token was handed out here.
    #[error(
        "redeem the join token: this coordinator has not made it; create one with `switchyard agent token create --site NAME`"
    )]
    Unknown,
    /// It has let somebody in already.
    #[error(
        "redeem the join token: agent {by} has used it; a token works once. If that agent lost its certificate, create another with `switchyard agent token create --site {site}`"
    )]
    Used {
        /// Who.
        by: String,
        /// Its site.
        site: SiteName,
    },
    /// Its time is over.
    #[error(
        "redeem the join token: it expired at {at}; create another with `switchyard agent token create --site {site}`"
    )]
    Expired {
        /// When.
        at: Timestamp,
        /// Its site.
        site: SiteName,
    },
    /// The agent serves another site than the token admits to.
    #[error(
        "redeem the join token: it is for site {token_site}, and the agent serves site {claimed}; start the agent with `--site {token_site}`, or create a token with `switchyard agent token create --site {claimed}`"
    )]
    OtherSite {
        /// The token's.
        token_site: SiteName,
        /// The agent's.
        claimed: SiteName,
    },
}

impl TokenRefused {
    /// The reason for an `ErrorInfo`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "TOKEN_UNKNOWN",
            Self::Used { .. } => "TOKEN_USED",
            Self::Expired { .. } => "TOKEN_EXPIRED",
            Self::OtherSite { .. } => "TOKEN_OTHER_SITE",
        }
    }
}

impl TokenRecord {
    /// Whether `token` lets an agent of the site `claimed` in, now. The caller then sets `used_by`,
    /// durably, before it hands out the certificate.
    pub fn redeem(&self, token: &JoinToken, claimed: &SiteName, now: Timestamp) -> Result<(), TokenRefused> {
        if token.secret_sha256() != self.secret_sha256 {
            return Err(TokenRefused::Unknown);
        }
        if let Some(by) = &self.used_by {
            return Err(TokenRefused::Used { by: by.clone(), site: self.site.clone() });
        }
        if self.expires_at <= now {
            return Err(TokenRefused::Expired { at: self.expires_at, site: self.site.clone() });
        }
        if self.site != *claimed || self.site != *token.site() {
            return Err(TokenRefused::OtherSite { token_site: self.site.clone(), claimed: claimed.clone() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRY: Timestamp = Timestamp(1_000_000);

    fn site(name: &str) -> SiteName {
        SiteName::new(name).unwrap()
    }

    fn token(of: &str, secret: u8) -> JoinToken {
        JoinToken::new(site(of), [secret; SECRET_BYTES], &"12".repeat(32))
    }

    fn record(used_by: Option<&str>) -> TokenRecord {
        let secret_sha256 = token("lon", 7).secret_sha256();
        TokenRecord { secret_sha256, site: site("lon"), expires_at: EXPIRY, used_by: used_by.map(Into::into) }
    }

    #[test]
    fn a_token_lets_one_agent_of_its_site_in_until_it_expires() {
        let (before, lon) = (Timestamp(EXPIRY.0 - 1), site("lon"));
        let used = TokenRefused::Used { by: "lon-1".into(), site: lon.clone() };
        let expired = TokenRefused::Expired { at: EXPIRY, site: lon.clone() };
        let other = |claimed| TokenRefused::OtherSite { token_site: site("lon"), claimed: site(claimed) };
        let cases = [
            (record(None), token("lon", 7), "lon", before, Ok(())),
            (record(Some("lon-1")), token("lon", 7), "lon", before, Err(used)),
            (record(None), token("lon", 7), "lon", EXPIRY, Err(expired)),
            (record(None), token("lon", 7), "fra", before, Err(other("fra"))),
            (record(None), token("fra", 7), "fra", before, Err(other("fra"))),
            (record(None), token("lon", 8), "lon", before, Err(TokenRefused::Unknown)),
        ];
        for (record, token, claimed, now, expected) in cases {
            assert_eq!(
                record.redeem(&token, &site(claimed), now),
                expected,
                "{record:?} {token:?} {claimed}"
            );
        }
    }

    #[test]
    fn what_is_kept_of_a_token_does_not_hold_its_secret() {
        let text = serde_json::to_string(&record(None)).unwrap();
        assert!(!text.contains("0707"), "{text}");
        assert_eq!(serde_json::from_str::<TokenRecord>(&text).unwrap(), record(None));
    }
}
