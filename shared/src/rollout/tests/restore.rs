//! Promises about putting one device back: only what was written, told honestly, and never applied again by that.

use super::*;
use crate::outcome::Found;
use crate::rollout::{NotRestored, Word};
use crate::task::Purpose;

/// A rollout of `r1` and `r2`, both in flight.
fn in_flight() -> (Rollout, World) {
    let mut layout = layout(&[("r1", "lon", 0), ("r2", "lon", 0)], vec![wave("all", false, false)]);
    (layout.readable, layout.restorable) = (true, true);
    let (mut rollout, mut world) = (rollout(layout), World::default());
    world.sites.insert(site("lon"), connected(2));
    settle(&mut rollout, NOW, &world);
    (rollout, world)
}

/// The same with `r1` written by attempt 1 and ended as `class`.
fn written(class: Class) -> (Rollout, World) {
    let (mut rollout, world) = in_flight();
    let wrote = Outcome {
        wrote_at: Some(NOW),
        before: Some("hmac:before".into()),
        left_as: LeftAs::Changed,
        ..outcome(class)
    };
    tell(&mut rollout, 1, wrote);
    (rollout, world)
}

/// What is asked of the agent: the attempt, and what the device must have had before its write.
fn to_what_it_had() -> Purpose {
    Purpose::Restore { attempt: 1, before: Some("hmac:before".into()), overwrite: false }
}

fn tell(rollout: &mut Rollout, attempt: u32, outcome: Outcome) -> Event {
    let verdict = rollout.result(&device("r1"), attempt, &outcome, NOW);
    let ResultVerdict::Counted(event) = verdict else { panic!("it counts: {verdict:?}") };
    rollout.apply(&event, NOW);
    assert_counts(rollout);
    event
}

fn restore(rollout: &mut Rollout) -> u32 {
    let event = rollout.restore(&device("r1"), false, ("anna", "breaks bgp")).unwrap();
    rollout.apply(&event, NOW);
    assert_counts(rollout);
    let Event::Restoring { attempt, .. } = event else { panic!("{event:?}") };
    attempt
}

fn r1(rollout: &Rollout) -> &Device {
    rollout.device(&device("r1")).unwrap().1
}

#[test]
fn a_device_is_put_back_to_what_it_had_before_its_last_write_also_after_the_end() {
    for ended in [false, true] {
        let (mut rollout, world) = written(Class::Ok);
        if ended {
            report_result(&mut rollout, "r2", 1, Class::Ok);
            settle(&mut rollout, NOW, &world);
        }
        let state = rollout.state;
        assert_eq!(restore(&mut rollout), 2);
        assert_eq!((r1(&rollout).state, r1(&rollout).purpose()), (DeviceState::Running, to_what_it_had()));
        assert!(settle(&mut rollout, NOW, &world).is_empty(), "nothing else happens because of it");
        let back = Outcome { wrote_at: Some(NOW), left_as: LeftAs::Reverted, ..outcome(Class::Ok) };
        tell(&mut rollout, 2, back.clone());
        assert_eq!((r1(&rollout).state, rollout.state), (DeviceState::RolledBack, state));
        assert_eq!(rollout.counts.rolled_back, 1);
        assert_eq!(r1(&rollout).outcome.as_ref().unwrap().left_as, LeftAs::Reverted);
        assert_eq!(rollout.result(&device("r1"), 2, &back, NOW), ResultVerdict::Repeated);
        assert_eq!(rollout.result(&device("r1"), 1, &outcome(Class::Ok), NOW), ResultVerdict::Repeated);
        assert!(settle(&mut rollout, NOW, &world).is_empty(), "it is not configured again");
        let again = rollout.restore(&device("r1"), false, ("anna", "")).unwrap_err().to_string();
        assert!(again.contains("put back already"), "{again}");
    }
}

#[test]
fn a_rollout_one_device_of_which_was_put_back_did_not_wholly_succeed() {
    let (mut rollout, world) = written(Class::Ok);
    let attempt = restore(&mut rollout);
    tell(&mut rollout, attempt, Outcome { left_as: LeftAs::Reverted, ..outcome(Class::Ok) });
    report_result(&mut rollout, "r2", 1, Class::Ok);
    settle(&mut rollout, NOW, &world);
    assert_eq!(rollout.state, RolloutState::PartiallySucceeded);
}

#[test]
fn what_was_not_put_back_stays_what_it_was_and_what_was_half_put_back_has_failed() {
    for (class, wrote_at, left_as) in [
        (Class::Unreachable, None, LeftAs::Changed),
        (Class::NotStarted, None, LeftAs::Changed),
        (Class::PrecheckFailed, None, LeftAs::Changed),
        (Class::RollbackFailed, Some(NOW), LeftAs::Unknown),
    ] {
        let (mut rollout, _) = written(Class::Ok);
        let attempt = restore(&mut rollout);
        tell(&mut rollout, attempt, Outcome { wrote_at, left_as, ..outcome(class) });
        let known = r1(&rollout).outcome.clone().unwrap();
        let state = if wrote_at.is_some() { DeviceState::Failed } else { DeviceState::Succeeded };
        assert_eq!((r1(&rollout).state, known.class), (state, Class::RollbackFailed), "{class}");
        assert_eq!(known.left_as, left_as, "{class}");
        assert_eq!(restore(&mut rollout), attempt + 1, "it can be tried again");
        assert_eq!(r1(&rollout).purpose(), to_what_it_had());
    }
}

