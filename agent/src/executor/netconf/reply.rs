//! What a device answers: an end, data, or errors and what they are evidence of.

use super::xml::Element;
use crate::executor::wanted::Redactor;
use switchyard_shared::outcome::Class;

/// Most errors of one answer that are kept.
const ERRORS_MAX: usize = 8;
/// Longest text of an error that is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 200;

/// An error of a device, RFC 6241 section 4.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// What kind: `invalid-value`, `lock-denied`.
    pub tag: String,
    /// Where in the configuration; may be empty.
    pub path: String,
    /// In the device's words; may be empty.
    pub message: String,
    /// Who holds the lock, as the device names its session.
    pub session: Option<String>,
}

impl RpcError {
    fn of(error: &Element, redactor: &Redactor) -> Self {
        let quote = |text: &str| quote(&redactor.redact(text));
        let quoted = |name: &str| quote(error.text_of(name));
        let info = error.child("error-info");
        let element = info.map_or("", |info| info.text_of("bad-element"));
        let path = match quoted("error-path") {
            path if path.is_empty() => quote(element),
            path => path,
        };
        let session = info.map(|info| info.text_of("session-id")).filter(|session| !session.is_empty());
        Self { tag: quoted("error-tag"), path, message: quoted("error-message"), session: session.map(quote) }
    }

    /// Whether the device has no room or somebody else is at work on it: try again later.
    pub fn is_busy(&self) -> bool {
        is_busy(&self.tag)
    }

    /// What it is evidence of while nothing has been written.
    pub fn class(&self) -> Class {
        match self.tag.as_str() {
            _ if self.is_busy() => Class::Overloaded,
            "access-denied" => Class::AuthFailed,
            _ => Class::PrecheckFailed,
        }
    }
}

/// Whether an error of this tag says that there is no room or that somebody else is at work: of NETCONF (RFC 6241,
/// appendix A) and of RESTCONF, which has the same tags (RFC 8040 section 7).
pub fn is_busy(tag: &str) -> bool {
    matches!(tag, "lock-denied" | "in-use" | "resource-denied")
}

fn quote(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

impl std::fmt::Display for RpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.tag.is_empty() { "error" } else { &self.tag })?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// The errors of an answer that are more than warnings, without what `redactor` hides. One in a namespace of the
/// device's own is an error all the same.
pub fn errors(reply: &Element, redactor: &Redactor) -> Vec<RpcError> {
    let errors = reply.children.iter().filter(|child| child.name == "rpc-error");
    let serious = errors.filter(|error| error.text_of("error-severity") != "warning");
    serious.take(ERRORS_MAX).map(|error| RpcError::of(error, redactor)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::netconf::hello::BASE;
    use crate::executor::netconf::xml::parse;
    use crate::secrets::Secret;

    fn reply(inner: &str) -> Vec<RpcError> {
        let redactor = Redactor::of(vec![Secret::new("s3cr3t".repeat(30))]);
        errors(&parse(&format!("<rpc-reply xmlns=\"{BASE}\">{inner}</rpc-reply>")).unwrap(), &redactor)
    }

    #[test]
    fn an_error_says_what_where_and_in_whose_words() {
        let errors = reply(
            "<rpc-error><error-type>protocol</error-type><error-tag>invalid-value</error-tag>\
             <error-severity>error</error-severity><error-path>/nc:config/sw:mtu</error-path>\
             <error-message xml:lang=\"en\">value not in range</error-message></rpc-error>",
        );
        assert_eq!(errors[0].to_string(), "invalid-value at /nc:config/sw:mtu: value not in range");
        assert_eq!((errors[0].class(), errors[0].is_busy()), (Class::PrecheckFailed, false));
    }

    #[test]
    fn a_lock_that_is_denied_says_who_holds_it() {
        let errors = reply(
            "<rpc-error><error-tag>lock-denied</error-tag><error-severity>error</error-severity>\
             <error-info><session-id>454</session-id></error-info></rpc-error>",
        );
        assert_eq!((errors[0].class(), errors[0].session.as_deref()), (Class::Overloaded, Some("454")));
        assert!(errors[0].is_busy());
    }

    #[test]
    fn warnings_are_no_errors() {
        let warning = "<rpc-error><error-tag>operation-failed</error-tag>\
                       <error-severity>warning</error-severity></rpc-error><ok/>";
        assert_eq!(reply(warning), []);
    }

    #[test]
    fn an_error_in_a_namespace_of_the_devices_own_is_an_error() {
        let errors = reply(
            "<v:rpc-error xmlns:v=\"urn:vendor\"><v:error-tag>operation-failed</v:error-tag></v:rpc-error><ok/>",
        );
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn a_secret_is_hidden_before_a_quotation_is_cut_in_its_middle() {
        let long = format!("{}{}", "x".repeat(QUOTED_CHARS_MAX - 20), "s3cr3t".repeat(30));
        let errors = reply(&format!("<rpc-error><error-message>{long}</error-message></rpc-error>"));
        assert!(!errors[0].message.contains("s3cr3t"), "{}", errors[0].message);
    }
}
