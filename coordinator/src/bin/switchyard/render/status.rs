//! Where one rollout stands.

use super::live::state_style;
use super::summary::tally;
use super::why::why;
use crate::text::{Style, one_line};
use crate::view::View;
use crate::words;
use switchyard_proto::v1;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::rollout::RolloutState;
use switchyard_shared::time::{Timestamp, format_duration};

/// The screen of `status`.
pub fn status(rollout: &v1::Rollout, now: Timestamp, color: bool) -> Vec<String> {
    let view = View::new(rollout, &[]);
    let by = if rollout.created_by.is_empty() {
        String::new()
    } else {
        format!("   by {}", one_line(&rollout.created_by))
    };
    let plan = format!("   plan {}", view.plan);
    let mut lines = vec![
        row("Rollout", &format!("rollouts/{}{by}{plan}", view.rollout)),
        row("State", &state(&view, color)),
        row("Blocked on", &view.waiting_for().unwrap_or_else(|| "nothing".to_owned())),
        row("Devices", &tally(&view)),
        row("Harm", &view.harm()),
    ];
    if !view.pace.is_empty() {
        lines.push(row("Pace", view.pace.strip_prefix("pace: ").unwrap_or(&view.pace)));
    }
    lines.extend(view.in_doubt().map(|doubts| row("In doubt", &doubts)));
    lines.extend(waves(&view));
    lines.extend(times(&view, now));
    for (name, breaker) in view.breakers.iter().take(super::summary::DEVICES_MAX) {
        let shown = Style::Bad.paint(breaker.state.as_str(), color);
        lines.push(row("Breaker", &format!("{name} {shown}: {}", why(name, breaker, now))));
    }
    lines.extend(next(&view));
    lines
}

fn row(key: &str, value: &str) -> String {
    format!("{key:<11} {value}")
}

fn state(view: &View, color: bool) -> String {
    let state = state_style(view.state).paint(view.state.as_str(), color);
    if view.reason.is_empty() { state } else { format!("{state}   {}", view.reason) }
}

fn waves(view: &View) -> Vec<String> {
    view.waves
        .iter()
        .enumerate()
        .map(|(index, wave)| {
            let state = words::wave_state(wave.state.into());
            let done = format!("{}/{}", wave.counts.done(), wave.counts.planned());
            row("Wave", &format!("{index} {}   {state}   {done}", wave.name))
        })
        .collect()
}

fn times(view: &View, now: Timestamp) -> Vec<String> {
    let Some(started) = view.started_at else { return Vec::new() };
    let took = format_duration(view.elapsed(now));
    vec![match view.ended_at {
        Some(ended) => row("Time", &format!("{started} to {ended}   {took}")),
        None => row("Time", &format!("since {started}   {took}")),
    }]
}

fn next(view: &View) -> Vec<String> {
    let name = &view.rollout;
    let only = view.worth_a_look().map(|state| format!(" --state {state}")).unwrap_or_default();
    let mut commands = vec![("look", format!("switchyard rollout devices {name}{only}"))];
    if view.waits_for_promotion() {
        commands.push(("go on", format!("switchyard rollout promote {name}")));
    }
    if view.state == RolloutState::Paused {
        commands.push(("go on", format!("switchyard rollout resume {name} --reason WHY")));
    }
    if view.counts.of(DeviceState::Unknown) > 0 {
        commands.push(("settle", format!("switchyard device reconcile --all --rollout {name}")));
    }
    if !words::is_final(view.state) {
        commands.push(("follow", format!("switchyard watch {name}")));
        commands.push(("stop", format!("switchyard rollout abort {name} --reason WHY")));
    }
    let lines = commands.into_iter().enumerate().map(|(index, (verb, command))| {
        row(if index == 0 { "Next" } else { "" }, &format!("{verb}: {command}"))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{dark_site, running};

    #[test]
    fn status_says_state_counts_breakers_and_what_next() {
        let text = status(&dark_site(), Timestamp(0), false).join("\n");
        assert!(text.contains("State       PARTIALLY_SUCCEEDED"), "{text}");
        assert!(text.contains("100 devices: 46 ok, 5 failed, 49 skipped"), "{text}");
        assert!(text.contains("Breaker     site/lon OPEN: 5 of the last 5 devices unreachable; does not heal with time; switchyard breaker reset site/lon"), "{text}");
        assert!(
            text.contains("Harm        5 failed, 0 unknown, 0 in flight: certainly at most 5\n"),
            "{text}"
        );
        assert!(!text.contains("abort"), "it is over: {text}");
        assert!(text.contains("look: switchyard rollout devices ntp --state failed"), "{text}");
        let well = status(&running(3), Timestamp(0), false).join("\n");
        assert!(!well.contains("--state"), "nothing failed: {well}");
    }

    #[test]
    fn harm_is_what_is_certain_now_and_what_is_expected_never_at_most_the_budget() {
        let mut rollout = running(100);
        let counts = v1::DeviceCounts { planned: 100, failed: 1, running: 12, ..v1::DeviceCounts::default() };
        rollout.counts = Some(counts);
        let bound =
            "1 failed, 0 unknown, 12 in flight: certainly at most 13; 95 %: at most 15 of the 40 started";
        rollout.harm = Some(v1::Harm { bound: bound.into(), ..v1::Harm::default() });
        rollout.pace = "pace: 12 in flight reserve 9.8 of the budget of 10; more with each success".into();
        let text = status(&rollout, Timestamp(0), false).join("\n");
        assert!(text.contains(&format!("Harm        {bound}\n")), "{text}");
        assert!(text.contains("Pace        12 in flight reserve 9.8 of the budget of 10"), "{text}");
    }

    #[test]
    fn status_says_how_many_are_in_doubt_who_settles_them_and_how() {
        let mut rollout = dark_site();
        rollout.counts = Some(v1::DeviceCounts { planned: 3, unknown: 3, ..v1::DeviceCounts::default() });
        rollout.doubts = Some(v1::Doubts { settling: 2, needs_person: 1 });
        rollout.blocked_on = vec!["1 device UNKNOWN, a person is needed: dev001".into()];
        let text = status(&rollout, Timestamp(0), false).join("\n");
        let settle = "switchyard device reconcile --all --rollout ntp";
        assert!(
            text.contains(&format!("In doubt    2 being read back, 1 need a person: {settle}")),
            "{text}"
        );
        assert!(text.contains("Blocked on  1 device UNKNOWN, a person is needed: dev001"), "{text}");
        assert!(text.contains(&format!("settle: {settle}")), "{text}");
    }

    #[test]
    fn status_never_says_only_running() {
        let mut rollout = running(10);
        rollout.blocked_on = vec!["no agent at lon".into()];
        let text = status(&rollout, Timestamp(0), false).join("\n");
        assert!(text.contains("Blocked on  no agent at lon"), "{text}");
        assert!(text.contains("stop: switchyard rollout abort ntp"), "{text}");
    }
}
