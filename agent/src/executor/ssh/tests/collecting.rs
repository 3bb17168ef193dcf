//! Host keys are collected without a login, and what cannot be asked is told.

use super::before_the_write::peer_that_says;
use super::bench::Bench;
use crate::simulator::{Kind, Mode};
use russh::keys::Algorithm as KeyAlgorithm;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::ssh::Algorithms;
use switchyard_shared::task::{Purpose, Work};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A device that nothing is known of but its address.
async fn stranger(mode: Mode) -> Bench {
    let mut bench = Bench::new(mode).await;
    (bench.task.work, bench.task.purpose) = (Work::HostKeys, Purpose::Compare);
    bench.task.endpoint.username = String::new();
    bench.task.endpoint.credential_ref = String::new();
    bench.task.endpoint.host_keys = vec![];
    bench
}

fn shown(bench: &Bench) -> Vec<String> {
    let keys = bench.gate.keys.lock().expect("no test panics with it");
    keys.iter().map(|key| format!("{} {}", key.algorithm, key.fingerprint)).collect()
}

/// Ends without a key, a login or a write.
async fn nothing(bench: &Bench, class: Class) -> Outcome {
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.phase), (class, Phase::Connect), "{outcome:?}");
    assert_eq!((shown(bench), outcome.left_as), (vec![], LeftAs::Unchanged));
    assert_eq!((bench.count(Kind::Login), bench.gates_opened(), bench.answers()), (0, 0, 0));
    outcome
}

#[tokio::test]
async fn a_device_without_a_pin_shows_its_key_and_nobody_logs_in() {
    let bench = stranger(Mode::Good).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(shown(&bench), [format!("ssh-ed25519 {}", bench.fleet.host_key())]);
    assert!(bench.answers() > 0, "the breaker of the site hears that it lives");
    assert_eq!((bench.count(Kind::Login), bench.count(Kind::Refusal), bench.gates_opened()), (0, 0, 0));
}

#[tokio::test]
async fn every_kind_of_key_is_asked_for_once_and_only_with_sha1_where_the_profile_signs_with_it() {
    let kinds = |profile| super::super::algorithms::kinds_of_keys(profile);
    for profile in [Algorithms::Modern, Algorithms::Compat, Algorithms::Legacy] {
        let first: Vec<String> = kinds(profile).iter().map(|kind| kind[0].as_str().to_owned()).collect();
        assert_eq!(first, ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"]);
    }
    let sha1 = |profile| kinds(profile)[2].contains(&KeyAlgorithm::Rsa { hash: None });
    assert!(!sha1(Algorithms::Modern) && sha1(Algorithms::Legacy));
}

#[tokio::test]
async fn a_device_that_cannot_be_asked_is_told_with_its_class() {
    nothing(&stranger(Mode::Refuse).await, Class::Unreachable).await;
    let closed = nothing(&stranger(Mode::Close).await, Class::Unreachable).await;
    assert!(closed.message.contains("during the SSH handshake"), "{}", closed.message);
    let full = nothing(&stranger(Mode::Overloaded).await, Class::Overloaded).await;
    assert!(full.message.contains("MaxStartups"), "{}", full.message);
    let mut silent = stranger(Mode::Hang).await;
    silent.task.timeouts.connect = Duration::from_millis(300);
    let outcome = nothing(&silent, Class::Timeout).await;
    assert!(outcome.message.contains("within 300ms"), "{}", outcome.message);
    assert_eq!(silent.fleet.contacts(1), 1, "it is not asked for the other kinds");
}

#[tokio::test]
async fn what_is_no_ssh_server_or_stops_within_the_exchange_leaves_nothing_behind() {
    for words in [&b"220 mail.example.net ESMTP\r\n"[..], &[0xff; 600], b"SSH-2.0-silent_from_here\r\n"] {
        let mut bench = stranger(Mode::Good).await;
        bench.task.timeouts.connect = Duration::from_millis(300);
        let peer = peer_that_says(&mut bench, words).await;
        let (outcome, ()) = tokio::join!(bench.attempt(), peer);
        assert!(matches!(outcome.class, Class::Unreachable | Class::Timeout), "{outcome:?}");
        assert!(shown(&bench).is_empty());
    }
}

#[tokio::test]
async fn collecting_that_is_called_off_ends_at_once() {
    let bench = stranger(Mode::Hang).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert_eq!(bench.attempt_until(cancel).await.class, Class::Cancelled);
}

/// What stands before the device and lets every connection through but the second; counts them.
async fn second_is_turned_away(bench: &mut Bench) -> Arc<AtomicUsize> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let (own, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let endpoint = &mut bench.task.endpoint;
    let device = (std::mem::replace(&mut endpoint.hostname, own.ip().to_string()), endpoint.port);
    endpoint.port = own.port();
    let counting = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if counting.fetch_add(1, Ordering::Relaxed) == 1 {
                let _ = stream.write_all(b"Exceeded MaxStartups\r\n").await;
                continue;
            }
            let mut device = TcpStream::connect((device.0.as_str(), device.1)).await.expect("the device");
            let _ = copy_bidirectional(&mut stream, &mut device).await;
        }
    });
    count
}

#[tokio::test]
async fn a_device_that_has_shown_a_key_is_asked_for_the_other_kinds_although_one_exchange_fails() {
    let mut bench = stranger(Mode::Good).await;
    let connections = second_is_turned_away(&mut bench).await;
    let outcome = bench.attempt().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Overloaded, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("MaxStartups"), "{}", outcome.message);
    assert_eq!(shown(&bench), [format!("ssh-ed25519 {}", bench.fleet.host_key())]);
    assert_eq!(connections.load(Ordering::Relaxed), 3, "one for each kind of key");
}
