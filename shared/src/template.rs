//! Templates into configurations: strict about what is undefined, bounded in work and in size.

mod secrets;

pub use secrets::NAME as SECRETS;

use crate::task::CONFIGURATION_BYTES_MAX;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use std::collections::BTreeSet;
use std::io;

/// Most instructions of one rendering.
pub const FUEL_MAX: u64 = 2_000_000;
/// Largest template, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;
const RECURSION_MAX: usize = 100;

/// Why a template gives no configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("render {template} line {line}: {message}")]
pub struct TemplateError {
    /// The template.
    pub template: String,
    /// Line from 1; 0 when unknown.
    pub line: u32,
    /// Column from 1; 0 when unknown.
    pub column: u32,
    /// What is wrong, such as the variable that is undefined.
    pub message: String,
    /// Whether it ran into a bound, so that trying other devices only costs time.
    pub exhausted: bool,
}

/// The templates of one plan. There is no loader: a template sees only what was added.
pub struct Templates {
    environment: Environment<'static>,
    secrets: BTreeSet<String>,
}

impl Default for Templates {
    fn default() -> Self {
        Self::new([])
    }
}

impl Templates {
    /// None yet; those that come may name these secrets.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL_MAX));
        environment.set_recursion_limit(RECURSION_MAX);
        environment.set_debug(true);
        environment.remove_global("debug");
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        Self { environment, secrets: secrets.into_iter().collect() }
    }

    /// Adds a template of at most [`TEMPLATE_BYTES_MAX`] bytes; fails when it is not one.
    pub fn add(&mut self, name: &str, source: &[u8]) -> Result<(), TemplateError> {
        let refuse = |message: String| TemplateError {
            template: name.to_owned(),
            line: 0,
            column: 0,
            message,
            exhausted: false,
        };
        if source.len() > TEMPLATE_BYTES_MAX {
            return Err(refuse(format!(
                "it has {} bytes, more than the {TEMPLATE_BYTES_MAX} allowed",
                source.len()
            )));
        }
        let text = std::str::from_utf8(source).map_err(|_| refuse("it is not UTF-8 text".into()))?;
        secrets::check(name, text, &self.secrets.iter().map(String::as_str).collect())?;
        let added = self.environment.add_template_owned(name.to_owned(), text.to_owned());
        added.map_err(|error| explain(name, text, &error))
    }

    /// Renders a template into at most [`CONFIGURATION_BYTES_MAX`] bytes.
    pub fn render(&self, name: &str, context: Value) -> Result<Vec<u8>, TemplateError> {
        let mut sink = Sink { bytes: Vec::new(), overflowed: false };
        let template = self.environment.get_template(name).map_err(|error| explain(name, "", &error))?;
        let result = template.render_captured_to(context, &mut sink).map(drop);
        match result {
            Ok(()) => Ok(sink.bytes),
            Err(error) => {
                let mut explained = explain(name, template.source(), &error);
                if sink.overflowed {
                    explained.message =
                        format!("the configuration is larger than {CONFIGURATION_BYTES_MAX} bytes");
                    explained.exhausted = true;
                }
                Err(explained)
            }
        }
    }
}

