//! What becomes of a device, whatever its driver meets on its way.

mod called_off;
mod evidence;
mod fake;
mod lock;
mod looks;
mod others_work;
mod planned;
mod room;
mod saved_back;
mod saving;
mod secrecy;
mod silent;
mod way;
mod way_back;

use super::*;
use crate::executor::GateRefused;
use fake::{Bench, Deed, Loses};
use std::time::Duration;
use switchyard_shared::id::{OpId, RolloutName};
use switchyard_shared::procedure::{Check, Expectation, Probe};

fn check(probe: Probe, expectation: Option<Expectation>) -> Check {
    Check {
        name: "look".into(),
        probe,
        expectations: expectation.into_iter().collect(),
        save_as: None,
        initial_delay: Duration::ZERO,
        interval: Duration::from_secs(1),
        count: 1,
        failure_limit: 0,
    }
}

fn command(command: &str, expectation: Expectation) -> Check {
    check(Probe::Command { command: command.into() }, Some(expectation))
}

#[tokio::test(start_paused = true)]
async fn a_change_is_read_compared_written_and_verified_over_a_new_session() {
    let bench = Bench::new("old", "new");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    use Deed::{Close, Connect, Gate, Prepare, Read, Write};
    assert_eq!(bench.deeds(), [Connect, Read, Prepare, Read, Gate, Write, Read, Close, Connect, Read, Close]);
    assert_eq!(bench.has(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_has_it_already_is_unchanged_and_its_gate_stays_shut() {
    let bench = Bench::new("same", "same");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Unchanged, LeftAs::Unchanged));
    assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close]);
}

#[tokio::test(start_paused = true)]
async fn a_comparison_tells_the_difference_and_reaches_no_writing_word() {
    for (has, class) in [("old", Class::Ok), ("new", Class::Unchanged)] {
        let mut bench = Bench::new(has, "new");
        bench.task.purpose = Purpose::Compare;
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Unchanged));
        assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close]);
        assert_eq!(bench.diff().is_empty(), class == Class::Unchanged, "{}", bench.diff());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_device_had_is_on_the_disk_before_its_gate_opens() {
    let bench = Bench::new("old", "new");
    bench.when(Deed::Gate, |world| assert_eq!(world.snapshots(), ["old"]));
    assert_eq!(bench.apply().await.class, Class::Ok);
    let mut bench = Bench::new("old", "new");
    bench.spoil_snapshots();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::AgentError, "old"), "{}", outcome.message);
    assert!(!bench.deeds().contains(&Deed::Gate));
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_leaves_the_device_as_it_was_also_when_it_took_a_part() {
    let bench = Bench::new("old", "new");
    bench.refuse_the_write("old");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unchanged), "{}", outcome.message);
    let bench = Bench::new("old", "new");
    bench.refuse_the_write("half");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(bench.has(), "old");
    let bench = Bench::new("old", "new");
    bench.refuse_the_write("half");
    bench.refuse_the_way_back();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Unknown));
}

#[tokio::test(start_paused = true)]
async fn what_a_device_took_of_a_refused_change_stays_when_nobody_wants_it_taken_back() {
    for (left, left_as) in [("half", LeftAs::Changed), ("old", LeftAs::Unchanged)] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.revert = false;
        bench.refuse_the_write(left);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, left_as), "{}", outcome.message);
        assert_eq!(bench.has(), left);
        assert!(!bench.deeds().contains(&Deed::Restore));
        if left_as == LeftAs::Changed {
            assert!(outcome.message.contains("it has a part of it, which stays"), "{}", outcome.message);
            assert!(outcome.hint.contains("switchyard rollback ntp --device r1"), "{}", outcome.hint);
            bench.task.op.attempt = 2;
            bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
            assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "old"), "as it says");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_lost_after_the_first_byte_is_in_doubt_and_one_lost_before_is_not() {
    let bench = Bench::new("old", "new");
    bench.hang(Deed::Write);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown));
    for deed in [Deed::Connect, Deed::Read, Deed::Prepare] {
        let bench = Bench::new("old", "new");
        bench.hang(deed);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Timeout, LeftAs::Unchanged), "{deed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_called_off_before_the_write_writes_nothing() {
    let bench = Bench::new("old", "new");
    bench.hang(Deed::Read);
    let cancel = bench.cancel.clone();
    let (outcome, ()) = tokio::join!(bench.apply(), async move {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Cancelled, "old"));
    let mut bench = Bench::new("old", "new");
    let refused = GateRefused { class: Class::Cancelled, message: "called off".into() };
    bench.gate = Err(refused);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Cancelled, LeftAs::Unchanged));
    assert!(!bench.deeds().contains(&Deed::Write));
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_change_that_cuts_the_device_off_is_taken_back_by_the_device_itself() {
    let bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.cut_off_while_changed();
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::PostcheckFailed, LeftAs::Reverted),
        "{}",
        outcome.message
    );
    assert_eq!(bench.has(), "old");
    assert!(!bench.deeds().contains(&Deed::Confirm));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_confirmed_only_after_its_checks_and_a_failed_check_takes_it_back_at_once() {
    let mut bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.procedure.post = vec![command("show new", Expectation::Contains("new".into()))];
    assert_eq!(bench.apply().await.class, Class::Ok);
    let deeds = bench.deeds();
    let at = |deed: Deed| deeds.iter().rposition(|done| *done == deed).unwrap_or_else(|| panic!("{deeds:?}"));
    assert!(at(Deed::Look) < at(Deed::Confirm));
    let mut bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.procedure.post = vec![command("show new", Expectation::NotContains("new".into()))];
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::PostcheckFailed, LeftAs::Reverted),
        "{}",
        outcome.message
    );
    assert!(outcome.message.contains("the check look failed"), "{}", outcome.message);
    assert_eq!(bench.has(), "old");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_has_taken_a_change_back_already_is_told_nothing_more() {
    let bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.heals_at_once();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Reverted));
    assert!(!bench.deeds().contains(&Deed::Cancel) && !bench.deeds().contains(&Deed::Confirm));
}

