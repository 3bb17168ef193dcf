//! The counts add up at every event, whatever the events say.

use super::*;
use switchyard_proto::v1;
use switchyard_proto::v1::watch_rollout_response::Event;

/// A rollout of `planned` devices that wait, in one wave `all`.
pub fn fresh(planned: u32) -> v1::Rollout {
    let counts = v1::DeviceCounts { planned, pending: planned, ..v1::DeviceCounts::default() };
    v1::Rollout {
        name: "rollouts/ntp".into(),
        plan: "plans/ntp-7f3a".into(),
        state: v1::rollout::State::Running.into(),
        counts: Some(counts),
        waves: vec![v1::WaveStatus {
            name: "all".into(),
            state: v1::wave_status::State::Running.into(),
            counts: Some(counts),
            soak_until: None,
        }],
        sequence: 1,
        ..v1::Rollout::default()
    }
}

fn device(name: usize, site: &str, state: v1::DeviceState) -> v1::DeviceResult {
    v1::DeviceResult {
        device: format!("dev{name:03}"),
        site: site.into(),
        wave: "all".into(),
        state: state.into(),
        attempt: 1,
        ..v1::DeviceResult::default()
    }
}

fn changed(sequence: u64, devices: Vec<v1::DeviceResult>) -> v1::WatchRolloutResponse {
    event(sequence, Event::DevicesChanged(v1::DevicesChanged { devices }))
}

fn event(sequence: u64, event: Event) -> v1::WatchRolloutResponse {
    v1::WatchRolloutResponse { sequence, at: None, event: Some(event) }
}

fn all_pending(planned: usize) -> Vec<v1::DeviceResult> {
    (0..planned)
        .map(|n| device(n, if n % 2 == 0 { "ams" } else { "lon" }, v1::DeviceState::Pending))
        .collect()
}

#[test]
fn the_counts_add_up_at_every_event_listed_or_not() {
    let states = [1, 2, 3, 4, 5, 6, 7, 8];
    for listed in [true, false] {
        let devices = if listed { all_pending(20) } else { Vec::new() };
        let mut view = View::new(&fresh(20), &devices);
        let mut draw = 12_345u32;
        for sequence in 2..2000 {
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (who, what) = ((draw >> 8) as usize % 20, states[(draw >> 20) as usize % states.len()]);
            let state = v1::DeviceState::try_from(what).expect("a state");
            view.apply(&changed(
                sequence,
                vec![device(who, if who % 2 == 0 { "ams" } else { "lon" }, state)],
            ));
            assert_eq!(view.counts.planned(), 20, "after {sequence}, listed: {listed}");
            assert_eq!(view.waves[0].counts.planned(), 20, "wave after {sequence}, listed: {listed}");
            if listed {
                assert_eq!(view.sites.values().map(Counts::planned).sum::<u32>(), 20);
            }
        }
        assert_eq!(view.sequence, 1999);
    }
}

#[test]
fn a_device_moves_from_where_it_was() {
    let mut view = View::new(&fresh(4), &all_pending(4));
    view.apply(&changed(
        2,
        vec![device(0, "ams", v1::DeviceState::Running), device(1, "lon", v1::DeviceState::Running)],
    ));
    view.apply(&changed(3, vec![device(0, "ams", v1::DeviceState::Succeeded)]));
    view.apply(&changed(4, vec![device(1, "lon", v1::DeviceState::Failed)]));
    view.apply(&changed(5, vec![device(3, "lon", v1::DeviceState::Skipped)]));
    let of = |state| view.counts.of(state);
    assert_eq!(
        [
            of(DeviceState::Pending),
            of(DeviceState::Succeeded),
            of(DeviceState::Failed),
            of(DeviceState::Skipped)
        ],
        [1, 1, 1, 1]
    );
    assert_eq!(view.sites["lon"].of(DeviceState::Failed), 1);
    assert_eq!(view.troubles.keys().collect::<Vec<_>>(), ["dev001", "dev003"]);
}

#[test]
fn a_late_result_settles_what_was_unknown() {
    let mut view = View::new(&fresh(1), &all_pending(1));
    for (sequence, state) in
        [(2, v1::DeviceState::Running), (3, v1::DeviceState::Unknown), (4, v1::DeviceState::Succeeded)]
    {
        view.apply(&changed(sequence, vec![device(0, "ams", state)]));
    }
    assert_eq!(view.counts.of(DeviceState::Succeeded), 1);
    assert!(view.troubles.is_empty());
}

