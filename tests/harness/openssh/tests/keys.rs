//! Host keys of real servers are collected of every kind, and the servers' own log knows nobody who tried to log in.

use super::ways::{authority, hop, sign, through};
use super::*;
use std::process::Stdio;
use std::sync::Mutex;
use switchyard_shared::ssh::HostKey;
use tokio::process::Command;

/// Remembers what a device shows.
#[derive(Default)]
struct Onlooker(Mutex<Vec<HostKey>>);

impl AttemptContext for Onlooker {
    fn progress(&self, _phase: Phase) {}

    fn shows(&self, keys: Vec<HostKey>) {
        *self.0.lock().expect("no test panics with it") = keys;
    }

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        panic!("who collects keys writes nothing")
    }
}

/// A task that knows the device's address and nothing else.
fn unknown(fleet: &OpenSshFleet) -> Task {
    let mut task = task(fleet, &fleet.entries()[0]);
    (task.work, task.purpose) = (Work::HostKeys, Purpose::Compare);
    (task.endpoint.username, task.endpoint.credential_ref) = (String::new(), String::new());
    task.endpoint.host_keys.clear();
    task
}

async fn collect(fleet: &OpenSshFleet, task: &Task) -> (Outcome, Vec<HostKey>) {
    let (executor, onlooker) = (SshExecutor::new(fleet.dir(), SystemClock::shared()), Onlooker::default());
    let outcome = executor.attempt(task, &onlooker, CancellationToken::new()).await;
    (outcome, onlooker.0.into_inner().expect("no test panics with it"))
}

/// Makes host keys of these kinds for a fleet that names them in its `sshd_config`, and gives their fingerprints.
async fn host_keys(fleet: &OpenSshFleet, kinds: &[&str]) -> Vec<String> {
    let mut prints = Vec::new();
    for kind in kinds {
        let path = fleet.dir().join("keys").join(format!("host_{kind}")).display().to_string();
        if *kind != "ed25519" {
            output("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", &path]).await.expect("a key");
        }
        let print = output("ssh-keygen", &["-l", "-E", "sha256", "-f", &path]).await.expect("a fingerprint");
        prints.push(print.split_whitespace().nth(1).expect("a hash").to_owned());
    }
    prints
}

/// A server with keys of three kinds.
async fn three_kinds() -> (OpenSshFleet, tempfile::TempDir, Vec<String>) {
    let change = |config: &mut OpenSshConfig| {
        let keys = config.dir.join("keys").display().to_string();
        config.sshd_lines = format!("LogLevel VERBOSE\nHostKey {keys}/host_rsa\nHostKey {keys}/host_ecdsa");
    };
    let (fleet, dir) = fleet(1, change).await;
    let prints = host_keys(&fleet, &["ed25519", "ecdsa", "rsa"]).await;
    (fleet, dir, prints)
}

fn shown(keys: &[HostKey]) -> Vec<(&str, &str)> {
    keys.iter().map(|key| (key.algorithm.as_str(), key.fingerprint.as_str())).collect()
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn every_kind_of_key_of_a_real_server_is_collected_as_ssh_keygen_prints_it() {
    let (fleet, _dir, prints) = three_kinds().await;
    let (outcome, keys) = collect(&fleet, &unknown(&fleet)).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Unchanged), "{outcome:?}");
    let kinds = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"];
    let expected: Vec<(&str, &str)> = kinds.into_iter().zip(prints.iter().map(String::as_str)).collect();
    assert_eq!(shown(&keys), expected);
    assert_eq!(count(&fleet, "dev001", Kind::Contact), 3, "one key exchange each");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
