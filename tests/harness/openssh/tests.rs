//! The executor against real OpenSSH, whose forced command is the witness.

mod keys;
mod ways;

use super::setup::output;
use super::*;
use futures_util::future::{BoxFuture, join_all};
use std::time::Duration;
use switchyard_agent::executor::ssh::SshExecutor;
use switchyard_agent::executor::{AttemptContext, Executor, GateRefused};
use switchyard_agent::secrets::SiteKey;
use switchyard_agent::simulator::Kind;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::ssh::Algorithms;
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Purpose, Task, Timeouts, Work};
use tokio_util::sync::CancellationToken;

struct OpenGate;

impl AttemptContext for OpenGate {
    fn progress(&self, _phase: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

async fn fleet(devices: usize, change: impl FnOnce(&mut OpenSshConfig)) -> (OpenSshFleet, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut config = OpenSshConfig::new(dir.path(), devices);
    change(&mut config);
    (OpenSshFleet::start(config).await.expect("OpenSSH servers"), dir)
}

fn task(fleet: &OpenSshFleet, entry: &Entry) -> Task {
    let long = Duration::from_secs(20);
    Task {
        op: OpId {
            rollout: RolloutName::new("ntp").expect("a name"),
            device: DeviceName::new(&entry.name).expect("a name"),
            attempt: 1,
        },
        endpoint: Endpoint {
            hostname: entry.address.ip().to_string(),
            port: entry.address.port(),
            username: fleet.username().into(),
            credential_ref: fleet.credential_ref(),
            host_keys: vec![fleet.host_key().into()],
            ssh: Default::default(),
            tls: Default::default(),
        },
        work: Work::command("configure-from-stdin", None),
        purpose: Default::default(),
        configuration: format!("hostname {}\n", entry.name).into_bytes().into(),
        timeouts: Timeouts { connect: long, command: long },
        breakers: BreakerSettings::default(),
        pools: PoolSettings::default(),
    }
}

async fn attempt(fleet: &OpenSshFleet, change: impl FnOnce(&mut Task)) -> Outcome {
    let mut task = task(fleet, &fleet.entries()[0]);
    change(&mut task);
    let executor = SshExecutor::new(fleet.dir(), SystemClock::shared());
    executor.attempt(&task, &OpenGate, CancellationToken::new()).await
}

fn count(fleet: &OpenSshFleet, device: &str, kind: Kind) -> usize {
    let ledger = fleet.ledger(device).expect("a ledger");
    ledger.iter().filter(|event| event.event == kind).count()
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_real_server_takes_the_configuration_once() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let outcome = attempt(&fleet, |_| {}).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    assert_eq!((outcome.exit_status, outcome.output.as_str()), (Some(0), "applied 16 bytes\n"));
    assert_eq!((count(&fleet, "dev001", Kind::Contact), count(&fleet, "dev001", Kind::Apply)), (1, 1));
    assert_eq!(fleet.running("dev001").expect("a file").as_deref(), Some(&b"hostname dev001\n"[..]));
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn the_largest_configuration_reaches_a_real_server_whole() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let bytes: Vec<u8> = (0..1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    let outcome = attempt(&fleet, |task| task.configuration = bytes.clone().into()).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert!(fleet.running("dev001").expect("a file") == Some(bytes));
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_real_server_with_another_key_gets_nothing() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let other = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    let outcome = attempt(&fleet, |task| task.endpoint.host_keys = vec![other.into()]).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::HostKeyMismatch, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains(fleet.host_key()), "{}", outcome.message);
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 0);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_real_server_refuses_a_stranger() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let host_key = format!("file:{}", fleet.dir().join("keys/host_ed25519").display());
    let outcome = attempt(&fleet, |task| task.endpoint.credential_ref = host_key).await;
    assert_eq!((outcome.class, outcome.phase), (Class::AuthFailed, Phase::Authenticate), "{outcome:?}");
    assert!(outcome.message.contains("it accepts: publickey"), "{}", outcome.message);
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 0);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn what_a_person_keeps_in_their_shell_files_never_runs_on_a_device() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let config = fleet.dir().join("sshd_config").display().to_string();
    let settings = output(fleet.setup.sshd, &["-T", "-f", &config]).await.expect("valid settings");
    let home = fleet.dir().join("home");
    assert!(settings.lines().any(|line| line == format!("setenv HOME={}", home.display())), "{settings}");
    assert_eq!(std::fs::read_dir(home).expect("a home").count(), 0);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_login_that_ends_in_a_disconnect_is_a_refusal_too() {
    let (fleet, _dir) = fleet(1, |config| config.sshd_lines = "MaxAuthTries 1".into()).await;
    let host_key = format!("file:{}", fleet.dir().join("keys/host_ed25519").display());
    let outcome = attempt(&fleet, |task| task.endpoint.credential_ref = host_key).await;
    assert_eq!((outcome.class, outcome.phase), (Class::AuthFailed, Phase::Authenticate), "{outcome:?}");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn rsa_keys_log_in_with_current_hashes() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let key = fleet.dir().join("keys/rsa").display().to_string();
    output("ssh-keygen", &["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", &key]).await.expect("a key");
    let authorized = fleet.dir().join("keys/authorized_keys");
    std::fs::copy(format!("{key}.pub"), authorized).expect("a copy");
    let outcome = attempt(&fleet, |task| task.endpoint.credential_ref = format!("file:{key}")).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_key_with_a_passphrase_is_a_credential_problem() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    let key = fleet.dir().join("keys/locked").display().to_string();
    output("ssh-keygen", &["-q", "-t", "ed25519", "-N", "swordfish", "-f", &key]).await.expect("a key");
    let outcome = attempt(&fleet, |task| task.endpoint.credential_ref = format!("file:{key}")).await;
    assert_eq!(outcome.class, Class::CredentialUnavailable, "{outcome:?}");
    assert!(outcome.message.contains("passphrase"), "{}", outcome.message);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn curves_that_older_devices_have_are_spoken() {
    for exchange in ["ecdh-sha2-nistp256", "diffie-hellman-group14-sha1"] {
        let line = format!("KexAlgorithms {exchange}");
        let (fleet, _dir) = fleet(1, |config| config.sshd_lines = line).await;
        let modern = attempt(&fleet, |task| task.endpoint.ssh.algorithms = Algorithms::Modern).await;
        assert_eq!(modern.class, Class::Unreachable, "{modern:?}");
        assert!(modern.hint.contains("{ssh: {algorithms: compat}}"), "{}", modern.hint);
        assert_eq!(attempt(&fleet, |_| {}).await.class, Class::Ok, "{exchange}");
    }
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_server_that_opens_no_session_is_overloaded() {
    let (fleet, _dir) = fleet(1, |config| config.sshd_lines = "MaxSessions 0".into()).await;
    let outcome = attempt(&fleet, |_| {}).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Overloaded, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 0);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn what_a_real_server_refuses_is_told_in_its_words() {
    let (fleet, _dir) = fleet(1, |config| config.reject = Some(Ranges::of(1..=1))).await;
    let outcome = attempt(&fleet, |_| {}).await;
    assert_eq!((outcome.class, outcome.exit_status), (Class::Rejected, Some(1)), "{outcome:?}");
    assert!(outcome.message.contains("line 1: syntax error"), "{}", outcome.message);
    assert_eq!((count(&fleet, "dev001", Kind::Reject), count(&fleet, "dev001", Kind::Apply)), (1, 0));
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_server_that_dies_after_the_write_leaves_doubt() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    set_play(fleet.dir(), "dev001", Play::Drop).expect("a file");
    let outcome = attempt(&fleet, |_| {}).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 1);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn silent_devices_cost_one_connect_timeout_and_the_others_nothing() {
    let (fleet, _dir) = fleet(20, |config| config.hang = Some(Ranges::of(11..=20))).await;
    let executor = SshExecutor::new(fleet.dir(), SystemClock::shared());
    let attempts = fleet.entries().iter().map(async |entry| {
        let mut task = task(&fleet, entry);
        task.timeouts.connect = Duration::from_secs(8);
        executor.attempt(&task, &OpenGate, CancellationToken::new()).await
    });
    for (entry, outcome) in fleet.entries().iter().zip(join_all(attempts).await) {
        let (class, applies) =
            if entry.name.as_str() < "dev011" { (Class::Ok, 1) } else { (Class::Timeout, 0) };
        assert_eq!((outcome.class, count(&fleet, &entry.name, Kind::Apply)), (class, applies), "{outcome:?}");
        assert_eq!(count(&fleet, &entry.name, Kind::Contact), 1);
    }
}

fn readable(task: &mut Task) {
    task.work = Work::command("configure-from-stdin", Some(READ_COMMAND));
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_real_server_that_has_it_already_is_read_and_not_written() {
    // One session at a time: the reading must be over before the write begins.
    let (fleet, _dir) = fleet(1, |config| config.sshd_lines = "MaxSessions 1".into()).await;
    let first = attempt(&fleet, readable).await;
    assert_eq!((first.class, first.left_as), (Class::Ok, LeftAs::Changed), "{first:?}");
    let second = attempt(&fleet, readable).await;
    assert_eq!((second.class, second.left_as), (Class::Unchanged, LeftAs::Unchanged), "{second:?}");
    assert_eq!((count(&fleet, "dev001", Kind::Read), count(&fleet, "dev001", Kind::Apply)), (2, 1));
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_real_server_lost_after_the_write_is_settled_by_reading_it() {
    for (play, found) in [(Play::Drop, Found::Applied), (Play::Half, Found::Different)] {
        let (fleet, _dir) = fleet(1, |_| {}).await;
        set_play(fleet.dir(), "dev001", play).expect("a file");
        let lost = attempt(&fleet, readable).await;
        assert_eq!(lost.class, Class::LostAfterWrite, "{play:?}: {lost:?}");
        let settle = |task: &mut Task| {
            readable(task);
            task.purpose = Purpose::Settle { before: Some(SiteKey::of(fleet.dir()).digest(b"")) };
        };
        let outcome = attempt(&fleet, settle).await;
        assert_eq!((outcome.class, outcome.found), (Class::Ok, Some(found)), "{play:?}: {outcome:?}");
        let ledger = fleet.ledger("dev001").expect("a ledger");
        let writes = ledger.iter().filter(|event| event.event.ends_a_write()).count();
        assert_eq!((writes, count(&fleet, "dev001", Kind::Read)), (1, 2), "{play:?}");
    }
}

/// What a device of twenty years ago speaks.
const OLD: &str = "KexAlgorithms diffie-hellman-group1-sha1\nCiphers aes128-cbc\nMACs hmac-sha1";

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn an_old_server_is_refused_with_the_profile_to_set_and_works_with_it() {
    let (fleet, _dir) = fleet(1, |config| config.sshd_lines = OLD.into()).await;
    for profile in [Algorithms::Modern, Algorithms::Compat] {
        let outcome = attempt(&fleet, |task| task.endpoint.ssh.algorithms = profile).await;
        assert_eq!((outcome.class, outcome.phase), (Class::Unreachable, Phase::Connect), "{outcome:?}");
        assert!(outcome.message.contains("diffie-hellman-group1-sha1"), "{}", outcome.message);
        assert!(outcome.hint.contains("connection_options: {ssh: {algorithms: legacy}}"), "{}", outcome.hint);
    }
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 0);
    let outcome = attempt(&fleet, |task| task.endpoint.ssh.algorithms = Algorithms::Legacy).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    assert_eq!(count(&fleet, "dev001", Kind::Apply), 1);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_current_server_works_with_every_profile() {
    let (fleet, _dir) = fleet(1, |_| {}).await;
    for profile in Algorithms::ALL {
        let outcome = attempt(&fleet, |task| task.endpoint.ssh.algorithms = *profile).await;
        assert_eq!(outcome.class, Class::Ok, "{profile}: {outcome:?}");
    }
}
