//! What a suspicion says to an operator.

use super::walk::Standing;
use std::time::Duration;

/// While a site starts slowly.
pub(super) fn slow_start(at_once: u32) -> String {
    format!("slow start: {at_once} at once, more with each that answers")
}

/// Why a site is held.
pub(super) fn held(standing: &Standing, age: Option<Duration>) -> String {
    format!("{}; one probe at a time", evidence(standing, age))
}

/// Why a site opened.
pub(super) fn opened(standing: &Standing, age: Option<Duration>) -> String {
    evidence(standing, age)
}

fn evidence(standing: &Standing, age: Option<Duration>) -> String {
    let failed = standing.silent + standing.unreachable;
    let age = age.filter(|_| standing.waiting == standing.silent);
    let what = match (standing.silent, standing.unreachable) {
        (_, 0) => age.map_or("silent".to_owned(), |age| format!("silent for over {}", seconds(age))),
        (0, _) => "unreachable".to_owned(),
        _ => "silent or unreachable".to_owned(),
    };
    format!("{failed} {what}, {} answered since", standing.answered)
}

fn seconds(age: Duration) -> String {
    let tenths = (age.as_millis() + 50) / 100;
    match tenths % 10 {
        0 => format!("{}s", tenths / 10),
        rest => format!("{}.{rest}s", tenths / 10),
    }
}
