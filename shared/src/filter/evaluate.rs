//! Whether something matches a filter.

use super::{Expression, FieldName, Filter, FilterError, Operator, Pattern, Test};
use crate::yaml::shown;
use std::borrow::Cow;

/// What something says about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// It knows no such field.
    Unknown,
    /// It knows the field, which is not set.
    Unset,
    /// A value.
    Text(Cow<'a, str>),
    /// Several values, or the keys of a mapping.
    List(Vec<Cow<'a, str>>),
    /// Two sources that differ; the text says which.
    Conflict(String),
}

impl Filter {
    /// Whether the thing that `lookup` speaks for matches. An unknown field counts as not set; use
    /// [`select`] to refuse it. Fails when a field has two values that differ.
    pub fn evaluate<'a>(&self, lookup: impl Fn(&[&str]) -> Lookup<'a>) -> Result<bool, FilterError> {
        self.expression.holds(&lookup)
    }
}

/// The indexes of the items that match. Fails when no item knows a field of the filter (`unknown`
/// words the message) or when an item has two values for it.
pub fn select<'a, T>(
    items: &'a [T],
    filter: &Filter,
    lookup: impl Fn(&'a T, &[&str]) -> Lookup<'a>,
    unknown: impl Fn(&FieldName) -> String,
) -> Result<Vec<usize>, FilterError> {
    for field in filter.fields() {
        let path: Vec<&str> = field.path.iter().map(String::as_str).collect();
        if !items.is_empty() && items.iter().all(|item| lookup(item, &path) == Lookup::Unknown) {
            return Err(FilterError { column: field.column, message: unknown(field) });
        }
    }
    let mut selected = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if filter.evaluate(|path| lookup(item, path))? {
            selected.push(index);
        }
    }
    Ok(selected)
}

impl Expression {
    fn holds<'a>(&self, lookup: &impl Fn(&[&str]) -> Lookup<'a>) -> Result<bool, FilterError> {
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(lookup)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(lookup)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(part) => part.holds(lookup).map(|holds| !holds),
            Self::Test(test) => test.holds(lookup),
        }
    }
}

impl Test {
    fn holds<'a>(&self, lookup: &impl Fn(&[&str]) -> Lookup<'a>) -> Result<bool, FilterError> {
        let path: Vec<&str> = self.field.path.iter().map(String::as_str).collect();
        let any_holds = match lookup(&path) {
            Lookup::Unknown | Lookup::Unset => false,
            Lookup::Text(text) => self.matches(&text, false),
            Lookup::List(items) => {
                let present = self.operator == Operator::Has && self.value.has_wildcard();
                present && !items.is_empty() || items.iter().any(|item| self.matches(item, true))
            }
            Lookup::Conflict(message) => {
                let message = format!("{} is ambiguous: {message}", shown(&self.field.to_string()));
                return Err(FilterError { column: self.field.column, message });
            }
        };
        Ok(any_holds != (self.operator == Operator::NotEqual))
    }

    /// For `!=` whether the value is equal: the caller negates, so that a list differs when no item
    /// equals.
    fn matches(&self, text: &str, in_list: bool) -> bool {
        let value = || self.value.pieces.concat();
        match self.operator {
            Operator::Equal | Operator::NotEqual => self.value.matches(text),
            Operator::Has if self.value.has_wildcard() => true,
            Operator::Has if in_list => text == value(),
            Operator::Has => text.to_lowercase().contains(&value().to_lowercase()),
            Operator::Less => order(text, &value()).is_lt(),
            Operator::LessOrEqual => order(text, &value()).is_le(),
            Operator::Greater => order(text, &value()).is_gt(),
            Operator::GreaterOrEqual => order(text, &value()).is_ge(),
        }
    }
}

fn order(left: &str, right: &str) -> std::cmp::Ordering {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => left.cmp(right),
    }
}

impl Pattern {
    /// Whether `text` is this pattern, each cut standing for any characters; takes time in proportion
    /// to the text.
    fn matches(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.pieces.as_slice() else {
            return self.pieces.iter().all(|piece| piece == text);
        };
        let Some(mut rest) =
            text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        for piece in middle {
            let Some(found) = rest.find(piece.as_str()) else { return false };
            rest = &rest[found + piece.len()..];
        }
        true
    }
}
