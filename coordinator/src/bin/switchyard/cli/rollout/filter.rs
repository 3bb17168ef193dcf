//! A filter over devices as people type it: states and classes in any case, and none that does not exist.

use crate::failure::Failure;
use switchyard_shared::outcome::{Class, DeviceState};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Operator,
    Parenthesis,
    Value,
}

/// The filter with the values of `state` and `class` in capitals; all else stays as it was typed.
pub fn in_capitals(filter: &str) -> Result<String, Failure> {
    let mut out = String::new();
    let (mut field, mut compared) = (None, false);
    for (kind, piece) in pieces(filter) {
        let word = piece.trim_start_matches('-');
        match (kind, field) {
            (Kind::Space, _) => {}
            (Kind::Operator, _) => compared = true,
            (Kind::Value, Some(name)) if compared => {
                out.push_str(&value(name, piece)?);
                (field, compared) = (None, false);
                continue;
            }
            (Kind::Parenthesis | Kind::Value, _) => {
                (field, compared) = (words_of(word).map(|_| word), false);
            }
        }
        out.push_str(piece);
    }
    Ok(out)
}

fn words_of(field: &str) -> Option<Vec<&'static str>> {
    match field {
        "state" => Some(DeviceState::ALL.iter().map(|state| state.as_str()).collect()),
        "class" => Some(Class::ALL.iter().map(|class| class.as_str()).collect()),
        _ => None,
    }
}

fn value(field: &str, typed: &str) -> Result<String, Failure> {
    let capitals = typed.to_uppercase();
    let bare = capitals.trim_matches(['"', '\'']);
    let words = words_of(field).unwrap_or_default();
    if bare.contains('*') || words.contains(&bare) {
        return Ok(capitals);
    }
    Err(Failure::usage(format!("no device can have the {field} {}", typed.trim_matches(['"', '\''])))
        .hint(format!("use one of {}", words.join(", "))))
}

fn pieces(text: &str) -> Vec<(Kind, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = kind_of(first);
        let end = match (kind, first) {
            (Kind::Value, '"' | '\'') => end_of_quoted(rest, first),
            (Kind::Parenthesis, _) => 1,
            (Kind::Space | Kind::Operator | Kind::Value, _) => {
                rest.find(|c| kind_of(c) != kind || matches!(c, '"' | '\'')).unwrap_or(rest.len())
            }
        };
        let (piece, after) = rest.split_at(end);
        pieces.push((kind, piece));
        rest = after;
    }
    pieces
}

fn end_of_quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn kind_of(c: char) -> Kind {
    match c {
        '=' | '!' | '<' | '>' | ':' => Kind::Operator,
        '(' | ')' => Kind::Parenthesis,
        c if c.is_whitespace() => Kind::Space,
        _ => Kind::Value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_classes_are_taken_in_any_case_and_nothing_else_is_touched() {
        let cases = [
            ("state = \"unknown\"", "state = \"UNKNOWN\""),
            ("state=failed OR -class!='timeout'", "state=FAILED OR -class!='TIMEOUT'"),
            ("NOT (state:Fail* site = \"lon\")", "NOT (state:FAIL* site = \"lon\")"),
            ("site = \"state = failed\" state = \"failed\"", "site = \"state = failed\" state = \"FAILED\""),
            ("labels.state = \"up\" name = state", "labels.state = \"up\" name = state"),
            ("name = \"a\\\"b state = x\"", "name = \"a\\\"b state = x\""),
            ("", ""),
        ];
        for (typed, sent) in cases {
            assert_eq!(in_capitals(typed).as_deref(), Ok(sent), "{typed}");
        }
    }

    #[test]
    fn a_value_that_no_device_can_have_is_refused_with_those_it_can() {
        let refused = in_capitals("state = \"broken\"").expect_err("no such state");
        assert_eq!(refused.exit.code(), 64);
        assert!(refused.message.contains("state broken"), "{refused:?}");
        assert!(refused.hints[0].contains("UNKNOWN") && refused.hints[0].contains("FAILED"), "{refused:?}");
        assert!(in_capitals("class = TIMEOUTS").expect_err("no such class").hints[0].contains("TIMEOUT"));
    }
}
