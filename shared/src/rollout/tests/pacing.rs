//! The promises of a paced rollout: evidence holds a group, stops everything, and never heals by time.

use super::*;
use crate::pace::{Budget, Group, Label, Watched};

/// `count` devices at 10 sites, every third one of platform `eos`, the others `ios`.
fn fleet(count: usize) -> Rollout {
    let place = |n: usize| LayoutDevice {
        name: device(&format!("d{n:03}")),
        site: site(&format!("s{}", n % 10)),
        wave: 0,
    };
    let retry = RetryPolicy {
        max_attempts: 1,
        backoff: Duration::from_secs(5),
        max_backoff: Duration::from_secs(30),
        retry_on: Vec::new(),
    };
    let mut layout = Layout::new((0..count).map(place).collect(), vec![wave("all", false, false)], retry);
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels: Vec<Vec<Label>> = (0..count)
        .map(|n| {
            let role = ["core", "edge"][n % 2];
            vec![label("platform", platform(n)), label("role", role)]
        })
        .collect();
    layout.watched = Arc::new(Watched::new(&labels));
    layout.budget = Some(Budget::default());
    rollout(layout)
}

fn platform(n: usize) -> &'static str {
    if n.is_multiple_of(3) { "eos" } else { "ios" }
}

fn everywhere() -> World {
    World { sites: (0..10).map(|n| (site(&format!("s{n}")), connected(10))).collect(), ..World::default() }
}

/// Runs in rounds: what is in flight ends after a second, as `class` says of each device's number.
fn run(
    rollout: &mut Rollout,
    log: &mut Vec<(Event, Timestamp)>,
    class: impl Fn(usize) -> Class,
) -> Timestamp {
    let world = everywhere();
    let mut now = log.last().map_or(NOW, |(_, at)| *at);
    for _ in 0..1000 {
        let events = settle(rollout, now, &world);
        log.extend(events.iter().map(|event| (event.clone(), now)));
        let running: Vec<(DeviceName, u32)> = (0..10)
            .flat_map(|n| {
                let at = site(&format!("s{n}"));
                rollout.running_at(&at).map(|(name, attempt)| (name.clone(), attempt)).collect::<Vec<_>>()
            })
            .collect();
        if running.is_empty() {
            return now;
        }
        let began = now;
        now = now.plus(Duration::from_secs(1));
        for (name, attempt) in running {
            let number: usize = name.as_str()[1..].parse().unwrap();
            let mut outcome = Outcome::new(class(number), Phase::Write, LeftAs::Unchanged, "told", now);
            (outcome.started_at, outcome.wrote_at) = (began, Some(began));
            if let ResultVerdict::Counted(event) = rollout.result(&name, attempt, &outcome, now) {
                rollout.apply(&event, now);
                log.push((event, now));
                let next = settle(rollout, now, &World::default());
                log.extend(next.into_iter().map(|event| (event, now)));
            }
        }
    }
    panic!("the rollout never ends");
}

fn failed(rollout: &Rollout) -> u32 {
    rollout.counts.failed
}

#[test]
fn a_platform_that_fails_is_held_alone_and_the_others_are_delivered() {
    let mut rollout = fleet(300);
    let class = |n| if platform(n) == "eos" { Class::Rejected } else { Class::Ok };
    run(&mut rollout, &mut Vec::new(), class);
    assert!(failed(&rollout) <= 4, "{} failed", failed(&rollout));
    assert_eq!(rollout.counts.succeeded, 200);
    assert_eq!(rollout.state, RolloutState::Paused, "what is held waits for a person");
    let holds = rollout.holds();
    assert_eq!(holds.len(), 1);
    assert_eq!(holds[0].0, Group::parse("platform=eos").unwrap());
    let lines = rollout.blocked_on(NOW, &everywhere()).join("; ");
    assert!(lines.contains("platform=eos"), "{lines}");
}

#[test]
fn a_change_that_fails_everywhere_hurts_two_devices() {
    let mut rollout = fleet(300);
    run(&mut rollout, &mut Vec::new(), |_| Class::PostcheckFailed);
    assert_eq!((failed(&rollout), rollout.counts.succeeded), (2, 0));
    assert_eq!(rollout.state, RolloutState::Paused);
}

#[test]
fn a_good_change_reaches_everything() {
    let mut rollout = fleet(300);
    run(&mut rollout, &mut Vec::new(), |_| Class::Ok);
    assert_eq!((rollout.counts.succeeded, rollout.state), (300, RolloutState::Succeeded));
}

#[test]
fn a_stop_never_heals_by_time_and_a_resume_sends_one_device_first() {
    let mut rollout = fleet(300);
    let mut log = Vec::new();
    let now = run(&mut rollout, &mut log, |_| Class::Rejected);
    let years_later = now.plus(Duration::from_secs(86_400 * 1000));
    assert!(dispatched(&settle(&mut rollout, years_later, &everywhere())).is_empty());
    let resumed = rollout.resume("anna", "mended", "").unwrap().unwrap();
    rollout.apply(&resumed, years_later);
    log.push((resumed, years_later));
    assert_eq!(dispatched(&settle(&mut rollout.clone(), years_later, &everywhere())).len(), 1);
    run(&mut rollout, &mut log, |_| Class::Rejected);
    assert_eq!(failed(&rollout), 3, "one more failure stops it again");
    assert_eq!(rollout.state, RolloutState::Paused);
}

