//! Failures before the write gate: each its own class, and nothing written.

use super::bench::Bench;
use crate::executor::{Executor, GateRefused};
use crate::simulator::{Kind, Mode};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, key::safe_rng};
use std::future::Future;
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const OTHER_KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

async fn refused(bench: &Bench, class: Class, phase: Phase) -> Outcome {
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.phase), (class, phase), "{outcome:?}");
    assert_eq!(outcome.left_as, LeftAs::Unchanged);
    assert_eq!((bench.gates_opened(), bench.count(Kind::Apply)), (0, 0));
    assert_eq!(bench.fleet.running("dev001").expect("no file"), None);
    outcome
}

#[tokio::test]
async fn nothing_listening_is_unreachable() {
    let bench = Bench::new(Mode::Refuse).await;
    let outcome = refused(&bench, Class::Unreachable, Phase::Connect).await;
    assert!(outcome.message.contains("refused the connection"), "{}", outcome.message);
    assert_eq!(bench.count(Kind::Contact), 0);
}

#[tokio::test]
async fn a_device_that_closes_during_the_handshake_is_unreachable() {
    let bench = Bench::new(Mode::Close).await;
    let outcome = refused(&bench, Class::Unreachable, Phase::Connect).await;
    assert!(outcome.message.contains("during the SSH handshake"), "{}", outcome.message);
}

#[tokio::test]
async fn a_device_that_never_speaks_is_a_timeout_in_time() {
    let mut bench = Bench::new(Mode::Hang).await;
    bench.task.timeouts.connect = Duration::from_millis(400);
    let outcome = refused(&bench, Class::Timeout, Phase::Connect).await;
    assert!(outcome.finished_at.since(outcome.started_at) < Duration::from_secs(3));
    assert!(outcome.message.contains("within 400ms"), "{}", outcome.message);
    assert_eq!((bench.count(Kind::Contact), bench.fleet.contacts(1)), (1, 1));
}

#[tokio::test]
async fn a_device_with_an_unknown_key_never_sees_the_credential() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.task.endpoint.host_keys = vec![OTHER_KEY.into()];
    let outcome = refused(&bench, Class::HostKeyMismatch, Phase::Connect).await;
    assert!(outcome.message.contains(bench.fleet.host_key()), "{}", outcome.message);
    assert!(outcome.message.contains(OTHER_KEY), "{}", outcome.message);
    assert_eq!((bench.count(Kind::Login), bench.count(Kind::Refusal)), (0, 0));
}

#[tokio::test]
async fn a_device_without_a_pinned_key_is_never_believed() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.task.endpoint.host_keys = vec![];
    refused(&bench, Class::HostKeyMismatch, Phase::Connect).await;
}

#[tokio::test]
async fn any_of_the_pinned_keys_will_do() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.task.endpoint.host_keys.insert(0, OTHER_KEY.into());
    assert_eq!(bench.attempt().await.class, Class::Ok);
}

#[tokio::test]
async fn a_refused_credential_is_tried_once() {
    let bench = Bench::new(Mode::Auth).await;
    let outcome = refused(&bench, Class::AuthFailed, Phase::Authenticate).await;
    assert!(outcome.message.contains("private key of user netops"), "{}", outcome.message);
    assert_eq!((bench.count(Kind::Refusal), bench.count(Kind::Login)), (1, 0));
}

#[tokio::test]
async fn a_key_that_the_device_does_not_know_is_refused() {
    let mut bench = Bench::new(Mode::Good).await;
    let stranger = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key");
    let pem = stranger.to_openssh(LineEnding::LF).expect("PEM");
    bench.task.endpoint.credential_ref = bench.put("stranger", &pem);
    refused(&bench, Class::AuthFailed, Phase::Authenticate).await;
}

#[tokio::test]
async fn passwords_work_and_are_never_shown() {
    let mut bench = Bench::with(Mode::Good, |config| config.password = Some("tr0ub4dor".into())).await;
    bench.task.endpoint.credential_ref = bench.put("wrong", "hunter2hunter2\n");
    let outcome = refused(&bench, Class::AuthFailed, Phase::Authenticate).await;
    assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
    bench.task.endpoint.credential_ref = bench.put("right", "tr0ub4dor\n");
    assert_eq!(bench.attempt().await.class, Class::Ok);
}

