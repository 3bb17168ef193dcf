//! Probabilities, factors and lists of them in a model file.

use crate::yaml::{Field, shown};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Most alternatives that a trial may draw from.
const ALTERNATIVES_MAX: usize = 64;
/// Most shares of one label.
const SHARES_MAX: usize = 1000;

/// `0.02` or `2%`, from 0 to 1.
pub(super) fn probability(field: &Field<'_>) -> Option<f64> {
    let text = field.text()?;
    let found = match text.strip_suffix('%') {
        Some(percent) => decimal(percent).map(|value| value / 100.0),
        None => decimal(text),
    };
    let good = found.filter(|value| (0.0..=1.0).contains(value));
    if good.is_none() {
        field
            .problem(format!("must be a probability from 0 to 1, not {}", shown(text)), "such as 0.02 or 2%");
    }
    good
}

/// A number in `range`, such as `2.5`.
pub(super) fn factor(field: &Field<'_>, range: RangeInclusive<f64>) -> Option<f64> {
    let text = field.text()?;
    let good = decimal(text).filter(|value| range.contains(value));
    if good.is_none() {
        let (low, high) = (range.start(), range.end());
        field.problem(format!("must be a number from {low} to {high}, not {}", shown(text)), "");
    }
    good
}

fn decimal(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    text.parse().ok().filter(|_| plain)
}

/// Shares that need not add up to 1, at least one of them above 0.
pub(super) fn shares(field: &Field<'_>) -> Option<Vec<f64>> {
    let items = field.list(SHARES_MAX)?;
    let shares: Vec<f64> = items.iter().filter_map(probability).collect();
    if shares.len() == items.len() && shares.iter().sum::<f64>() <= 0.0 {
        field.problem("names no share above 0", "");
        return None;
    }
    (shares.len() == items.len()).then_some(shares)
}

/// Whole numbers.
pub(super) fn numbers(field: &Field<'_>, range: &RangeInclusive<u32>) -> Option<Vec<u32>> {
    let items = field.list(SHARES_MAX)?;
    if items.is_empty() {
        field.problem("names no number", "");
        return None;
    }
    let numbers: Vec<u32> = items.iter().filter_map(|item| item.number(range.clone())).collect();
    (numbers.len() == items.len()).then_some(numbers)
}

/// One value, or a list of alternatives that trials draw from.
pub(super) fn one_or_more<'a, T>(
    field: &Field<'a>,
    read: impl Fn(&Field<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    if !field.is_list() {
        return Some(vec![read(field)?]);
    }
    let items = field.list(ALTERNATIVES_MAX)?;
    if items.is_empty() {
        field.problem("names nothing to draw from", "");
        return None;
    }
    let read: Vec<T> = items.iter().filter_map(read).collect();
    (read.len() == items.len()).then_some(read)
}

/// A duration from nothing to a day.
pub(super) fn duration(field: &Field<'_>) -> Option<Duration> {
    field.duration(Duration::ZERO..=Duration::from_secs(86_400))
}

/// A duration from a millisecond to a day.
pub(super) fn some_duration(field: &Field<'_>) -> Option<Duration> {
    field.duration(Duration::from_millis(1)..=Duration::from_secs(86_400))
}
