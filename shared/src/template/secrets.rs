//! Where a template names secrets: only as `{{ secrets.NAME }}`, so that nothing can be asked of them or done with them.

use super::TemplateError;
use crate::secret_text;
use crate::yaml::did_you_mean;
use std::collections::BTreeSet;

/// The name under which templates see secrets.
pub const NAME: &str = "secrets";
/// Statements whose body is text that other parts of the template can look at or change, `set` without a value and
/// `for` with `recursive` among them: `loop(…)` gives what its body prints.
const TAKE_TEXT: [&str; 5] = ["filter", "set", "macro", "call", "for"];
/// Statements through which one template, or another part of it, gets the text of another.
const SHARE_TEXT: [&str; 5] = ["block", "include", "import", "from", "extends"];

/// One `{{ … }}` or `{% … %}` of a template.
struct Tag<'a> {
    is_expression: bool,
    inner: &'a str,
    at: usize,
}

/// A statement whose body is being read, and whether that is text for other parts of the template.
struct Body<'a> {
    statement: &'a str,
    is_taken: bool,
}

/// Refuses a template that does anything with a secret but print it, and one with the marks of secrets in it.
pub(super) fn check(template: &str, source: &str, known: &BTreeSet<&str>) -> Result<(), TemplateError> {
    let refuse = |at: usize, message: String| {
        let before = &source[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        Err(TemplateError {
            template: template.to_owned(),
            line: number(before.matches('\n').count()),
            column: number(before[line_start..].chars().count()),
            message,
            exhausted: false,
        })
    };
    if secret_text::is_marked(source) {
        let at =
            source.char_indices().find(|(at, c)| secret_text::is_marked(&source[*at..at + c.len_utf8()]));
        let message = "it holds a character of private use that marks secrets".to_owned();
        return refuse(at.map_or(0, |(at, _)| at), message);
    }
    let mut within: Vec<Body<'_>> = Vec::new();
    for tag in tags(source) {
        let words = words(tag.inner);
        let first = words.first().copied().unwrap_or("");
        if !tag.is_expression && SHARE_TEXT.contains(&first) && !known.is_empty() {
            let message = format!(
                "{first} does not go with secrets: what one part of a template prints, another could look at"
            );
            return refuse(tag.at, message);
        }
        if !tag.is_expression {
            step(&mut within, first, &words);
        }
        if !words.iter().enumerate().any(|(index, word)| *word == NAME && !is_member(&words, index)) {
            continue;
        }
        let exact = tag.is_expression.then(|| exact(tag.inner)).flatten();
        let Some(name) = exact else {
            let message = "a secret can only be printed, as {{ secrets.NAME }}: no filter, comparison, test, \
                           concatenation or variable sees what it is";
            return refuse(tag.at, message.to_owned());
        };
        if let Some(Body { statement, .. }) = within.iter().rfind(|body| body.is_taken) {
            let message = format!(
                "a secret cannot be printed within {statement}, whose text can be looked at and changed"
            );
            return refuse(tag.at, message);
        }
        if !known.contains(name) {
            let near = did_you_mean(name, known.iter().copied());
            let near = if near.is_empty() { "name it under change.secrets".to_owned() } else { near };
            return refuse(tag.at, format!("there is no secret {name} ({near})"));
        }
    }
    Ok(())
}

/// Whether the word at `index` is the attribute of something, as in `device.secrets`.
fn is_member(words: &[&str], index: usize) -> bool {
    index > 0 && words[index - 1] == "."
}

/// Follows statements that may take the text of their body.
fn step<'a>(within: &mut Vec<Body<'a>>, first: &'a str, words: &[&str]) {
    if let Some(ended) = first.strip_prefix("end") {
        if within.last().is_some_and(|body| body.statement == ended) {
            within.pop();
        }
        return;
    }
    let is_taken = match first {
        "for" => words.contains(&"recursive"),
        _ => true,
    };
    let has_body = TAKE_TEXT.contains(&first) && !(first == "set" && has_value(words));
    within.extend(has_body.then_some(Body { statement: first, is_taken }));
}

/// Whether a `set` gives a value: the filters of one that takes its body may have an `=` of their own.
fn has_value(words: &[&str]) -> bool {
    words.iter().find(|word| matches!(**word, "=" | "|")) == Some(&"=")
}

/// The name in `secrets.NAME`, when there is nothing else.
fn exact(inner: &str) -> Option<&str> {
    let name = inner.trim().strip_prefix(NAME)?.trim_start().strip_prefix('.')?.trim_start();
    let good = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (good && !name.is_empty()).then_some(name)
}

/// Names, and every other character by itself; texts in quotes are left out.
fn words(inner: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = inner;
    while let Some(first) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let end = match first {
            '"' | '\'' => quoted(rest, first),
            _ if is_name(first) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        if !matches!(first, '"' | '\'') && !first.is_whitespace() {
            words.push(&rest[..end]);
        }
        rest = &rest[end..];
    }
    words
}

/// Where the quoted text at the beginning of `text` ends.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The tags of a template, without comments and raw text.
fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut tags: Vec<Tag<'_>> = Vec::new();
    let mut at = 0;
    let mut raw = false;
    while let Some(found) = source[at..].find('{').map(|found| at + found) {
        let (is_expression, close) = match source.as_bytes().get(found + 1) {
            Some(b'{') => (true, "}}"),
            Some(b'%') => (false, "%}"),
            Some(b'#') if !raw => {
                at = source[found..].find("#}").map_or(source.len(), |end| found + end + 2);
                continue;
            }
            _ => {
                at = found + 1;
                continue;
            }
        };
        let start = found + 2;
        let end = if raw {
            source[start..].find(close).map_or(source.len(), |end| start + end)
        } else {
            end_of(source, start, close)
        };
        let inner = source[start..end].trim_start_matches(['-', '+']).trim_end_matches(['-', '+']);
        let statement = if is_expression { "" } else { inner.trim() };
        if raw {
            raw = statement != "endraw";
            at = if raw { found + 1 } else { end + close.len() };
            continue;
        }
        raw = statement == "raw";
        if !raw {
            tags.push(Tag { is_expression, inner, at: found });
        }
        at = (end + close.len()).min(source.len());
    }
    tags
}

