//! The values of an inventory, checked one by one.

use crate::id::is_valid_name;
use crate::secret_ref::{FORMS, SecretRef};
use crate::yaml::{Field, Position, nearest, shown};
use serde_json::Value;
use std::collections::BTreeMap;

const WORD_BYTES_MAX: usize = 128;
const HOSTNAME_BYTES_MAX: usize = 253;
const STATUSES: [&str; 8] =
    ["active", "planned", "staged", "failed", "inventory", "decommissioning", "offline", "maintenance"];
const NAME_RULE: &str = "1 to 63 letters, digits, '.', '_' or '-', starting with a letter or digit";

pub(super) fn check_name(name: &str, at: Position, field: &Field<'_>) {
    if !is_valid_name(name) {
        let message = format!("{} is not a name", shown(name));
        field.problem_at(at, message, NAME_RULE);
    }
}

/// A TCP port.
pub(super) fn port(field: &Field<'_>) -> Option<u16> {
    field.number(1..=65_535).and_then(|port| u16::try_from(port).ok())
}

/// Short printable text without white space at its ends.
pub(super) fn word(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let good = !text.is_empty()
        && text.len() <= WORD_BYTES_MAX
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if !good {
        field.problem(format!("must be a word of at most {WORD_BYTES_MAX} bytes, not {}", shown(text)), "");
    }
    good.then(|| text.to_owned())
}

pub(super) fn hostname(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'%');
    let good = !text.is_empty() && text.len() <= HOSTNAME_BYTES_MAX && text.bytes().all(allowed);
    if !good || text.starts_with('-') {
        let hint = "an IP address or a DNS name; the login name goes into username, the port into port";
        field.problem(format!("{} is not an address", shown(text)), hint);
        return None;
    }
    Some(text.to_owned())
}

pub(super) fn username(field: &Field<'_>) -> Option<String> {
    let name = word(field)?;
    if name.contains(char::is_whitespace) {
        field.problem("a login name has no spaces", "");
        return None;
    }
    Some(name)
}

pub(super) fn time_zone(field: &Field<'_>) -> Option<String> {
    let text = word(field)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+');
    if !text.bytes().all(allowed) {
        field.problem(format!("{} is not a time zone", shown(&text)), "such as Europe/Amsterdam or UTC");
        return None;
    }
    Some(text)
}

pub(super) fn status(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if STATUSES.contains(&text) {
        return Some(text.to_owned());
    }
    let hint = nearest(text, STATUSES).map(|near| format!("did you mean {near}?"));
    field.problem(format!("{} is no status", shown(text)), hint.unwrap_or_else(|| STATUSES.join(", ")));
    None
}

/// A reference to a credential. What was written is never repeated: it may be the secret itself.
pub(super) fn credential_ref(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    match SecretRef::parse(text) {
        Ok(_) => Some(text.to_owned()),
        Err(error) => {
            field.problem(error.to_string(), FORMS);
            None
        }
    }
}

/// A reference to one text, such as the CAs that are trusted.
pub(crate) fn value_ref(field: &Field<'_>) -> Option<String> {
    let reference = credential_ref(field)?;
    if SecretRef::parse(&reference).is_ok_and(|parsed| parsed.is_one_value()) {
        return Some(reference);
    }
    field.problem("must name one value", "vault:MOUNT/PATH#KEY");
    None
}

/// `SHA256:` and 32 bytes in base64 without padding, as `ssh-keygen -lf` prints it.
pub(super) fn host_key(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let good = text.strip_prefix("SHA256:").is_some_and(|rest| {
        rest.len() == 43 && rest.bytes().all(is_base64) && b"AEIMQUYcgkosw048".contains(&rest.as_bytes()[42])
    });
    if !good {
        let hint = "SHA256: and 43 characters, as ssh-keygen -lf prints it";
        field.problem(format!("{} is not a fingerprint", shown(text)), hint);
    }
    good.then(|| text.to_owned())
}

pub(super) fn labels(field: &Field<'_>, max: usize) -> BTreeMap<String, String> {
    let entries = field.map(max).unwrap_or_default();
    let label = |(key, at, field): (&str, Position, Field<'_>)| {
        check_name(key, at, &field);
        field.text().map(|text| (key.to_owned(), text.to_owned()))
    };
    entries.into_iter().filter_map(label).collect()
}

pub(super) fn data(field: &Field<'_>, max: usize) -> BTreeMap<String, Value> {
    field
        .map(max)
        .unwrap_or_default()
        .into_iter()
        .map(|(key, _, field)| (key.to_owned(), field.json()))
        .collect()
}