async fn the_log_of_a_real_server_knows_nobody_who_tried_to_log_in() {
    let (fleet, dir, _) = three_kinds().await;
    let log = dir.path().join("sshd.log");
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut task = unknown(&fleet);
    (task.endpoint.hostname, task.endpoint.port) =
        ("127.0.0.1".into(), socket.local_addr().expect("an address").port());
    let (sshd, config) = (fleet.setup.sshd, fleet.setup.config.clone());
    let serving = async {
        loop {
            let (stream, _) = socket.accept().await.expect("a connection");
            let stream = stream.into_std().expect("a socket");
            stream.set_nonblocking(false).expect("a mode");
            let input = std::os::fd::OwnedFd::from(stream);
            let (mut command, output) = (Command::new(sshd), input.try_clone().expect("a copy"));
            command.arg("-i").arg("-E").arg(&log).arg("-f").arg(&config);
            command.stdin(input).stdout(output).stderr(Stdio::null());
            let ended = command.spawn().expect("sshd");
            drop(command);
            ended.wait_with_output().await.expect("its end");
        }
    };
    let of_one_login = async {
        let (outcome, keys) = collect(&fleet, &task).await;
        assert_eq!((outcome.class, keys.len()), (Class::Ok, 3), "{outcome:?}");
        let read = || std::fs::read_to_string(&log).unwrap_or_default();
        let ended = |text: String| (text.matches("[preauth]").count() >= 3).then_some(text);
        let mut said = None;
        while said.is_none() {
            tokio::task::yield_now().await;
            said = ended(read());
        }
        let collected = said.expect("it was waited for");
        let tried = ["user", "publickey", "Accepted", "Failed", "password"];
        assert!(!tried.iter().any(|word| collected.contains(word)), "{collected}");
        let mut login = super::task(&fleet, &fleet.entries()[0]);
        (login.endpoint.hostname, login.endpoint.port) = (task.endpoint.hostname.clone(), task.endpoint.port);
        let executor = SshExecutor::new(fleet.dir(), SystemClock::shared());
        executor.attempt(&login, &OpenGate, CancellationToken::new()).await;
        assert!(read().contains("Accepted publickey"), "the log would have told: {}", read());
    };
    tokio::select! {
        () = serving => {}
        ended = tokio::time::timeout(Duration::from_secs(60), of_one_login) => ended.expect("it ends"),
    }
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn keys_behind_a_jump_host_are_collected_through_it_and_it_must_be_pinned() {
    let ((fleet, _dir, prints), (hop, _its)) = (three_kinds().await, hop("AllowTcpForwarding yes").await);
    let mut task = unknown(&fleet);
    let jump = through(&hop);
    task.endpoint.ssh.jump = Some(Box::new(jump.clone()));
    let (outcome, keys) = collect(&fleet, &task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert_eq!(keys.iter().map(|key| key.fingerprint.clone()).collect::<Vec<_>>(), prints);
    let strange = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    let stranger = switchyard_shared::ssh::JumpHost { host_keys: vec![strange.into()], ..jump };
    task.endpoint.ssh.jump = Some(Box::new(stranger));
    let (outcome, keys) = collect(&fleet, &task).await;
    assert_eq!((outcome.class, keys.len()), (Class::AgentError, 0), "{outcome:?}");
    assert!(outcome.message.starts_with("jump host 127.2"), "{}", outcome.message);
    assert_eq!(count(&fleet, "dev001", Kind::Contact), 3, "the device was asked through the pinned one only");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_certificate_is_shown_with_its_authority_and_why_it_would_not_be_believed() {
    let line = |config: &mut OpenSshConfig| {
        let keys = config.dir.join("keys").display().to_string();
        config.sshd_lines = format!("HostCertificate {keys}/host_ed25519-cert.pub");
    };
    let (fleet, _dir) = fleet(1, line).await;
    let (ca, print) = authority(&fleet, "ca").await;
    let host = fleet.entries()[0].address.ip().to_string();
    sign(&ca, &["-h", "-n", &host, "-V", "-1m:+1h"], &fleet.dir().join("keys/host_ed25519.pub")).await;
    let mut task = unknown(&fleet);
    for (authorities, refused) in [(vec![print.clone()], false), (vec![], true)] {
        task.endpoint.ssh.host_ca = authorities;
        let (_, keys) = collect(&fleet, &task).await;
        assert_eq!(shown(&keys), [("ssh-ed25519", fleet.host_key())], "the key within it can be pinned");
        let certificate = keys[0].certificate.as_ref().expect("a certificate");
        assert_eq!((&certificate.authority, certificate.refusal.is_some()), (&print, refused));
    }
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn an_old_server_shows_its_key_to_the_profile_that_knows_it_and_the_others_are_told_which() {
    let (fleet, _dir) = fleet(1, |config| config.sshd_lines = super::OLD.into()).await;
    let mut task = unknown(&fleet);
    let (outcome, keys) = collect(&fleet, &task).await;
    assert_eq!((outcome.class, keys.len()), (Class::Unreachable, 0), "{outcome:?}");
    assert!(outcome.hint.contains("{ssh: {algorithms: legacy}}"), "{}", outcome.hint);
    task.endpoint.ssh.algorithms = Algorithms::Legacy;
    assert_eq!(shown(&collect(&fleet, &task).await.1), [("ssh-ed25519", fleet.host_key())]);
}