#[test]
fn a_breaker_is_kept_until_it_closes() {
    let mut view = View::new(&fresh(1), &[]);
    let breaker = |sequence, state: v1::breaker::State| {
        let breaker = v1::Breaker { name: "site/lon".into(), state: state.into(), ..v1::Breaker::default() };
        event(sequence, Event::BreakerChanged(v1::BreakerChanged { breaker: Some(breaker) }))
    };
    view.apply(&breaker(2, v1::breaker::State::Open));
    assert_eq!(view.breakers["site/lon"].state, BreakerState::Open);
    view.apply(&breaker(3, v1::breaker::State::HalfOpen));
    assert_eq!(view.breakers["site/lon"].state, BreakerState::HalfOpen);
    view.apply(&breaker(4, v1::breaker::State::Closed));
    assert!(view.breakers.is_empty());
}

#[test]
fn a_pause_says_who_and_why_and_needs_a_person() {
    let mut view = View::new(&fresh(2), &[]);
    assert_eq!(view.needs_a_person(), None);
    let state = v1::rollout::State::Paused.into();
    view.apply(&event(
        2,
        Event::StateChanged(v1::StateChanged { state, reason: "looks odd".into(), by: "anna".into() }),
    ));
    let why = view.needs_a_person().expect("a person");
    assert!(
        why.contains("anna") && why.contains("looks odd") && why.contains("switchyard rollout resume ntp"),
        "{why}"
    );
}

#[test]
fn a_site_without_agent_needs_a_person_only_when_nothing_else_runs() {
    let mut view = View::new(&fresh(2), &all_pending(2));
    let beat = |sequence| {
        let blocked_on = vec!["no agent at lon".to_owned()];
        event(sequence, Event::Heartbeat(v1::Heartbeat { blocked_on, ..v1::Heartbeat::default() }))
    };
    view.apply(&changed(2, vec![device(0, "ams", v1::DeviceState::Running)]));
    view.apply(&beat(2));
    assert_eq!(view.waiting_for().as_deref(), Some("no agent at lon"));
    assert_eq!(view.needs_a_person(), None);
    view.apply(&changed(3, vec![device(0, "ams", v1::DeviceState::Succeeded)]));
    assert!(view.needs_a_person().is_some());
}

#[test]
fn it_is_over_when_the_state_is_final_and_nobody_is_in_flight() {
    let mut view = View::new(&fresh(1), &all_pending(1));
    view.apply(&changed(2, vec![device(0, "ams", v1::DeviceState::Running)]));
    let state = v1::rollout::State::Aborted.into();
    view.apply(&event(
        3,
        Event::StateChanged(v1::StateChanged { state, reason: String::new(), by: "bob".into() }),
    ));
    assert!(!view.is_over());
    assert_eq!(view.waiting_for().as_deref(), Some("1 device in flight to report"));
    view.apply(&changed(4, vec![device(0, "ams", v1::DeviceState::Succeeded)]));
    assert!(view.is_over());
    assert_eq!(view.waiting_for(), None);
}

#[test]
fn an_event_that_comes_twice_counts_once() {
    let mut view = View::new(&fresh(3), &[]);
    for _ in 0..2 {
        view.apply(&changed(2, vec![device(0, "ams", v1::DeviceState::Running)]));
    }
    assert_eq!(view.counts.of(DeviceState::Running), 1);
    view.apply(&changed(1, vec![device(1, "ams", v1::DeviceState::Running)]));
    assert_eq!(view.counts.of(DeviceState::Running), 1, "before the snapshot");
}

fn waves(names: &[&str]) -> View {
    let mut rollout = fresh(4);
    let wave = rollout.waves.remove(0);
    rollout.waves = names.iter().map(|&name| v1::WaveStatus { name: name.into(), ..wave.clone() }).collect();
    View::new(&rollout, &[])
}

fn wave(sequence: u64, wave: u32, state: v1::wave_status::State) -> v1::WatchRolloutResponse {
    event(
        sequence,
        Event::WaveChanged(v1::WaveChanged { wave, state: state.into(), ..v1::WaveChanged::default() }),
    )
}

#[test]
fn a_wave_that_begins_ends_the_earlier_ones_and_the_last_one_ends_too() {
    use v1::wave_status::State as Wave;
    let mut view = waves(&["canary", "half", "rest"]);
    view.apply(&wave(2, 0, Wave::Soaking));
    view.apply(&wave(3, 2, Wave::Running));
    let states = |view: &View| view.waves.iter().map(|wave| wave.state).collect::<Vec<_>>();
    assert_eq!(states(&view), [Wave::Done, Wave::Done, Wave::Running]);
    view.apply(&wave(4, 1, Wave::Done));
    assert_eq!(view.wave_name(), "rest", "what ends late does not take the screen back");
    view.apply(&wave(5, 2, Wave::Done));
    assert_eq!(states(&view), [Wave::Done; 3]);
    assert_eq!((view.wave_name(), view.waiting_for()), ("rest", None));
}