#[test]
fn a_lost_way_back_is_read_with_what_the_device_had_before_the_write() {
    for (found, state) in [
        (Found::NotApplied, DeviceState::RolledBack),
        (Found::Applied, DeviceState::Succeeded),
        (Found::Different, DeviceState::Unknown),
    ] {
        let (mut rollout, world) = written(Class::Ok);
        let attempt = restore(&mut rollout);
        let lost = Outcome {
            before: Some("hmac:after".into()),
            wrote_at: Some(NOW),
            ..outcome(Class::LostAfterWrite)
        };
        tell(&mut rollout, attempt, lost);
        assert_eq!(r1(&rollout).state, DeviceState::Unknown);
        let events = settle(&mut rollout, NOW, &world);
        assert_eq!(events, [Event::ReadBack { site: site("lon"), ops: vec![(device("r1"), 3)] }]);
        assert_eq!(r1(&rollout).purpose(), Purpose::Settle { before: Some("hmac:before".into()) });
        tell(&mut rollout, 3, Outcome { found: Some(found), ..outcome(Class::Ok) });
        assert_eq!(r1(&rollout).state, state, "{found}");
        if found == Found::Different {
            let word =
                rollout.reconcile_device(&device("r1"), Some(Word::NotApplied), "anna", "seen", NOW).unwrap();
            rollout.apply(&word, NOW);
            assert_eq!(r1(&rollout).state, DeviceState::RolledBack);
        }
        assert_counts(&rollout);
    }
}

#[test]
fn a_device_that_is_back_and_whose_next_boot_may_bring_the_change_is_no_good_end_and_is_rolled_back_again() {
    let not_saved = Outcome { left_as: LeftAs::Reverted, ..outcome(Class::PostcheckFailed) };
    let lost = Outcome { wrote_at: Some(NOW), ..outcome(Class::LostAfterWrite) };
    for is_lost in [false, true] {
        let (mut rollout, world) = written(Class::Ok);
        let mut attempt = restore(&mut rollout);
        if is_lost {
            tell(&mut rollout, attempt, lost.clone());
            settle(&mut rollout, NOW, &world);
            attempt += 1;
        }
        let found = is_lost.then_some(Found::NotApplied);
        tell(&mut rollout, attempt, Outcome { found, wrote_at: None, ..not_saved.clone() });
        let known = r1(&rollout).outcome.clone().unwrap();
        assert_eq!((r1(&rollout).state, known.class), (DeviceState::Failed, Class::PostcheckFailed));
        assert_eq!((known.left_as, known.message.as_str()), (LeftAs::Reverted, "told"));
        restore(&mut rollout);
        assert_eq!(r1(&rollout).purpose(), to_what_it_had());
    }
}

#[test]
fn a_change_that_nobody_saw_written_and_that_fails_its_checks_is_taken_away_by_a_persons_word() {
    let (mut rollout, world) = in_flight();
    let lost = rollout.reconcile(&site("lon"), &BTreeSet::new(), true, NOW);
    lost.iter().for_each(|event| rollout.apply(event, NOW));
    settle(&mut rollout, NOW, &world);
    let bad =
        Outcome { found: Some(Found::Applied), left_as: LeftAs::Changed, ..outcome(Class::PostcheckFailed) };
    tell(&mut rollout, 2, bad);
    assert_eq!((r1(&rollout).state, r1(&rollout).wrote), (DeviceState::Failed, 0));
    restore(&mut rollout);
    let before = None;
    assert_eq!(r1(&rollout).purpose(), Purpose::Restore { attempt: 1, before, overwrite: false });
}

#[test]
fn what_a_person_calls_failed_and_no_agent_has_told_of_can_be_put_back() {
    let (mut rollout, _) = in_flight();
    let lost = rollout.reconcile(&site("lon"), &BTreeSet::new(), true, NOW);
    lost.iter().for_each(|event| rollout.apply(event, NOW));
    let word = Some(Word::Failed);
    let event = rollout.reconcile_device(&device("r1"), word, "anna", "it has half of it", NOW).unwrap();
    rollout.apply(&event, NOW);
    assert_eq!((r1(&rollout).state, r1(&rollout).wrote), (DeviceState::Failed, 0));
    restore(&mut rollout);
    let before = None;
    assert_eq!(r1(&rollout).purpose(), Purpose::Restore { attempt: 1, before, overwrite: false });
}

