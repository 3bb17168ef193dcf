//! A filter's text into tokens.

use super::{FILTER_BYTES_MAX, FilterError, Operator, Pattern};
use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Word { text: String, pattern: Pattern, quoted: bool },
    Operator(Operator),
    Minus,
    Open,
    Close,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) column: u32,
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    column: u32,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    if text.len() > FILTER_BYTES_MAX {
        let message = format!("it has {} bytes, more than the {FILTER_BYTES_MAX} allowed", text.len());
        return Err(FilterError { column: 1, message });
    }
    let mut lexer = Lexer { chars: text.chars().peekable(), column: 1 };
    let mut tokens: Vec<Token> = Vec::new();
    loop {
        while lexer.chars.peek().is_some_and(|c| c.is_whitespace()) {
            lexer.next();
        }
        let column = lexer.column;
        let wants_value = matches!(tokens.last(), Some(Token { kind: Kind::Operator(_), .. }));
        match lexer.token(wants_value)? {
            Some(kind) => tokens.push(Token { kind, column }),
            None => return Ok(tokens),
        }
    }
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        self.column += u32::from(next.is_some());
        next
    }

    fn next_is(&mut self, wanted: char) -> bool {
        let is = self.chars.peek() == Some(&wanted);
        if is {
            self.next();
        }
        is
    }

    fn token(&mut self, wants_value: bool) -> Result<Option<Kind>, FilterError> {
        let column = self.column;
        let Some(&first) = self.chars.peek() else { return Ok(None) };
        if first == '-' && wants_value
            || !matches!(first, '(' | ')' | '=' | '!' | '<' | '>' | ':' | '-' | '"' | '\'')
        {
            return self.word().map(Some);
        }
        self.next();
        Ok(Some(match first {
            '(' => Kind::Open,
            ')' => Kind::Close,
            '=' => Kind::Operator(Operator::Equal),
            ':' => Kind::Operator(Operator::Has),
            '-' => Kind::Minus,
            '<' if self.next_is('=') => Kind::Operator(Operator::LessOrEqual),
            '<' => Kind::Operator(Operator::Less),
            '>' if self.next_is('=') => Kind::Operator(Operator::GreaterOrEqual),
            '>' => Kind::Operator(Operator::Greater),
            '!' if self.next_is('=') => Kind::Operator(Operator::NotEqual),
            '!' => return Err(FilterError { column, message: "! stands alone: write != or NOT".into() }),
            quote => return self.quoted(quote, column).map(Some),
        }))
    }

    fn word(&mut self) -> Result<Kind, FilterError> {
        let (mut text, mut pattern) = (String::new(), Pattern::new());
        while let Some(&c) = self.chars.peek() {
            if c.is_whitespace() || matches!(c, '(' | ')' | '=' | '!' | '<' | '>' | ':' | '"' | '\'') {
                break;
            }
            if c == ',' || c == '\\' {
                let message = format!("{c} is not allowed here: quote the text");
                return Err(FilterError { column: self.column, message });
            }
            self.next();
            text.push(c);
            if c == '*' { pattern.wildcard() } else { pattern.push(c) }
        }
        Ok(Kind::Word { text, pattern, quoted: false })
    }

    fn quoted(&mut self, quote: char, column: u32) -> Result<Kind, FilterError> {
        let (mut text, mut pattern) = (String::new(), Pattern::new());
        loop {
            let c = match self.next() {
                Some(c) if c == quote => return Ok(Kind::Word { text, pattern, quoted: true }),
                Some('*') => {
                    text.push('*');
                    pattern.wildcard();
                    continue;
                }
                Some('\\') => self.next(),
                other => other,
            };
            let Some(c) = c else {
                return Err(FilterError { column, message: "this quoted text does not end".into() });
            };
            text.push(c);
            pattern.push(c);
        }
    }
}
