//! Lines as messages of JSON-RPC 2.0, and what its answers say: the shape is a platform's own, as data. Pure.

use crate::platform::{HttpApi, ONE_LINE};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Deepest part of an error in which a device's words are looked for.
const DEPTH_MAX: usize = 6;

/// What was heard of some lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Each has its answer.
    All(Vec<String>),
    /// The device refused one; those after it were not carried out.
    Refused {
        /// Which, when the answer tells.
        at: Option<usize>,
        /// In its own words.
        words: String,
    },
}

/// The message that says `lines`.
pub(super) fn message(api: &HttpApi, lines: &[String], change: bool) -> Zeroizing<String> {
    let call = if change { &api.change } else { &api.look };
    let one = |id: usize, put: &Value| json!({"jsonrpc": "2.0", "method": call.method, "params": filled(&call.params, put), "id": id});
    let message = match call.together {
        true => one(1, &json!(lines)),
        false => lines.iter().zip(1..).map(|(line, id)| one(id, &json!(line))).collect(),
    };
    Zeroizing::new(message.to_string())
}

/// `params` with `put` where the lines belong.
fn filled(params: &Value, put: &Value) -> Value {
    match params {
        Value::String(text) if ONE_LINE == text || crate::platform::ALL_LINES == text => put.clone(),
        Value::Array(items) => items.iter().map(|item| filled(item, put)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), filled(value, put))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => params.clone(),
    }
}

/// What the answer to `count` lines says; `None` when it is no such answer.
pub(super) fn heard(api: &HttpApi, count: usize, change: bool, body: &[u8]) -> Option<Heard> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let call = if change { &api.change } else { &api.look };
    if call.together {
        if let Some(error) = error_of(&answer) {
            let done = error.get("data").and_then(Value::as_array).map(Vec::len);
            return Some(refused(api, error, done.and_then(|done| done.checked_sub(1))));
        }
        let results = answer.get("result")?.as_array()?;
        return texts(api, results.iter(), count);
    }
    let answers = answer.as_array().map_or_else(|| vec![&answer], |answers| answers.iter().collect());
    if let Some((at, error)) =
        answers.iter().enumerate().find_map(|(at, answer)| Some((at, error_of(answer)?)))
    {
        return Some(refused(api, error, Some(at)));
    }
    let results: Option<Vec<&Value>> = answers.iter().map(|answer| answer.get("result")).collect();
    texts(api, results?.into_iter(), count)
}

/// An error of JSON-RPC 2.0 section 5.1: what a proxy says against a request has no code, and tells nothing of its lines.
fn error_of(answer: &Value) -> Option<&Value> {
    answer.get("error").filter(|error| error.get("code").is_some_and(Value::is_i64))
}

fn texts<'a>(api: &HttpApi, results: impl Iterator<Item = &'a Value>, count: usize) -> Option<Heard> {
    let text = |result: &Value| match result {
        Value::String(text) => Some(text.clone()),
        Value::Object(members) => match members.get(&api.text) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => None,
            None => Some(String::new()),
        },
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    let texts: Option<Vec<String>> = results.map(text).collect();
    texts.filter(|texts| texts.len() == count).map(Heard::All)
}

fn refused(api: &HttpApi, error: &Value, at: Option<usize>) -> Heard {
    let mut words = Vec::new();
    words.extend(error.get("message").and_then(Value::as_str).map(str::to_owned));
    said(error.get("data").unwrap_or(&Value::Null), &api.errors, false, DEPTH_MAX, &mut words);
    Heard::Refused { at, words: words.join("\n") }
}

/// Every text under a member called `name`.
fn said(value: &Value, name: &str, inside: bool, depth: usize, words: &mut Vec<String>) {
    match value {
        Value::String(text) if inside => words.push(text.clone()),
        Value::Array(items) if depth > 0 => {
            items.iter().for_each(|item| said(item, name, inside, depth - 1, words));
        }
        Value::Object(members) if depth > 0 => {
            for (member, value) in members {
                said(value, name, inside || member == name, depth - 1, words);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Platforms;

    fn heard_of(platform: &str, count: usize, body: &str) -> Option<Heard> {
        let platform = Platforms::built_in().get(platform).unwrap();
        heard(platform.http.as_ref().unwrap(), count, true, body.as_bytes())
    }

    fn said_to(platform: &str, change: bool) -> Value {
        let platform = Platforms::built_in().get(platform).unwrap();
        let lines = ["show \"a\"".to_owned(), "show b".to_owned()];
        serde_json::from_str(&message(platform.http.as_ref().unwrap(), &lines, change)).unwrap()
    }

    #[test]
    fn lines_go_as_each_maker_wants_them() {
        let eos = json!({"jsonrpc": "2.0", "method": "runCmds", "id": 1,
            "params": {"version": 1, "format": "text", "cmds": ["show \"a\"", "show b"]}});
        assert_eq!((said_to("eos", false), said_to("eos", true)), (eos.clone(), eos));
        let nxos = |method: &str| {
            json!([
                {"jsonrpc": "2.0", "method": method, "params": {"cmd": "show \"a\"", "version": 1}, "id": 1},
                {"jsonrpc": "2.0", "method": method, "params": {"cmd": "show b", "version": 1}, "id": 2}
            ])
        };
        assert_eq!(said_to("nxos", false), nxos("cli_ascii"));
        assert_eq!(said_to("nxos", true), nxos("cli_ascii"));
    }

    #[test]
    fn every_line_has_its_answer_or_the_answer_is_none() {
        let all = |texts: &[&str]| Some(Heard::All(texts.iter().map(|text| (*text).to_owned()).collect()));
        assert_eq!(heard_of("eos", 2, r#"{"result":[{},{"output":"a\nb"}]}"#), all(&["", "a\nb"]));
        assert_eq!(heard_of("nxos", 1, r#"{"result":{"msg":"a"},"id":1}"#), all(&["a"]));
        assert_eq!(heard_of("nxos", 2, r#"[{"result":null},{"result":{"msg":"a"}}]"#), all(&["", "a"]));
        for bad in
            ["", "[]", "{}", r#"{"result":[{}]}"#, r#"{"result":[{"output":7},{}]}"#, r#"{"result":7}"#]
        {
            assert_eq!(heard_of("eos", 2, bad), None, "{bad}");
        }
        assert_eq!(heard_of("nxos", 2, r#"[{"result":null}]"#), None);
    }

    #[test]
    fn a_refusal_says_which_line_and_why() {
        let eos = r#"{"error":{"code":1002,"message":"CLI command 2 of 3 'foo' failed: invalid command",
            "data":[{"output":""},{"errors":["Invalid input (at token 0: 'foo')"]}]}}"#;
        let words = "CLI command 2 of 3 'foo' failed: invalid command\nInvalid input (at token 0: 'foo')";
        assert_eq!(heard_of("eos", 3, eos), Some(Heard::Refused { at: Some(1), words: words.into() }));
        let nxos = r#"[{"result":null,"id":1},{"error":{"code":-32602,"message":"Invalid params",
            "data":{"msg":"% Invalid command\n"}},"id":2}]"#;
        let words = "Invalid params\n% Invalid command\n";
        assert_eq!(heard_of("nxos", 3, nxos), Some(Heard::Refused { at: Some(1), words: words.into() }));
    }
}
