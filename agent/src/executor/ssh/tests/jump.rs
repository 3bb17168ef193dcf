//! Devices behind a jump host: what the jump host does is never told as theirs.

use super::bench::Bench;
use super::hop::{Hop, MovedClock, Valve};
use crate::executor::cli::tests::bench::{Bench as DriverBench, Part};
use crate::executor::ssh::SshExecutor;
use crate::simulator::{FleetConfig, Kind, Mode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure;
use switchyard_shared::ssh::{Algorithms, JumpHost};
use switchyard_shared::task::Work;

const NETCONF_TEXT: &str = "<x xmlns=\"urn:x\"/>";

/// A device behind a jump host, with a clock that can be moved on.
async fn behind(hop: &Hop, mode: Mode, change: impl FnOnce(&mut FleetConfig)) -> (Bench, Arc<MovedClock>) {
    let mut bench = Bench::with(mode, change).await;
    let jump = JumpHost { credential_ref: bench.task.endpoint.credential_ref.clone(), ..hop.jump.clone() };
    bench.task.endpoint.ssh.jump = Some(Box::new(jump));
    let clock = MovedClock::shared();
    bench.executor = SshExecutor::new(bench.folder.path(), clock.clone());
    (bench, clock)
}

/// It is the jump host's, its device is not to blame, and the site hears of it once.
async fn of_the_jump_host(bench: &Bench) -> Outcome {
    let before = bench.gate.ways_lost.load(Ordering::SeqCst);
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::AgentError, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.starts_with("jump host 127.0.0.1:"), "{}", outcome.message);
    assert!(outcome.message.contains("dev001"), "{}", outcome.message);
    assert!(bench.gate.ways_lost.load(Ordering::SeqCst) > before, "{outcome:?}");
    outcome
}

#[tokio::test]
async fn a_jump_host_that_accepts_and_says_nothing_is_named_and_its_device_is_not_to_blame() {
    let hop = Hop::new().await;
    let (mut bench, _) = behind(&hop, Mode::Good, |_| {}).await;
    hop.turn(Valve::Frozen);
    bench.task.timeouts.connect = Duration::from_secs(1);
    let outcome = of_the_jump_host(&bench).await;
    assert!(outcome.message.contains("did not complete the SSH handshake within 500ms"), "{outcome:?}");
    assert_eq!((bench.answers(), bench.count(Kind::Contact), hop.connects()), (0, 0, 1));
}

#[tokio::test]
async fn a_jump_host_that_falls_silent_opens_no_channel_and_is_named() {
    let hop = Hop::new().await;
    let (mut bench, clock) = behind(&hop, Mode::Good, |_| {}).await;
    assert_eq!(bench.attempt().await.class, Class::Ok);
    hop.turn(Valve::Frozen);
    bench.task.timeouts.connect = Duration::from_secs(1);
    let outcome = of_the_jump_host(&bench).await;
    assert!(outcome.message.contains("was lost on the way to"), "{outcome:?}");
    clock.move_on(Duration::from_secs(13));
    let outcome = of_the_jump_host(&bench).await;
    assert!(outcome.message.contains("gives no sign of life since 1"), "nobody new waits: {outcome:?}");
    assert_eq!((bench.count(Kind::Contact), hop.connects()), (1, 1));
}

