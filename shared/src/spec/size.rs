//! A count of devices, or a share of them.

use crate::yaml::{Field, shown};
use serde::{Deserialize, Serialize};

const COUNT_MAX: u32 = 1_000_000;

/// How many of the selected devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// That many; at least 1.
    Count(u32),
    /// Hundredths of a percent, 1 to 10,000.
    Share(u32),
}

impl Size {
    /// How many of `all`: a share is rounded up and at least 1.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Share(hundredths) => (all * hundredths as usize).div_ceil(10_000).max(1),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some(share) = text.strip_suffix('%') else {
            let count: u32 = text.parse().ok()?;
            return (text.bytes().all(|b| b.is_ascii_digit()) && (1..=COUNT_MAX).contains(&count))
                .then_some(Self::Count(count));
        };
        let (whole, part) = share.split_once('.').unwrap_or((share, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 || whole.len() > 3 {
            return None;
        }
        let hundredths = whole.parse::<u32>().ok()? * 100 + format!("{part:0<2}").parse::<u32>().ok()?;
        (1..=10_000).contains(&hundredths).then_some(Self::Share(hundredths))
    }

    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let text = field.text()?;
        let size = Self::parse(text);
        if size.is_none() && is_nothing(text) {
            let message = format!("{text} of all devices is nothing, and 0 of 0 is not healthy");
            field.problem(message, "at least 1, or more than 0% up to 100%, such as 6 or 5%");
        } else if size.is_none() {
            let message = format!("must be a count or a share of all devices, not {}", shown(text));
            field.problem(message, "at least 1, or more than 0% up to 100%, such as 6 or 5%");
        }
        size
    }
}

/// `0`, `0%`, `0.00%`.
fn is_nothing(text: &str) -> bool {
    let number = text.strip_suffix('%').unwrap_or(text);
    number.contains('0') && number.bytes().all(|b| matches!(b, b'0' | b'.'))
}