#[tokio::test(start_paused = true)]
async fn checks_that_outlast_the_devices_patience_confirm_nothing_and_cancel_nothing() {
    let mut bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    let late = Check {
        initial_delay: Duration::from_secs(280),
        ..command("show", Expectation::Contains("new".into()))
    };
    bench.procedure.post = vec![late];
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::PostcheckFailed, LeftAs::Reverted),
        "{}",
        outcome.message
    );
    assert!(!bench.deeds().contains(&Deed::Cancel) && !bench.deeds().contains(&Deed::Confirm));
}

#[tokio::test(start_paused = true)]
async fn a_device_is_read_after_its_confirmation_before_it_is_called_changed() {
    let bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.confirms_too_late();
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::LostAfterWrite, LeftAs::Unknown),
        "{}",
        outcome.message
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_cut_after_an_accepted_write_leaves_a_doubt_and_no_blame() {
    let bench = Bench::new("old", "new");
    bench.cut_off_while_changed();
    let outcome = bench.apply().await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::LostAfterWrite, LeftAs::Unknown),
        "{}",
        outcome.message
    );
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_changed_before_the_write_is_what_the_device_is_put_back_to() {
    let bench = Bench::new("old", "new");
    bench.is_changed_meanwhile("somebody's");
    bench.refuse_the_write("half");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(bench.has(), "somebody's");
}

#[tokio::test(start_paused = true)]
async fn that_a_device_took_a_change_back_is_read_and_not_believed() {
    let mut bench = Bench::new("old", "new");
    bench.awaits_confirmation();
    bench.cancels_nothing();
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    let outcome = bench.apply().await;
    assert_eq!((outcome.left_as, bench.has().as_str()), (LeftAs::Reverted, "old"), "after its patience");
}