#[test]
fn a_promotion_reads_the_same_from_the_event_and_from_the_heartbeat() {
    let mut view = waves(&["canary", "rest"]);
    view.apply(&wave(2, 0, v1::wave_status::State::AwaitingPromotion));
    let told = view.waiting_for().expect("a promotion");
    assert_eq!(told, "promotion after wave canary: switchyard rollout promote ntp");
    let blocked_on = vec![told.clone()];
    view.apply(&event(2, Event::Heartbeat(v1::Heartbeat { blocked_on, ..v1::Heartbeat::default() })));
    assert_eq!(view.waiting_for(), Some(told));
    assert!(view.is_held());
}

#[test]
fn news_of_a_reading_leaves_standing_how_the_attempt_in_doubt_ended() {
    let mut view = View::new(&fresh(2), &all_pending(2));
    let outcome = v1::Outcome {
        class: v1::OutcomeClass::LostAfterWrite.into(),
        phase: v1::OutcomePhase::Write.into(),
        left_as: v1::LeftAs::Unknown.into(),
        hint: "it is read before anything else".into(),
        ..v1::Outcome::default()
    };
    let lost = v1::DeviceResult { outcome: Some(outcome), ..device(0, "ams", v1::DeviceState::Unknown) };
    let reading = v1::DeviceResult {
        attempt: 2,
        reason: "being read back".into(),
        ..device(0, "ams", v1::DeviceState::Unknown)
    };
    view.apply(&changed(2, vec![device(0, "ams", v1::DeviceState::Running)]));
    view.apply(&changed(3, vec![lost]));
    view.apply(&changed(4, vec![reading]));
    let trouble = &view.troubles["dev000"];
    assert_eq!(trouble.end(), "LOST_AFTER_WRITE in write");
    assert_eq!((trouble.left_as, trouble.message.as_str()), (Some(LeftAs::Unknown), "being read back"));
    assert_eq!((trouble.attempt, trouble.hint.as_str()), (2, "it is read before anything else"));
    view.apply(&changed(5, vec![device(0, "ams", v1::DeviceState::Running)]));
    view.apply(&changed(6, vec![device(0, "ams", v1::DeviceState::Unknown)]));
    assert_eq!(view.troubles["dev000"].end(), "UNKNOWN", "what was tried anew ended otherwise");
}

#[test]
fn a_device_in_doubt_is_not_told_by_the_end_of_an_earlier_attempt_that_left_none() {
    let outcome = v1::Outcome {
        class: v1::OutcomeClass::Timeout.into(),
        phase: v1::OutcomePhase::Read.into(),
        left_as: v1::LeftAs::Unchanged.into(),
        message: "silent".into(),
        hint: "nothing was written".into(),
        ..v1::Outcome::default()
    };
    let given_up = v1::DeviceResult {
        outcome: Some(outcome),
        reason: "given up by anna".into(),
        ..device(0, "ams", v1::DeviceState::Unknown)
    };
    let unknown = v1::DeviceCounts { planned: 1, unknown: 1, ..v1::DeviceCounts::default() };
    let mut view = View::new(&v1::Rollout { counts: Some(unknown), ..fresh(1) }, &[given_up]);
    let plain = |view: &View, why: &str| {
        let trouble = &view.troubles["dev000"];
        assert_eq!((trouble.end_and_left().as_str(), trouble.message.as_str()), ("UNKNOWN", why));
        assert_eq!(trouble.hint, "");
    };
    plain(&view, "given up by anna");
    let reading =
        v1::DeviceResult { reason: "being read".into(), ..device(0, "ams", v1::DeviceState::Unknown) };
    view.apply(&changed(2, vec![reading]));
    plain(&view, "being read");
}

#[test]
fn a_device_that_a_check_before_the_write_left_out_was_tried_and_others_that_are_skipped_were_not() {
    let ended = |class: v1::OutcomeClass| {
        let phase = v1::OutcomePhase::Validate.into();
        let outcome = v1::Outcome { class: class.into(), phase, ..v1::Outcome::default() };
        let device =
            v1::DeviceResult { outcome: Some(outcome), ..device(0, "ams", v1::DeviceState::Skipped) };
        View::new(&fresh(1), &[device]).troubles["dev000"].end()
    };
    assert_eq!(ended(v1::OutcomeClass::PrecheckFailed), "PRECHECK_FAILED in validate");
    assert_eq!(ended(v1::OutcomeClass::Timeout), "SKIPPED");
}
