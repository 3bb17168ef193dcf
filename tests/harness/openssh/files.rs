//! The platform `linux` against real OpenSSH and sh: one file, to the byte, and nothing else touched.
#![expect(clippy::disallowed_methods, reason = "a test's own folder")]

use super::setup::write;
use super::{OpenSshConfig, OpenSshFleet};
use futures_util::future::BoxFuture;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_agent::clock::SystemClock;
use switchyard_agent::executor::executors::Executors;
use switchyard_agent::executor::{AttemptContext, Executor, GateRefused};
use switchyard_agent::fs::RealFs;
use switchyard_agent::platform::Platforms;
use switchyard_agent::secrets::Secrets;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Mode, Procedure, Transport};
use switchyard_shared::task::{
    BreakerSettings, CONFIGURATION_BYTES_MAX, Endpoint, PoolSettings, Purpose, Task, Timeouts, Work,
};
use tokio_util::sync::CancellationToken;

/// Lets every write through, and keeps the difference that a plan shows.
#[derive(Default)]
struct OpenGate(Mutex<String>);

impl AttemptContext for OpenGate {
    fn progress(&self, _phase: Phase) {}

    fn differs(&self, diff: String) {
        *self.0.lock().expect("no test panics with it") = diff;
    }

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

/// A real server whose logins print things, a definition, and the file that it is about.
struct Host {
    fleet: OpenSshFleet,
    executors: Executors,
    /// The folder of the file.
    folder: PathBuf,
    attempts: u32,
    gate: OpenGate,
    _dir: tempfile::TempDir,
}

impl Host {
    /// With more of the definition's `file`, in which `@` is the folder of the file.
    async fn new(more: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = OpenSshConfig::new(dir.path().join("sshd"), 1);
        config.sshd_lines = "ForceCommand none".into();
        let fleet = OpenSshFleet::start(config).await.expect("OpenSSH servers");
        write(&fleet.dir().join("home/.bashrc"), "echo Welcome; printf 'r1# '\n", 0o644).expect("a file");
        let (folder, platforms) = (dir.path().join("etc"), dir.path().join("agent/platforms"));
        for folder in [&folder, &platforms] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        let at = folder.display().to_string();
        let definition = format!(
            "api_version: switchyard/v1\nkind: Platform\nname: mine\nfile:\n  path: {at}/conf\n{}",
            more.replace('@', &at)
        );
        write(&platforms.join("mine.yaml"), &definition, 0o644).expect("a file");
        let platforms = Platforms::built_in().with_folder(&platforms, &RealFs).expect("a definition");
        let (data, clock) = (dir.path().join("agent"), SystemClock::shared());
        let executors = Executors::with_platforms(&data, Secrets::new(&data), platforms, clock);
        let (executors, gate) = (executors.expect("executors"), OpenGate::default());
        Self { fleet, executors, folder, attempts: 0, gate, _dir: dir }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("conf")
    }

    fn has(&self) -> Vec<u8> {
        std::fs::read(self.file()).expect("the file")
    }

    /// The folder and everything in it, with what a write would change of them: also one that leaves no file behind.
    fn all(&self) -> Vec<(PathBuf, u64, i64, i64)> {
        let entries = std::fs::read_dir(&self.folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path()).chain([self.folder.clone()]);
        let of = |path: PathBuf| {
            let meta = path.symlink_metadata().expect("its data");
            (path, meta.ino(), meta.ctime(), meta.ctime_nsec())
        };
        let mut all: Vec<_> = paths.map(of).collect();
        all.sort();
        all
    }