#[tokio::test(start_paused = true)]
async fn a_direct_change_whose_check_fails_is_put_back_unless_nobody_wants_that() {
    for (revert, left_as, has) in [(true, LeftAs::Reverted, "old"), (false, LeftAs::Changed, "new")] {
        let mut bench = Bench::new("old", "new");
        bench.procedure.revert = revert;
        bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
        let outcome = bench.apply().await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PostcheckFailed, left_as),
            "{}",
            outcome.message
        );
        assert_eq!(bench.has(), has);
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_shows_a_change_a_moment_later_keeps_it() {
    let bench = Bench::new("old", "new");
    bench.lags(1);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    assert_eq!(bench.has(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_lists_what_it_got_back_in_another_order_is_put_back() {
    for (alike, class, left_as) in
        [(true, Class::PostcheckFailed, LeftAs::Reverted), (false, Class::RollbackFailed, LeftAs::Unknown)]
    {
        let mut bench = Bench::new("old", "new");
        bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
        match alike {
            true => bench.lists_backwards(),
            false => bench.refuse_the_way_back(),
        }
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, left_as), "{}", outcome.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_could_not_restart_is_not_called_done_by_what_is_read() {
    let bench = Bench::new("old", "new");
    bench.refuse_the_write("part");
    bench.fails_to_restart();
    let outcome = bench.apply().await;
    assert_eq!(bench.has(), "old");
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Unknown), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_check_before_the_write_skips_the_device_and_what_it_saved_is_compared_afterwards() {
    let mut bench = Bench::new("old", "new");
    bench.procedure.pre = vec![command("show", Expectation::Contains("ready".into()))];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged));
    assert!(!bench.deeds().contains(&Deed::Gate));
    for (wanted, class) in [("== {{ before }}", Class::PostcheckFailed), ("!= {{ before }}", Class::Ok)] {
        let mut bench = Bench::new("old", "new");
        let before =
            Check { save_as: Some("before".into()), ..command("show", Expectation::Contains("old".into())) };
        bench.procedure.pre = vec![before];
        bench.procedure.post = vec![command("show", Expectation::Expect(wanted.into()))];
        assert_eq!(bench.apply().await.class, class);
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_is_put_back_to_what_it_had_before_an_earlier_attempt() {
    let mut bench = Bench::new("old", "new");
    assert_eq!(bench.apply().await.class, Class::Ok);
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(bench.has(), "old");
    bench.task.op.attempt = 3;
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Unchanged, LeftAs::Reverted), "it is there already");
    let other = Some(bench.digest("what another rollout of this name met"));
    bench.set("new");
    bench.task.purpose = Purpose::Restore { attempt: 1, before: other, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "new"), "{}", outcome.message);
    assert!(outcome.message.contains("is of another change"), "{}", outcome.message);
    bench.task.purpose = Purpose::Restore { attempt: 1, before: Some(bench.digest("old")), overwrite: false };
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "old"));
    bench.task.purpose = Purpose::Restore { attempt: 7, before: None, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::PrecheckFailed, "nothing is kept of it: {}", outcome.message);
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_ends_its_session_is_looked_at_over_a_new_one_and_is_a_doubt_when_nobody_can_look() {
    let ends = [
        (Loses::Session, Class::Ok, LeftAs::Reverted),
        (Loses::Way, Class::LostAfterWrite, LeftAs::Unknown),
        (Loses::Device, Class::LostAfterWrite, LeftAs::Unknown),
    ];
    for (what, class, left_as) in ends {
        let mut bench = Bench::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.loses(what);
        bench.task.op.attempt = 2;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (class, left_as), "{what:?}: {outcome:?}");

        let bench = Bench::new("old", "new");
        bench.refuse_the_write("part");
        bench.loses(what);
        let outcome = bench.apply().await;
        let class = if class == Class::Ok { Class::Rejected } else { class };
        assert_eq!((outcome.class, outcome.left_as), (class, left_as), "{what:?}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_device_got_since_is_not_taken_away_by_mistake() {
    let mut bench = Bench::new("old", "new");
    assert_eq!(bench.apply().await.class, Class::Ok);
    let back = |overwrite| Purpose::Restore { attempt: 1, before: None, overwrite };
    bench.task.op.attempt = 2;
    bench.task.purpose = back(false);
    bench.set("new and somebody's");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert!(
        outcome.message.contains("somebody has changed it since rollout ntp wrote"),
        "{}",
        outcome.message
    );
    assert!(outcome.hint.contains("switchyard rollback ntp --device r1 --overwrite"), "{}", outcome.hint);
    assert_eq!(bench.has(), "new and somebody's");

    bench.set("new");
    let ntp = bench.task.clone();
    bench.task.op = OpId { rollout: RolloutName::new("dns").unwrap(), attempt: 1, ..ntp.op.clone() };
    bench.task.purpose = Purpose::Apply;
    bench.task.configuration = b"newest".as_slice().into();
    assert_eq!(bench.apply().await.class, Class::Ok);
    let dns = bench.task.clone();
    bench.task = ntp.clone();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "newest"), "{outcome:?}");
    assert!(
        outcome.message.contains("rollout dns has written to it since rollout ntp wrote"),
        "{}",
        outcome.message
    );

    bench.task = Task { op: OpId { attempt: 2, ..dns.op.clone() }, purpose: back(false), ..dns };
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "new"));
    bench.task = ntp.clone();
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "old"), "one after the other");

    bench.set("somebody's");
    bench.task = Task { op: OpId { attempt: 3, ..ntp.op.clone() }, purpose: back(true), ..ntp };
    assert_eq!((bench.apply().await.class, bench.has().as_str()), (Class::Ok, "old"), "asked for");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_before_a_way_back_is_kept_before_it_is_overwritten() {
    let mut bench = Bench::new("old", "new");
    assert_eq!(bench.apply().await.class, Class::Ok);
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: true };
    bench.is_changed_meanwhile("somebody's");
    bench.apply().await;
    assert_eq!((bench.has().as_str(), bench.snapshots()), ("old", vec!["old".into(), "somebody's".into()]));
}

#[tokio::test(start_paused = true)]
async fn a_device_in_doubt_is_judged_by_what_it_had_before() {
    let mut bench = Bench::new("old", "new");
    let before = bench.digest("old");
    for (has, found) in [("new", "APPLIED"), ("old", "NOT_APPLIED"), ("half", "DIFFERENT")] {
        bench.set(has);
        bench.task.purpose = Purpose::Settle { before: Some(before.clone()) };
        let outcome = bench.apply().await;
        assert_eq!(
            outcome.found.map(|found| found.to_string()).as_deref(),
            Some(found),
            "{}",
            outcome.message
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_configuration_of_many_lines_has_time_for_all_of_them_and_for_the_way_back() {
    let bench = Bench::new("old", "new");
    bench.writing_takes(Duration::from_secs(10 * 60));
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    let bench = Bench::new("old", "new");
    bench.writing_takes(Duration::from_secs(10 * 60));
    bench.refuse_the_write("half");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{}", outcome.message);
    let bench = Bench::new("old", "new");
    bench.writing_takes(Duration::from_secs(60 * 60));
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown));
}
