//! Tokens into an expression.

use super::lex::{Kind, Token};
use super::{Expression, FieldName, FilterError, NESTING_MAX, Operator, Pattern, Test};
use crate::yaml::shown;

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    end: u32,
    depth: u32,
}

pub(super) fn expression(tokens: Vec<Token>) -> Result<Expression, FilterError> {
    let end = tokens.last().map_or(1, |token| token.column + 1);
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), end, depth: 0 };
    let expression = parser.all()?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(token) => Err(FilterError { column: token.column, message: "this ) closes nothing".into() }),
    }
}

impl Parser {
    fn column(&mut self) -> u32 {
        self.tokens.peek().map_or(self.end, |token| token.column)
    }

    fn fail<T>(&mut self, message: &str) -> Result<T, FilterError> {
        Err(FilterError { column: self.column(), message: message.into() })
    }

    fn next_is_word(&mut self, wanted: &str) -> bool {
        let is = matches!(self.tokens.peek(), Some(Token { kind: Kind::Word { text, quoted: false, .. }, .. }) if text == wanted);
        if is {
            self.tokens.next();
        }
        is
    }

    fn at_end(&mut self) -> bool {
        matches!(self.tokens.peek(), None | Some(Token { kind: Kind::Close, .. }))
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.any()?];
        while !self.at_end() {
            self.next_is_word("AND");
            parts.push(self.any()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.term()?];
        while self.next_is_word("OR") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return self.fail(&format!("nested deeper than {NESTING_MAX} levels"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        let minus = matches!(self.tokens.peek(), Some(Token { kind: Kind::Minus, .. }));
        if minus {
            self.tokens.next();
        }
        if minus || self.next_is_word("NOT") {
            return self.nested(|parser| Ok(Expression::Not(Box::new(parser.term()?))));
        }
        if let Some(Token { kind: Kind::Open, column }) = self.tokens.peek() {
            let column = *column;
            self.tokens.next();
            let inner = self.nested(Self::all)?;
            return match self.tokens.next() {
                Some(Token { kind: Kind::Close, .. }) => Ok(inner),
                Some(_) | None => Err(FilterError { column, message: "this ( is never closed".into() }),
            };
        }
        self.test().map(Expression::Test)
    }

    fn test(&mut self) -> Result<Test, FilterError> {
        let field = self.field()?;
        let Some(Token { kind: Kind::Operator(operator), .. }) = self.tokens.peek() else {
            let message = format!(
                "a comparison is missing after {}: write {} = \"…\"",
                shown(&field.to_string()),
                field
            );
            return Err(FilterError { column: self.column(), message });
        };
        let operator = *operator;
        self.tokens.next();
        let column = self.column();
        let (text, value) = match self.tokens.next() {
            Some(Token { kind: Kind::Word { text, pattern, quoted }, .. })
                if quoted || !is_keyword(&text) =>
            {
                (text, pattern)
            }
            Some(_) | None => {
                return Err(FilterError {
                    column,
                    message: format!("a value is missing: write {field} = \"…\""),
                });
            }
        };
        let orders = match operator {
            Operator::Equal | Operator::NotEqual => false,
            Operator::Has => text != "*",
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => true,
        };
        if orders && value.has_wildcard() {
            return Err(FilterError {
                column,
                message: "* is a wildcard with = and != only: write \\* in quotes".into(),
            });
        }
        Ok(Test { field, operator, value })
    }

    fn field(&mut self) -> Result<FieldName, FilterError> {
        let column = self.column();
        let message = match self.tokens.next() {
            Some(Token { kind: Kind::Word { text, quoted: false, .. }, .. }) if !is_keyword(&text) => {
                let path: Vec<String> = text.split('.').map(str::to_owned).collect();
                if path.iter().all(|part| !part.is_empty() && !part.contains('*')) {
                    return Ok(FieldName { path, column });
                }
                format!("{} is not the name of a field", shown(&text))
            }
            Some(Token { kind: Kind::Word { text, quoted: false, .. }, .. }) => {
                format!("the name of a field is missing before {text}")
            }
            Some(Token { kind: Kind::Word { text, .. }, .. }) => {
                format!("{} is a text without a field: write name = {}", shown(&text), shown(&text))
            }
            Some(Token { kind: Kind::Operator(_) | Kind::Minus | Kind::Open | Kind::Close, .. }) | None => {
                "the name of a field is missing".into()
            }
        };
        Err(FilterError { column, message })
    }
}

fn is_keyword(text: &str) -> bool {
    matches!(text, "AND" | "OR" | "NOT")
}

impl Pattern {
    pub(super) fn new() -> Self {
        Self { pieces: vec![String::new()] }
    }

    pub(super) fn wildcard(&mut self) {
        self.pieces.push(String::new());
    }

    pub(super) fn push(&mut self, c: char) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(c);
        }
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.pieces.len() > 1
    }
}
