//! Filters in the grammar of AIP-160, over devices and over anything else that has named fields.
//!
//! `OR` binds tighter than `AND`, words next to each other mean `AND`, `NOT` and `-` negate. `=` and
//! `!=` take `*` wildcards (`\*` is the character), `:` asks whether a text contains, a list has or a
//! mapping has a key, and `:*` whether the field is set. `<` and its kin compare numbers as numbers
//! and all else as text. A field that is not set fails every comparison but `!=`.

mod evaluate;
mod lex;
mod parse;

pub use evaluate::{Lookup, select};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest filter, in bytes.
pub const FILTER_BYTES_MAX: usize = 4096;
/// Deepest nesting of parentheses and negations.
pub const NESTING_MAX: u32 = 32;

/// What is wrong with a filter, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the filter at column {column}: {message}")]
pub struct FilterError {
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// A filter that has been read; prints as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter {
    text: String,
    expression: Expression,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Test {
    field: FieldName,
    operator: Operator,
    value: Pattern,
}

/// A field that a filter asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    /// Its parts, such as `labels` and `rack`; never empty.
    pub path: Vec<String>,
    /// Where it stands in the filter, from 1.
    pub column: u32,
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join("."))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

/// A text cut at its wildcards: `a*b` is two pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    pieces: Vec<String>,
}

impl Filter {
    /// Reads a filter of at most [`FILTER_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let tokens = lex::tokens(text)?;
        let expression = parse::expression(tokens)?;
        Ok(Self { text: text.to_owned(), expression })
    }

    /// The filter as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Every field it asks for, in order, also more than once.
    pub fn fields(&self) -> Vec<&FieldName> {
        let mut fields = Vec::new();
        collect(&self.expression, &mut fields);
        fields
    }
}

fn collect<'a>(expression: &'a Expression, fields: &mut Vec<&'a FieldName>) {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            parts.iter().for_each(|part| collect(part, fields))
        }
        Expression::Not(part) => collect(part, fields),
        Expression::Test(test) => fields.push(&test.field),
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Filter {
    type Error = FilterError;
    fn try_from(text: String) -> Result<Self, FilterError> {
        Self::parse(&text)
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> String {
        filter.text
    }
}

#[cfg(test)]
mod tests;
