//! What devices say of locks: of one that a session has itself, and of somebody else's.

use super::super::script::{Refusal, Script};
use super::bench::{Bench, Part};
use super::patience::type_to_one_that_says;
use super::unsaid::looks;
use crate::simulator::{Mode, Trick};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Work};

/// By this line IOS gives its lock to every session that configures.
const EXCLUSIVE: &str = "configuration mode exclusive auto\n";

fn script(platform: &str) -> Script {
    Script::new(super::platform(platform), super::names())
}

/// What is said of another session that is in the way, if that is said.
fn busy(platform: &str, answer: &str) -> Option<String> {
    match script(platform).refusal(answer) {
        Some(Refusal::Busy(said)) => Some(said),
        Some(Refusal::Refused(_)) | None => None,
    }
}

#[tokio::test]
async fn a_device_that_gives_its_lock_to_whoever_configures_is_changed_and_put_back() {
    let has = "hostname r1\n";
    let locks = format!("{EXCLUSIVE}{has}");
    let part = |has| Part { platform: "cisco_ios", has, mode: Mode::Good };
    let bench = Bench::new(&[part(&locks), part(has)]).await;
    for (number, has, text) in [(1, locks.as_str(), "ntp server 192.0.2.1\n"), (2, has, EXCLUSIVE)] {
        let task = bench.task(number, "cisco_ios", text, Wants::Merge);
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
        let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
        let back = bench.again(&task, restore).await;
        assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{back:?}");
        assert_eq!(bench.has(number), has);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_let_in_is_locked_out_by_nobody_whatever_is_said_of_locks() {
    let said = "Configuration mode is locked by process '260' user 'netops' from terminal '2'.\r\n";
    type_to_one_that_says(said, Duration::ZERO, 3).await.expect("it has entered its configuration");
}

#[test]
fn a_lock_is_in_the_way_when_it_is_somebody_elses() {
    for said in [
        "Configuration mode is locked by process '260' user 'bob' from terminal '2'.",
        "%  Configuration mode locked exclusively by user 'bob' process '3' from terminal '0'. Please try later.",
    ] {
        assert_eq!(busy("cisco_ios", said).as_deref(), Some(said));
    }
    let ours = "Configuration mode locked exclusively. The lock will be cleared once you exit out of \
        configuration mode using end/exit";
    assert_eq!(busy("cisco_ios", ours), None);
}

#[test]
fn who_has_the_lock_is_quoted_also_where_that_stands_in_the_next_lines() {
    let said = "error: configuration database locked by:\n  bob terminal pts/0 (pid 1234) on since 2026-11-23 \
        10:00:00 UTC, idle 00:01:00\n      exclusive [edit]\n";
    let quoted = "error: configuration database locked by: bob terminal pts/0 (pid 1234) on since 2026-11-23 \
        10:00:00 UTC, idle 00:01:00 exclusive [edit]";
    assert_eq!(busy("juniper_junos", said).as_deref(), Some(quoted));
}

#[test]
fn a_look_that_somebody_elses_lock_is_in_the_way_of_is_for_later_and_no_refusal() {
    for (platform, said) in [
        (
            "cisco_ios",
            "%  Configuration mode locked exclusively by user 'bob' process '3' from terminal '0'.",
        ),
        ("cisco_nxos", "Configuration database is locked by user bob on vty 2"),
        ("juniper_junos", "error: configuration database locked by:\n  bob terminal pts/0"),
        ("frr", "VTY configuration is locked by other VTY"),
    ] {
        let refusal =
            script(platform).refusal_to_show(said).unwrap_or_else(|| panic!("{platform} shows that"));
        let failure = refusal.of_a_look("show x", Phase::Read, "r1");
        assert_eq!((failure.class, failure.phase), (Class::Overloaded, Phase::Read), "{platform}");
        assert!(failure.hint.contains("wait for the other session, or end it"), "{}", failure.hint);
    }
}

#[tokio::test]
async fn a_change_whose_check_somebody_elses_lock_is_in_the_way_of_stays() {
    let (has, platforms) = ("hostname r1\n", ["cisco_ios", "cisco_nxos", "frr"]);
    let mode = Mode::Trick(Trick::LooksLocked);
    let bench = Bench::new(&platforms.map(|platform| Part { platform, has, mode })).await;
    for (number, platform) in (1..).zip(platforms) {
        let mut task = bench.task(number, platform, "ntp server 192.0.2.1\n", Wants::Merge);
        if let Work::Driver(procedure) = &mut task.work {
            Arc::make_mut(procedure).post = vec![looks("show version")];
        }
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Inconclusive, LeftAs::Unknown), "{outcome:?}");
        assert!(outcome.message.contains("the check harmless could not be made"), "{}", outcome.message);
        assert_eq!(bench.has(number), "hostname r1\nntp server 192.0.2.1\n", "{platform}");
    }
}
