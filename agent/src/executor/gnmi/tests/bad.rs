//! Devices and templates that are not as they should be: each its own class, with the device, and nothing written.

use super::bench::{Bench, CHANGE, is};
use crate::simulator::gnmi::{Authority, GnmiFault, Told};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::tls::Protection;

/// What whoever reads of such an end is told to do next, in one of these words.
const NEXT: [(Class, Phase, &[&str]); 7] = [
    (
        Class::PrecheckFailed,
        Phase::Read,
        &[
            "see whether the device's software has a fix",
            "see what this device says",
            "choose another transport",
            "correct the template, then plan again",
            "kept for the way back",
        ],
    ),
    (Class::Timeout, Phase::Read, &["see what keeps the device from answering, and try again"]),
    (Class::AuthFailed, Phase::Read, &["give the user the right to read and write over gNMI"]),
    (Class::Unreachable, Phase::Read, &["look at the device's log and its session limit"]),
    (Class::Overloaded, Phase::Authenticate, &["wait until it has room, and try again"]),
    (Class::Overloaded, Phase::Write, &["wait for the other session, or end it, and try again"]),
    (Class::Rejected, Phase::Write, &["correct the template, then plan again"]),
];

/// Whether a person is told what to do next.
fn says_what_to_do(outcome: &Outcome) -> bool {
    let mut next = NEXT.iter().filter(|(class, phase, _)| (*class, *phase) == (outcome.class, outcome.phase));
    next.any(|(_, _, words)| words.iter().any(|words| outcome.hint.contains(words)))
}

#[tokio::test]
async fn answers_of_the_wrong_type_are_told_apart_and_nothing_is_written() {
    for (fault, class, phase, why) in [
        (
            GnmiFault::Bytes,
            Class::PrecheckFailed,
            Phase::Read,
            "a value of another kind than JSON stands at /",
        ),
        (GnmiFault::HalfJson, Class::PrecheckFailed, Phase::Read, "what is no JSON (EOF while parsing"),
        (GnmiFault::HugeNumber, Class::PrecheckFailed, Phase::Read, "number out of range"),
        (GnmiFault::Leaf, Class::PrecheckFailed, Phase::Read, "no container stands at /system"),
        (GnmiFault::Huge, Class::PrecheckFailed, Phase::Read, "more than 4194304 bytes"),
        (GnmiFault::Mute, Class::Timeout, Phase::Read, "gave no answer within 500ms"),
        (GnmiFault::NoJson, Class::PrecheckFailed, Phase::Read, "speaks no JSON over gNMI"),
        (GnmiFault::Forbids, Class::AuthFailed, Phase::Read, "user may not read (PERMISSION_DENIED)"),
        (GnmiFault::HalfAnswer, Class::Unreachable, Phase::Read, "ended the session"),
        (GnmiFault::ErrorInGet, Class::PrecheckFailed, Phase::Read, "the database is gone (INTERNAL)"),
        (GnmiFault::TwoValues, Class::PrecheckFailed, Phase::Read, "two values stand at /system/config/motd"),
        (GnmiFault::EndlessPath, Class::PrecheckFailed, Phase::Read, "a path has more than 64 elements"),
        (
            GnmiFault::SessionLimit,
            Class::Overloaded,
            Phase::Authenticate,
            "is in use: 3 of 3 sessions are open",
        ),
        (GnmiFault::InvalidExtension, Class::Rejected, Phase::Write, "write change.commit: {method: direct}"),
        (GnmiFault::Exhausted, Class::Overloaded, Phase::Write, "3 of 3 sessions write already"),
        (GnmiFault::Pending, Class::Overloaded, Phase::Write, "commit \"change-of-alice\" waits"),
    ] {
        let mut bench = Bench::new().await;
        if fault == GnmiFault::Mute {
            bench.timeouts.command = Duration::from_millis(500);
        }
        let outcome = bench.apply_with(fault, CHANGE).await;
        is(&outcome, class, phase, LeftAs::Unchanged);
        assert!(outcome.message.contains(why), "{fault:?}: {}", outcome.message);
        assert!(outcome.message.contains("127.0.0.1:") && says_what_to_do(&outcome), "{outcome:?}");
        if phase == Phase::Write {
            assert_eq!(bench.target.running(), super::bench::first(), "{fault:?}");
        } else {
            bench.assert_untouched();
        }
    }
}

#[tokio::test]
async fn somebody_elses_commit_keeps_a_change_for_good_out_too() {
    let mut bench = Bench::new().await;
    bench.procedure.commit.confirmed = false;
    let outcome = bench.apply_with(GnmiFault::Pending, CHANGE).await;
    is(&outcome, Class::Overloaded, Phase::Write, LeftAs::Unchanged);
    assert!(outcome.message.contains("change-of-alice"), "{}", outcome.message);
    assert_eq!(bench.target.running(), super::bench::first());
}

#[tokio::test]
async fn nobody_elses_commit_is_confirmed_or_cancelled_even_at_a_device_that_looks_at_no_ids() {
    let bench = Bench::new().await;
    let outcome = bench.apply_with(GnmiFault::PendingForAnybody, CHANGE).await;
    is(&outcome, Class::Overloaded, Phase::Write, LeftAs::Unchanged);
    assert!(outcome.message.contains("change-of-alice"), "{}", outcome.message);
    assert!(bench.target.waits(), "it still waits for alice");
    assert_eq!(bench.target.told(), [Told::ChangeUntil, Told::Nothing]);
}

