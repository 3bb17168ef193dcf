//! Messages that tests need again and again.

use switchyard_proto::v1::{self, watch_rollout_response::Event};

fn at(millis: i64) -> Option<prost_types::Timestamp> {
    let nanos = i32::try_from(millis % 1000).expect("below a second") * 1_000_000;
    Some(prost_types::Timestamp { seconds: 1_763_770_000 + millis / 1000, nanos })
}

fn rollout(state: v1::rollout::State, counts: v1::DeviceCounts) -> v1::Rollout {
    let wave = v1::WaveStatus {
        name: "all".into(),
        state: v1::wave_status::State::Running.into(),
        counts: Some(counts),
        soak_until: None,
    };
    v1::Rollout {
        name: "rollouts/ntp".into(),
        plan: "plans/ntp-7f3a".into(),
        state: state.into(),
        counts: Some(counts),
        waves: vec![wave],
        create_time: at(0),
        start_time: at(0),
        sequence: 1,
        ..v1::Rollout::default()
    }
}

/// A rollout of `planned` devices that wait.
pub fn running(planned: u32) -> v1::Rollout {
    let counts = v1::DeviceCounts { planned, pending: planned, ..v1::DeviceCounts::default() };
    rollout(v1::rollout::State::Running, counts)
}

/// A rollout that ended after one site went dark.
pub fn dark_site() -> v1::Rollout {
    let counts = v1::DeviceCounts {
        planned: 100,
        succeeded: 46,
        failed: 5,
        skipped: 49,
        ..v1::DeviceCounts::default()
    };
    let breaker = v1::Breaker {
        name: "site/lon".into(),
        state: v1::breaker::State::Open.into(),
        reason: "5 of the last 5 devices unreachable".into(),
        failed: 5,
        seen: 5,
        ..v1::Breaker::default()
    };
    v1::Rollout {
        end_time: at(2310),
        breakers: vec![breaker],
        sequence: 240,
        ..rollout(v1::rollout::State::PartiallySucceeded, counts)
    }
}

/// A device of `site` in wave `all`.
pub fn device(name: &str, site: &str, state: v1::DeviceState) -> v1::DeviceResult {
    v1::DeviceResult {
        device: name.into(),
        site: site.into(),
        wave: "all".into(),
        state: state.into(),
        attempt: 1,
        ..v1::DeviceResult::default()
    }
}

/// A device of `lon` with the end of its attempt.
pub fn result(
    name: &str,
    state: v1::DeviceState,
    class: v1::OutcomeClass,
    message: &str,
) -> v1::DeviceResult {
    let outcome = v1::Outcome {
        class: class.into(),
        left_as: v1::LeftAs::Unchanged.into(),
        message: message.into(),
        ..v1::Outcome::default()
    };
    v1::DeviceResult { outcome: Some(outcome), ..device(name, "lon", state) }
}

/// The same device, where its agent told the phase and what to do.
pub fn advised(device: v1::DeviceResult, phase: v1::OutcomePhase, hint: &str) -> v1::DeviceResult {
    let outcome = device.outcome.unwrap_or_default();
    let outcome = v1::Outcome { phase: phase.into(), hint: hint.into(), ..outcome };
    v1::DeviceResult { outcome: Some(outcome), ..device }
}

fn message(sequence: u64, event: Event) -> Box<v1::WatchRolloutResponse> {
    let at = at(i64::try_from(sequence).expect("small"));
    Box::new(v1::WatchRolloutResponse { sequence, at, event: Some(event) })
}

/// Devices that moved.
pub fn devices_changed(sequence: u64, devices: Vec<v1::DeviceResult>) -> Box<v1::WatchRolloutResponse> {
    message(sequence, Event::DevicesChanged(v1::DevicesChanged { devices }))
}

/// The rollout's state moved.
pub fn state_changed(
    sequence: u64,
    state: v1::rollout::State,
    by: &str,
    reason: &str,
) -> Box<v1::WatchRolloutResponse> {
    let change = v1::StateChanged { state: state.into(), reason: reason.into(), by: by.into() };
    message(sequence, Event::StateChanged(change))
}

/// No news.
pub fn beat(sequence: u64, blocked_on: &[&str]) -> Box<v1::WatchRolloutResponse> {
    let blocked_on = blocked_on.iter().map(|&why| why.to_owned()).collect();
    message(sequence, Event::Heartbeat(v1::Heartbeat { blocked_on, ..v1::Heartbeat::default() }))
}

/// A plan with a canary, an odd configuration and a warning.
pub fn a_plan() -> v1::Plan {
    let wave = |name: &str, devices, canary, seconds, promote: &str| v1::PlannedWave {
        name: name.into(),
        devices,
        sites: 3,
        soak: Some(prost_types::Duration { seconds, nanos: 0 }),
        promote: promote.into(),
        canary,
    };
    let group = |devices, sample: &str, content: &str| v1::RenderedGroup {
        digest: "sha256:0123456789abcdef".into(),
        template: "motd.cfg.j2".into(),
        devices,
        sample: vec![sample.into()],
        bytes: 18,
        content: content.into(),
    };
    v1::Plan {
        name: "plans/ntp-7f3a".into(),
        digest: "sha256:7f3a91c0".into(),
        rollout_name: "ntp".into(),
        devices: 100,
        sites: 3,
        waves: vec![wave("canary", 5, true, 900, "manual"), wave("rest", 95, false, 0, "auto")],
        rendered: vec![
            group(99, "dev001", "banner hello\nntp 1\n"),
            group(1, "dev007", "banner other\nntp 2\n"),
        ],
        warnings: vec!["dev009 has no platform".into()],
        order: "listed".into(),
        max_parallel_per_site: 10,
        bound: vec![
            "certain: known harm is never more than failed + unknown + in flight; at most 30 are in flight"
                .into(),
            "expected: in at least 95 of 100 rollouts at most 15 + 1% of those started harmed".into(),
        ],
        schedule: "starts with 1 device, then up to 30 at once".into(),
        ..v1::Plan::default()
    }
}
