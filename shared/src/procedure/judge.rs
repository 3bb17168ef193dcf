//! What a look at a device means for its check, and when a check has come to its end.

use super::{Check, Expectation};
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Most memory of one compiled expression, and as much again while it is used, in bytes.
const REGEX_BYTES_MAX: usize = 256 * 1024;
/// Longest part of what was seen that a message quotes, in characters.
const QUOTED_MAX: usize = 80;

/// What earlier checks saved, by name.
pub type Saved = BTreeMap<String, String>;

/// Compiles a regular expression of a check, within bounds; the error says what is wrong with it.
pub fn compile(expression: &str) -> Result<Regex, String> {
    let built =
        RegexBuilder::new(expression).size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

/// Whether what was `seen` is what `expectations` want; the error says which one does not hold.
pub fn judge(seen: &str, expectations: &[Expectation], saved: &Saved) -> Result<(), String> {
    expectations.iter().try_for_each(|expectation| match expectation {
        Expectation::Matches(expression) => match compile(expression)?.is_match(seen) {
            true => Ok(()),
            false => Err(format!("nothing matches {expression:?} in {}", quoted(seen))),
        },
        Expectation::Contains(text) if seen.contains(text.as_str()) => Ok(()),
        Expectation::Contains(text) => Err(format!("{text:?} is not in {}", quoted(seen))),
        Expectation::NotContains(text) if seen.contains(text.as_str()) => {
            Err(format!("{text:?} is in {}", quoted(seen)))
        }
        Expectation::NotContains(_) => Ok(()),
        Expectation::Expect(comparison) => compare(seen, comparison, saved),
    })
}

fn quoted(seen: &str) -> String {
    let seen = seen.trim();
    match seen.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{:?}…", &seen[..end]),
        None => format!("{seen:?}"),
    }
}

/// The operator and the operand of a comparison such as `>= 3` or `== {{ before }}`.
pub fn parse_comparison(comparison: &str) -> Result<(&'static str, &str), String> {
    let comparison = comparison.trim();
    let operator =
        [">=", "<=", "==", "!=", ">", "<"].into_iter().find(|operator| comparison.starts_with(operator));
    let Some(operator) = operator else {
        return Err(format!("{comparison:?} does not begin with >=, <=, ==, !=, > or <"));
    };
    match comparison[operator.len()..].trim() {
        "" => Err(format!("{comparison:?} has nothing to compare with")),
        operand => Ok((operator, operand)),
    }
}

/// The name between double braces, if `operand` is one.
pub fn saved_name(operand: &str) -> Option<&str> {
    Some(operand.strip_prefix("{{")?.strip_suffix("}}")?.trim())
}

fn compare(seen: &str, comparison: &str, saved: &Saved) -> Result<(), String> {
    let (operator, operand) = parse_comparison(comparison)?;
    let wanted = match saved_name(operand) {
        Some(name) => saved.get(name).ok_or_else(|| format!("no check before saved {name}"))?.as_str(),
        None => operand,
    };
    let (seen, wanted) = (seen.trim(), wanted.trim());
    let holds = match (seen.parse::<f64>(), wanted.parse::<f64>(), operator) {
        (Ok(seen), Ok(wanted), ">=") => seen >= wanted,
        (Ok(seen), Ok(wanted), "<=") => seen <= wanted,
        (Ok(seen), Ok(wanted), ">") => seen > wanted,
        (Ok(seen), Ok(wanted), "<") => seen < wanted,
        (Ok(seen), Ok(wanted), "==") => seen == wanted,
        (Ok(seen), Ok(wanted), "!=") => seen != wanted,
        (_, _, "==") => seen == wanted,
        (_, _, "!=") => seen != wanted,
        (Err(_), _, _) => return Err(format!("{} is not a number", quoted(seen))),
        (_, _, _) => return Err(format!("{wanted:?} is not a number")),
    };
    if holds { Ok(()) } else { Err(format!("{} is not {operator} {wanted}", quoted(seen))) }
}

/// The looks of one check so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    good: u32,
    bad: u32,
}

impl Tally {
    /// Counts a look; gives the end of `check` once it is certain: `true` when it has passed.
    pub fn count(&mut self, check: &Check, is_good: bool) -> Option<bool> {
        match is_good {
            true => self.good += 1,
            false => self.bad += 1,
        }
        if self.bad > check.failure_limit {
            return Some(false);
        }
        if self.good >= check.needed() {
            return Some(true);
        }
        (self.good + self.bad >= check.count).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::Probe;
    use std::time::Duration;

    fn check(count: u32, failure_limit: u32) -> Check {
        Check {
            name: "c".into(),
            probe: Probe::Tcp { port: 22 },
            expectations: vec![],
            save_as: None,
            initial_delay: Duration::ZERO,
            interval: Duration::ZERO,
            count,
            failure_limit,
        }
    }

    fn run(check: &Check, looks: &[bool]) -> Vec<Option<bool>> {
        let mut tally = Tally::default();
        looks.iter().map(|good| tally.count(check, *good)).collect()
    }

    #[test]
    fn a_check_ends_as_soon_as_its_end_is_certain() {
        assert_eq!(run(&check(1, 0), &[true]), [Some(true)]);
        assert_eq!(run(&check(1, 0), &[false]), [Some(false)]);
        assert_eq!(
            run(&check(6, 5), &[false, false, true]),
            [None, None, Some(true)],
            "one of six is enough"
        );
        assert_eq!(run(&check(6, 5), &[false; 6]), [None, None, None, None, None, Some(false)]);
        assert_eq!(run(&check(4, 1), &[true, false, false]), [None, None, Some(false)]);
        assert_eq!(run(&check(4, 1), &[true, false, true, true]), [None, None, None, Some(true)]);
        assert_eq!(
            run(&check(2, 9), &[false, true]),
            [None, Some(true)],
            "nothing passes without a good look"
        );
    }

    #[test]
    fn what_is_seen_must_hold_every_expectation() {
        let saved = Saved::from([("before".to_owned(), " 4 \n".to_owned())]);
        let holds = |seen: &str, expectation: Expectation| judge(seen, &[expectation], &saved);
        let expect = |text: &str| Expectation::Expect(text.into());
        assert_eq!(
            holds("Clock is synchronized", Expectation::Matches("(?i)SYNCHRONI[SZ]ED".into())),
            Ok(())
        );
        assert!(holds("x", Expectation::Matches("y".into())).unwrap_err().contains("nothing matches"));
        assert_eq!(holds("No alarms", Expectation::Contains("No alarms".into())), Ok(()));
        assert!(holds("rollback pending", Expectation::NotContains("pending".into())).is_err());
        assert_eq!(holds("4\n", expect(">= {{ before }}")), Ok(()));
        assert_eq!(holds("3", expect(">= {{ before }}")), Err("\"3\" is not >= 4".into()));
        assert_eq!(holds("0.5", expect("< 1")), Ok(()));
        assert_eq!(holds("up", expect("== up")), Ok(()));
        assert!(holds("up", expect("> 1")).unwrap_err().contains("not a number"));
        assert!(holds("1", expect("> {{ nobody }}")).unwrap_err().contains("no check before saved nobody"));
        assert!(holds("1", expect("1")).is_err() && holds("1", expect(">")).is_err());
        let nan = holds("NaN", expect(">= 0"));
        assert!(nan.is_err(), "what is no number compares with nothing: {nan:?}");
    }

    #[test]
    fn an_expression_that_would_eat_the_memory_is_refused() {
        assert!(compile("a{1000}{1000}").is_err());
        assert!(compile("(").unwrap_err().contains("unclosed"));
    }
}