#[tokio::test]
async fn a_device_that_never_answers_a_jump_host_in_good_health_is_to_blame_itself() {
    let hop = Hop::new().await;
    let (mut bench, _) = behind(&hop, Mode::Good, |_| {}).await;
    assert_eq!(bench.attempt().await.class, Class::Ok);
    hop.swallow();
    bench.task.timeouts.connect = Duration::from_secs(1);
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.phase), (Class::Timeout, Phase::Connect), "{outcome:?}");
    assert!(outcome.message.contains("gave no answer to jump host 127.0.0.1:"), "{outcome:?}");
    assert_eq!(bench.gate.ways_lost.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_jump_host_that_dies_under_a_write_leaves_a_doubt_that_names_it() {
    for valve in [Valve::Cut, Valve::Frozen] {
        let hop = Hop::new().await;
        let slow = |config: &mut FleetConfig| config.slow_delay = Duration::from_secs(5);
        let (mut bench, _) = behind(&hop, Mode::Slow, slow).await;
        bench.task.timeouts.command = Duration::from_secs(1);
        let turning = async {
            while bench.gates_opened() == 0 {
                tokio::task::yield_now().await;
            }
            hop.turn(valve);
        };
        let (outcome, ()) = tokio::join!(bench.attempt(), turning);
        let got = (outcome.class, outcome.left_as);
        assert_eq!(got, (Class::LostAfterWrite, LeftAs::Unknown), "{valve:?}: {outcome:?}");
        assert!(outcome.message.starts_with("jump host 127.0.0.1:"), "{valve:?}: {outcome:?}");
        assert!(outcome.hint.contains("read the device before anything else"), "{valve:?}: {outcome:?}");
        assert_eq!(bench.gate.ways_lost.load(Ordering::SeqCst), 1, "{valve:?}");
    }
}

#[tokio::test]
async fn a_device_that_drops_a_write_behind_a_jump_host_in_good_health_is_to_blame_itself() {
    let hop = Hop::new().await;
    let (bench, _) = behind(&hop, Mode::DropAfterWrite, |_| {}).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert!(!outcome.message.contains("jump host"), "{outcome:?}");
    assert_eq!(bench.gate.ways_lost.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_jump_host_that_dies_during_a_reading_is_no_failure_of_the_device() {
    for valve in [Valve::Cut, Valve::Frozen] {
        let hop = Hop::new().await;
        let (mut bench, _) = behind(&hop, Mode::StuckRead, |_| {}).await;
        bench.task.work = Work::command("configure-from-stdin", Some("show"));
        bench.task.timeouts.command = Duration::from_secs(1);
        let turning = async {
            while bench.count(Kind::Login) == 0 {
                tokio::task::yield_now().await;
            }
            hop.turn(valve);
        };
        let (outcome, ()) = tokio::join!(of_the_jump_host(&bench), turning);
        assert!(outcome.message.contains("was lost on the way to"), "{valve:?}: {outcome:?}");
        assert_eq!(bench.gates_opened(), 0);
    }
}

#[tokio::test]
async fn a_jump_host_that_dies_under_the_session_of_a_driver_is_named_and_no_device_is_to_blame() {
    for (platform, text) in [("cisco_ios", "ntp server 192.0.2.1\n"), ("netconf", NETCONF_TEXT)] {
        let hop = Hop::new().await;
        let stuck = Part { platform, has: "", mode: Mode::StuckRead };
        let bench = DriverBench::new(&[stuck]).await;
        let mut task = bench.task(1, platform, text, procedure::Mode::Merge);
        let credential_ref = task.endpoint.credential_ref.clone();
        task.endpoint.ssh.jump = Some(Box::new(JumpHost { credential_ref, ..hop.jump.clone() }));
        let turning = async {
            bench.until(1, Kind::Login).await;
            hop.turn(Valve::Cut);
        };
        let (outcome, ()) = tokio::join!(bench.attempt(&task), turning);
        let got = (outcome.class, outcome.left_as);
        assert_eq!(got, (Class::AgentError, LeftAs::Unchanged), "{platform}: {outcome:?}");
        assert!(outcome.message.starts_with("jump host 127.0.0.1:"), "{platform}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_jump_host_that_dies_while_a_driver_verifies_its_change_speaks_against_no_change() {
    let netconf =
        |name: &str| format!("<system xmlns=\"urn:x\">\n  <hostname>{name}</hostname>\n</system>\n");
    let clock = procedure::Probe::Command { command: "show clock".into() };
    let hostname = procedure::Probe::NetconfGet { xpath: "/system".into() };
    for (platform, has, text, probe) in [
        ("cisco_ios", String::new(), "ntp server 192.0.2.1\n".to_owned(), clock),
        ("netconf", netconf("r1"), netconf("r2"), hostname),
    ] {
        let hop = Hop::new().await;
        let bench = DriverBench::new(&[Part { platform, has: &has, mode: Mode::Good }]).await;
        let mut task = bench.task(1, platform, &text, procedure::Mode::Merge);
        let credential_ref = task.endpoint.credential_ref.clone();
        task.endpoint.ssh.jump = Some(Box::new(JumpHost { credential_ref, ..hop.jump.clone() }));
        let Work::Driver(change) = &mut task.work else { panic!("a driver's task") };
        let change = Arc::make_mut(change);
        change.commit.confirmed = false;
        change.post = vec![never_passed(probe)];
        let turning = async {
            bench.until_times(1, Kind::Login, 2).await;
            hop.turn(Valve::Cut);
        };
        let (outcome, ()) = tokio::join!(bench.attempt(&task), turning);
        let got = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(got, (Class::Inconclusive, Phase::Verify, LeftAs::Unknown), "{platform}: {outcome:?}");
        assert!(outcome.message.contains("jump host 127.0.0.1:"), "{platform}: {outcome:?}");
    }
}

/// A check that no device passes, and that fails after many looks.
fn never_passed(probe: procedure::Probe) -> procedure::Check {
    procedure::Check {
        name: "look".into(),
        probe,
        expectations: vec![procedure::Expectation::Contains("what nobody says".into())],
        save_as: None,
        initial_delay: Duration::ZERO,
        interval: Duration::from_millis(10),
        count: 300,
        failure_limit: 200,
    }
}

#[tokio::test]
async fn nobody_waits_for_a_jump_host_that_is_known_to_be_dead_but_whoever_tries_it_again() {
    let hop = Hop::new().await;
    let (bench, clock) = behind(&hop, Mode::Good, |_| {}).await;
    hop.turn(Valve::Cut);
    of_the_jump_host(&bench).await;
    of_the_jump_host(&bench).await;
    assert_eq!(hop.connects(), 1, "the second is told at once");

    clock.move_on(Duration::from_secs(6));
    hop.turn(Valve::Frozen);
    let others = async {
        while hop.connects() < 2 {
            tokio::task::yield_now().await;
        }
        of_the_jump_host(&bench).await;
        assert_eq!(hop.connects(), 2);
        hop.turn(Valve::Flows);
    };
    let (first, ()) = tokio::join!(bench.attempt(), others);
    assert_eq!(first.class, Class::Ok, "it has come back: {first:?}");
    assert_eq!(bench.attempt().await.class, Class::Ok);
    assert_eq!(hop.connects(), 2, "and everybody goes through the same connection again");
}

#[tokio::test]
async fn a_jump_host_has_its_own_algorithms_and_each_choice_its_own_connection() {
    let old = |preferred: &mut russh::Preferred| preferred.kex = [russh::kex::DH_G14_SHA1][..].into();
    let hop = Hop::with(old).await;
    let (mut bench, _) = behind(&hop, Mode::Good, |_| {}).await;
    bench.task.endpoint.ssh.algorithms = Algorithms::Legacy;
    let outcome = of_the_jump_host(&bench).await;
    assert!(outcome.hint.contains("{ssh: {jump: {algorithms: compat}}}"), "{outcome:?}");
    assert!(outcome.message.contains("share no kex algorithm"), "{outcome:?}");

    let jump = bench.task.endpoint.ssh.jump.as_deref_mut().expect("a jump host");
    jump.algorithms = Algorithms::Compat;
    bench.task.endpoint.ssh.algorithms = Algorithms::Modern;
    let outcome = bench.attempt().await;
    assert_eq!(outcome.class, Class::Ok, "it is not what the one before it was refused with: {outcome:?}");
}

#[tokio::test]
async fn an_attempt_that_is_called_off_ends_nobody_elses_try_to_reach_the_jump_host() {
    let hop = Hop::new().await;
    let (bench, _) = behind(&hop, Mode::Good, |_| {}).await;
    hop.turn(Valve::Frozen);
    let cancel = tokio_util::sync::CancellationToken::new();
    let calling_off = async {
        while hop.connects() == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(bench.attempt_until(cancel.clone()), calling_off);
    assert_eq!(outcome.class, Class::Cancelled, "{outcome:?}");
    hop.turn(Valve::Flows);
    assert_eq!(bench.attempt().await.class, Class::Ok);
    assert_eq!(hop.connects(), 1);
}
