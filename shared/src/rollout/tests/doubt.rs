//! Promises about devices in doubt: read before anything else, settled by what they say, held until then.

use super::*;
use crate::outcome::Found;
use crate::rollout::{NotSettled, READS_MAX, Word};

pub(super) fn in_doubt(readable: bool) -> (Rollout, World) {
    let mut layout = layout(&[("r1", "lon", 0), ("r2", "lon", 0)], vec![wave("all", false, false)]);
    layout.readable = readable;
    let (mut rollout, mut world) = (rollout(layout), World::default());
    world.sites.insert(site("lon"), connected(2));
    settle(&mut rollout, NOW, &world);
    report_result(&mut rollout, "r1", 1, Class::LostAfterWrite);
    report_result(&mut rollout, "r2", 1, Class::Ok);
    (rollout, world)
}

fn reading(found: Option<Found>) -> Outcome {
    let class = if found.is_some() { Class::Ok } else { Class::Unreachable };
    Outcome { found, ..outcome(class) }
}

pub(super) fn read(rollout: &mut Rollout, attempt: u32, found: Option<Found>, now: Timestamp) -> Event {
    let ResultVerdict::Counted(event) = rollout.result(&device("r1"), attempt, &reading(found), now) else {
        panic!("the reading counts")
    };
    rollout.apply(&event, now);
    assert_counts(rollout);
    event
}

pub(super) fn state(rollout: &Rollout) -> DeviceState {
    rollout.device(&device("r1")).unwrap().1.state
}

#[test]
fn after_a_doubt_the_device_is_read_before_anything_else() {
    let (mut rollout, world) = in_doubt(true);
    let events = settle(&mut rollout, NOW, &world);
    assert_eq!(events, [Event::ReadBack { site: site("lon"), ops: vec![(device("r1"), 2)] }]);
    assert_eq!(state(&rollout), DeviceState::Unknown, "reading is no knowledge");
    assert!(!rollout.has_ended(), "nothing is over while it is read");
    read(&mut rollout, 2, Some(Found::Applied), NOW);
    assert_eq!(state(&rollout), DeviceState::Succeeded);
    settle(&mut rollout, NOW, &world);
    assert_eq!(rollout.state, RolloutState::Succeeded);
}

