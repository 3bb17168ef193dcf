//! What a device says against a request, RFC 8040 section 7.1, and what it is evidence of.

use crate::executor::json_secrecy;
use crate::executor::netconf::is_busy;
use crate::executor::wanted::Redactor;
use serde_json::Value;

/// Most errors of one answer that are kept.
const ERRORS_MAX: usize = 8;
/// Longest text of an error that is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 200;
/// Names of the object that holds them; the second is that of drafts.
const TOPS: [&str; 2] = ["ietf-restconf:errors", "errors"];
/// The object of an answer to a YANG patch, RFC 8072 section 3.
const PATCH_STATUS: &str = "ietf-yang-patch:yang-patch-status";
/// Deepest object in which errors are looked for.
const DEPTH_MAX: usize = 8;

/// One error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestError {
    /// What kind: `invalid-value`, `lock-denied`.
    pub(super) tag: String,
    /// Where; may be empty.
    path: String,
    /// In the device's words; may be empty.
    message: String,
    /// More of it, such as who holds a lock; may be empty.
    info: String,
}

impl RestError {
    fn of(error: &Value, redactor: &Redactor) -> Option<Self> {
        let text = |name: &str| error.get(name).map(|value| words(value, redactor)).unwrap_or_default();
        let tag = text("error-tag");
        let (path, message, info) = (text("error-path"), text("error-message"), text("error-info"));
        let says_nothing = tag.is_empty() && message.is_empty();
        (!says_nothing).then_some(Self { tag, path, message, info })
    }

    /// Whether the device has no room or somebody else is at work on it: try again later.
    pub(super) fn is_busy(&self) -> bool {
        is_busy(&self.tag)
    }
}

/// The words of a value, on one line, without secrets and cut.
fn words(value: &Value, redactor: &Redactor) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    json_secrecy::shown(&text, redactor).chars().take(QUOTED_CHARS_MAX).collect()
}

impl std::fmt::Display for RestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.tag.is_empty() { "error" } else { &self.tag })?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if !self.info.is_empty() {
            write!(f, " ({})", self.info)?;
        }
        Ok(())
    }
}

/// The errors in `body`; none when it holds none that are understood.
pub(super) fn errors(body: &[u8], redactor: &Redactor) -> Vec<RestError> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut found = Vec::new();
    collect(value.get(PATCH_STATUS).unwrap_or(&value), DEPTH_MAX, redactor, &mut found);
    found
}

/// Those of the whole first; an answer to a patch has some for each of its edits as well.
fn collect(value: &Value, depth: usize, redactor: &Redactor, found: &mut Vec<RestError>) {
    let tops = TOPS.iter().filter_map(|top| value.get(top));
    for error in tops.filter_map(|top| top.get("error")?.as_array()).flatten() {
        if found.len() < ERRORS_MAX {
            found.extend(RestError::of(error, redactor));
        }
    }
    if depth == 0 {
        return;
    }
    let edits = value.get("edit-status").and_then(|status| status.get("edit")?.as_array());
    for edit in edits.into_iter().flatten() {
        collect(edit, depth - 1, redactor, found);
    }
}

/// Whether the answer to a YANG patch says that all of it was done.
pub(super) fn patch_is_done(body: &[u8]) -> bool {
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    value.get(PATCH_STATUS).is_some_and(|status| status.get("ok").is_some())
}

/// The words of all errors.
pub(super) fn said(errors: &[RestError]) -> String {
    errors.iter().map(RestError::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(body: &[u8]) -> Vec<RestError> {
        super::errors(body, &Redactor::of(Vec::new()))
    }

    #[test]
    fn an_error_says_what_where_and_in_whose_words() {
        let body = br#"{"ietf-restconf:errors":{"error":[{"error-type":"protocol","error-tag":"lock-denied",
            "error-path":"/x:y","error-message":"locked\nnow","error-info":{"session-id":7}}]}}"#;
        let errors = errors(body);
        assert_eq!(said(&errors), "lock-denied at /x:y: locked now ({\"session-id\":7})");
        assert!(errors[0].is_busy());
    }

    #[test]
    fn errors_of_the_edits_of_a_patch_are_found() {
        let body = br#"{"ietf-yang-patch:yang-patch-status":{"patch-id":"1","edit-status":{"edit":[
            {"edit-id":"1","ok":[null]},
            {"edit-id":"2","errors":{"error":[{"error-tag":"data-missing","error-message":"no"}]}}]}}}"#;
        assert_eq!(said(&errors(body)), "data-missing: no");
        assert!(!patch_is_done(body));
        assert!(patch_is_done(br#"{"ietf-yang-patch:yang-patch-status":{"ok":[null]}}"#));
    }

    #[test]
    fn a_secret_is_hidden_before_a_text_is_cut() {
        let secret = "s3cret-of-a-device";
        let words = format!("{}{secret}", "x".repeat(QUOTED_CHARS_MAX - 5));
        let body = format!("{{\"errors\":{{\"error\":[{{\"error-message\":\"{words}\"}}]}}}}");
        let redactor = Redactor::of(vec![crate::secrets::Secret::new(secret.into())]);
        let said = said(&super::errors(body.as_bytes(), &redactor));
        assert!(said.contains("x(sec") && !said.contains("s3c"), "{said}");
    }

    #[test]
    fn what_is_no_error_is_none() {
        for body in [&b"<html>"[..], b"", b"[]", br#"{"errors":7}"#, br#"{"errors":{"error":[7,{}]}}"#] {
            assert_eq!(errors(body), [], "{body:?}");
        }
        let many = format!("{{\"errors\":{{\"error\":[{}{{}}]}}}}", "{\"error-tag\":\"a\"},".repeat(100));
        assert_eq!(errors(many.as_bytes()).len(), ERRORS_MAX);
    }
}
