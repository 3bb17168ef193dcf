//! `http` of a definition: a command line behind JSON-RPC, as Arista's eAPI and Cisco's NX-API are.

use super::sections::Reader;
use serde_json::Value;

/// Stands for all lines at once in the parameters of a call.
pub const ALL_LINES: &str = "{lines}";
/// Stands for one line: there is a call for each.
pub const ONE_LINE: &str = "{line}";
/// Deepest nesting of parameters.
const DEPTH_MAX: usize = 8;

/// How lines are said over HTTP, and where the answers stand.
#[derive(Debug)]
pub struct HttpApi {
    /// Where the API is.
    pub path: String,
    /// A short line that only looks, which every user may say: an answer to it proves the login. Without one the running
    /// configuration does.
    pub proof: Option<String>,
    /// The kind of what is sent.
    pub kind: String,
    /// How lines are said that only look.
    pub look: Call,
    /// How those are said that may change the device.
    pub change: Call,
    /// The member of a result that holds the text.
    pub text: String,
    /// The member of an error's data that holds the device's words.
    pub errors: String,
}

/// One way to call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: String,
    /// Its parameters, in which [`ALL_LINES`] or [`ONE_LINE`] stands once.
    pub params: Value,
    /// Whether all lines go in one call.
    pub together: bool,
}

pub(super) fn api(mut section: Reader<'_>) -> Option<HttpApi> {
    let path = section.required("path", "path: /command-api");
    let proof = section.text("proof");
    let kind = section.text("kind").unwrap_or_else(|| "application/json-rpc".into());
    let look = section.required_section("look", "look: {method: runCmds, params: {cmds: '{lines}'}}");
    let look = look.and_then(call);
    let change = section.section("change").map(call);
    let text = section.required("text", "text: output");
    let errors = section.required("errors", "errors: errors");
    if let Some(path) = &path
        && !(path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()))
    {
        section.0.problem("path is none of a server", "for example path: /command-api");
    }
    if !kind.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        section.0.problem("kind is no media type", "for example kind: application/json-rpc");
    }
    drop(section);
    let change = match change {
        None => look.clone(),
        Some(call) => call,
    };
    Some(HttpApi { path: path?, proof, kind, look: look?, change: change?, text: text?, errors: errors? })
}

fn call(mut section: Reader<'_>) -> Option<Call> {
    let method = section.required("method", "method: runCmds");
    let params = section.0.require("params", "params: {cmds: '{lines}'}").map(|field| field.json());
    let params = params?;
    let (all, one) = (count(&params, ALL_LINES, DEPTH_MAX), count(&params, ONE_LINE, DEPTH_MAX));
    if all + one != 1 {
        let message = format!("must hold {ALL_LINES} or {ONE_LINE} once in params");
        section.0.problem(&message, "for example params: {cmds: '{lines}'}");
        return None;
    }
    Some(Call { method: method?, params, together: all == 1 })
}

/// How often `word` stands in `value` as a whole text.
fn count(value: &Value, word: &str, depth: usize) -> usize {
    match value {
        Value::String(text) => usize::from(text == word),
        Value::Array(items) if depth > 0 => items.iter().map(|item| count(item, word, depth - 1)).sum(),
        Value::Object(members) if depth > 0 => {
            members.values().map(|value| count(value, word, depth - 1)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => 0,
    }
}
