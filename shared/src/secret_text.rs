//! Texts in which secrets are only named: what a plan holds, until an agent fills them in.

/// Stand before and after a secret's name: characters of private use that no configuration has.
const OPEN: char = '\u{10FF00}';
const CLOSE: char = '\u{10FF01}';

/// A piece of such a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text as it is.
    Text(&'a str),
    /// The secret of this name.
    Secret(&'a str),
}

/// A text in which a name was cut, or put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the names of secrets: one was cut or put together")]
pub struct BrokenText;

/// What names the secret `name` in a text.
pub fn named(name: &str) -> String {
    format!("{OPEN}{name}{CLOSE}")
}

/// Whether a text holds a character that only this module may write.
pub fn is_marked(text: &str) -> bool {
    text.contains([OPEN, CLOSE])
}

/// Whether any text within `value` is marked.
pub fn is_value_marked(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => is_marked(text),
        Value::Array(items) => items.iter().any(is_value_marked),
        Value::Object(entries) => entries.iter().any(|(key, value)| is_marked(key) || is_value_marked(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The pieces of a text, in order.
pub fn segments(text: &str) -> Result<Vec<Segment<'_>>, BrokenText> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (name, after) = after.split_once(CLOSE).ok_or(BrokenText)?;
        if is_marked(before) || is_marked(name) || name.is_empty() {
            return Err(BrokenText);
        }
        found.extend((!before.is_empty()).then_some(Segment::Text(before)));
        found.push(Segment::Secret(name));
        rest = after;
    }
    if is_marked(rest) {
        return Err(BrokenText);
    }
    found.extend((!rest.is_empty()).then_some(Segment::Text(rest)));
    Ok(found)
}

/// The text as people may see it: each secret as a template names it. A broken text stays as it is.
pub fn shown(text: &str) -> String {
    let Ok(segments) = segments(text) else { return text.to_owned() };
    let piece = |segment: Segment<'_>| match segment {
        Segment::Text(text) => text.to_owned(),
        Segment::Secret(name) => format!("{{{{ secrets.{name} }}}}"),
    };
    segments.into_iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_its_pieces_and_shows_the_names() {
        let text = format!("key {} and {}\n", named("a"), named("b_2"));
        let expected = [
            Segment::Text("key "),
            Segment::Secret("a"),
            Segment::Text(" and "),
            Segment::Secret("b_2"),
            Segment::Text("\n"),
        ];
        assert_eq!(segments(&text).expect("a whole text"), expected);
        assert_eq!(shown(&text), "key {{ secrets.a }} and {{ secrets.b_2 }}\n");
        assert_eq!(segments("plain"), Ok(vec![Segment::Text("plain")]));
        assert_eq!(segments(""), Ok(vec![]));
    }

    #[test]
    fn a_name_that_was_cut_or_put_together_is_no_text() {
        let whole = named("key");
        let ends: Vec<usize> = whole.char_indices().map(|(at, _)| at).skip(1).collect();
        for at in ends {
            assert_eq!(segments(&whole[..at]), Err(BrokenText), "{at}");
            assert_eq!(segments(&whole[at..]), Err(BrokenText), "{at}");
        }
        assert_eq!(segments(&format!("{OPEN}a{whole}")), Err(BrokenText));
        assert_eq!(segments(&format!("{OPEN}{CLOSE}")), Err(BrokenText));
    }

    #[test]
    fn marks_are_found_in_keys_and_values_of_any_depth() {
        let mark = named("x");
        for value in [serde_json::json!({"a": [1, {"b": mark}]}), serde_json::json!({"a": {mark.clone(): 1}})]
        {
            assert!(is_value_marked(&value), "{value}");
        }
        assert!(!is_value_marked(&serde_json::json!({"a": ["x", 1, null, true]})));
    }
}
