//! The ways that networks have to a device: through a jump host, by certificates, with a key that an ssh-agent holds.

use super::{OpenGate, count, fleet, task};
use crate::openssh::setup::output;
use crate::openssh::{OpenSshConfig, OpenSshFleet};
use futures_util::future::BoxFuture;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use switchyard_agent::clock::SystemClock;
use switchyard_agent::executor::ssh::{Door, SshExecutor};
use switchyard_agent::executor::{AttemptContext, Executor, GateRefused};
use switchyard_agent::platform::Platforms;
use switchyard_agent::secrets::{Secrets, SiteKey};
use switchyard_agent::simulator::{Kind, Ranges};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::ssh::JumpHost;
use switchyard_shared::task::Task;
use tokio_util::sync::CancellationToken;

const STRANGE: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// A jump host, as the only device of a fleet of its own.
pub(super) async fn hop(lines: &str) -> (OpenSshFleet, tempfile::TempDir) {
    let lines = lines.to_owned();
    fleet(1, |config| (config.sshd_lines, config.address) = (lines, Ipv4Addr::new(127, 21, 0, 1))).await
}

pub(super) fn through(hop: &OpenSshFleet) -> JumpHost {
    let entry = &hop.entries()[0];
    JumpHost {
        hostname: entry.address.ip().to_string(),
        port: entry.address.port(),
        username: hop.username().into(),
        credential_ref: hop.credential_ref(),
        host_keys: vec![hop.host_key().into()],
        algorithms: JumpHost::algorithms_default(),
    }
}

fn tasks(fleet: &OpenSshFleet, jump: &JumpHost) -> Vec<Task> {
    let of = |entry| {
        let mut task = task(fleet, entry);
        task.endpoint.ssh.jump = Some(Box::new(jump.clone()));
        task
    };
    fleet.entries().iter().map(of).collect()
}

async fn attempt(executor: &SshExecutor, task: &Task) -> Outcome {
    executor.attempt(task, &OpenGate, CancellationToken::new()).await
}

