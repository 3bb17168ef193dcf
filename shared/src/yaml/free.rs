//! Values that people define themselves, such as vars and data, as JSON.

use super::{Field, Node, Value};
use serde_json::{Number, Value as Json};

impl Field<'_> {
    /// The value as JSON. Unquoted `true`, `false` and nothing are what they say; an unquoted number
    /// becomes a number only if it prints again exactly as written, so `1.10`, `007` and `1e3` stay
    /// text, as does everything quoted.
    pub fn json(&self) -> Json {
        to_json(self.node)
    }
}

fn to_json(node: &Node) -> Json {
    match &node.value {
        _ if node.is_nothing() => Json::Null,
        Value::Text { text, plain: true } => plain_to_json(text),
        Value::Text { text, plain: false } => Json::String(text.as_ref().into()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.to_string(), to_json(&entry.value))).collect())
        }
    }
}

fn plain_to_json(text: &str) -> Json {
    match text {
        "true" => return Json::Bool(true),
        "false" => return Json::Bool(false),
        _ => {}
    }
    let number = match text.contains('.') {
        false => text.parse::<i64>().ok().map(Number::from),
        true => text.parse::<f64>().ok().and_then(Number::from_f64),
    };
    match number {
        Some(number) if number.to_string() == text => Json::Number(number),
        Some(_) | None => Json::String(text.into()),
    }
}
