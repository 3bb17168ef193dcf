//! What hangs on our side of the wire is never told as the silence of a device.

use super::bench::Bench;
use crate::clock::SystemClock;
use crate::executor::Executor;
use crate::executor::ssh::{Door, SshExecutor};
use crate::platform::Platforms;
use crate::secrets::vault::{Token, Vault, VaultSettings};
use crate::secrets::{Secret, Secrets, SiteKey};
use crate::simulator::{Kind, Mode};
use russh::keys::{Algorithm, PrivateKey, key::safe_rng};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::task::AbortOnDropHandle;

/// `SSH_AGENT_IDENTITIES_ANSWER` of draft-ietf-sshm-ssh-agent.
const IDENTITIES: u8 = 12;

/// An ssh-agent that lists the keys that it holds now and never signs; one that holds nothing never answers at all.
fn played_agent(socket: &Path, held: Arc<Mutex<Vec<PrivateKey>>>) -> AbortOnDropHandle<()> {
    let listener = UnixListener::bind(socket).expect("a socket");
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let keys = held.lock().expect("no test panics with it").clone();
            if !keys.is_empty() {
                let mut question = [0; 5];
                stream.read_exact(&mut question).await.expect("a question");
                stream.write_all(&listed(&keys)).await.expect("an answer");
            }
            open.push(stream);
        }
    }))
}

fn listed(keys: &[PrivateKey]) -> Vec<u8> {
    let string = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).expect("a short text");
        [&length.to_be_bytes()[..], bytes].concat()
    };
    let mut body = vec![IDENTITIES];
    body.extend(u32::try_from(keys.len()).expect("few keys").to_be_bytes());
    for key in keys {
        body.extend(string(&key.public_key().to_bytes().expect("a key")));
        body.extend(string(b"a key"));
    }
    string(&body)
}

fn key() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key")
}

/// A device that is logged in to with this ssh-agent.
async fn with_agent(held: &Arc<Mutex<Vec<PrivateKey>>>) -> (Bench, AbortOnDropHandle<()>) {
    let mut bench = Bench::new(Mode::Good).await;
    let (folder, clock) = (bench.folder.path().to_owned(), SystemClock::shared());
    let socket = folder.join("agent.sock");
    let agent = played_agent(&socket, held.clone());
    let secrets = Secrets::new(&folder).with_ssh_agent(socket);
    let door = Door::new(secrets, SiteKey::of(&folder), clock.clone());
    bench.executor = SshExecutor::through(door, Platforms::built_in(), clock);
    bench.task.endpoint.credential_ref = "ssh-agent:".into();
    bench.task.timeouts.connect = Duration::from_millis(6000);
    (bench, agent)
}

/// The key that the device lets in.
#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
fn known_key(bench: &Bench) -> PrivateKey {
    let reference = bench.fleet.credential_ref();
    let path = bench.folder.path().join(reference.strip_prefix("file:").expect("a file"));
    let pem = std::fs::read_to_string(path).expect("a key");
    russh::keys::decode_secret_key(&pem, None).expect("a key")
}

async fn not_to_be_had(bench: &Bench) -> Outcome {
    let outcome = bench.attempt().await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::CredentialUnavailable, Phase::Queue, LeftAs::Unchanged), "{outcome:?}");
    outcome
}

#[tokio::test]
async fn an_ssh_agent_that_never_answers_is_named_and_no_device_is_asked() {
    let (bench, _agent) = with_agent(&Arc::default()).await;
    let outcome = not_to_be_had(&bench).await;
    assert!(outcome.message.contains("ask the ssh-agent: no answer within 2s"), "{outcome:?}");
    assert_eq!(bench.count(Kind::Contact), 0);
}

#[tokio::test]
async fn an_ssh_agent_that_never_signs_is_named_and_its_device_is_not_to_blame() {
    let held = Arc::default();
    let (bench, _agent) = with_agent(&held).await;
    *held.lock().expect("no test panics with it") = vec![known_key(&bench)];
    let outcome = not_to_be_had(&bench).await;
    assert!(outcome.message.contains("have the ssh-agent sign: no answer within 2s"), "{outcome:?}");
}

#[tokio::test]
async fn another_key_in_the_ssh_agent_is_another_secret_and_one_that_hangs_is_none() {
    let held = Arc::new(Mutex::new(vec![key()]));
    let (bench, _agent) = with_agent(&held).await;
    let fingerprint = async || bench.executor.fingerprint("ssh-agent:".into()).await;
    let first = fingerprint().await;
    assert!(first.is_some());
    assert_eq!(fingerprint().await, first);
    *held.lock().expect("no test panics with it") = vec![key()];
    let second = fingerprint().await;
    assert!(second.is_some() && second != first);
    held.lock().expect("no test panics with it").clear();
    assert_eq!(fingerprint().await, None);
}

#[tokio::test]
async fn a_program_that_never_gives_its_secret_is_named_and_no_device_is_asked() {
    let mut bench = Bench::new(Mode::Good).await;
    bench.put("secret-commands.yaml", "stuck: {argv: [/bin/sleep, \"60\"]}\n");
    bench.task.endpoint.credential_ref = "exec:stuck".into();
    bench.task.timeouts.connect = Duration::from_millis(900);
    let outcome = not_to_be_had(&bench).await;
    assert!(outcome.message.starts_with("credential exec:stuck of dev001: failed to read it"), "{outcome:?}");
    assert!(outcome.message.contains("no answer within 450ms"), "{outcome:?}");
    let failure = crate::executor::ssh::credential(&Secrets::new(bench.folder.path()), &bench.task).await;
    let failure = failure.expect_err("and so for every transport");
    assert_eq!(failure.class, Class::CredentialUnavailable);
    assert_eq!(bench.count(Kind::Contact), 0);
}

#[tokio::test]
async fn a_vault_that_never_answers_is_named_and_no_device_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let token = Token::Text(Secret::new("t".into()));
    let settings = VaultSettings { address: address.clone(), token, ca: None, namespace: None };
    let vault = Vault::new(settings, SystemClock::shared()).await.expect("a Vault");
    let mut bench = Bench::new(Mode::Good).await;
    let secrets = Secrets::new(bench.folder.path()).with_vault(Some(vault));
    let clock = SystemClock::shared();
    let door = Door::new(secrets, SiteKey::of(bench.folder.path()), clock.clone());
    bench.executor = SshExecutor::through(door, Platforms::built_in(), clock);
    bench.task.endpoint.credential_ref = "vault:kv/net".into();
    for (seconds, says) in [(1, "credential vault:kv/net of dev001"), (10, address.as_str())] {
        bench.task.timeouts.connect = Duration::from_secs(seconds);
        let outcome = not_to_be_had(&bench).await;
        assert!(outcome.message.contains(says), "{outcome:?}");
        assert!(outcome.message.contains("no answer within"), "{outcome:?}");
    }
    assert_eq!(bench.count(Kind::Contact), 0);
}