#[tokio::test]
async fn what_a_device_refuses_is_refused_by_whatever_name_and_times_that_cannot_be_mean_nothing() {
    let bench = Bench::new().await;
    let outcome =
        bench.apply_with(GnmiFault::Aborts, r#"{"/interfaces/interface[name=eth0]/config/mtu": 1}"#).await;
    is(&outcome, Class::Rejected, Phase::Write, LeftAs::Unchanged);
    assert!(outcome.message.contains("out of range (ABORTED)"), "{}", outcome.message);
    is(&bench.apply_with(GnmiFault::OddTimes, CHANGE).await, Class::Ok, Phase::Verify, LeftAs::Changed);
}

#[tokio::test]
async fn an_answer_that_is_good_as_a_whole_and_bad_in_part_is_no_success_and_is_taken_back() {
    for confirmed in [true, false] {
        let mut bench = Bench::new().await;
        bench.procedure.commit.confirmed = confirmed;
        let outcome = bench.apply_with(GnmiFault::ErrorInPart, CHANGE).await;
        let left_as = if confirmed { LeftAs::Unchanged } else { LeftAs::Reverted };
        is(&outcome, Class::Rejected, Phase::Write, left_as);
        let why = "of /interfaces/interface[name=eth0]/config: no such leaf (INVALID_ARGUMENT)";
        assert!(outcome.message.contains(why), "{}", outcome.message);
        assert_eq!((bench.target.running(), bench.target.waits()), (super::bench::first(), false));
    }
}

#[tokio::test]
async fn a_wrong_password_is_the_credentials_and_is_told_to_the_breaker() {
    let mut bench = Bench::new().await;
    bench.endpoint.username = "bob".into();
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::AuthFailed, Phase::Authenticate, LeftAs::Unchanged);
    assert_eq!(*bench.context.answers.lock().unwrap(), [false]);
    assert!(!format!("{outcome:?}").contains("pa55word"));
    bench.endpoint.credential_ref = "file:nowhere".into();
    assert_eq!(bench.apply(CHANGE).await.class, Class::CredentialUnavailable);
    bench.assert_untouched();
}

#[tokio::test]
async fn a_device_that_cannot_prove_itself_gets_no_login() {
    let bench = Bench::showing(|authority| Some(authority.certify(&["r2.lab"]).unwrap())).await;
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::HostKeyMismatch, Phase::Connect, LeftAs::Unchanged);
    assert!(outcome.message.contains("another name") && outcome.hint.contains("server_name"), "{outcome:?}");
    assert!(bench.context.answers.lock().unwrap().is_empty(), "it was never asked");

    let stranger = Authority::new().unwrap();
    let bench = Bench::showing(|_| Some(stranger.certify(&["127.0.0.1"]).unwrap())).await;
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::HostKeyMismatch, Phase::Connect, LeftAs::Unchanged);
    assert!(outcome.message.contains("none of the trusted CAs has signed it"), "{}", outcome.message);

    let bench = Bench::showing(|_| None).await;
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::Unreachable, Phase::Connect, LeftAs::Unchanged);
    assert!(outcome.message.contains("does not speak TLS"), "{}", outcome.message);
    bench.assert_untouched();
}

#[tokio::test]
async fn a_name_of_its_own_in_the_certificate_is_enough() {
    let mut bench = Bench::showing(|authority| Some(authority.certify(&["r1.lab"]).unwrap())).await;
    bench.endpoint.tls.server_name = Some("r1.lab".into());
    is(&bench.apply(CHANGE).await, Class::Ok, Phase::Verify, LeftAs::Changed);
}

#[tokio::test]
async fn in_clear_a_device_is_reached_on_the_agents_own_machine_alone() {
    let mut bench = Bench::showing(|_| None).await;
    bench.endpoint.tls.protection = Protection::ClearOnLoopback;
    is(&bench.apply(CHANGE).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    for protection in [Protection::ClearOnLoopback, Protection::Clear] {
        bench.endpoint.tls.protection = protection;
        bench.endpoint.hostname = "192.0.2.1".into();
        let outcome = bench.apply(CHANGE).await;
        is(&outcome, Class::PrecheckFailed, Phase::Queue, LeftAs::Unchanged);
    }
}

#[tokio::test]
async fn what_is_no_gnmi_target_is_told_so() {
    let mut bench = Bench::new().await;
    bench.endpoint.tls.protection = Protection::ClearOnLoopback;
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::Unreachable, outcome.phase, LeftAs::Unchanged);
    assert!(!outcome.hint.is_empty(), "{outcome:?}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bench.endpoint.port = closed.local_addr().unwrap().port();
    drop(closed);
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::Unreachable, Phase::Connect, LeftAs::Unchanged);
    assert!(outcome.hint.contains("9339"), "{outcome:?}");
}

#[tokio::test]
async fn a_template_that_cannot_be_used_is_refused_before_a_word() {
    let bench = Bench::new().await;
    for (template, why) in [
        ("hostname r1", "it is no JSON: line 1"),
        ("[1]", "it is no JSON object of paths and values"),
        ("{}", "it names no path"),
        (r#"{"system": {}}"#, "does not begin with /"),
        (r#"{"/": null}"#, "at / an object"),
        (r#"{"/interfaces/interface[name=*]": null}"#, "interface[name=*] means more than one place"),
        (r#"{"/interfaces/*": null}"#, "means more than one place"),
        (r#"{"/a": 1, "/a": 2}"#, "it says twice what stands at /a"),
        (r#"{"/system/config/hostname/x": 1}"#, "no container stands at /system/config/hostname"),
        (r#"{"/system/config": 1}"#, "the device has a container and the template a leaf"),
        (r#"{"/system[id=1]/config": {}}"#, "no list stands where /system[id=1] is"),
    ] {
        let outcome = bench.apply(template).await;
        is(&outcome, Class::PrecheckFailed, Phase::Read, LeftAs::Unchanged);
        assert!(outcome.message.contains(why), "{template}: {}", outcome.message);
    }
    bench.assert_untouched();
}
