//! What each failure to connect means, in words that say what to do.

use super::Dialer;
use crate::tls::client::ConnectError;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::io;

impl Dialer {
    pub(in crate::tls) fn unreachable(&self, error: &dyn std::error::Error) -> ConnectError {
        self.problem(&error.to_string())
    }

    pub(in crate::tls) fn silent(&self) -> ConnectError {
        self.problem(&format!(
            "no answer within {} s; is the coordinator running and the port right?",
            self.timeout.as_secs_f32()
        ))
    }

    pub(in crate::tls) fn closed(&self) -> ConnectError {
        let hint = if self.tls.is_some() {
            "is it a Switchyard coordinator?"
        } else {
            "does it expect TLS (https://)?"
        };
        self.problem(&format!("it does not answer as a coordinator does; {hint}"))
    }

    pub(super) fn problem(&self, problem: &str) -> ConnectError {
        ConnectError::Unreachable { server: self.server.clone(), problem: problem.to_owned() }
    }

    pub(super) fn classify(&self, error: &io::Error) -> ConnectError {
        let server = self.server.clone();
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            Some(TlsError::InvalidCertificate(problem)) => {
                ConnectError::NotTrusted { server, problem: self.distrust(problem) }
            }
            Some(TlsError::AlertReceived(alert)) if is_about_our_certificate(*alert) => {
                ConnectError::Refused { server, problem: refusal(*alert) }
            }
            Some(TlsError::InvalidMessage(_)) => {
                self.problem("it does not speak TLS; was it started with --insecure-loopback (http://)?")
            }
            Some(other) => self.unreachable(other),
            None if error.kind() == io::ErrorKind::UnexpectedEof => self.closed(),
            None => self.unreachable(error),
        }
    }

    fn distrust(&self, problem: &CertificateError) -> String {
        use CertificateError as Problem;
        let another_ca = matches!(problem, Problem::UnknownIssuer | Problem::BadSignature);
        if another_ca && self.pinned {
            "its CA is not the one in the join token; the token is of another coordinator, or someone is in between".into()
        } else if another_ca {
            "its certificate is not of the CA in these credentials; it is another coordinator, or its data folder is new".into()
        } else if matches!(problem, Problem::NotValidForName | Problem::NotValidForNameContext { .. }) {
            format!(
                "{problem}; use one of these names, or start the coordinator with {:?} among its own",
                self.host
            )
        } else if matches!(problem, Problem::Expired | Problem::ExpiredContext { .. }) {
            format!("{problem}; compare both clocks, then restart the coordinator, which renews it")
        } else if matches!(problem, Problem::NotValidYet | Problem::NotValidYetContext { .. }) {
            format!("{problem}; a clock is wrong: set this machine's and the coordinator's, then try again")
        } else {
            problem.to_string()
        }
    }
}

/// TLS has one word for a certificate that has expired and for one that is not valid yet.
fn refusal(alert: AlertDescription) -> String {
    match alert == AlertDescription::CertificateExpired {
        true => "by its clock that has expired or is not valid yet: compare this machine's clock with the coordinator's \
                 and set the wrong one; if both are right, it has expired"
            .to_owned(),
        false => format!("{alert:?}: it is of another CA, or not for this use"),
    }
}

fn is_about_our_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    [
        Alert::BadCertificate,
        Alert::UnsupportedCertificate,
        Alert::CertificateRevoked,
        Alert::CertificateExpired,
        Alert::CertificateUnknown,
        Alert::UnknownCA,
        Alert::AccessDenied,
        Alert::DecryptError,
        Alert::CertificateRequired,
    ]
    .contains(&alert)
}
