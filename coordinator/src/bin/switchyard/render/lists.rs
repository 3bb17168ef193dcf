//! Lists as tables: rollouts, devices, breakers, agents, plans, the inventory.

use super::advice::{Room, advice};
use super::table::{sparing, table};
use super::why::why;
use crate::text::{beside_name, number, one_line};
use crate::view::{Breaker, Counts, Trouble, View};
use crate::words;
use switchyard_proto::v1;
use switchyard_shared::outcome::DeviceState;
use switchyard_shared::time::{Timestamp, format_duration};

fn age(at: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    words::instant_of(at).map_or("-".to_owned(), |at| format_duration(now.since(at)))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { one_line(text) }
}

/// One row per rollout.
pub fn rollouts(rollouts: &[v1::Rollout], now: Timestamp, width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = rollouts
        .iter()
        .map(|rollout| {
            let view = View::new(rollout, &[]);
            let wave = format!("{}/{} {}", view.current_wave + 1, view.waves.len(), view.wave_name());
            vec![
                view.rollout.clone(),
                view.state.as_str().to_owned(),
                if view.waves.is_empty() { "-".to_owned() } else { wave },
                progress(&view.counts),
                view.counts.ok().to_string(),
                view.counts.of(DeviceState::Failed).to_string(),
                view.counts.of(DeviceState::Skipped).to_string(),
                view.counts.of(DeviceState::Unknown).to_string(),
                view.breakers.len().to_string(),
                age(rollout.create_time.as_ref(), now),
                view.waiting_for().unwrap_or_else(|| "-".to_owned()),
            ]
        })
        .collect();
    let headers =
        ["NAME", "STATE", "WAVE", "DONE", "OK", "FAIL", "SKIP", "UNKN", "BREAKERS", "AGE", "BLOCKED ON"];
    table(&headers, &rows, width)
}

fn progress(counts: &Counts) -> String {
    format!("{}/{}", counts.done(), counts.planned())
}

/// One row per device of a rollout.
pub fn device_results(devices: &[v1::DeviceResult], width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = devices
        .iter()
        .map(|device| {
            let outcome = words::known_end(device);
            let took = outcome.and_then(|outcome| {
                let start = words::instant_of(outcome.started_at.as_ref())?;
                Some(format_duration(words::instant_of(outcome.finished_at.as_ref())?.since(start)))
            });
            let message = outcome.map(|outcome| outcome.message.as_str()).filter(|text| !text.is_empty());
            vec![
                one_line(&device.device),
                one_line(&device.site),
                words::device_state(device.state).to_owned(),
                outcome.map_or("-".to_owned(), words::end),
                outcome.map_or("-".to_owned(), |outcome| words::left_as(outcome.left_as).to_lowercase()),
                one_line(&device.wave),
                device.attempt.to_string(),
                took.unwrap_or_else(|| "-".to_owned()),
                or_dash(beside_name(&device.device, message.unwrap_or(&device.reason))),
            ]
        })
        .collect();
    let headers = ["DEVICE", "SITE", "STATE", "CLASS", "LEFT AS", "WAVE", "ATTEMPT", "TOOK", "MESSAGE"];
    sparing(&headers, &rows, width, &["TOOK", "ATTEMPT", "WAVE"])
}

/// What to do about those of `devices` that are not well; empty when nobody said.
pub fn what_to_do(devices: &[v1::DeviceResult], rollout: &str, width: Option<usize>) -> Vec<String> {
    let of = |device| Trouble::of(device).or_else(|| Trouble::not_put_back(device));
    let troubles = devices.iter().filter_map(|device| Some((device.device.clone(), of(device)?)));
    let lines = advice(&troubles.collect(), rollout, &Room::scrolled(width));
    if lines.is_empty() { lines } else { std::iter::once(String::new()).chain(lines).collect() }
}

