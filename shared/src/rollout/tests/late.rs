//! Promises about results that come when nobody waits for them any more.

use super::doubt::{back, given_up, in_doubt, read, state};
use super::*;
use crate::outcome::Found;
use crate::rollout::Word;

fn word(rollout: &mut Rollout, word: Word) {
    let said = rollout.reconcile_device(&device("r1"), Some(word), "anna", "looked at it", NOW).unwrap();
    rollout.apply(&said, NOW);
    assert_counts(rollout);
}

fn counts(verdict: &ResultVerdict) -> bool {
    matches!(verdict, ResultVerdict::Counted(_))
}

#[test]
fn what_an_agent_reports_against_a_persons_word_leaves_a_doubt_that_is_read() {
    for (said, class) in [
        (Word::Succeeded, Class::Rejected),
        (Word::Succeeded, Class::Cancelled),
        (Word::NotApplied, Class::Ok),
        (Word::Failed, Class::Ok),
    ] {
        let (mut rollout, mut world) = given_up(true);
        word(&mut rollout, said);
        let told = report_result(&mut rollout, "r1", 1, class);
        assert!(counts(&told), "{said:?} {class}: {told:?}");
        assert_eq!(state(&rollout), DeviceState::Unknown, "{said:?} {class}");
        let reason = &rollout.device(&device("r1")).unwrap().1.reason;
        assert!(reason.contains("looked at it") && reason.contains(class.as_str()), "{reason}");
        assert_eq!(report_result(&mut rollout, "r1", 1, class), ResultVerdict::Repeated, "{said:?} {class}");
        world.sites.insert(site("lon"), connected(1));
        let reads = settle(&mut rollout, NOW, &world);
        assert!(reads.iter().any(|event| matches!(event, Event::ReadBack { .. })), "{reads:?}");
    }
}

#[test]
fn what_an_agent_reports_in_accord_with_a_persons_word_is_kept_and_changes_no_state() {
    for (said, class, expected) in [
        (Word::Succeeded, Class::Ok, DeviceState::Succeeded),
        (Word::NotApplied, Class::Unreachable, DeviceState::Skipped),
        (Word::Failed, Class::Rejected, DeviceState::Failed),
    ] {
        let (mut rollout, _) = given_up(true);
        word(&mut rollout, said);
        assert!(counts(&report_result(&mut rollout, "r1", 1, class)), "{said:?} {class}");
        let (_, r1) = rollout.device(&device("r1")).unwrap();
        assert_eq!((r1.state, r1.outcome.as_ref().map(|outcome| outcome.class)), (expected, Some(class)));
        assert!(r1.reason.contains("looked at it"), "{}", r1.reason);
        assert_eq!(report_result(&mut rollout, "r1", 1, class), ResultVerdict::Repeated);
    }
}

#[test]
fn what_the_true_agent_reports_after_another_journal_came_settles_the_doubt() {
    for (class, expected) in [(Class::Ok, DeviceState::Succeeded), (Class::Rejected, DeviceState::Failed)] {
        let (mut rollout, _) = given_up(false);
        back(&mut rollout, &BTreeSet::new(), true);
        assert_eq!(state(&rollout), DeviceState::Unknown);
        assert!(counts(&report_result(&mut rollout, "r1", 1, class)));
        assert_eq!(state(&rollout), expected);
        assert_eq!(rollout.held().count(), 0);
    }
}

#[test]
fn what_an_agent_reports_after_a_restored_backup_settles_the_doubt_about_it() {
    let lost = || {
        let layout = layout(&[("r1", "lon", 0)], vec![wave("all", false, false)]);
        let (mut rollout, mut world) = (rollout(layout), World::default());
        world.sites.insert(site("lon"), connected(1));
        settle(&mut rollout, NOW, &world);
        let (devices, by, reason) = (vec![(device("r1"), 1001)], "anna".to_owned(), String::new());
        rollout.apply(&Event::GivenUp { devices, by, reason }, NOW);
        rollout
    };
    for attempt in [1, 7] {
        let mut rollout = lost();
        assert!(counts(&report_result(&mut rollout, "r1", attempt, Class::Ok)), "{attempt}");
        assert_eq!(state(&rollout), DeviceState::Succeeded);
    }
    for class in [Class::NotStarted, Class::Cancelled, Class::Unreachable] {
        let mut rollout = lost();
        let told = report_result(&mut rollout, "r1", 7, class);
        assert!(matches!(told, ResultVerdict::Stray(_)), "there may have been others: {told:?}");
        assert_eq!(state(&rollout), DeviceState::Unknown);
    }
    let rollout = lost();
    let before = Outcome { before: Some("sha256:old".into()), ..outcome(Class::LostAfterWrite) };
    let told = rollout.result(&device("r1"), 1, &before, NOW);
    assert!(!counts(&told), "it may have been written to since: {told:?}");
}

#[test]
fn a_result_that_a_reading_has_overtaken_settles_the_doubt_and_the_reading_is_no_news() {
    let (mut rollout, mut world) = given_up(true);
    let asked = rollout.reconcile_device(&device("r1"), None, "anna", "", NOW).unwrap();
    rollout.apply(&asked, NOW);
    world.sites.insert(site("lon"), connected(1));
    let reads = settle(&mut rollout, NOW, &world);
    assert!(
        reads.contains(&Event::ReadBack { site: site("lon"), ops: vec![(device("r1"), 2)] }),
        "{reads:?}"
    );
    assert!(counts(&report_result(&mut rollout, "r1", 1, Class::Rejected)));
    assert_eq!(state(&rollout), DeviceState::Failed);
    let reading = Outcome { found: Some(Found::Applied), ..outcome(Class::Ok) };
    let late = rollout.result(&device("r1"), 2, &reading, NOW);
    assert!(!counts(&late), "{late:?}");
}

#[test]
fn a_doubt_that_was_read_and_settled_is_not_opened_by_hearing_of_its_attempt_or_its_reading_again() {
    let (mut rollout, world) = in_doubt(true);
    settle(&mut rollout, NOW, &world);
    read(&mut rollout, 2, Some(Found::NotApplied), NOW);
    settle(&mut rollout, NOW, &world);
    report_result(&mut rollout, "r1", 3, Class::Ok);
    for (attempt, class) in
        [(1, Class::LostAfterWrite), (2, Class::Ok), (2, Class::Unreachable), (3, Class::Ok)]
    {
        let again = report_result(&mut rollout, "r1", attempt, class);
        assert_eq!(again, ResultVerdict::Repeated, "{attempt} {class}");
    }
    assert_eq!(state(&rollout), DeviceState::Succeeded);
}

#[test]
fn a_failure_that_is_found_after_two_ends_of_one_attempt_counts_as_harm() {
    let (mut rollout, _) = in_doubt(true);
    let before = rollout.harm();
    let other = report_result(&mut rollout, "r2", 1, Class::Rejected);
    assert!(counts(&other));
    assert_eq!((rollout.harm().unknown, rollout.harm().results), (before.unknown + 1, before.results - 1));
    let said = rollout.reconcile_device(&device("r2"), Some(Word::Failed), "anna", "broken", NOW).unwrap();
    rollout.apply(&said, NOW);
    assert_eq!((rollout.harm().failed, rollout.harm().unknown), (before.failed + 1, before.unknown));
}
