//! Why a breaker is not closed, in one line: the evidence, since when, what happens next, who can change it.

use crate::view::Breaker;
use switchyard_shared::breaker::{Name, State};
use switchyard_shared::time::{Timestamp, format_duration};

/// The line of the breaker called `name`; empty for one that is closed and says nothing.
pub fn why(name: &str, breaker: &Breaker, now: Timestamp) -> String {
    let evidence = evidence(breaker);
    let next = next(name, breaker, now);
    if next.is_empty() { evidence } else { format!("{evidence}; {next}") }
}

fn evidence(breaker: &Breaker) -> String {
    let reason = if breaker.reason.is_empty() { "no reason given" } else { &breaker.reason };
    match (breaker.state, breaker.since) {
        (State::Closed, _) => breaker.reason.clone(),
        (_, None) => reason.to_owned(),
        (_, Some(since)) => format!("{reason}, since {}", since.clock()),
    }
}

fn next(name: &str, breaker: &Breaker, now: Timestamp) -> String {
    let reset = format!("switchyard breaker reset {name} --reason WHY");
    let kind = Name::parse(name).ok();
    match (breaker.state, breaker.retry_at) {
        (State::Closed, _) => String::new(),
        (State::Held, _) => "a few at once, more with each that answers".to_owned(),
        (State::HalfOpen, _) => format!("a few probes decide; at once: {reset}"),
        (State::ForcedOpen, _) if breaker.reason.contains("switchyard breaker reset ") => match kind {
            Some(Name::Global { rollout: Some(rollout) }) => {
                format!("then: switchyard rollout resume {rollout} --reason WHY (one device first)")
            }
            Some(
                Name::Global { .. }
                | Name::Group { .. }
                | Name::Site(_)
                | Name::Device(_)
                | Name::Credential { .. },
            )
            | None => String::new(),
        },
        (State::ForcedOpen, _) => format!("opened by {}; until: {}", breaker.by, lets_go(kind, reset)),
        (State::ForcedClosed, _) => {
            format!("kept closed by {} whatever the evidence, until: {reset}", breaker.by)
        }
        (State::Open, Some(at)) if at > now => {
            format!("tries again in {}; at once: {reset}", format_duration(at.since(now)))
        }
        (State::Open, Some(_)) => "tries again now".to_owned(),
        (State::Open, None) => match kind {
            Some(Name::Group { .. }) => format!("nothing of it starts until: {}", lets_go(kind, reset)),
            Some(Name::Global { .. }) => format!("nothing starts until: {}", lets_go(kind, reset)),
            Some(Name::Site(_) | Name::Device(_) | Name::Credential { .. }) | None => {
                format!("does not heal with time; {reset}")
            }
        },
    }
}

/// The command that lets it go, and how that begins.
fn lets_go(kind: Option<Name>, reset: String) -> String {
    match kind {
        Some(Name::Group { .. }) => format!("{reset} (one device first)"),
        Some(Name::Global { rollout: Some(rollout) }) => {
            format!("switchyard rollout resume {rollout} --reason WHY (one device first)")
        }
        Some(Name::Global { rollout: None } | Name::Site(_) | Name::Device(_) | Name::Credential { .. })
        | None => reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(state: State, reason: &str) -> Breaker {
        let since = Some(Timestamp(6_130_000_000));
        Breaker { state, reason: reason.into(), since, retry_at: None, by: "auto".into(), failed: 3, seen: 3 }
    }

    #[test]
    fn a_held_group_says_its_evidence_since_when_and_what_lets_it_go() {
        let held = breaker(State::Open, "3 of 3 with os=17.9 failed, 412 of 412 others ok");
        assert_eq!(
            why("rollout/ntp/group/os=17.9", &held, Timestamp(0)),
            "3 of 3 with os=17.9 failed, 412 of 412 others ok, since 01:42:10; nothing of it starts until: switchyard \
             breaker reset rollout/ntp/group/os=17.9 --reason WHY (one device first)"
        );
    }

    #[test]
    fn every_state_says_what_happens_next_and_who_can_change_it() {
        let by_hand = Breaker { by: "ann".into(), ..breaker(State::ForcedOpen, "core outage") };
        let waits = Breaker { retry_at: Some(Timestamp(30_000_000)), ..breaker(State::Open, "silent") };
        let kept = Breaker { state: State::ForcedClosed, ..by_hand.clone() };
        let everywhere =
            "group/os=1 is FORCED_OPEN by ann: x; switchyard breaker reset group/os=1 --reason WHY";
        let everywhere = breaker(State::ForcedOpen, everywhere);
        let cases = [
            (
                "rollout/ntp/group/os=1",
                &everywhere,
                "group/os=1 is FORCED_OPEN by ann: x; switchyard breaker reset group/os=1 --reason WHY, since 01:42:10",
            ),
            (
                "rollout/ntp/global",
                &everywhere,
                "group/os=1 is FORCED_OPEN by ann: x; switchyard breaker reset group/os=1 --reason WHY, since 01:42:10; \
                 then: switchyard rollout resume ntp --reason WHY (one device first)",
            ),
            (
                "global",
                &by_hand,
                "core outage, since 01:42:10; opened by ann; until: switchyard breaker reset global --reason WHY",
            ),
            (
                "site/lon",
                &waits,
                "silent, since 01:42:10; tries again in 30s; at once: switchyard breaker reset site/lon --reason WHY",
            ),
            (
                "site/lon",
                &kept,
                "core outage, since 01:42:10; kept closed by ann whatever the evidence, until: switchyard breaker reset site/lon --reason WHY",
            ),
            (
                "credential/lon/env:K",
                &breaker(State::Open, "refused"),
                "refused, since 01:42:10; does not heal with time; switchyard breaker reset credential/lon/env:K --reason WHY",
            ),
            (
                "rollout/ntp/global",
                &breaker(State::Open, "10 of 40 failed"),
                "10 of 40 failed, since 01:42:10; nothing starts until: switchyard rollout resume ntp --reason WHY (one device first)",
            ),
            (
                "site/lon",
                &breaker(State::Held, "3 silent"),
                "3 silent, since 01:42:10; a few at once, more with each that answers",
            ),
            ("site/lon", &breaker(State::Closed, ""), ""),
        ];
        for (name, breaker, want) in cases {
            assert_eq!(why(name, breaker, Timestamp(0)), want);
        }
    }
}
