//! The hello of both sides, RFC 6241 section 8.1: what a device can do.

use super::xml::{Element, XmlError, parse};
use std::collections::BTreeMap;

/// The namespace of the protocol.
pub const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// What every capability of the protocol begins with.
const CAPABILITY: &str = "urn:ietf:params:netconf:capability:";
/// Most capabilities that are looked at.
pub const CAPABILITIES_MAX: usize = 10_000;

/// Our hello.
pub const OURS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
    <capability>urn:ietf:params:netconf:base:1.0</capability>\
    <capability>urn:ietf:params:netconf:base:1.1</capability>\
    </capabilities></hello>";

/// Why a device's first words are no hello.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// No XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another element.
    #[error("find a hello: it sent another message")]
    NoHello,
    /// Neither base:1.0 nor base:1.1.
    #[error("find a version of NETCONF that both know")]
    NoVersion,
    /// Neither :candidate nor :writable-running.
    #[error("find a datastore that can be written: it has neither :candidate nor :writable-running")]
    NothingToWrite,
    /// No session-id, which RFC 6241 demands.
    #[error("find the session-id in its hello")]
    NoSession,
}

/// What a device can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Abilities {
    /// How it names our session.
    pub session: String,
    /// base:1.1, which means chunks.
    pub chunks: bool,
    /// :candidate
    pub candidate: bool,
    /// :writable-running
    pub writable_running: bool,
    /// :confirmed-commit:1.1 with base:1.1: another session may confirm.
    pub confirmed_commit: bool,
    /// :confirmed-commit:1.0 alone, which ends with its session: of no use to a check over a new one.
    pub old_confirmed_commit: bool,
    /// :validate, of either version.
    pub validate: bool,
    /// :rollback-on-error
    pub rollback_on_error: bool,
    /// :startup
    pub startup: bool,
    /// :xpath
    pub xpath: bool,
    /// Namespaces of its modules by their names.
    pub modules: BTreeMap<String, String>,
}

impl Abilities {
    /// Those of a device that said `hello`.
    pub fn of(hello: &str) -> Result<Self, HelloError> {
        let hello = parse(hello)?;
        if !hello.is(BASE, "hello") {
            return Err(HelloError::NoHello);
        }
        let mut abilities = Self { session: hello.text_of("session-id").to_owned(), ..Self::default() };
        let mut speaks = false;
        let listed = hello.child("capabilities").map_or(&[][..], |listed| listed.children.as_slice());
        for capability in listed.iter().take(CAPABILITIES_MAX) {
            speaks |= abilities.note(capability);
        }
        abilities.old_confirmed_commit &= !abilities.confirmed_commit;
        abilities.confirmed_commit &= abilities.chunks && abilities.candidate;
        if !speaks {
            return Err(HelloError::NoVersion);
        }
        if abilities.session.is_empty() {
            return Err(HelloError::NoSession);
        }
        match abilities.candidate || abilities.writable_running {
            true => Ok(abilities),
            false => Err(HelloError::NothingToWrite),
        }
    }

    /// Whether it is a version of the protocol itself.
    fn note(&mut self, capability: &Element) -> bool {
        let said = capability.text.trim();
        let (name, query) = said.split_once('?').unwrap_or((said, ""));
        let module = query.split('&').find_map(|part| part.strip_prefix("module="));
        if let Some(module) = module {
            self.modules.insert(module.to_owned(), name.to_owned());
        }
        match name {
            "urn:ietf:params:netconf:base:1.0" => return true,
            "urn:ietf:params:netconf:base:1.1" => {
                self.chunks = true;
                return true;
            }
            _ => {}
        }
        match name.strip_prefix(CAPABILITY).unwrap_or_default() {
            "candidate:1.0" => self.candidate = true,
            "writable-running:1.0" => self.writable_running = true,
            "confirmed-commit:1.0" => self.old_confirmed_commit = true,
            "confirmed-commit:1.1" => self.confirmed_commit = true,
            "validate:1.0" | "validate:1.1" => self.validate = true,
            "rollback-on-error:1.0" => self.rollback_on_error = true,
            "startup:1.0" => self.startup = true,
            "xpath:1.0" => self.xpath = true,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(capabilities: &[&str]) -> String {
        let listed: String =
            capabilities.iter().map(|name| format!("<capability>\n {name} </capability>")).collect();
        format!(
            "<nc:hello xmlns:nc=\"{BASE}\"><nc:capabilities>{listed}</nc:capabilities>\
             <nc:session-id>4</nc:session-id></nc:hello>"
        )
    }

    #[test]
    fn a_device_says_what_it_can() {
        let said = hello(&[
            "urn:ietf:params:netconf:base:1.0",
            "urn:ietf:params:netconf:base:1.1",
            "urn:ietf:params:netconf:capability:candidate:1.0",
            "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
            "urn:ietf:params:netconf:capability:validate:1.1",
            "urn:ietf:params:netconf:capability:startup:1.0",
            "urn:x?module=m&amp;revision=2026-01-01",
        ]);
        let abilities = Abilities::of(&said).unwrap();
        assert_eq!(abilities.session, "4");
        assert!(abilities.chunks && abilities.candidate && abilities.confirmed_commit && abilities.validate);
        assert!(abilities.startup && !abilities.xpath && !abilities.rollback_on_error);
        assert_eq!(abilities.modules.get("m").map(String::as_str), Some("urn:x"));
    }

    #[test]
    fn a_confirmation_over_another_session_needs_the_newer_protocol() {
        let candidate = "urn:ietf:params:netconf:capability:candidate:1.0";
        for (base, commit, can) in [("1.1", "1.1", true), ("1.0", "1.1", false), ("1.1", "1.0", false)] {
            let (base, commit) = (
                format!("urn:ietf:params:netconf:base:{base}"),
                format!("urn:ietf:params:netconf:capability:confirmed-commit:{commit}"),
            );
            let abilities = Abilities::of(&hello(&[&base, candidate, &commit])).unwrap();
            assert_eq!(abilities.confirmed_commit, can, "{base} {commit}");
        }
    }

    #[test]
    fn what_is_no_hello_of_a_device_we_can_write_to_is_refused() {
        let no_version = hello(&["urn:ietf:params:netconf:capability:candidate:1.0"]);
        assert_eq!(Abilities::of(&no_version), Err(HelloError::NoVersion));
        let read_only = hello(&["urn:ietf:params:netconf:base:1.0"]);
        assert_eq!(Abilities::of(&read_only), Err(HelloError::NothingToWrite));
        assert_eq!(Abilities::of("<hello/>"), Err(HelloError::NoHello));
        let nameless = read_only.replace("<nc:session-id>4</nc:session-id>", "");
        assert_eq!(Abilities::of(&nameless), Err(HelloError::NoSession));
        assert!(matches!(Abilities::of("login: "), Err(HelloError::Xml(_))));
    }
}
