//! Each checker sees the breach that it is for, and nothing where there is none.

mod changes;

use super::*;
use std::sync::Arc;
use std::time::Duration;
use switchyard_agent::journal::Entry;
use switchyard_shared::id::{DeviceName, OpId, PlanName, RolloutName, SiteName};
use switchyard_shared::outcome::{Class, DeviceState, LeftAs, Outcome, Phase};
use switchyard_shared::rollout::event::Event;
use switchyard_shared::rollout::{Layout, LayoutDevice, LayoutWave, RetryPolicy};
use switchyard_shared::time::Timestamp;

fn at(seconds: u64) -> Timestamp {
    Timestamp(0).plus(Duration::from_secs(seconds))
}

fn site() -> SiteName {
    SiteName::new("lon").unwrap()
}

fn device() -> DeviceName {
    DeviceName::new("r1").unwrap()
}

fn op(attempt: u32) -> OpId {
    OpId { rollout: RolloutName::new("ntp").unwrap(), device: device(), attempt }
}

fn touch(seconds: u64, attempt: u32, by: &str, mark: Mark) -> Touch {
    let session = u64::from(attempt);
    Touch {
        at: at(seconds),
        device: device(),
        site: site(),
        op: Some(op(attempt)),
        by: by.into(),
        session,
        mark,
    }
}

fn write(from: u64, until: u64, attempt: u32) -> [Touch; 4] {
    let by = "lon/1";
    [
        touch(from, attempt, by, Mark::Opened),
        touch(from, attempt, by, Mark::WriteBegan),
        touch(until, attempt, by, Mark::WriteEnded),
        touch(until, attempt, by, Mark::Closed),
    ]
}

fn outcome(class: Class) -> Outcome {
    Outcome::new(class, Phase::Write, LeftAs::Changed, "", at(0))
}

fn log(waves: u32, events: Vec<(u64, Event)>) -> RolloutLog {
    let wave = |number| LayoutWave {
        name: format!("w{number}"),
        canary: false,
        soak: Duration::ZERO,
        manual: false,
    };
    let devices = (0..waves).map(|wave| LayoutDevice {
        name: DeviceName::new(format!("r{}", wave + 1)).unwrap(),
        site: site(),
        wave,
    });
    let retry = RetryPolicy {
        max_attempts: 1,
        backoff: Duration::ZERO,
        max_backoff: Duration::ZERO,
        retry_on: vec![],
    };
    let layout = Arc::new(Layout::new(devices.collect(), (0..waves).map(wave).collect(), retry));
    let created = Event::Created {
        plan: PlanName::new("ntp-1").unwrap(),
        digest: String::new(),
        by: "ann".into(),
        request_id: String::new(),
    };
    let events = [(0, created)].into_iter().chain(events);
    let events = events.map(|(seconds, event)| Recorded { durable_at: at(seconds), at: at(seconds), event });
    RolloutLog { layout, events: events.collect() }
}

fn history(touches: impl IntoIterator<Item = Touch>, log: RolloutLog) -> History {
    let rollouts = [(RolloutName::new("ntp").unwrap(), log)].into();
    History { touches: touches.into_iter().collect(), rollouts, ..History::default() }
}

fn invariants(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.invariant).collect()
}

#[test]
fn a_second_write_without_a_reading_is_blind_and_one_after_a_reading_or_a_result_is_not() {
    let twice = || write(10, 12, 1).into_iter().chain(write(20, 22, 2));
    let nothing = || log(1, vec![]);
    assert_eq!(invariants(&no_blind_second_write(&history(twice(), nothing()))), ["I1"]);
    for (read_at, expected) in [(11, 1), (15, 0)] {
        let mut touches: Vec<Touch> = twice().collect();
        touches.push(touch(read_at, 3, "lon/1", Mark::Read));
        touches.sort_by_key(|touch| touch.at);
        assert_eq!(no_blind_second_write(&history(touches, nothing())).len(), expected, "read at {read_at}");
    }
    for (class, expected) in [(Class::Rejected, 0), (Class::LostAfterWrite, 1)] {
        let finished = Event::Finished { device: device(), attempt: 1, outcome: outcome(class) };
        let history = history(twice(), log(1, vec![(13, finished)]));
        assert_eq!(no_blind_second_write(&history).len(), expected, "{class}");
    }
}

#[test]
fn one_operation_that_writes_twice_and_writes_that_overlap_are_seen() {
    let read = touch(15, 9, "lon/1", Mark::Read);
    let again = write(10, 12, 1).into_iter().chain([read]).chain(write(20, 22, 1));
    assert_eq!(invariants(&no_blind_second_write(&history(again, log(1, vec![])))), ["I1"]);
    let mut overlapping: Vec<Touch> = write(10, 30, 1).into_iter().chain(write(20, 22, 2)).collect();
    overlapping.sort_by_key(|touch| touch.at);
    assert_eq!(invariants(&no_blind_second_write(&history(overlapping, log(1, vec![])))), ["I1"]);
}

#[test]
fn two_lives_of_an_agent_at_one_device_are_seen() {
    let first = touch(10, 1, "lon/1", Mark::Opened);
    let second = touch(11, 2, "lon/2", Mark::Opened);
    let closed = touch(10, 1, "lon/1", Mark::Closed);
    assert_eq!(
        invariants(&one_agent_at_a_device(&history([first.clone(), second.clone()], log(1, vec![])))),
        ["I2"]
    );
    assert_eq!(one_agent_at_a_device(&history([first, closed, second], log(1, vec![]))), []);
}

