//! Promises of command lines behind JSON-RPC: one request carries a change, and what it says is the platform's own.

use super::Bench;
use crate::clock::SystemClock;
use crate::simulator::http::{Answered, Asked, HttpFault, Persona, PlayedLines};
use std::time::Duration;
use switchyard_shared::outcome::{Class, Found, LeftAs, Phase};
use switchyard_shared::procedure::{Check, Expectation, Probe};
use switchyard_shared::task::Purpose;

const RUNNING: &str = "hostname r1\ninterface Ethernet1\n description old\nntp server 192.0.2.1\n";
const CHANGE: &str = "ntp server 192.0.2.2\ninterface Ethernet1\n description to ?core?\n";
const AFTER: &str =
    "hostname r1\ninterface Ethernet1\n description to ?core?\nntp server 192.0.2.1\nntp server 192.0.2.2\n";

async fn eos() -> Bench {
    Bench::new(PlayedLines::eos(RUNNING, SystemClock::shared()), "arista_eos").await
}

async fn nxos() -> Bench {
    Bench::new(PlayedLines::nxos(RUNNING, SystemClock::shared()), "cisco_nxos").await
}

/// The lines of each request that wrote.
fn written(bench: &Bench) -> Vec<String> {
    let lines = |body: &str| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let cmds = body["params"]["cmds"].as_array().cloned();
        let each = || body.as_array().unwrap().iter().map(|call| call["params"]["cmd"].clone()).collect();
        let lines: Vec<serde_json::Value> = cmds.unwrap_or_else(each);
        lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect::<Vec<_>>().join("|")
    };
    bench.device.writes().iter().map(|noted| lines(&noted.body)).collect()
}

fn check(command: &str, contains: &str) -> Check {
    Check {
        name: "clock".into(),
        probe: Probe::Command { command: command.into() },
        expectations: vec![Expectation::Contains(contains.into())],
        save_as: None,
        initial_delay: Duration::ZERO,
        interval: Duration::ZERO,
        count: 1,
        failure_limit: 0,
    }
}

#[tokio::test]
async fn a_device_is_compared_changed_in_one_request_confirmed_over_another_connection_and_left_alone() {
    for (mut bench, requests) in [(eos().await, 3), (nxos().await, 3)] {
        let platform = bench.procedure.platform.clone();
        bench.procedure.commit.save = true;
        bench.procedure.post = vec![check("show clock", "UTC")];
        let (outcome, diff) = bench.compare(CHANGE).await;
        assert_eq!(outcome.class, Class::Ok, "{platform}: {}", outcome.message);
        assert!(diff.contains("+ntp server 192.0.2.2") && diff.contains("- description old"), "{diff}");
        assert_eq!(written(&bench), Vec::<String>::new(), "{platform}: a comparison changes nothing");

        let outcome = bench.apply(CHANGE).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
        assert_eq!(bench.device.running(), format!("{AFTER}! saved\n"), "{platform}");
        assert_eq!(written(&bench).len(), requests, "{:?}", written(&bench));
        assert!(bench.device.connections() >= 3, "it is looked at over a new connection");

        let outcome = bench.attempt(Purpose::Apply, CHANGE, 2).await;
        assert_eq!(outcome.class, Class::Unchanged, "{}", outcome.message);
        assert_eq!(written(&bench).len(), requests, "nothing more was written");
    }
}

#[tokio::test]
async fn a_change_of_eos_is_a_session_with_a_timer_and_its_confirmation_names_it() {
    let bench = eos().await;
    assert_eq!(bench.apply("ntp server 192.0.2.2\n").await.class, Class::Ok);
    let said = written(&bench);
    let name = said[0].split('|').nth(1).unwrap().strip_prefix("configure session ").unwrap();
    assert_eq!(
        said,
        [
            format!("enable|configure session {name}|ntp server 192.0.2.2|commit timer 00:05:00"),
            format!("enable|configure session {name} commit")
        ]
    );
}

#[tokio::test]
async fn a_rejected_line_leaves_the_device_as_it_was() {
    for (bench, left_as) in [(eos().await, LeftAs::Unchanged), (nxos().await, LeftAs::Reverted)] {
        let outcome = bench.apply("ntp server 192.0.2.2\nnonsense here\n").await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, left_as), "{}", outcome.message);
        assert!(
            outcome.message.contains("Invalid input (at token 0: 'nonsense here')"),
            "{}",
            outcome.message
        );
        assert_eq!(bench.device.running(), RUNNING);
    }
}