    async fn attempt(&mut self, text: &[u8], purpose: Purpose, mode: Mode) -> Outcome {
        self.attempts += 1;
        let entry = &self.fleet.entries()[0];
        let long = Duration::from_secs(20);
        let procedure = Procedure { mode, ..Procedure::new(Transport::SshCli, "mine") };
        let task = Task {
            op: OpId {
                rollout: RolloutName::new("ntp").expect("a name"),
                device: DeviceName::new(&entry.name).expect("a name"),
                attempt: self.attempts,
            },
            endpoint: Endpoint {
                hostname: entry.address.ip().to_string(),
                port: entry.address.port(),
                username: self.fleet.username().into(),
                credential_ref: self.fleet.credential_ref(),
                host_keys: vec![self.fleet.host_key().into()],
                ssh: Default::default(),
                tls: Default::default(),
            },
            work: Work::Driver(Arc::new(procedure)),
            purpose,
            configuration: text.into(),
            timeouts: Timeouts { connect: long, command: long },
            breakers: BreakerSettings::default(),
            pools: PoolSettings::default(),
        };
        self.executors.attempt(&task, &self.gate, CancellationToken::new()).await
    }

    fn names(&self) -> Vec<String> {
        let within = self.all().into_iter().filter(|(path, ..)| *path != self.folder);
        let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
        within.map(|(path, ..)| name(&path)).collect()
    }

    /// What the last plan showed.
    fn diff(&self) -> String {
        self.gate.0.lock().expect("no test panics with it").clone()
    }