#[tokio::test]
async fn a_missing_credential_is_named_and_the_device_never_contacted() {
    let mut bench = Bench::new(Mode::Good).await;
    for reference in ["file:nowhere", "env:NOT_SET_HERE", "x"] {
        bench.task.endpoint.credential_ref = reference.into();
        let outcome = refused(&bench, Class::CredentialUnavailable, Phase::Queue).await;
        assert!(outcome.message.contains(reference), "{}", outcome.message);
    }
    let damaged = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n";
    bench.task.endpoint.credential_ref = bench.put("damaged", damaged);
    let outcome = refused(&bench, Class::CredentialUnavailable, Phase::Queue).await;
    assert!(!format!("{outcome:?}").contains("c2VjcmV0"), "{outcome:?}");
    assert_eq!(bench.count(Kind::Contact), 0);
}

#[tokio::test]
async fn a_device_with_too_many_sessions_is_overloaded() {
    let bench = Bench::new(Mode::Busy).await;
    let outcome = refused(&bench, Class::Overloaded, Phase::Authenticate).await;
    assert!(outcome.message.contains("resource shortage"), "{}", outcome.message);
}

#[tokio::test]
async fn a_device_that_turns_connections_away_is_overloaded_and_not_unreachable() {
    let bench = Bench::new(Mode::Overloaded).await;
    let outcome = refused(&bench, Class::Overloaded, Phase::Connect).await;
    assert!(outcome.message.contains("Exceeded MaxStartups"), "{}", outcome.message);
}

#[tokio::test]
async fn a_login_that_is_refused_is_an_answer_and_silence_is_none() {
    for (mode, answers) in [(Mode::Auth, 1), (Mode::Good, 1), (Mode::Close, 0), (Mode::Refuse, 0)] {
        let bench = Bench::new(mode).await;
        bench.attempt().await;
        assert_eq!(bench.answers(), answers, "{mode}");
    }
    let mut bench = Bench::new(Mode::Hang).await;
    bench.task.timeouts.connect = Duration::from_millis(300);
    bench.attempt().await;
    assert_eq!(bench.answers(), 0);
}

#[tokio::test]
async fn cancelling_before_the_gate_writes_nothing() {
    let bench = Bench::new(Mode::Hang).await;
    let cancel = CancellationToken::new();
    let attempt = bench.attempt_until(cancel.clone());
    let cancelling = async {
        while bench.fleet.contacts(1) == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(attempt, cancelling);
    assert_eq!((outcome.class, outcome.left_as), (Class::Cancelled, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!((bench.gates_opened(), bench.count(Kind::Apply)), (0, 0));
}

#[tokio::test]
async fn a_shut_gate_writes_nothing() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.gate.refuse = Some(GateRefused { class: Class::AgentError, message: "the disk is full".into() });
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::AgentError, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!((bench.gates_opened(), bench.count(Kind::Login), bench.count(Kind::Apply)), (1, 1, 0));
}

/// A peer that says `words` and then listens; the future ends when our side has closed.
pub(super) async fn peer_that_says(
    bench: &mut Bench,
    words: &'static [u8],
) -> impl Future<Output = ()> + use<> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    (bench.task.endpoint.hostname, bench.task.endpoint.port) = (address.ip().to_string(), address.port());
    async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(words).await.expect("the words");
        let mut heard = Vec::new();
        let left = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await;
        assert!(left.is_ok(), "the session outlived its attempt");
    }
}

#[tokio::test]
async fn a_session_never_outlives_its_attempt() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.task.timeouts.connect = Duration::from_millis(300);
    let peer = peer_that_says(&mut bench, b"SSH-2.0-silent_from_here\r\n").await;
    let (outcome, ()) = tokio::join!(bench.attempt(), peer);
    assert_eq!(outcome.class, Class::Timeout, "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_ssh_server_is_unreachable() {
    for words in [&b"220 mail.example.net ESMTP\r\n"[..], b"SSH-1.5-old\r\n", &[0xff; 600]] {
        let mut bench = Bench::new(Mode::Good).await;
        bench.task.timeouts.connect = Duration::from_millis(500);
        let peer = peer_that_says(&mut bench, words).await;
        let (outcome, ()) = tokio::join!(bench.attempt(), peer);
        assert!(matches!(outcome.class, Class::Unreachable | Class::Timeout), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_secret_that_changed_has_another_fingerprint_and_one_that_is_missing_none() {
    let bench = Bench::new(Mode::Good).await;
    let first = bench.executor.fingerprint(bench.put("password", "one\n")).await;
    assert!(first.is_some());
    assert_eq!(bench.executor.fingerprint("file:password".into()).await, first);
    bench.put("password", "two\n");
    assert_ne!(bench.executor.fingerprint("file:password".into()).await, first);
    assert_eq!(bench.executor.fingerprint("file:nowhere".into()).await, None);
}