#[test]
fn a_released_group_sends_one_device_first_and_one_failure_holds_it_again() {
    let mut rollout = fleet(300);
    let class = |n| if platform(n) == "eos" { Class::Rejected } else { Class::Ok };
    let mut log = Vec::new();
    let now = run(&mut rollout, &mut log, class);
    let before = failed(&rollout);
    let resumed = rollout.resume("anna", "", "").unwrap().unwrap();
    rollout.apply(&resumed, now);
    log.push((resumed, now));
    run(&mut rollout, &mut log, class);
    assert_eq!((failed(&rollout), rollout.holds().len()), (before + 1, 1));
}

#[test]
fn a_group_held_by_a_person_starts_nothing_and_is_released_by_a_person() {
    let mut rollout = fleet(30);
    let group = Group::parse("platform=eos").unwrap();
    let held = rollout.hold(&group, "anna", "vendor bug").unwrap();
    rollout.apply(&held, NOW);
    assert_eq!(rollout.hold(&group, "anna", "again"), None);
    assert_eq!(rollout.hold(&Group::parse("platform=mars").unwrap(), "anna", ""), None);
    let mut log = Vec::new();
    run(&mut rollout, &mut log, |_| Class::Ok);
    assert_eq!((rollout.counts.succeeded, rollout.state), (20, RolloutState::Paused));
    let released = rollout.release(&group, "anna", "fixed").unwrap();
    rollout.apply(&released, NOW);
    let resumed = rollout.resume("anna", "", "").unwrap().unwrap();
    rollout.apply(&resumed, NOW);
    run(&mut rollout, &mut log, |_| Class::Ok);
    assert_eq!((rollout.counts.succeeded, rollout.state), (30, RolloutState::Succeeded));
}

#[test]
fn the_log_gives_the_same_holds_and_the_same_next_devices() {
    for stop_after in [3, 20, 80, 200] {
        let mut rollout = fleet(300);
        let created = rollout.clone();
        let mut log = Vec::new();
        let class = |n| match (platform(n), n % 7) {
            ("eos", _) => Class::Rejected,
            (_, 0) => Class::Unreachable,
            _ => Class::Ok,
        };
        run(&mut rollout, &mut log, class);
        let replay = |upto: usize| {
            let mut replayed = created.clone();
            log[..upto].iter().for_each(|(event, at)| replayed.apply(event, *at));
            replayed
        };
        let whole = replay(log.len());
        assert_eq!(whole.holds(), rollout.holds());
        assert_eq!(
            (whole.state, whole.counts, whole.harm()),
            (rollout.state, rollout.counts, rollout.harm())
        );
        let (mut one, mut other) = (replay(stop_after), replay(stop_after));
        let at = log[stop_after].1;
        assert_eq!(one.advance(at, &everywhere()), other.advance(at, &everywhere()));
    }
}

#[test]
fn a_decision_that_was_not_yet_logged_when_the_coordinator_died_is_made_again() {
    let mut rollout = fleet(300);
    let created = rollout.clone();
    let mut log = Vec::new();
    run(&mut rollout, &mut log, |n| if platform(n) == "eos" { Class::Rejected } else { Class::Ok });
    let held = log.iter().position(|(event, _)| matches!(event, Event::Held { .. })).expect("a hold");
    let mut replayed = created;
    log[..held].iter().for_each(|(event, at)| replayed.apply(event, *at));
    let step = replayed.advance(log[held].1, &everywhere());
    assert_eq!(step.events.first(), Some(&log[held].0), "the hold comes before any new device");
    assert!(dispatched(&step.events).is_empty());
}

#[test]
fn a_cut_link_pauses_and_an_agent_that_died_only_slows() {
    for (wrote_at, state) in [(Some(NOW), RolloutState::Paused), (None, RolloutState::Running)] {
        let mut rollout = fleet(30);
        let first = dispatched(&settle(&mut rollout, NOW, &everywhere()));
        let mut doubt = outcome(Class::Inconclusive);
        doubt.wrote_at = wrote_at;
        let ResultVerdict::Counted(event) = rollout.result(&device(&first[0]), 1, &doubt, NOW) else {
            panic!("counted");
        };
        rollout.apply(&event, NOW);
        settle(&mut rollout, NOW, &everywhere());
        assert_eq!(rollout.state, state);
        assert_eq!(rollout.counts.unknown, 1);
    }
}

#[test]
fn an_unreachable_device_says_nothing_about_the_change() {
    let mut rollout = fleet(300);
    run(&mut rollout, &mut Vec::new(), |n| if n % 4 == 0 { Class::Timeout } else { Class::Ok });
    assert_eq!((rollout.counts.failed, rollout.counts.succeeded), (75, 225));
    assert_eq!((rollout.holds(), rollout.harm().failed), (Vec::new(), 0));
}