#[test]
fn a_device_that_is_as_it_was_is_tried_again_with_a_new_attempt() {
    let (mut rollout, world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    read(&mut rollout, 2, Some(Found::NotApplied), NOW);
    assert_eq!(state(&rollout), DeviceState::Pending);
    let events = settle(&mut rollout, NOW, &world);
    assert_eq!(events, [Event::Dispatched { site: site("lon"), ops: vec![(device("r1"), 3)] }]);
    report_result(&mut rollout, "r1", 3, Class::Ok);
    settle(&mut rollout, NOW, &world);
    assert_eq!(rollout.state, RolloutState::Succeeded);
}

#[test]
fn that_a_device_is_as_it_was_is_believed_only_once_it_cannot_be_at_work_on_the_write_any_more() {
    for found in [Found::NotApplied, Found::Different] {
        let (mut rollout, world) = in_doubt(true);
        let mut layout = (*rollout.layout).clone();
        layout.command_timeout = Duration::from_secs(30);
        rollout.layout = Arc::new(layout);
        settle(&mut rollout, NOW, &world);
        let later = NOW.plus(Duration::from_secs(40));
        let event = read(&mut rollout, 2, Some(found), later);
        let over = NOW.plus(Duration::from_secs(30));
        let early = matches!(&event, Event::StillUnknown { not_before: Some(at), .. } if *at == over);
        assert!(early, "{found:?}, begun before the write was over: {event:?}");
        settle(&mut rollout, over, &world);
        let event = read(&mut rollout, 3, Some(found), over);
        let believed = match found {
            Found::NotApplied => matches!(event, Event::Settled { state: DeviceState::Pending, .. }),
            Found::Applied | Found::Different => {
                matches!(event, Event::StillUnknown { not_before: None, .. })
            }
        };
        assert!(believed, "{found:?}, begun afterwards: {event:?}");
    }
}

#[test]
fn an_unconfirmed_change_is_believed_only_once_the_device_cannot_take_it_back_any_more() {
    for (then, end) in [(Found::Applied, DeviceState::Succeeded), (Found::NotApplied, DeviceState::Pending)] {
        let (mut rollout, world) = in_doubt(true);
        let mut layout = (*rollout.layout).clone();
        layout.confirm_wait = Duration::from_secs(30);
        rollout.layout = Arc::new(layout);
        settle(&mut rollout, NOW, &world);
        let event = read(&mut rollout, 2, Some(Found::Applied), NOW.plus(Duration::from_secs(40)));
        let over = NOW.plus(Duration::from_secs(30));
        let early = matches!(&event, Event::StillUnknown { not_before: Some(at), .. } if *at == over);
        assert!(early, "begun while the device may still take it back: {event:?}");
        assert_eq!(state(&rollout), DeviceState::Unknown);
        let events = settle(&mut rollout, over, &world);
        assert!(matches!(events[..], [Event::ReadBack { .. }]), "{events:?}");
        read(&mut rollout, 3, Some(then), over);
        assert_eq!(state(&rollout), end, "what is read afterwards is believed");
    }
}

#[test]
fn a_device_that_has_the_change_and_fails_its_checks_is_failed_and_left_changed() {
    let (mut rollout, world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    let outcome = Outcome {
        found: Some(Found::Applied),
        left_as: LeftAs::Changed,
        message: "r1 has the change: the check bgp failed".into(),
        ..outcome(Class::PostcheckFailed)
    };
    let ResultVerdict::Counted(event) = rollout.result(&device("r1"), 2, &outcome, NOW) else {
        panic!("the reading counts")
    };
    rollout.apply(&event, NOW);
    assert_counts(&rollout);
    let device = rollout.device(&device("r1")).unwrap().1;
    assert_eq!(device.state, DeviceState::Failed);
    assert!(device.reason.contains("the check bgp failed"), "{}", device.reason);
    assert_eq!(device.outcome.as_ref().unwrap().left_as, LeftAs::Changed);
}

#[test]
fn a_device_that_is_neither_waits_for_a_person_and_is_held_after_the_end() {
    let (mut rollout, world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    read(&mut rollout, 2, Some(Found::Different), NOW);
    settle(&mut rollout, NOW, &world);
    assert_eq!((rollout.state, state(&rollout)), (RolloutState::PartiallySucceeded, DeviceState::Unknown));
    assert_eq!(rollout.held().collect::<Vec<_>>(), [&device("r1")]);
    let reason = &rollout.device(&device("r1")).unwrap().1.reason;
    assert!(reason.contains("switchyard device reconcile r1 --as"), "{reason}");
    let word = rollout.reconcile_device(&device("r1"), Some(Word::Succeeded), "anna", "seen", NOW).unwrap();
    rollout.apply(&word, NOW);
    assert_counts(&rollout);
    assert_eq!((state(&rollout), rollout.held().count()), (DeviceState::Succeeded, 0));
}

#[test]
fn readings_that_fail_are_repeated_with_growing_waits_and_then_left_to_a_person() {
    let (mut rollout, world) = in_doubt(true);
    let (mut now, mut waits) = (NOW, Vec::new());
    for _ in 0..READS_MAX {
        settle(&mut rollout, now, &world);
        let attempt = rollout.device(&device("r1")).unwrap().1.attempt;
        let Event::StillUnknown { not_before, .. } = read(&mut rollout, attempt, None, now) else { panic!() };
        let Some(at) = not_before else { break };
        waits.push(at.since(now).as_secs());
        assert!(settle(&mut rollout, now, &world).is_empty(), "not before its time");
        now = at;
    }
    assert_eq!(waits, [4, 8, 16, 32, 60]);
    settle(&mut rollout, now, &world);
    assert!(rollout.has_ended());
    let again = rollout.reconcile_device(&device("r1"), None, "anna", "", now).unwrap();
    rollout.apply(&again, now);
    assert_eq!(
        settle(&mut rollout, now, &world).len(),
        1,
        "read once more on a person's word, after the end"
    );
}

#[test]
fn a_site_that_is_open_for_long_uses_up_no_reading() {
    let (mut rollout, mut world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    let untried = outcome(Class::NotStarted);
    let ResultVerdict::Counted(event) = rollout.result(&device("r1"), 2, &untried, NOW) else { panic!() };
    rollout.apply(&event, NOW);
    assert_eq!(rollout.device(&device("r1")).unwrap().1.doubt.as_ref().unwrap().reads, 0);
    let later = NOW.plus(Duration::from_secs(60));
    world.sites.get_mut(&site("lon")).unwrap().breaker = Some(open_report(NOW));
    assert!(settle(&mut rollout, later, &world).is_empty(), "nobody is asked while the site is open");
    world.sites.get_mut(&site("lon")).unwrap().breaker = None;
    assert!(matches!(settle(&mut rollout, later, &world)[..], [Event::ReadBack { .. }]));
}

#[test]
fn a_paused_or_aborted_rollout_still_reads_what_is_in_doubt() {
    for verb in ["pause", "abort"] {
        let (mut rollout, world) = in_doubt(true);
        let event = match verb {
            "pause" => rollout.pause("anna", "", "").unwrap().unwrap(),
            _ => rollout.abort("anna", "", "").unwrap().unwrap(),
        };
        rollout.apply(&event, NOW);
        let events = settle(&mut rollout, NOW, &world);
        assert!(matches!(events[..], [Event::ReadBack { .. }]), "{verb}: {events:?}");
        read(&mut rollout, 2, Some(Found::NotApplied), NOW);
        let wanted = if verb == "pause" { DeviceState::Pending } else { DeviceState::Skipped };
        assert_eq!(state(&rollout), wanted, "{verb}");
    }
}

#[test]
fn what_cannot_be_read_says_who_must_look_and_never_holds_up_the_end() {
    let (mut rollout, world) = in_doubt(false);
    settle(&mut rollout, NOW, &world);
    assert!(rollout.has_ended());
    let refused = rollout.reconcile_device(&device("r1"), None, "anna", "", NOW).unwrap_err();
    assert!(matches!(refused, NotSettled::Unreadable { .. }), "{refused}");
    assert!(refused.to_string().contains("--as succeeded|failed|not-applied"), "{refused}");
    let refused = rollout.reconcile_device(&device("r2"), None, "anna", "", NOW).unwrap_err();
    assert!(refused.to_string().contains("only what is UNKNOWN"), "{refused}");
}

#[test]
fn an_agent_that_stays_away_does_not_keep_a_doubt_open_for_ever() {
    let (mut rollout, mut world) = in_doubt(true);
    world.sites.clear();
    assert!(settle(&mut rollout, NOW, &world).is_empty());
    let (look, _) = rollout.advance(NOW, &world).wake.expect("it looks again");
    let until = NOW.plus(rollout.layout.skip_after);
    assert!(look <= until);
    settle(&mut rollout, until, &world);
    assert!(rollout.has_ended());
    assert_eq!(state(&rollout), DeviceState::Unknown);
}

#[test]
fn an_aborted_rollout_whose_agent_is_gone_can_be_ended_and_the_late_result_is_still_the_truth() {
    let layout = layout(&[("r1", "lon", 0)], vec![wave("all", false, false)]);
    let (mut rollout, mut world) = (rollout(layout), World::default());
    world.sites.insert(site("lon"), connected(1));
    settle(&mut rollout, NOW, &world);
    let aborted = rollout.abort("anna", "", "").unwrap().unwrap();
    rollout.apply(&aborted, NOW);
    assert_eq!(
        rollout.give_up_away(&world, "anna", ""),
        Some(Event::GivenUp { devices: vec![], by: "anna".into(), reason: String::new() }),
        "its agent is there"
    );
    world.sites.clear();
    let given_up = rollout.give_up_away(&world, "anna", "the agent's machine is gone").unwrap();
    rollout.apply(&given_up, NOW);
    assert_counts(&rollout);
    settle(&mut rollout, NOW, &world);
    assert!(rollout.has_ended());
    assert_eq!(state(&rollout), DeviceState::Unknown);
    report_result(&mut rollout, "r1", 1, Class::Ok);
    assert_eq!(state(&rollout), DeviceState::Succeeded);
    assert_counts(&rollout);
}

#[test]
fn two_ends_of_one_attempt_leave_a_doubt_and_the_same_end_twice_changes_nothing() {
    let (mut rollout, world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    let same = rollout.result(&device("r2"), 1, &outcome(Class::Ok), NOW);
    assert_eq!(same, ResultVerdict::Repeated);
    let vaguer = rollout.result(&device("r2"), 1, &outcome(Class::Inconclusive), NOW);
    assert!(matches!(vaguer, ResultVerdict::Stray(_)), "no news to somebody who knows, and kept: {vaguer:?}");
    let ResultVerdict::Counted(event) = rollout.result(&device("r2"), 1, &outcome(Class::Rejected), NOW)
    else {
        panic!("a conflict counts")
    };
    rollout.apply(&event, NOW);
    assert_counts(&rollout);
    let (_, r2) = rollout.device(&device("r2")).unwrap();
    assert_eq!(r2.state, DeviceState::Unknown);
    assert_eq!((rollout.harm().unknown, rollout.counts.unknown), (2, 2), "it holds budget again");
    assert!(r2.reason.contains("OK and then as REJECTED"), "{}", r2.reason);
    let events = settle(&mut rollout, NOW, &world);
    assert_eq!(events, [Event::ReadBack { site: site("lon"), ops: vec![(device("r2"), 2)] }]);
}

#[test]
fn a_reading_that_its_agent_lost_is_made_again() {
    let (mut rollout, world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    let events = rollout.reconcile(&site("lon"), &BTreeSet::new(), false, NOW);
    assert!(matches!(events[..], [Event::StillUnknown { not_before: Some(NOW), .. }]), "{events:?}");
    events.iter().for_each(|event| rollout.apply(event, NOW));
    assert_eq!(settle(&mut rollout, NOW, &world).len(), 1);
}

/// Given up while its agent was away; an abort has ended the rest.
pub(super) fn given_up(readable: bool) -> (Rollout, World) {
    let mut layout = layout(&[("r1", "lon", 0)], vec![wave("all", false, false)]);
    layout.readable = readable;
    let (mut rollout, mut world) = (rollout(layout), World::default());
    world.sites.insert(site("lon"), connected(1));
    settle(&mut rollout, NOW, &world);
    let aborted = rollout.abort("anna", "", "").unwrap().unwrap();
    rollout.apply(&aborted, NOW);
    world.sites.clear();
    let given_up = rollout.give_up_away(&world, "anna", "gone").unwrap();
    rollout.apply(&given_up, NOW);
    (rollout, world)
}

pub(super) fn back(
    rollout: &mut Rollout,
    in_hand: &BTreeSet<(DeviceName, u32)>,
    lost_journal: bool,
) -> Vec<Event> {
    let events = rollout.reconcile(&site("lon"), in_hand, lost_journal, NOW);
    events.iter().for_each(|event| rollout.apply(event, NOW));
    assert_counts(rollout);
    events
}

#[test]
fn what_was_given_up_is_never_called_untouched_by_another_journal_however_often_it_connects() {
    for readable in [true, false] {
        let (mut rollout, _) = given_up(readable);
        assert_eq!(back(&mut rollout, &BTreeSet::new(), true).len(), 1);
        assert_eq!(state(&rollout), DeviceState::Unknown);
        assert_eq!(back(&mut rollout, &BTreeSet::new(), false), [], "it never had it and cannot tell");
        assert_eq!(state(&rollout), DeviceState::Unknown);
        assert_eq!(rollout.is_settling(), readable, "it is read when it can be");
    }
    let (mut same, _) = given_up(true);
    back(&mut same, &BTreeSet::new(), false);
    assert_eq!(state(&same), DeviceState::Skipped, "its own journal knows that it was never started");
}

#[test]
fn what_was_given_up_is_not_read_while_its_agent_has_it_in_hand() {
    let (mut rollout, mut world) = given_up(true);
    let asked = rollout.reconcile_device(&device("r1"), None, "anna", "", NOW).unwrap();
    rollout.apply(&asked, NOW);
    world.sites.insert(site("lon"), connected(1));
    let in_hand = BTreeSet::from([(device("r1"), 1)]);
    assert_eq!(back(&mut rollout, &in_hand, false).len(), 1);
    assert!(!settle(&mut rollout, NOW, &world).iter().any(|event| matches!(event, Event::ReadBack { .. })));
    report_result(&mut rollout, "r1", 1, Class::Inconclusive);
    assert_eq!(state(&rollout), DeviceState::Unknown, "its agent does not know either");
    let events = settle(&mut rollout, NOW, &world);
    assert!(
        events.contains(&Event::ReadBack { site: site("lon"), ops: vec![(device("r1"), 2)] }),
        "{events:?}"
    );
}