/// One breaker in one line: its state, why, since when, what happens next, who can change it.
pub fn breaker(breaker: &v1::Breaker, now: Timestamp) -> String {
    let name = one_line(&breaker.name);
    let why = Breaker::read(breaker).map(|known| why(&name, &known, now)).unwrap_or_default();
    let state = words::breaker_state(breaker.state);
    if why.is_empty() { format!("{name} {state}") } else { format!("{name} {state}: {why}") }
}

/// One row per breaker.
pub fn breakers(breakers: &[v1::Breaker], now: Timestamp, width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = breakers
        .iter()
        .map(|breaker| {
            let name = one_line(&breaker.name);
            let why = Breaker::read(breaker).map(|known| why(&name, &known, now)).unwrap_or_default();
            vec![
                name,
                words::breaker_state(breaker.state).to_owned(),
                format!("{}/{}", breaker.failed, breaker.seen),
                age(breaker.since.as_ref(), now),
                or_dash(&breaker.by),
                if why.is_empty() { "-".to_owned() } else { why },
            ]
        })
        .collect();
    table(&["NAME", "STATE", "FAILED", "FOR", "BY", "WHY, AND WHAT NEXT"], &rows, width)
}

/// One row per agent.
pub fn agents(agents: &[v1::Agent], now: Timestamp, width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = agents
        .iter()
        .map(|agent| {
            vec![
                one_line(words::short("agents", &agent.name)),
                one_line(&agent.site),
                words::agent_state(agent.state).to_owned(),
                age(agent.since.as_ref(), now),
                age(agent.last_heartbeat_at.as_ref(), now),
                agent.in_flight.to_string(),
                agent.credit.to_string(),
                agent.stray_results.to_string(),
                or_dash(&agent.version),
                or_dash(&agent.address),
            ]
        })
        .collect();
    let headers =
        ["NAME", "SITE", "STATE", "FOR", "HEARD", "IN FLIGHT", "CREDIT", "STRAYS", "VERSION", "ADDRESS"];
    table(&headers, &rows, width)
}

/// A result that fitted nothing, in one line.
pub fn stray_result(stray: &v1::StrayResult) -> String {
    let outcome = stray.outcome.clone().unwrap_or_default();
    let (at, class) = (words::instant_of(stray.received_at.as_ref()), words::to_class(outcome.class));
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    let class = class.map_or("-", |class| class.as_str());
    one_line(&format!(
        "stray {} {at} {} {class}: {}: {}",
        stray.sequence, stray.operation, outcome.message, stray.reason
    ))
}

/// One row per plan.
pub fn plans(plans: &[v1::Plan], now: Timestamp, width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = plans
        .iter()
        .map(|plan| {
            vec![
                one_line(words::short("plans", &plan.name)),
                one_line(&plan.rollout_name),
                number(plan.devices.into()),
                number(plan.sites.into()),
                plan.waves.len().to_string(),
                age(plan.create_time.as_ref(), now),
                or_dash(&plan.created_by),
            ]
        })
        .collect();
    table(&["NAME", "ROLLOUT", "DEVICES", "SITES", "WAVES", "AGE", "BY"], &rows, width)
}