    /// Waits until a file is gone from the folder.
    async fn until_gone(&self, name: &str) {
        let wait = async {
            while self.folder.join(name).exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it goes in time");
    }

    /// Reads it after a doubt whether it has `text`.
    async fn settle(&mut self, text: &[u8]) -> Outcome {
        self.attempt(text, Purpose::Settle { before: None }, Mode::Replace).await
    }

    async fn apply(&mut self, text: &[u8]) -> Outcome {
        self.attempt(text, Purpose::Apply, Mode::Replace).await
    }

    /// Puts back what was there before the attempt with this number.
    async fn back(&mut self, attempt: u32) -> Outcome {
        self.attempt(b"", Purpose::Restore { attempt, before: None, overwrite: false }, Mode::Replace).await
    }
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a file");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_plan_shows_the_true_difference_and_no_file_lies_beside_the_file_not_even_for_a_moment() {
    let mut host = Host::new("").await;
    put(&host.file(), b"server 192.0.2.1\nit's \"old\"\nlast");
    let before = host.all();
    let text = b"server 192.0.2.1\nit's new\nlast";
    let plan = host.attempt(text, Purpose::Compare, Mode::Replace).await;
    assert_eq!((plan.class, plan.left_as), (Class::Ok, LeftAs::Unchanged), "{plan:?}");
    let diff = concat!(
        "--- running\n+++ planned\n@@ -1,3 +1,3 @@\n server 192.0.2.1\n",
        "-it's \"old\"\n+it's new\n last\n\\ No newline at end of file\n"
    );
    assert_eq!(host.diff(), diff);
    assert_eq!(host.all(), before);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn every_text_arrives_to_the_byte_and_so_does_what_was_there_before() {
    let mut host = Host::new("").await;
    let large: Vec<u8> =
        (0..20_000).flat_map(|n| format!("line {n} of many, with $words\n").into_bytes()).collect();
    let first = b"it's \"old\" \\n $HOME `id`\r\n\xc3\xbc, no line end";
    for text in [
        &b"no line end"[..],
        b"a line end\n",
        b"\n\n  \n",
        b"'; touch /tmp/owned; '\n",
        b"'\\''$(touch /tmp/owned)`touch /tmp/owned`\n",
        b"EOF\n.\n\\\n--\n-n\n%s %d\n!!\n",
        b"a\r\nb\r\n\tc\x1b[31m\n",
        "ü€😀\u{2028}\n".as_bytes(),
        &large,
    ] {
        put(&host.file(), first);
        let outcome = host.apply(text).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
        assert_eq!(host.has(), text);
        let written = host.attempts;
        let before = host.all();
        for purpose in [Purpose::Apply, Purpose::Compare] {
            let again = host.attempt(text, purpose, Mode::Replace).await;
            assert_eq!(again.class, Class::Unchanged, "{again:?}");
        }
        let differs = host.attempt(b"other\n", Purpose::Compare, Mode::Replace).await;
        assert_eq!(differs.class, Class::Ok, "{differs:?}");
        assert_eq!(host.all(), before, "not one byte was written, and nothing lies beside the file");
        let back = host.back(written).await;
        assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{back:?}");
        assert_eq!(host.has(), first);
    }
    assert!(!Path::new("/tmp/owned").exists(), "no text is a command");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_file_keeps_its_mode_a_link_stays_one_and_a_new_file_goes_again() {
    let mut host = Host::new("").await;
    let real = host.folder.join("real");
    put(&real, b"old\n");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("real", host.file()).expect("a link");
    assert_eq!(host.apply(b"new\n").await.class, Class::Ok);
    assert!(host.file().is_symlink() && host.has() == b"new\n");
    assert_eq!(real.metadata().expect("its data").mode() & 0o777, 0o640);
    std::fs::remove_file(host.file()).expect("no link");
    let outcome = host.apply(b"first\n").await;
    assert_eq!((outcome.class, host.has()), (Class::Ok, b"first\n".to_vec()), "{outcome:?}");
    assert_eq!(host.file().metadata().expect("its data").mode() & 0o777, 0o644);
    let written = host.attempts;
    let back = host.back(written).await;
    assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{back:?}");
    assert_eq!(host.names(), ["real"], "only the other file is there");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_text_that_the_check_refuses_is_not_put_in_place_and_one_refused_in_place_goes_back() {
    let refused = "\"! grep -n nonsense";
    for (check, left_as, reloads) in [
        (format!("{refused} {{new}}\""), LeftAs::Unchanged, ""),
        (format!("{refused} {{path}}\""), LeftAs::Reverted, "old\n"),
    ] {
        let mut host = Host::new(&format!("  check: {check}\n  reload: cat {{path}} >> @/reloads\n")).await;
        put(&host.file(), b"old\n");
        let outcome = host.apply(b"fine\nnonsense\n").await;
        let got = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(got, (Class::Rejected, Phase::Write, left_as), "{outcome:?}");
        assert!(outcome.message.contains("2:nonsense"), "{outcome:?}");
        assert_eq!(host.has(), b"old\n");
        let reloaded = std::fs::read_to_string(host.folder.join("reloads")).unwrap_or_default();
        assert_eq!(reloaded, reloads);
        let names = host.names();
        assert!(names.iter().all(|name| name == "conf" || name == "reloads"), "{names:?}");
        assert_eq!(host.apply(b"fine\n").await.class, Class::Ok);
        let reloaded = std::fs::read_to_string(host.folder.join("reloads")).expect("a reload");
        assert_eq!(reloaded, format!("{reloads}fine\n"));
    }
}

/// In a definition: ends the session that the command came over, as `kill` words it, and nothing else.
const CUT: &str = "p=$PPID; while ! ps -o comm= -p $p | grep -q sshd; do p=$(ps -o ppid= -p $p | tr -d \" \"); done; kill -9 $p";

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_session_that_is_cut_before_the_change_leaves_the_old_text() {
    let mut host = Host::new(&format!("  check: '{CUT}; cat {{new}}'\n")).await;
    put(&host.file(), b"old\n");
    let outcome = host.apply(b"new\n").await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::Unreachable, Phase::Write, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(host.has(), b"old\n");
    let settled = host.settle(b"new\n").await;
    assert_eq!(settled.found, Some(Found::Different), "nobody said what it had: {settled:?}");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_change_whose_session_is_cut_is_checked_and_reloaded_all_the_same_and_only_then_found() {
    let reload = format!("{CUT}; while [ ! -e @/go ]; do sleep 0.05; done; cat {{path}} >> @/reloads");
    let mut host = Host::new(&format!("  reload: '{reload}'\n")).await;
    put(&host.file(), b"old\n");
    let outcome = host.apply(b"new\n").await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::LostAfterWrite, Phase::Write, LeftAs::Unknown), "{outcome:?}");
    assert_eq!(host.has(), b"new\n");
    let early = host.settle(b"new\n").await;
    assert_eq!((early.found, early.left_as), (Some(Found::Different), LeftAs::Unknown), "{early:?}");
    assert!(early.message.contains("is still due"), "{early:?}");
    put(&host.folder.join("go"), b"");
    host.until_gone(".conf.switchyard-pending").await;
    let late = host.settle(b"new\n").await;
    assert_eq!((late.found, late.left_as), (Some(Found::Applied), LeftAs::Changed), "{late:?}");
    assert_eq!(std::fs::read(host.folder.join("reloads")).expect("a reload"), b"new\n");
    assert_eq!(host.names(), ["conf", "go", "reloads"], "nothing else is left");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_text_whose_service_was_never_told_is_applied_again_until_it_is() {
    let reload = "[ -e @/works ] || { kill -9 $PPID; exit; }; cat {path} >> @/reloads";
    let mut host = Host::new(&format!("  reload: '{reload}'\n")).await;
    put(&host.file(), b"old\n");
    let outcome = host.apply(b"new\n").await;
    let got = (outcome.class, outcome.left_as);
    assert_eq!(got, (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    assert_eq!(host.has(), b"new\n");
    for text in [&b"old\n"[..], b"new\n"] {
        let plan = host.attempt(text, Purpose::Compare, Mode::Replace).await;
        assert_eq!(plan.class, Class::Ok, "no text is there already: {plan:?}");
        assert_eq!(host.settle(text).await.found, Some(Found::Different));
    }
    put(&host.folder.join("works"), b"");
    let again = host.apply(b"new\n").await;
    assert_eq!((again.class, again.left_as), (Class::Ok, LeftAs::Changed), "{again:?}");
    assert_eq!(host.apply(b"new\n").await.class, Class::Unchanged);
    assert_eq!(std::fs::read(host.folder.join("reloads")).expect("a reload"), b"new\n");
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn what_somebody_wrote_while_the_new_text_was_checked_stays() {
    let mut host = Host::new("  check: 'echo theirs > {path}; cat {new}'\n").await;
    put(&host.file(), b"old\n");
    let outcome = host.apply(b"new\n").await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::Overloaded, Phase::Write, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("somebody has changed"), "{outcome:?}");
    assert_eq!((host.has(), host.names()), (b"theirs\n".to_vec(), vec!["conf".to_owned()]));
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn a_text_that_could_not_be_read_again_is_not_written() {
    let mut host = Host::new("").await;
    put(&host.file(), b"old\n");
    let before = host.all();
    let outcome = host.apply(&b"line\n".repeat(CONFIGURATION_BYTES_MAX / 5 + 1)).await;
    let got = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(got, (Class::PrecheckFailed, Phase::Read, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("1048580 bytes with its secrets"), "{outcome:?}");
    assert_eq!(host.all(), before);
}

#[tokio::test]
#[ignore = "needs openssh-server: use tests/run"]
async fn what_is_no_whole_text_is_refused_and_says_what_to_do() {
    let mut host = Host::new("").await;
    put(&host.file(), b"latin \xfc\n");
    let merge = host.attempt(b"new\n", Purpose::Apply, Mode::Merge).await;
    assert_eq!((merge.class, merge.phase), (Class::PrecheckFailed, Phase::Queue), "{merge:?}");
    assert!(merge.hint.contains("mode: replace"), "{merge:?}");
    for (text, why) in [(&b"new\n"[..], "no UTF-8 text"), (b"", "no UTF-8 text")] {
        let outcome = host.apply(text).await;
        assert_eq!((outcome.class, outcome.phase), (Class::PrecheckFailed, Phase::Read), "{outcome:?}");
        assert!(outcome.message.contains(why), "{outcome:?}");
    }
    put(&host.file(), b"old\n");
    let empty = host.apply(b"").await;
    assert!(empty.message.contains("would take everything away"), "{empty:?}");
    std::fs::remove_file(host.file()).expect("no file");
    std::fs::create_dir(host.file()).expect("a folder");
    let folder = host.apply(b"new\n").await;
    assert_eq!(folder.class, Class::PrecheckFailed, "{folder:?}");
    assert!(folder.message.contains("directory"), "{folder:?}");
}