#[test]
fn a_write_whose_intent_was_not_on_the_disk_is_seen() {
    let intent = |seconds| Journalled {
        at: at(seconds),
        site: site(),
        entry: Entry::Intent { op: op(1), at: at(seconds), before: None },
    };
    for (seconds, expected) in [(9, 0), (11, 1)] {
        let mut history = history(write(10, 12, 1), log(1, vec![]));
        history.journals.push(intent(seconds));
        assert_eq!(intent_before_every_write(&history).len(), expected, "journalled at {seconds}");
    }
}

#[test]
fn an_acknowledged_result_that_is_not_in_the_log_is_seen() {
    let entry = Entry::Result { sequence: 1, op: op(1), outcome: outcome(Class::Ok) };
    let result = Journalled { at: at(12), site: site(), entry };
    let finished = Event::Finished { device: device(), attempt: 1, outcome: outcome(Class::Ok) };
    let settled = |outcome| Event::Settled {
        device: device(),
        attempt: 1,
        state: DeviceState::Succeeded,
        outcome,
        by: "ann".into(),
        reason: String::new(),
    };
    let guessed = Event::Finished { device: device(), attempt: 1, outcome: outcome(Class::Inconclusive) };
    for (events, expected) in [
        (vec![], 1),
        (vec![(13, finished.clone())], 0),
        (vec![(16, finished)], 1),
        (vec![(13, settled(None))], 1),
        (vec![(13, guessed)], 1),
        (vec![(13, settled(None)), (14, settled(Some(outcome(Class::Ok))))], 0),
    ] {
        let mut history = history([], log(1, events));
        history.journals.push(result.clone());
        history.acks.push((at(15), site(), 1));
        assert_eq!(acknowledged_results_are_kept(&history).len(), expected);
    }
}

#[test]
fn a_start_after_the_lease_of_a_site_that_is_cut_off_is_seen() {
    for (from, expected) in [(8, 0), (11, 1), (40, 0)] {
        let mut history = history(write(from, from + 1, 1), log(1, vec![]));
        history.cuts.push(Cut { site: site(), from: at(0), until: at(30) });
        assert_eq!(no_start_without_a_lease(&history).len(), expected, "{from}");
    }
}

#[test]
fn a_start_after_an_abort_is_seen_and_a_site_that_is_cut_off_has_its_lease() {
    let aborted = || log(1, vec![(5, Event::Aborted { by: "ann".into(), reason: String::new() })]);
    for (from, cut, expected) in [(5, false, 0), (8, false, 1), (8, true, 0), (17, true, 1)] {
        let mut history = history(write(from, from + 1, 1), aborted());
        if cut {
            history.cuts.push(Cut { site: site(), from: at(4), until: at(60) });
        }
        assert_eq!(no_start_after_an_abort(&history).len(), expected, "{from} {cut}");
    }
}

#[test]
fn a_wave_before_its_gate_and_a_device_before_its_wave_are_seen() {
    let started = |wave| Event::WaveStarted { wave };
    let over = Event::WaveFinished { wave: 0, soak_until: at(0), needs_promotion: false };
    let handed_out = |number: u32| Event::Dispatched {
        site: site(),
        ops: vec![(DeviceName::new(format!("r{number}")).unwrap(), 1)],
    };
    let good = vec![(1, started(0)), (2, handed_out(1)), (3, over), (4, started(1)), (5, handed_out(2))];
    assert_eq!(no_wave_before_its_gate(&history([], log(2, good))), []);
    let no_gate = vec![(1, started(0)), (4, started(1))];
    assert_eq!(invariants(&no_wave_before_its_gate(&history([], log(2, no_gate)))), ["I8"]);
    let too_early = vec![(1, started(0)), (2, handed_out(2))];
    assert_eq!(invariants(&no_wave_before_its_gate(&history([], log(2, too_early)))), ["I8"]);
}

#[test]
fn a_log_without_its_beginning_does_not_add_up_and_one_with_it_does() {
    let mut broken = history([], log(1, vec![(1, Event::WaveStarted { wave: 0 })]));
    assert_eq!(counts_add_up(&broken), []);
    broken.rollouts.values_mut().for_each(|log| drop(log.events.remove(0)));
    assert_eq!(invariants(&counts_add_up(&broken)), ["I7"]);
}

#[test]
fn a_result_that_never_reached_the_log_is_lost_and_one_that_would_count_again_is_seen() {
    let handed_out = Event::Dispatched { site: site(), ops: vec![(device(), 1)] };
    let finished = Event::Finished { device: device(), attempt: 1, outcome: outcome(Class::Ok) };
    let started = Event::WaveStarted { wave: 0 };
    let entry = Entry::Result { sequence: 1, op: op(1), outcome: outcome(Class::Ok) };
    let result = Journalled { at: at(12), site: site(), entry };
    let mut lost = history([], log(1, vec![(1, started.clone()), (2, handed_out.clone())]));
    lost.journals.push(result.clone());
    assert_eq!(invariants(&results_arrive_once(&lost, at(20))), ["I4", "I9"]);
    let mut kept = history([], log(1, vec![(1, started), (2, handed_out), (13, finished)]));
    kept.journals.push(result);
    assert_eq!(results_arrive_once(&kept, at(20)), []);
}