/// One row per device of the inventory.
pub fn devices(devices: &[v1::Device], width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = devices
        .iter()
        .map(|device| {
            let mut labels: Vec<String> =
                device.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            labels.sort();
            vec![
                one_line(words::short("devices", &device.name)),
                one_line(&device.site),
                one_line(&format!("{}:{}", device.hostname, device.port)),
                or_dash(&device.platform),
                or_dash(&device.role),
                or_dash(&device.status),
                device.pinned_keys.to_string(),
                or_dash(&device.held_by),
                or_dash(&labels.join(",")),
            ]
        })
        .collect();
    let headers = ["NAME", "SITE", "ADDRESS", "PLATFORM", "ROLE", "STATUS", "KEYS", "HELD BY", "LABELS"];
    table(&headers, &rows, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{advised, dark_site, result, running};

    #[test]
    fn one_row_tells_a_rollout() {
        let mut waiting = running(10);
        waiting.blocked_on = vec!["no agent at lon".into()];
        let lines = rollouts(&[dark_site(), waiting], Timestamp(0), None);
        assert!(
            lines[1].starts_with("ntp   PARTIALLY_SUCCEEDED  1/1 all  100/100  46     5    49     0"),
            "{lines:#?}"
        );
        assert!(lines[2].ends_with("no agent at lon"), "{lines:#?}");
    }

    #[test]
    fn a_failed_device_shows_what_it_was_left_as() {
        let device = result("dev047", v1::DeviceState::Failed, v1::OutcomeClass::Timeout, "no banner");
        let lines = device_results(&[device], None);
        assert!(lines[0].contains("LEFT AS"), "{lines:?}");
        assert!(
            lines[1].contains("TIMEOUT") && lines[1].contains("unchanged") && lines[1].ends_with("no banner"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_device_in_doubt_shows_no_end_that_leaves_none_but_why_it_is_in_doubt() {
        let device = result("dev047", v1::DeviceState::Unknown, v1::OutcomeClass::Timeout, "no banner");
        let lines = device_results(&[v1::DeviceResult { reason: "given up".into(), ..device }], None);
        assert!(lines[1].starts_with("dev047  lon   UNKNOWN  -      -        all"), "{lines:#?}");
        assert!(lines[1].ends_with("given up"), "{lines:#?}");
    }

    #[test]
    fn nothing_untrusted_drives_the_terminal() {
        let mut device = result("dev047", v1::DeviceState::Failed, v1::OutcomeClass::Rejected, "x\x1b[2Jy");
        device.reason = "\u{202e}".into();
        assert!(!device_results(&[device], None).join("").contains('\x1b'));
    }

    #[test]
    fn beneath_the_devices_stands_what_to_do_about_those_that_are_not_well() {
        use v1::{DeviceState as State, OutcomeClass as Class, OutcomePhase as Phase};
        let devices = [
            advised(result("dev1", State::Unchanged, Class::Unchanged, ""), Phase::Read, "it is as well"),
            advised(
                result("dev2", State::Failed, Class::Timeout, "no banner"),
                Phase::Connect,
                "look\x1b[2J",
            ),
            result("dev3", State::Failed, Class::Rejected, "no such line"),
        ];
        let text = device_results(&devices, Some(80)).join("\n");
        assert!(text.contains("dev1    lon   UNCHANGED  UNCHANGED           unchanged"), "{text}");
        assert!(text.contains("dev2    lon   FAILED     TIMEOUT in connect  unchanged"), "{text}");
        assert!(text.contains("dev3    lon   FAILED     REJECTED            unchanged"), "{text}");
        let expected = ["", "What to do", "  TIMEOUT in connect, left unchanged: look\\u{1b}[2J"];
        assert_eq!(what_to_do(&devices, "ntp", Some(80)), expected);
        assert!(what_to_do(&devices[2..], "ntp", None).is_empty());
    }

    #[test]
    fn a_device_that_was_settled_or_is_tried_anew_or_was_left_out_is_not_advised_on_by_how_it_ended_before() {
        use v1::{DeviceState as State, OutcomeClass as Class, OutcomePhase as Phase};
        let of = |state, class| [advised(result("dev1", state, class, ""), Phase::Read, "look at it")];
        for (state, class) in [
            (State::Succeeded, Class::LostAfterWrite),
            (State::Running, Class::Timeout),
            (State::Pending, Class::Timeout),
            (State::Skipped, Class::Timeout),
            (State::RolledBack, Class::Ok),
        ] {
            assert!(what_to_do(&of(state, class), "ntp", None).is_empty(), "{state:?}");
        }
        for (state, class) in [
            (State::Failed, Class::Timeout),
            (State::Unknown, Class::LostAfterWrite),
            (State::Skipped, Class::PrecheckFailed),
            (State::Succeeded, Class::RollbackFailed),
        ] {
            assert_eq!(what_to_do(&of(state, class), "ntp", None).len(), 3, "{state:?}");
        }
    }
}