#[test]
fn an_agent_that_never_had_it_leaves_the_device_as_it_was_and_one_without_its_journal_in_doubt() {
    for (lost_journal, state) in [(false, DeviceState::Succeeded), (true, DeviceState::Unknown)] {
        let (mut rollout, world) = written(Class::Ok);
        report_result(&mut rollout, "r2", 1, Class::Ok);
        settle(&mut rollout, NOW, &world);
        restore(&mut rollout);
        let events = rollout.reconcile(&site("lon"), &BTreeSet::new(), lost_journal, NOW);
        assert_eq!(events.len(), 1);
        events.iter().for_each(|event| rollout.apply(event, NOW));
        assert_counts(&rollout);
        assert_eq!(r1(&rollout).state, state);
        assert_eq!(rollout.is_settling(), lost_journal, "it is read");
    }
}

#[test]
fn a_way_back_that_nobody_waits_for_any_more_is_told_late_or_was_never_begun() {
    for told in [true, false] {
        let (mut rollout, _) = written(Class::Ok);
        let attempt = restore(&mut rollout);
        rollout.apply(&Event::Aborted { by: "anna".into(), reason: String::new() }, NOW);
        let given_up = rollout.give_up_away(&World::default(), "anna", "gone").unwrap();
        rollout.apply(&given_up, NOW);
        assert_eq!(r1(&rollout).state, DeviceState::Unknown);
        if told {
            tell(&mut rollout, attempt, Outcome { left_as: LeftAs::Reverted, ..outcome(Class::Ok) });
        } else {
            let events = rollout.reconcile(&site("lon"), &BTreeSet::new(), false, NOW);
            events.iter().for_each(|event| rollout.apply(event, NOW));
        }
        let state = if told { DeviceState::RolledBack } else { DeviceState::Succeeded };
        assert_eq!(r1(&rollout).state, state);
        assert_counts(&rollout);
    }
}

#[test]
fn only_what_was_written_by_a_driver_and_is_known_is_put_back() {
    let why =
        |rollout: &Rollout, name: &str| rollout.restore(&device(name), false, ("anna", "")).unwrap_err();
    let (mut rollout, _) = written(Class::LostAfterWrite);
    assert!(why(&rollout, "r1").to_string().contains("switchyard device reconcile r1"));
    assert!(why(&rollout, "r2").to_string().contains("being worked on"));
    assert!(matches!(why(&rollout, "r9"), NotRestored::NoDevice { .. }));
    report_result(&mut rollout, "r2", 1, Class::Rejected);
    let nothing = why(&rollout, "r2").to_string();
    assert!(nothing.contains("nothing was written to it"), "{nothing}");
    let (mut rollout, _) = written(Class::PostcheckFailed);
    assert_eq!(r1(&rollout).state, DeviceState::Failed);
    assert_eq!(restore(&mut rollout), 2, "what failed and stays on the device can be put back");
    let (mut rollout, _) = written(Class::Ok);
    let mut layout = (*rollout.layout).clone();
    layout.restorable = false;
    rollout.layout = Arc::new(layout);
    assert!(matches!(why(&rollout, "r1"), NotRestored::ByCommand { .. }));
}

#[test]
fn a_device_whose_doubt_was_settled_is_put_back_to_what_its_intent_says() {
    let (mut rollout, world) = written(Class::LostAfterWrite);
    settle(&mut rollout, NOW, &world);
    let read = Outcome { found: Some(Found::Applied), left_as: LeftAs::Changed, ..outcome(Class::Ok) };
    tell(&mut rollout, 2, read);
    assert_eq!(r1(&rollout).state, DeviceState::Succeeded);
    restore(&mut rollout);
    assert_eq!(r1(&rollout).purpose(), to_what_it_had());
}

#[test]
fn a_way_back_that_failed_is_tried_again_to_what_the_device_had_before_its_change() {
    let anything = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    for (class, word) in [
        (Class::RollbackFailed, None),
        (Class::LostAfterWrite, Some(Word::Succeeded)),
        (Class::LostAfterWrite, Some(Word::Failed)),
    ] {
        // Its agent has lost what it knew of the write, so nobody can tell here what the device had before it.
        let (mut rollout, world) = in_flight();
        let lost = rollout.reconcile(&site("lon"), &BTreeSet::new(), true, NOW);
        lost.iter().for_each(|event| rollout.apply(event, NOW));
        settle(&mut rollout, NOW, &world);
        let read = Outcome { found: Some(Found::Applied), left_as: LeftAs::Changed, ..outcome(Class::Ok) };
        tell(&mut rollout, 2, read);
        assert_eq!((r1(&rollout).state, r1(&rollout).wrote), (DeviceState::Succeeded, 0));

        let attempt = restore(&mut rollout);
        let before = Some("hmac:before the way back".to_owned());
        tell(&mut rollout, attempt, Outcome { wrote_at: Some(NOW), before, ..outcome(class) });
        if let Some(word) = word {
            let word = rollout.reconcile_device(&device("r1"), Some(word), "anna", "seen", NOW).unwrap();
            rollout.apply(&word, NOW);
        }
        restore(&mut rollout);
        assert_eq!(r1(&rollout).purpose(), anything, "{class} {word:?}");
    }
}