#[tokio::test]
async fn a_device_gets_back_what_it_had_to_the_byte() {
    for bench in [eos().await, nxos().await] {
        assert_eq!(bench.apply(CHANGE).await.class, Class::Ok);
        let back = Purpose::Restore {
            attempt: 1,
            before: bench.told.before.lock().unwrap().clone(),
            overwrite: false,
        };
        let outcome = bench.attempt(back, CHANGE, 2).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
        assert_eq!(bench.device.running(), RUNNING);
    }
}

#[tokio::test]
async fn a_change_that_fails_its_check_is_taken_back() {
    for mut bench in [eos().await, nxos().await] {
        bench.procedure.post = vec![check("show clock", "no such time")];
        let outcome = bench.apply(CHANGE).await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PostcheckFailed, LeftAs::Reverted),
            "{}",
            outcome.message
        );
        assert_eq!(bench.device.running(), RUNNING);
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_doubt_that_a_reading_settles() {
    let bench = eos().await;
    bench.device.break_with(HttpFault::DropAfterWrite);
    let outcome = bench.apply(CHANGE).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::LostAfterWrite, LeftAs::Unknown),
        "{}",
        outcome.message
    );
    assert_eq!(written(&bench).len(), 1, "never said twice");
    bench.device.break_with(HttpFault::None);
    let before = bench.told.before.lock().unwrap().clone();
    let settled = bench.attempt(Purpose::Settle { before }, CHANGE, 1).await;
    assert_eq!(settled.found, Some(Found::Applied), "{}", settled.message);
}

#[tokio::test]
async fn a_busy_answer_of_http_to_lines_is_a_doubt_since_it_does_not_show_that_none_was_obeyed() {
    let proxy = r#"{"error": {"message": "upstream request timeout"}}"#;
    for status in [429, 503] {
        let bench = eos().await;
        bench.device.break_with(HttpFault::RefusesWrites(status));
        let outcome = bench.apply(CHANGE).await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::LostAfterWrite, LeftAs::Unknown),
            "{}",
            outcome.message
        );
        assert!(outcome.message.contains(&format!("status {status}")), "{}", outcome.message);
        let before = bench.told.before.lock().unwrap().clone();
        let settled = bench.attempt(Purpose::Settle { before }, CHANGE, 1).await;
        assert_eq!(settled.found, Some(Found::NotApplied), "{}", settled.message);

        // What only keeps a checkpoint changes nothing, whatever became of it.
        let bench = nxos().await;
        bench.device.break_with(HttpFault::RefusesWrites(status));
        let outcome = bench.apply(CHANGE).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Overloaded, LeftAs::Unchanged));
    }
    for fault in [
        HttpFault::FailAfterWrite(502),
        HttpFault::FailAfterWrite(504),
        HttpFault::RefusesWritesSaying(500, proxy.into()),
        HttpFault::RefusesWritesSaying(504, proxy.replace("{\"m", "{\"code\": 504, \"m")),
    ] {
        let bench = eos().await;
        bench.device.break_with(fault.clone());
        assert_eq!(bench.apply(CHANGE).await.class, Class::LostAfterWrite, "{fault:?}");
        assert_eq!(written(&bench).len(), 1, "{fault:?}: not even a draft is dropped");
    }
    let bench = eos().await;
    bench.device.break_with(HttpFault::RefusesWrites(403));
    let outcome = bench.apply(CHANGE).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unchanged), "{}", outcome.message);
}

/// It refuses to go back to a checkpoint half way, and then somebody else holds its configuration.
struct HalfBack(PlayedLines, bool);

impl Persona for HalfBack {
    fn writes(&self, asked: &Asked<'_>) -> bool {
        self.0.writes(asked)
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Answered {
        let refuses = |why: &str| {
            let error =
                serde_json::json!({"code": -32602, "message": "Invalid params", "data": {"msg": why}});
            let body = serde_json::json!({"jsonrpc": "2.0", "error": error, "id": 1}).to_string();
            Answered { status: 200, kind: "application/json-rpc", tag: None, body }
        };
        if asked.body.contains("rollback running-config") {
            self.1 = true;
            self.meddle();
            return refuses("Rollback failed\n");
        }
        match self.1 && asked.body.contains("configure terminal") {
            true => refuses("configuration is locked by admin\n"),
            false => self.0.answer(asked),
        }
    }

    fn meddle(&mut self) {
        self.0.meddle();
    }

    fn running(&self) -> String {
        self.0.running()
    }
}

#[tokio::test]
async fn a_way_back_whose_checkpoint_was_refused_half_way_is_not_told_as_somebodys_change() {
    let persona = HalfBack(PlayedLines::nxos(RUNNING, SystemClock::shared()), false);
    let mut bench = Bench::new(persona, "cisco_nxos").await;
    bench.procedure.post = vec![check("show clock", "no such time")];
    let outcome = bench.apply(CHANGE).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Unknown), "{outcome:?}");
    assert!(!outcome.message.contains("somebody has changed it"), "{}", outcome.message);
    assert!(outcome.message.contains("locked by admin"), "{}", outcome.message);
}