struct Sink {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl io::Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > CONFIGURATION_BYTES_MAX {
            self.overflowed = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn explain(name: &str, source: &str, error: &Error) -> TemplateError {
    let exhausted = error.kind() == ErrorKind::OutOfFuel;
    let message = match (exhausted, error.detail()) {
        (true, _) => format!("it takes more than {FUEL_MAX} steps: look for a loop over too much"),
        (false, Some(detail)) if error.kind() == ErrorKind::UndefinedError => detail.to_owned(),
        (false, Some(detail)) if error.kind() == ErrorKind::UnknownMethod => {
            format!("{detail}: write it as a filter, such as `acl | items`")
        }
        (false, Some(detail)) => format!("{}: {detail}", error.kind()),
        (false, None) => error.kind().to_string(),
    };
    let column = error.range().and_then(|range| source.get(..range.start)).map_or(0, |before| {
        let line = before.rsplit('\n').next().unwrap_or("");
        u32::try_from(line.chars().count() + 1).unwrap_or(u32::MAX)
    });
    TemplateError {
        template: name.to_owned(),
        line: u32::try_from(error.line().unwrap_or(0)).unwrap_or(u32::MAX),
        column,
        message: crate::outcome::printable(message.as_bytes(), 300),
        exhausted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn render(source: &str) -> Result<String, TemplateError> {
        let mut templates = Templates::default();
        templates.add("t.xml.j2", source.as_bytes())?;
        let context =
            context! { device => context! { name => "dev001", data => context! {} }, text => "<a & b>" };
        templates.render("t.xml.j2", context).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    fn refused(source: &str) -> String {
        render(source).expect_err("an error").to_string()
    }

    #[test]
    fn a_configuration_is_rendered_to_the_byte() {
        assert_eq!(
            render("hostname {{ device.name }}\n{{ text }}\n").as_deref(),
            Ok("hostname dev001\n<a & b>\n")
        );
    }

    #[test]
    fn what_is_undefined_is_named_with_its_line() {
        assert_eq!(refused("a\nb {{ ntp_server }}\n"), "render t.xml.j2 line 2: `ntp_server` is undefined");
        assert_eq!(
            refused("{{ device.data.rack }}"),
            "render t.xml.j2 line 1: `device.data.rack` is undefined"
        );
        assert_eq!(refused("\n{% for x in xs %}{% endfor %}"), "render t.xml.j2 line 2: `xs` is undefined");
        assert_eq!(refused("{% if nope %}{% endif %}"), "render t.xml.j2 line 1: `nope` is undefined");
        let error = render("a\nbc {{ nope }}").expect_err("an error");
        assert_eq!((error.line, error.column), (2, 7));
        assert_eq!(render("{{ nope | default('x') }}").as_deref(), Ok("x"));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        assert!(
            refused("a\n{% if %}").starts_with("render t.xml.j2 line 2: syntax error"),
            "{}",
            refused("a\n{% if %}")
        );
        assert!(refused("{{ device.items() }}").ends_with("write it as a filter, such as `acl | items`"));
        assert!(refused("{% include 'other' %}").contains("line 1"), "{}", refused("{% include 'other' %}"));
        let mut templates = Templates::default();
        assert!(templates.add("t", b"\xff").is_err());
        assert!(templates.add("t", &vec![b'x'; TEMPLATE_BYTES_MAX + 1]).is_err());
        assert!(!refused(&"{{ ((".repeat(50_000)).is_empty());
        assert!(!refused(&format!("{{{{ {}1 }}}}", "(".repeat(500_000))).is_empty());
    }

    #[test]
    fn no_template_takes_what_another_part_of_it_prints_with_a_secret() {
        for bad in [
            "{% block k %}{{ secrets.k }}{% endblock %}{% if self.k() == 'x' %}{% endif %}",
            "{% block k %}{{ secrets.k }}{% endblock %}{{ self.k() | length }}",
            "{% set x %}{% include 'b.j2' %}{% endset %}{{ x | length }}",
            "{% set x %}{% import 'b.j2' as b %}{% endset %}{{ x | length }}",
            "{% from 'b.j2' import m %}{{ m() | length }}",
            "{% extends 'b.j2' %}{% block k %}{{ super() | length }}{% endblock %}",
            "{{ self.k() | length }}",
            "{% for x in [[]] recursive %}{{ secrets.k }}{% if loop(x) | length == 9 %}{% endif %}{% endfor %}",
        ] {
            let mut templates = Templates::new(["k".to_owned()]);
            templates.add("b.j2", b"{{ secrets.k }}").expect("a template");
            let secrets = context! { secrets => context! { k => crate::secret_text::named("k") } };
            let rendered =
                templates.add("t.j2", bad.as_bytes()).and_then(|()| templates.render("t.j2", secrets));
            assert!(rendered.is_err(), "{bad}: {rendered:?}");
        }
    }

    #[test]
    fn work_and_size_are_bounded() {
        let endless =
            "{% for a in range(9999) %}{% for b in range(9999) %}{% set x = a %}{% endfor %}{% endfor %}";
        let error = render(endless).expect_err("an error");
        assert!(error.exhausted && error.message.contains("more than 2000000 steps"), "{error}");
        assert!(refused("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").contains("recursion"));
        let large = "{% for a in range(9999) %}{{ 'x' * 200 }}{% endfor %}";
        let error = render(large).expect_err("an error");
        assert!(error.exhausted && error.message.contains("larger than 1048576 bytes"), "{error}");
        assert_eq!(
            render("{% for a in range(9999) %}{{ 'x' * 100 }}{% endfor %}").map(|text| text.len()),
            Ok(999_900)
        );
    }
}
