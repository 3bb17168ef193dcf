//! Who is at the other end of a connection: what its certificate says, never what a message says.

pub mod join_token;

use std::fmt;
use std::net::SocketAddr;
use switchyard_shared::id::{AgentName, InvalidName, OperatorName, SiteName};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const OPERATOR: &str = "spiffe://switchyard/operator/";
const SITE: &str = "spiffe://switchyard/site/";

/// The holder of a certificate of our CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A person or program that runs rollouts: `spiffe://switchyard/operator/NAME`.
    Operator {
        /// Who.
        name: OperatorName,
    },
    /// The agent of a site: `spiffe://switchyard/site/SITE/agent/NAME`.
    Agent {
        /// The only site it may speak for.
        site: SiteName,
        /// Which agent.
        agent: AgentName,
    },
}

/// A certificate or URI that names nobody we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not a certificate.
    #[error("read the certificate: it is not X.509")]
    Malformed,
    /// Not exactly one URI among the certificate's names.
    #[error("read who the certificate is for: it carries {0} URIs, not one")]
    NotOneUri(usize),
    /// A URI of another form.
    #[error("read who the certificate is for: {0:?} is neither an operator nor an agent of a site")]
    Unknown(String),
    /// The right form with a name that breaks the rule for names.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl Identity {
    /// The URI that a certificate carries as its subject alternative name.
    pub fn uri(&self) -> String {
        match self {
            Self::Operator { name } => format!("{OPERATOR}{name}"),
            Self::Agent { site, agent } => format!("{SITE}{site}/agent/{agent}"),
        }
    }

    /// The reverse of [`Identity::uri`].
    pub fn from_uri(uri: &str) -> Result<Self, IdentityError> {
        if let Some(name) = uri.strip_prefix(OPERATOR) {
            return Ok(Self::Operator { name: OperatorName::new(name)? });
        }
        let of_site = uri.strip_prefix(SITE).and_then(|rest| rest.split_once("/agent/"));
        let Some((site, agent)) = of_site else {
            return Err(IdentityError::Unknown(uri.chars().take(200).collect()));
        };
        Ok(Self::Agent { site: SiteName::new(site)?, agent: AgentName::new(agent)? })
    }

    /// Reads the one URI name of a DER certificate. Says nothing about whether the certificate is to
    /// be trusted: the handshake has decided that before.
    pub fn from_certificate(der: &[u8]) -> Result<Self, IdentityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Malformed)?;
        let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Malformed)?;
        let uris: Vec<&str> = names
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None })
            .collect();
        match uris[..] {
            [uri] => Self::from_uri(uri),
            _ => Err(IdentityError::NotOneUri(uris.len())),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { name } => write!(f, "operator {name}"),
            Self::Agent { site, agent } => write!(f, "agent {agent} of site {site}"),
        }
    }
}

/// Who is at the other end of an accepted connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A plaintext connection to a coordinator that was started with `--insecure-loopback`.
    InsecureLoopback,
    /// TLS without a client certificate.
    Anonymous,
    /// TLS with a certificate of our CA.
    Known(Identity),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InsecureLoopback => f.write_str("insecure-loopback"),
            Self::Anonymous => f.write_str("a caller without certificate"),
            Self::Known(identity) => identity.fmt(f),
        }
    }
}

/// What a server's request extensions say about the connection a request came over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// Who.
    pub peer: Peer,
    /// From where.
    pub address: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(site: &str, agent: &str) -> Identity {
        Identity::Agent { site: SiteName::new(site).unwrap(), agent: AgentName::new(agent).unwrap() }
    }

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        for uri in uris {
            params.subject_alt_names.push(rcgen::SanType::URI((*uri).try_into().unwrap()));
        }
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn an_identity_survives_the_way_through_a_certificate() {
        let operator = Identity::Operator { name: OperatorName::new("first").unwrap() };
        assert_eq!(agent("lon.1", "lon-a").uri(), "spiffe://switchyard/site/lon.1/agent/lon-a");
        for identity in [operator, agent("lon.1", "lon-a"), agent("agent", "agent")] {
            let der = certificate(&[&identity.uri()]);
            assert_eq!(Identity::from_certificate(&der), Ok(identity));
        }
    }

    #[test]
    fn a_uri_of_another_form_names_nobody() {
        for bad in [
            "",
            "spiffe://other/operator/a",
            "spiffe://switchyard/operator/",
            "spiffe://switchyard/operator/a/b",
            "spiffe://switchyard/site/lon",
            "spiffe://switchyard/site/lon/agent/",
            "spiffe://switchyard/site/lon/agent/a/agent/b",
            "spiffe://switchyard/site/../agent/a",
            "SPIFFE://switchyard/operator/a",
        ] {
            assert!(Identity::from_uri(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_certificate_names_exactly_one_holder() {
        let (one, two) = ("spiffe://switchyard/operator/a", "spiffe://switchyard/operator/b");
        assert_eq!(Identity::from_certificate(&certificate(&[])), Err(IdentityError::NotOneUri(0)));
        assert_eq!(Identity::from_certificate(&certificate(&[one, two])), Err(IdentityError::NotOneUri(2)));
        assert_eq!(Identity::from_certificate(b"junk"), Err(IdentityError::Malformed));
    }
}