/// Where the tag that began before `start` closes, past texts in quotes.
fn end_of(source: &str, start: usize, close: &str) -> usize {
    let mut at = start;
    while let Some(c) = source[at..].chars().next() {
        if source[at..].starts_with(close) {
            return at;
        }
        at += if matches!(c, '"' | '\'') { quoted(&source[at..], c) } else { c.len_utf8() };
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(source: &str) -> Result<(), String> {
        check("t.j2", source, &BTreeSet::from(["ntp_key", "other"])).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_may_be_printed_and_nothing_else() {
        for good in [
            "key {{ secrets.ntp_key }}\n{{secrets.other}} {{- secrets.ntp_key -}}",
            "{% if device.data.ntp %}{{ secrets.ntp_key }}{% endif %}",
            "{% for server in servers %}{{ server }} {{ secrets.other }}{% endfor %}{% set x = 1 %}{{ secrets.other }}",
            "{# secrets | upper #}{{ 'secrets }}' ~ device.secrets }}{% raw %}{{ secrets | x }}{% endraw %}",
            "{% set x %}a{% endset %}{{ secrets.other }}",
            "{% set a, (b, c.d) = 1, (2, 3) %}{{ secrets.other }}",
            "{% for x in xs %}{% for y in x %}{{ secrets.other }}{% endfor %}{% endfor %}",
            "{% for x in xs recursive %}{{ x }}{% endfor %}{{ secrets.other }}",
        ] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
        for bad in [
            "{{ secrets.ntp_key | upper }}",
            "{{ secrets.ntp_key ~ 'x' }}",
            "{{ 'x' ~ secrets.ntp_key }}",
            "{{ secrets.ntp_key == 'x' }}",
            "{{ secrets.ntp_key is defined }}",
            "{{ secrets['ntp_key'] }}",
            "{{ secrets }}",
            "{{ secrets.ntp_key.x }}",
            "{{ secrets.ntp_key[0] }}",
            "{{ f(secrets.ntp_key) }}",
            "{% if secrets.ntp_key %}x{% endif %}",
            "{% for x in secrets %}{% endfor %}",
            "{% set x = secrets.ntp_key %}",
            "{% filter upper %}{{ secrets.ntp_key }}{% endfilter %}",
            "{% set x %}{% if y %}{{ secrets.ntp_key }}{% endif %}{% endset %}",
            "{% macro m() %}{{ secrets.ntp_key }}{% endmacro %}",
            "{% raw %}{% endraw %}{{ secrets.ntp_key | x }}",
            "{% set x | default(a='=') %}{{ secrets.ntp_key }}{% endset %}",
            "{% set x | replace('a', '=') %}{{ secrets.ntp_key }}{% endset %}",
            "{% for x in xs recursive %}{{ secrets.ntp_key }}{% if loop(x) == 'x' %}{% endif %}{% endfor %}",
            "{% for x in xs recursive %}{% for y in x %}{% endfor %}{{ secrets.ntp_key }}{% endfor %}",
            "{% for x in xs recursive %}{% for y in x %}{{ secrets.ntp_key }}{% endfor %}{% endfor %}",
        ] {
            assert!(checked(bad).is_err_and(|said| said.contains("t.j2 line 1: a secret can")), "{bad}");
        }
        for bad in [
            "{% block k %}{{ secrets.ntp_key }}{% endblock %}{% if self.k() == \"x\" %}{% endif %}",
            "{% block k %}{{ secrets.ntp_key }}{% endblock %}{{ self.k() | length }}",
            "{% set x %}{% include 'b.j2' %}{% endset %}",
            "{%- include 'b.j2' -%}",
            "{% import 'b.j2' as b %}",
            "{% from 'b.j2' import m %}",
            "{% extends 'b.j2' %}",
        ] {
            assert!(checked(bad).is_err_and(|said| said.contains("does not go with secrets")), "{bad}");
        }
        assert_eq!(check("t.j2", "{% include 'b.j2' %}", &BTreeSet::new()), Ok(()), "without secrets");
    }

    #[test]
    fn the_place_of_what_is_refused_is_told_and_the_name_that_was_meant() {
        let error = checked("a\nb é {{ secrets.ntp_kye }}").expect_err("no such secret");
        assert_eq!(error, "render t.j2 line 2: there is no secret ntp_kye (did you mean ntp_key?)");
        let error = check("t", "a\nbé {{ secrets }}", &BTreeSet::new()).expect_err("refused");
        assert_eq!((error.line, error.column), (2, 4));
        let error = checked(&format!("x\n{}", secret_text::named("other"))).expect_err("forged");
        assert!(error.starts_with("render t.j2 line 2: it holds a character of private use"), "{error}");
    }

    #[test]
    fn any_text_is_looked_through_without_a_panic() {
        for text in
            ["{", "{{", "{%", "{#", "{{ 'é", "{{ \"\\", "{% raw %}", "}}{{}}", "é{é{{é", "{{-", "{% - %}"]
        {
            let _ = checked(text);
        }
    }
}