/// So many lines that a device has none of.
fn servers(count: usize) -> String {
    (0..count).map(|n| format!("ntp server 192.0.2.{n}\n")).collect()
}

#[tokio::test]
async fn a_long_change_has_time_for_each_of_its_lines_and_a_small_one_does_not_wait_for_them() {
    for (lines, class) in [(20, Class::Ok), (1, Class::LostAfterWrite)] {
        let mut bench = eos().await;
        bench.procedure.commit.confirmed = false;
        bench.task.timeouts.command = Duration::from_millis(500);
        bench.device.break_with(HttpFault::Slow(Duration::from_secs(4)));
        let outcome = bench.apply(&servers(lines)).await;
        assert_eq!(outcome.class, class, "{lines}: {}", outcome.message);
    }
}

#[tokio::test]
async fn more_lines_than_a_doubt_would_wait_for_are_not_sent_and_a_plan_says_so() {
    let running = servers(250);
    let bench = Bench::new(PlayedLines::nxos(&running, SystemClock::shared()), "cisco_nxos").await.replaces();
    let (planned, _) = bench.compare("hostname r1\n").await;
    for outcome in [planned, bench.apply("hostname r1\n").await] {
        assert_eq!(outcome.class, Class::PrecheckFailed, "{}", outcome.message);
        assert!(outcome.message.contains("takes 251 lines in one request"), "{}", outcome.message);
        assert!(outcome.hint.contains("ssh_cli"), "{}", outcome.hint);
    }
    assert_eq!((written(&bench).len(), bench.device.running()), (0, running));
}

#[tokio::test]
async fn a_check_that_could_change_the_device_is_not_said_to_it() {
    for command in ["reload", "show running-config | tee x", "configure session x"] {
        let mut bench = eos().await;
        bench.procedure.pre = vec![check(command, "")];
        let outcome = bench.apply(CHANGE).await;
        assert_eq!(outcome.class, Class::PrecheckFailed, "{}", outcome.message);
        assert!(outcome.message.contains("not known to only look"), "{}", outcome.message);
        assert!(bench.device.ledger().iter().all(|noted| !noted.body.contains(command)), "{command}");
        assert_eq!(written(&bench), Vec::<String>::new());
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    for (fault, class, words) in [
        (HttpFault::Status(401), Class::AuthFailed, "refused the password of user netops"),
        (HttpFault::Status(503), Class::Overloaded, "busy"),
        (HttpFault::Status(404), Class::PrecheckFailed, "has nothing at /command-api"),
        (HttpFault::Redirect("https://x/".into()), Class::Unreachable, "not followed"),
        (
            HttpFault::Says("{\"result\": [7, 8]}".into()),
            Class::PrecheckFailed,
            "does not answer as JSON-RPC",
        ),
        (HttpFault::Says("<html>".into()), Class::PrecheckFailed, "does not answer as JSON-RPC"),
        (
            HttpFault::Says("{\"result\": [{}, {\"output\": \"half\"}]}".into()),
            Class::PrecheckFailed,
            "to its end",
        ),
        (HttpFault::HalfAnswer, Class::Unreachable, "no whole answer"),
        (HttpFault::EndlessBody, Class::PrecheckFailed, "larger than"),
    ] {
        let bench = eos().await;
        bench.device.break_with(fault.clone());
        let outcome = bench.apply(CHANGE).await;
        assert_eq!((outcome.class, outcome.left_as), (class, LeftAs::Unchanged), "{}", outcome.message);
        assert!(outcome.message.contains(words), "{fault:?}: {}", outcome.message);
        assert_eq!(written(&bench), Vec::<String>::new());
    }
}

/// What goes wrong when the running configuration is asked for.
fn at_the_reading(fault: HttpFault) -> HttpFault {
    HttpFault::At("running-config", Box::new(fault))
}

#[tokio::test]
async fn a_configuration_is_read_with_the_time_of_a_command_and_not_of_a_connection() {
    let mut bench = eos().await;
    bench.task.timeouts.connect = Duration::from_secs(1);
    bench.device.break_with(at_the_reading(HttpFault::Late(Duration::from_millis(1200))));
    let (outcome, diff) = bench.compare(CHANGE).await;
    assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    assert!(diff.contains("+ntp server 192.0.2.2"), "{diff}");
}

#[tokio::test]
async fn a_configuration_that_is_too_large_to_be_read_is_of_a_device_that_is_there() {
    for bench in [eos().await, nxos().await] {
        bench.device.break_with(at_the_reading(HttpFault::EndlessBody));
        let outcome = bench.apply(CHANGE).await;
        let ended = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(ended, (Class::PrecheckFailed, Phase::Read, LeftAs::Unchanged), "{}", outcome.message);
        assert!(outcome.message.contains("larger than"), "{}", outcome.message);
        assert_eq!(*bench.told.answered.lock().unwrap(), [true], "its site hears that it lives");
    }
}

#[tokio::test]
async fn whoever_may_not_say_the_line_that_proves_the_login_is_let_in_all_the_same() {
    let denied = r#"{"jsonrpc": "2.0", "id": 1, "error": {"code": 1005, "message":
        "CLI command 2 of 2 'show clock' failed: permission to run command denied", "data": [{}, {"errors": ["denied"]}]}}"#;
    let bench = eos().await;
    bench.device.break_with(HttpFault::At("show clock", Box::new(HttpFault::Says(denied.into()))));
    let outcome = bench.apply(CHANGE).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
}

