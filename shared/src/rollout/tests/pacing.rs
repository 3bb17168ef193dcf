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

/// The same fleet in two waves of halves.
fn in_two_waves() -> Rollout {
    let one = fleet(300);
    let mut layout = Layout::clone(&one.layout);
    layout.waves = vec![wave("early", false, false), wave("rest", false, false)];
    layout.devices.iter_mut().skip(150).for_each(|place| place.wave = 1);
    rollout(layout)
}

#[test]
fn a_held_group_stays_behind_and_the_later_waves_go_on_without_it() {
    let mut rollout = in_two_waves();
    run(&mut rollout, &mut Vec::new(), |n| if platform(n) == "eos" { Class::Rejected } else { Class::Ok });
    assert_eq!((rollout.wave, rollout.counts.succeeded), (1, 200));
    assert_eq!(rollout.state, RolloutState::Paused);
    assert!(failed(&rollout) <= 4);
    let waits = rollout.counts.pending;
    assert!(rollout.reason.starts_with(&format!("{waits} devices wait that are held")), "{}", rollout.reason);
    let resumed = rollout.resume("anna", "mended", "").unwrap().unwrap();
    rollout.apply(&resumed, NOW);
    run(&mut rollout, &mut Vec::new(), |_| Class::Ok);
    assert_eq!(rollout.counts.pending, 0, "what stayed behind in the first wave is delivered too");
    assert!(rollout.has_ended());
}

#[test]
fn a_pause_for_lunch_lets_nothing_go_that_the_evidence_holds() {
    let mut rollout = fleet(300);
    let eos = Group::parse("platform=eos").unwrap();
    let class = |n| if platform(n) == "eos" { Class::Rejected } else { Class::Ok };
    let world = everywhere();
    while rollout.holds().is_empty() {
        let running = dispatched(&settle(&mut rollout, NOW, &world));
        for name in &running {
            report_result(&mut rollout, name, 1, class(name[1..].parse().unwrap()));
        }
    }
    let paused = rollout.pause("anna", "lunch", "").unwrap().unwrap();
    rollout.apply(&paused, NOW);
    let resumed = rollout.resume("anna", "back", "").unwrap().unwrap();
    rollout.apply(&resumed, NOW);
    assert_eq!(rollout.holds()[0].0, eos);
}

#[test]
fn a_resume_never_lets_go_what_a_person_holds() {
    let mut rollout = fleet(30);
    let core = Group::parse("role=core").unwrap();
    let held = rollout.hold(&core, "bob", "mine").unwrap();
    rollout.apply(&held, NOW);
    let mut log = Vec::new();
    for _ in 0..2 {
        run(&mut rollout, &mut log, |_| Class::Ok);
        assert_eq!((rollout.state, rollout.counts.succeeded), (RolloutState::Paused, 15));
        let resumed = rollout.resume("anna", "", "").unwrap().unwrap();
        rollout.apply(&resumed, NOW);
        assert_eq!(rollout.holds().len(), 1);
    }
}

#[test]
fn a_resume_before_the_canary_has_failed_keeps_the_canary_gate() {
    let plan = layout(
        &[("a", "lon", 0), ("b", "lon", 1)],
        vec![wave("canary", true, false), wave("rest", false, false)],
    );
    let mut rollout = rollout(plan);
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    let paused = rollout.pause("anna", "", "").unwrap().unwrap();
    rollout.apply(&paused, NOW);
    let resumed = rollout.resume("anna", "", "").unwrap().unwrap();
    rollout.apply(&resumed, NOW);
    report_result(&mut rollout, "a", 1, Class::Rejected);
    assert!(dispatched(&settle(&mut rollout, NOW, &world)).is_empty());
    assert_eq!(rollout.state, RolloutState::Paused);
}

#[test]
fn a_device_that_waits_for_its_breaker_and_is_then_held_does_not_keep_the_rollout_running() {
    let mut rollout = fleet(30);
    let mut world = everywhere();
    let mut report = open_report(NOW);
    (report.name, report.retry_at) = (Name::Device(device("d003")), None);
    world.devices.insert(device("d003"), report);
    settle(&mut rollout, NOW, &world);
    let held = rollout.hold(&Group::parse("platform=eos").unwrap(), "bob", "").unwrap();
    rollout.apply(&held, NOW);
    for _ in 0..100 {
        let running: Vec<(DeviceName, u32)> = (0..10)
            .flat_map(|n| {
                let at = site(&format!("s{n}"));
                rollout.running_at(&at).map(|(name, attempt)| (name.clone(), attempt)).collect::<Vec<_>>()
            })
            .collect();
        for (name, attempt) in running {
            report_result(&mut rollout, name.as_str(), attempt, Class::Ok);
        }
        settle(&mut rollout, NOW, &world);
    }
    assert_eq!(rollout.state, RolloutState::Paused, "{:?}", rollout.counts);
}

#[test]
fn a_result_that_is_told_again_while_its_device_waits_for_another_try_counts_once() {
    let mut plan = layout(&[("a", "lon", 0)], vec![wave("all", false, false)]);
    plan.retry.max_attempts = 2;
    let mut rollout = rollout(plan);
    let world = World { sites: [(site("lon"), connected(9))].into(), ..World::default() };
    settle(&mut rollout, NOW, &world);
    report_result(&mut rollout, "a", 1, Class::Timeout);
    assert_eq!(report_result(&mut rollout, "a", 1, Class::Timeout), ResultVerdict::Repeated);
    assert_eq!((rollout.devices[0].tries, rollout.devices[0].state), (1, DeviceState::Pending));
}

#[test]
fn a_late_result_of_a_device_that_was_given_back_still_counts_for_the_stop() {
    let mut rollout = fleet(30);
    let world = everywhere();
    let first = dispatched(&settle(&mut rollout, NOW, &world)).remove(0);
    let at = rollout.device(&device(&first)).unwrap().0.site.clone();
    for event in rollout.reconcile(&at, &BTreeSet::new(), false, NOW) {
        rollout.apply(&event, NOW);
    }
    report_result(&mut rollout, &first, 1, Class::Rejected);
    assert_eq!(rollout.harm().failed, 1);
}
