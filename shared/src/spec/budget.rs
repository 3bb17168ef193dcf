//! `spec.strategy.budget`: how much harm is accepted; what could never stop is refused with its arithmetic.

use crate::pace::{Budget, Mode, Share};
use crate::yaml::{Field, Section, shown};

const DEVICES_MAX: u32 = 100_000;
/// Failures of this share must be told from ordinary ones (p1 of the change stops), in millionths.
const FAILING: u32 = 100_000;
/// The tolerated share (p0) stays below half of it: nearer, no stop could tell one from the other.
const TOLERATED_BELOW: u32 = FAILING / 2;

pub(super) fn read(mut section: Section<'_>) -> Budget {
    let default = Budget::default();
    let devices = section.take("devices").and_then(|field| devices(&field));
    let tolerated_share = section.take("tolerated_share").and_then(|field| tolerated_share(&field));
    let mode = section.take("mode");
    let mode = mode.and_then(|field| field.word(&[("expected", Mode::Expected), ("strict", Mode::Strict)]));
    Budget {
        devices: devices.unwrap_or(default.devices),
        tolerated_share: tolerated_share.unwrap_or(default.tolerated_share),
        mode: mode.unwrap_or(default.mode),
    }
}

fn devices(field: &Field<'_>) -> Option<u32> {
    if field.says("0") {
        let message =
            "a budget of 0 devices starts nothing: the first device in flight reserves 1, and 1 > 0";
        field.problem(message, "at least 1; to stop at the first failure say 1");
        return None;
    }
    field.number(1..=DEVICES_MAX)
}

fn tolerated_share(field: &Field<'_>) -> Option<Share> {
    let text = field.text()?;
    let Some(share) = share(text) else {
        field.problem(format!("must be a share of all devices, not {}", shown(text)), "such as 1% or 0.5%");
        return None;
    };
    let (p0, p1) = (share, Share(FAILING));
    if share.0 >= FAILING {
        let message = format!(
            "p0 >= p1 ({p0} >= {p1}): a stop tells a failing share of p1 = {p1} from the tolerated p0, so this one could \
             never trip"
        );
        field.problem(message, "below 5%");
        return None;
    }
    if share.0 >= TOLERATED_BELOW {
        let below = Share(TOLERATED_BELOW);
        let message = format!(
            "p0 = {p0} is too near to p1 = {p1}: a stop tells the two apart only while p0 < p1 / 2 ({p0} >= {below})"
        );
        field.problem(message, "below 5%");
        return None;
    }
    Some(share)
}

/// Percent with at most four decimals, 0% to 100%.
fn share(text: &str) -> Option<Share> {
    let number = text.strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit())
    };
    if !digits(whole, 3) || !digits(part, 4) {
        return None;
    }
    let millionths = whole.parse::<u32>().ok()? * 10_000 + format!("{part:0<4}").parse::<u32>().ok()?;
    (millionths <= Share::ALL.0).then_some(Share(millionths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_reads_back_as_it_prints() {
        for text in ["0%", "1%", "0.5%", "4.9999%", "100%"] {
            assert_eq!(share(text).expect(text).to_string(), text);
        }
        for bad in ["1", "%", ".5%", "1.%", "101%", "1.00001%", "-1%", "1 %", ""] {
            assert_eq!(share(bad), None, "{bad}");
        }
    }
}