#[tokio::test]
async fn a_banner_in_a_shown_configuration_is_no_refusal_whatever_it_says() {
    let running = format!("banner motd\n% Invalid input\n! commit failed\nEOF\n{RUNNING}");
    let bench = Bench::new(PlayedLines::eos(&running, SystemClock::shared()), "arista_eos").await;
    let outcome = bench.apply(CHANGE).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    // The blank keeps the words apart from the text.
    assert_eq!(bench.device.running().replace("motd \n", "motd\n"), running.replace(RUNNING, AFTER));
}

#[tokio::test]
async fn a_change_that_is_not_saved_is_saved_by_the_next_apply_once() {
    let mut bench = eos().await;
    assert_eq!(bench.apply(CHANGE).await.class, Class::Ok);
    bench.procedure.commit.save = true;
    let requests = written(&bench).len();
    let (planned, _) = bench.compare(CHANGE).await;
    assert!(planned.message.contains("is not saved for the next boot"), "{}", planned.message);
    let second = bench.attempt(Purpose::Apply, CHANGE, 2).await;
    assert_eq!((second.class, second.left_as), (Class::Ok, LeftAs::Changed), "{}", second.message);
    assert_eq!(written(&bench)[requests..], ["enable|write memory"]);
    let third = bench.attempt(Purpose::Apply, CHANGE, 3).await;
    assert_eq!(third.class, Class::Unchanged, "{}", third.message);
    assert!(!third.message.contains("saved"), "{}", third.message);
    assert_eq!(written(&bench).len(), requests + 1);
}

#[tokio::test]
async fn a_way_back_of_more_lines_than_a_doubt_would_wait_for_is_not_gone_and_is_left_to_a_person() {
    let neighbors: String = (0..250).map(|n| format!(" neighbor 192.0.2.{n} remote-as 1\n")).collect();
    let running = format!("hostname r1\nrouter bgp 1\n{neighbors}");
    let mut bench = Bench::new(PlayedLines::eos(&running, SystemClock::shared()), "arista_eos").await;
    bench.procedure.commit.confirmed = false;
    bench.procedure.post = vec![check("show clock", "no such time")];
    let outcome = bench.apply("no router bgp 1\n").await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::PostcheckFailed, LeftAs::Changed),
        "{}",
        outcome.message
    );
    assert!(outcome.message.contains("it was not put back: the way back takes 25"), "{}", outcome.message);
    assert!(outcome.hint.contains("by hand"), "{}", outcome.hint);
    assert_eq!((written(&bench).len(), bench.device.running()), (1, "hostname r1\n".to_owned()));
}