fn executor(fleet: &OpenSshFleet) -> SshExecutor {
    SshExecutor::new(fleet.dir(), SystemClock::shared())
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn devices_behind_a_jump_host_share_one_connection_to_it() {
    let ((fleet, _dir), (hop, _its)) = (fleet(3, |_| {}).await, hop("AllowTcpForwarding yes").await);
    let executor = executor(&fleet);
    let tasks = tasks(&fleet, &through(&hop));
    let (one, two) = tokio::join!(attempt(&executor, &tasks[0]), attempt(&executor, &tasks[1]));
    let three = attempt(&executor, &tasks[2]).await;
    for outcome in [one, two, three] {
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    }
    assert_eq!(count(&hop, "dev001", Kind::Contact), 1, "one connection for all of them");
    assert_eq!(count(&fleet, "dev003", Kind::Apply), 1);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn what_is_wrong_with_a_jump_host_is_no_failure_of_the_device() {
    let ((fleet, _dir), (hop, _its)) = (fleet(1, |_| {}).await, hop("AllowTcpForwarding no").await);
    let good = through(&hop);
    let strange = JumpHost { host_keys: vec![STRANGE.into()], ..good.clone() };
    let stranger_key = format!("file:{}", fleet.dir().join("keys/host_ed25519").display());
    let stranger = JumpHost { credential_ref: stranger_key, ..good.clone() };
    let away = JumpHost { hostname: "127.22.0.1".into(), ..good.clone() };
    for (jump, why) in [
        (&good, "lets nobody through to dev001"),
        (&strange, "showed host key"),
        (&stranger, "refused the private key"),
        (&away, "refused the connection"),
    ] {
        let outcome = attempt(&executor(&fleet), &tasks(&fleet, jump)[0]).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::AgentError, LeftAs::Unchanged), "{outcome:?}");
        assert!(outcome.message.starts_with("jump host 127.2"), "{}", outcome.message);
        assert!(outcome.message.contains(why), "{}", outcome.message);
    }
    assert_eq!(count(&fleet, "dev001", Kind::Contact), 0, "no device was tried");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_jump_host_that_hangs_is_named_by_every_device_behind_it() {
    let (fleet, _dir) = fleet(2, |_| {}).await;
    let silent = |config: &mut OpenSshConfig| {
        (config.hang, config.address) = (Some(Ranges::of(1..=1)), Ipv4Addr::new(127, 21, 0, 1));
    };
    let (hop, _its) = super::fleet(1, silent).await;
    let executor = executor(&fleet);
    let mut tasks = tasks(&fleet, &through(&hop));
    tasks.iter_mut().for_each(|task| task.timeouts.connect = Duration::from_secs(2));
    let (one, two) = tokio::join!(attempt(&executor, &tasks[0]), attempt(&executor, &tasks[1]));
    for outcome in [one, two] {
        assert_eq!((outcome.class, outcome.left_as), (Class::AgentError, LeftAs::Unchanged), "{outcome:?}");
        assert!(outcome.message.starts_with("jump host 127.21.0.1:"), "{}", outcome.message);
        assert!(outcome.message.contains("did not complete the SSH handshake"), "{}", outcome.message);
    }
    assert_eq!(count(&hop, "dev001", Kind::Contact), 1, "one connection for both");
    assert_eq!(count(&fleet, "dev001", Kind::Contact), 0, "no device was tried");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_jump_host_that_is_killed_under_a_write_is_named_in_the_doubt() {
    let (fleet, _dir) = fleet(1, |config| config.sshd_lines = "ForceCommand sleep 60".into()).await;
    let (hop, _its) = hop("AllowTcpForwarding yes").await;
    let (executor, task) = (executor(&fleet), tasks(&fleet, &through(&hop)).remove(0));
    let gate = WatchedGate::default();
    let attempt = executor.attempt(&task, &gate, CancellationToken::new());
    let killing = async {
        while !gate.is_open.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        drop(hop);
    };
    let (outcome, ()) = tokio::join!(attempt, killing);
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert!(outcome.message.starts_with("jump host 127.21.0.1:"), "{}", outcome.message);
    assert!(gate.way_is_lost.load(Ordering::SeqCst));
}

/// Tells when it has opened, and whether the way to the device was lost.
#[derive(Default)]
struct WatchedGate {
    is_open: AtomicBool,
    way_is_lost: AtomicBool,
}

impl AttemptContext for WatchedGate {
    fn progress(&self, _phase: Phase) {}

    fn way_lost(&self) {
        self.way_is_lost.store(true, Ordering::SeqCst);
    }

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        self.is_open.store(true, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_jump_host_that_refused_the_login_is_not_asked_again_for_every_device() {
    let ((fleet, _dir), (hop, _its)) = (fleet(2, |_| {}).await, hop("AllowTcpForwarding yes").await);
    let key = format!("file:{}", fleet.dir().join("keys/host_ed25519").display());
    let executor = executor(&fleet);
    for task in tasks(&fleet, &JumpHost { credential_ref: key, ..through(&hop) }) {
        let outcome = attempt(&executor, &task).await;
        assert_eq!(outcome.class, Class::AgentError, "{outcome:?}");
        assert!(outcome.message.contains(task.op.device.as_str()), "{}", outcome.message);
    }
    assert_eq!(count(&hop, "dev001", Kind::Contact), 1, "every further try may lock the account");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_device_that_its_jump_host_cannot_reach_is_unreachable() {
    let ((fleet, _dir), (hop, _its)) = (fleet(1, |_| {}).await, hop("AllowTcpForwarding yes").await);
    let mut task = tasks(&fleet, &through(&hop)).remove(0);
    task.endpoint.hostname = "127.22.0.9".into();
    let outcome = attempt(&executor(&fleet), &task).await;
    assert_eq!(outcome.class, Class::Unreachable, "{outcome:?}");
    assert!(outcome.message.contains("cannot be reached from jump host 127.21.0.1"), "{}", outcome.message);
}

/// An authority, as `name` in the keys of a fleet: its files, and its fingerprint.
pub(super) async fn authority(fleet: &OpenSshFleet, name: &str) -> (PathBuf, String) {
    let path = fleet.dir().join("keys").join(name);
    let shown = path.display().to_string();
    output("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &shown]).await.expect("a key");
    let print = output("ssh-keygen", &["-l", "-E", "sha256", "-f", &shown]).await.expect("a fingerprint");
    (path, print.split_whitespace().nth(1).expect("a hash").to_owned())
}

pub(super) async fn sign(authority: &Path, words: &[&str], public: &Path) {
    let (authority, public) = (authority.display().to_string(), public.display().to_string());
    let all = [&["-q", "-s", &authority, "-I", "test"], words, &[&public]].concat();
    output("ssh-keygen", &all).await.expect("a certificate");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_host_certificate_of_a_trusted_authority_needs_no_pinned_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = folder.path().join("keys/host_ed25519-cert.pub");
    let line = format!("HostCertificate {}", certificate.display());
    let mut config = crate::openssh::OpenSshConfig::new(folder.path(), 1);
    config.sshd_lines = line;
    let fleet = OpenSshFleet::start(config).await.expect("a fleet");
    let (ca, print) = authority(&fleet, "ca").await;
    let public = folder.path().join("keys/host_ed25519.pub");
    let host = fleet.entries()[0].address.ip().to_string();
    let mut task = task(&fleet, &fleet.entries()[0]);
    (task.endpoint.host_keys, task.endpoint.ssh.host_ca) = (Vec::new(), vec![print]);

    sign(&ca, &["-h", "-n", &host, "-V", "-1m:+1h"], &public).await;
    let outcome = attempt(&executor(&fleet), &task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");

    for (words, why) in [
        (&["-h", "-n", "other.example.net", "-V", "-1m:+1h"][..], "is for other.example.net, not for 127.20"),
        (&["-h", "-n", &host, "-V", "-2h:-1h"], "was valid until"),
    ] {
        sign(&ca, words, &public).await;
        let outcome = attempt(&executor(&fleet), &task).await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::HostKeyMismatch, LeftAs::Unchanged),
            "{outcome:?}"
        );
        assert!(outcome.message.contains(why), "{}", outcome.message);
    }
    sign(&ca, &["-h", "-n", &host, "-V", "-1m:+1h"], &public).await;
    task.endpoint.ssh.host_ca = vec![STRANGE.into()];
    let outcome = attempt(&executor(&fleet), &task).await;
    assert_eq!(outcome.class, Class::HostKeyMismatch, "{outcome:?}");
    assert!(outcome.message.contains("which is not in host_ca"), "{}", outcome.message);
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 1);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_certificate_behind_the_private_key_logs_in() {
    logs_in_with_its_certificate("ed25519").await;
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_certificate_behind_an_rsa_key_logs_in_with_current_hashes() {
    logs_in_with_its_certificate("rsa").await;
}

/// A key of this kind at a server that knows an authority and no key.
#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
async fn logs_in_with_its_certificate(kind: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = folder.path().join("keys/ca.pub");
    let mut config = crate::openssh::OpenSshConfig::new(folder.path(), 1);
    config.sshd_lines = format!("TrustedUserCAKeys {}\nAuthorizedKeysFile none", trusted.display());
    let fleet = OpenSshFleet::start(config).await.expect("a fleet");
    let (ca, _) = authority(&fleet, "ca").await;
    let key = folder.path().join("keys/own");
    let shown = key.display().to_string();
    output("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", &shown]).await.expect("a key");
    let mut task = task(&fleet, &fleet.entries()[0]);
    task.endpoint.credential_ref = format!("file:{shown}");
    let alone = attempt(&executor(&fleet), &task).await;
    assert_eq!(alone.class, Class::AuthFailed, "the bare key is nobody's: {alone:?}");

    sign(&ca, &["-n", fleet.username(), "-V", "-1m:+1h"], &key.with_extension("pub")).await;
    let both = folder.path().join("both");
    let read = |path: &Path| std::fs::read_to_string(path).expect("a file");
    let text = read(&key) + &read(&folder.path().join("keys/own-cert.pub"));
    crate::openssh::setup::write(&both, &text, 0o600).expect("a file");
    task.endpoint.credential_ref = format!("file:{}", both.display());
    let outcome = attempt(&executor(&fleet), &task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_key_that_an_ssh_agent_holds_logs_in_and_several_must_be_chosen_from() {
    let (fleet, dir) = fleet(1, |_| {}).await;
    let socket = dir.path().join("agent.sock");
    let mut agent = tokio::process::Command::new("ssh-agent");
    let listening =
        agent.args(["-D", "-a"]).arg(&socket).stdout(std::process::Stdio::null()).kill_on_drop(true);
    let _agent = listening.spawn().expect("an ssh-agent");
    crate::wait::until("the ssh-agent listens", || socket.exists().then_some(()));
    let (secrets, key) = (Secrets::new(fleet.dir()).with_ssh_agent(socket.clone()), SiteKey::of(fleet.dir()));
    let clock = SystemClock::shared();
    let executor = SshExecutor::through(Door::new(secrets, key, clock.clone()), Platforms::built_in(), clock);
    let mut task = task(&fleet, &fleet.entries()[0]);
    task.endpoint.credential_ref = "ssh-agent:".into();
    let nothing = attempt(&executor, &task).await;
    assert_eq!(nothing.class, Class::CredentialUnavailable, "{nothing:?}");
    assert!(nothing.message.contains("it holds none"), "{}", nothing.message);

    let add = async |name: &str| {
        let key = fleet.dir().join("keys").join(name).display().to_string();
        let socket = format!("SSH_AUTH_SOCK={}", socket.display());
        output("env", &[&socket, "ssh-add", "-q", &key]).await.expect("it is added");
    };
    add("netops_ed25519").await;
    let outcome = attempt(&executor, &task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    let (_, other) = authority(&fleet, "other").await;
    add("other").await;
    let several = attempt(&executor, &task).await;
    assert!(
        several.message.contains("choose one of 2 keys") && several.message.contains(&other),
        "{several:?}"
    );
    task.endpoint.credential_ref = format!("ssh-agent:{other}");
    let refused = attempt(&executor, &task).await;
    assert_eq!(refused.class, Class::AuthFailed, "{refused:?}");
    assert!(refused.message.contains("refused the key of the ssh-agent"), "{}", refused.message);
}
