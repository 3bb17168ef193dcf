//! Programs that play a device: a file that one prints and the other replaces.

use super::*;
use crate::clock::SystemClock;
use crate::executor::engine::Engine;
use crate::executor::snapshots::Snapshots;
use crate::executor::{AttemptContext, GateRefused, played};
use crate::fs::{Fs as _, RealFs, replace};
use crate::secrets::{Secrets, SiteKey};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use switchyard_shared::id::DeviceName;
use switchyard_shared::outcome::Outcome;
use switchyard_shared::procedure::{Procedure, Transport};
use switchyard_shared::task::{Purpose, Task, Work};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Reads and writes the file that its first argument names.
const SHOW: &str = "#!/bin/sh\ncat \"$1/$2\"\n";
const APPLY: &str = "#!/bin/sh\nset -e\ncat > \"$1/draft\"\nif grep -q bad \"$1/draft\"; then echo half > \"$1/$2\"; echo 'no such word' >&2; exit 3; fi\nmv \"$1/draft\" \"$1/$2\"\n";

struct Bench {
    folder: TempDir,
    task: Task,
    gates: Gates,
    timeout: Duration,
}

#[derive(Default)]
struct Gates(AtomicU32, AtomicU32, Mutex<String>);

impl AttemptContext for Gates {
    fn progress(&self, _: Phase) {}

    fn differs(&self, diff: String) {
        *self.2.lock().unwrap() = diff;
    }

    fn answered(&self, accepted: bool) {
        self.1.fetch_add(u32::from(accepted), Ordering::SeqCst);
    }

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(()) })
    }
}

fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    replace(&RealFs, &path, text.as_bytes()).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

impl Bench {
    fn new(show: &str, apply: &str, has: &str, wanted: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (read, write) = (program(folder.path(), "show", show), program(folder.path(), "apply", apply));
        let (read, write, at) = (read.display(), write.display(), folder.path().display());
        let file = format!(
            "api_version: switchyard/v1\nkind: LocalExec\nplatforms:\n  script:\n    devices: [r1]\n    environment: [PATH]\n    \
             read: [{read}, {at}, \"{{{{ device }}}}\"]\n    write: [{write}, {at}, \"{{{{ device }}}}\"]\n"
        );
        replace(&RealFs, &folder.path().join(FILE), file.as_bytes()).unwrap();
        replace(&RealFs, &folder.path().join("r1"), has.as_bytes()).unwrap();
        let task = played::task(&procedure(Mode::Replace), wanted);
        Self { folder, task, gates: Gates::default(), timeout: Duration::from_secs(20) }
    }

    fn driver(&self) -> Arc<dyn Driver> {
        let allowed = Arc::new(Allowed::open(&RealFs, self.folder.path()).unwrap());
        Arc::new(LocalExec::new(allowed, Platforms::built_in()))
    }

    async fn apply(&self) -> Outcome {
        let data = self.folder.path();
        let drivers = BTreeMap::from([(Transport::LocalExec, self.driver())]);
        let snapshots = Snapshots::new(data, Arc::new(RealFs));
        let (secrets, key) = (Secrets::new(data), SiteKey::of(data));
        let engine = Engine::new(drivers, snapshots, secrets, key, SystemClock::shared());
        let Work::Driver(procedure) = &self.task.work else { panic!("a driver's task") };
        let mut task = self.task.clone();
        task.timeouts.command = self.timeout;
        engine.carry_out(&task, procedure, &self.gates, CancellationToken::new()).await
    }

    fn has(&self) -> String {
        String::from_utf8(RealFs.read(&self.folder.path().join("r1"), 4096).unwrap()).unwrap()
    }
}

fn procedure(mode: Mode) -> Procedure {
    Procedure { mode, ..Procedure::new(Transport::LocalExec, "script") }
}

#[tokio::test]
async fn a_program_changes_a_device_once_and_puts_it_back_to_the_byte() {
    let mut bench = Bench::new(SHOW, APPLY, "old \n\n", "new\n");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "new\n"), "{}", outcome.message);
    assert_eq!(bench.apply().await.class, Class::Unchanged);
    assert_eq!(bench.gates.0.load(Ordering::SeqCst), 1, "the second one wrote nothing");
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "old \n\n"), "{}", outcome.message);
}

#[tokio::test]
async fn a_program_that_refuses_leaves_the_device_as_it_was_and_is_quoted() {
    let bench = Bench::new(SHOW, APPLY, "old\n", "bad\n");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{}", outcome.message);
    assert!(outcome.message.contains("no such word"), "{}", outcome.message);
    assert_eq!(bench.has(), "old\n");
}

#[tokio::test]
async fn what_the_agent_does_not_allow_never_runs() {
    let mut bench = Bench::new(SHOW, APPLY, "old\n", "new\n");
    bench.task.op.device = DeviceName::new("r2").unwrap();
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::PrecheckFailed);
    assert!(outcome.message.contains("for this device") && outcome.hint.contains(FILE), "{outcome:?}");
    let none = Allowed::open(&RealFs, Path::new("/nowhere")).unwrap();
    assert!(none.find("script", "r1").is_err(), "off by default");
    for (text, why) in [
        ("read: [show], write: [/a], devices: [r1]", "absolute path"),
        ("read: [/a], write: [/a]", "devices is missing"),
        ("read: [/a], write: [/a], devices: [r1], shell: true", "shell"),
    ] {
        let text = format!("api_version: switchyard/v1\nkind: LocalExec\nplatforms: {{x: {{{text}}}}}\n");
        let problems = Allowed::parse(&text).unwrap_err();
        assert!(problems.iter().any(|problem| problem.to_string().contains(why)), "{why}: {problems:?}");
    }
}

/// Waits until the process that `bench`'s program has named in its file `child` is gone.
async fn until_its_child_is_gone(bench: &Bench) {
    let child = RealFs.read(&bench.folder.path().join("child"), 64).unwrap();
    let child = PathBuf::from(format!("/proc/{}/status", String::from_utf8(child).unwrap().trim()));
    let alive = || {
        RealFs.read(&child, 65_536).is_ok_and(|status| !String::from_utf8_lossy(&status).contains("(zombie)"))
    };
    let gone = async {
        while alive() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the child is gone");
}

#[tokio::test]
async fn a_program_that_never_ends_is_killed_with_its_children() {
    let hang = "#!/bin/sh\nsleep 1000 & echo $! > \"$1/child\"\nwait\n";
    let mut bench = Bench::new(hang, APPLY, "old\n", "new\n");
    bench.timeout = Duration::from_secs(3);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Timeout, LeftAs::Unchanged));
    until_its_child_is_gone(&bench).await;
}

#[tokio::test]
async fn what_a_program_leaves_in_the_background_ends_with_it_and_cannot_change_the_device_later() {
    let leaves = "#!/bin/sh\nsleep 1000 >/dev/null 2>&1 </dev/null & echo $! > \"$1/child\"\necho refused >&2; exit 3\n";
    let bench = Bench::new(SHOW, leaves, "old\n", "new\n");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unchanged), "{outcome:?}");
    until_its_child_is_gone(&bench).await;
}

#[tokio::test]
async fn a_program_that_has_ended_is_not_waited_for_because_of_a_child_that_holds_its_output_open() {
    let show = "#!/bin/sh\nsleep 1000 & echo $! > \"$1/child\"\ncat \"$1/$2\"\n";
    let apply = "#!/bin/sh\ncat > \"$1/$2\"\nsetsid sleep 30 &\n";
    let mut bench = Bench::new(show, apply, "old\n", "new\n");
    bench.timeout = Duration::from_secs(20);
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::Ok, "new\n"), "{}", outcome.message);
    until_its_child_is_gone(&bench).await;
}

#[tokio::test]
async fn a_program_that_fails_to_read_is_no_evidence_against_the_network_of_its_site() {
    let bench = Bench::new("#!/bin/sh\necho no such inventory >&2; exit 4\n", APPLY, "old\n", "new\n");
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("no such inventory"), "{}", outcome.message);
    assert_eq!(bench.gates.1.load(Ordering::SeqCst), 1, "its time is no silence of a device");
}

#[tokio::test]
async fn nothing_at_all_is_never_given_to_the_program_that_writes() {
    let bench = Bench::new(SHOW, APPLY, "old\n", " \n");
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::PrecheckFailed);
    assert!(outcome.message.contains("would take everything away"), "{}", outcome.message);
    assert_eq!(bench.gates.0.load(Ordering::SeqCst), 0);

    let mut bench = Bench::new(SHOW, APPLY, "", "new\n");
    assert_eq!(bench.apply().await.class, Class::Ok, "something may be made where nothing was shown");
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::RollbackFailed, "new\n"), "{outcome:?}");
}

#[tokio::test]
async fn a_program_that_prints_without_end_is_not_held_in_memory() {
    let bench = Bench::new("#!/bin/sh\nhead -c 3000000 /dev/zero\n", APPLY, "old\n", "new\n");
    let outcome = bench.apply().await;
    assert_eq!(outcome.class, Class::PrecheckFailed);
    assert!(outcome.message.contains("more than fits"), "{}", outcome.message);
}

#[tokio::test]
async fn a_password_that_a_program_prints_or_complains_of_leaves_the_site_in_no_text() {
    let complains = "#!/bin/sh\ncat >/dev/null; echo 'refused: password hunter9' >&2; exit 3\n";
    let old = "user ann password hunter2\napi_token: hunter3\n  \"secret\": \"hunter4\",\n";
    let mut bench = Bench::new(SHOW, complains, old, "new\n");
    let outcome = bench.apply().await;
    assert!(outcome.message.contains("refused: password (secret)"), "{}", outcome.message);
    bench.task.purpose = Purpose::Compare;
    assert_eq!(bench.apply().await.class, Class::Ok);
    let diff = bench.gates.2.lock().unwrap().clone();
    assert!(diff.contains("-user ann password (secret)\n") && !diff.contains("hunter"), "{diff}");
}

#[tokio::test]
async fn a_comparison_never_starts_the_program_that_writes_even_with_the_pass_of_the_gate() {
    let records = "#!/bin/sh\necho started >> \"$1/record\"\ncat > \"$1/$2\"\n";
    let mut bench = Bench::new(SHOW, records, "old\n", "new\n");
    let is_started = |bench: &Bench| RealFs.read(&bench.folder.path().join("record"), 4096).is_ok();
    bench.task.purpose = Purpose::Compare;
    assert_eq!(bench.apply().await.class, Class::Ok);
    assert_eq!(*bench.gates.2.lock().unwrap(), "--- running\n+++ planned\n@@ -1 +1 @@\n-old\n+new\n");
    assert_eq!((bench.gates.0.load(Ordering::SeqCst), is_started(&bench)), (0, false));

    let pass = WritePass::ask(&bench.gates, SystemClock::shared(), None).await.unwrap();
    let procedure = procedure(Mode::Replace);
    for (purpose, may_write) in [(Purpose::Compare, false), (Purpose::Apply, true)] {
        bench.task.purpose = purpose;
        let redactor = Redactor::of(Vec::new());
        let (task, context, unshown) = (&bench.task, &bench.gates, Default::default());
        let job = Job { task, procedure: &procedure, context, redactor, unshown };
        let mut session = bench.driver().connect(&job).await.unwrap();
        let (running, wanted) = (Running("old\n".to_owned().into()), Running("new\n".to_owned().into()));
        let put = session.restore(&pass, &running, &wanted).await;
        let kept_back = Err(WriteEnd::NotSent("this attempt only reads".into()));
        assert_eq!(put, if may_write { Ok(Restored::Whole) } else { kept_back });
        assert_eq!(is_started(&bench), may_write);
    }
}

#[tokio::test]
async fn a_program_that_outlives_its_agent_has_all_of_its_text_and_never_takes_a_part_for_the_whole() {
    let outlives = "#!/bin/sh\nexec setsid -w sh -c 'touch \"$0/started\"; until [ -e \"$0/go\" ]; do sleep 0.01; done; \
                    cat > \"$0/draft\"; mv \"$0/draft\" \"$0/late\"' \"$1\"\n";
    // More than a pipe holds.
    let wanted = "a line of it\n".repeat(20_000);
    let bench = Bench::new(SHOW, outlives, "old\n", &wanted);
    let appears = async |name: &str| {
        let path = bench.folder.path().join(name);
        let until = async {
            while RealFs.stat(&path).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), until).await.expect(name);
        path
    };
    tokio::select! {
        outcome = bench.apply() => panic!("it goes on: {outcome:?}"),
        _ = appears("started") => {}
    }
    replace(&RealFs, &bench.folder.path().join("go"), b"").unwrap();
    let late = RealFs.read(&appears("late").await, 1 << 20).unwrap();
    assert_eq!(late.len(), wanted.len());
}

#[tokio::test]
async fn a_program_that_cannot_be_started_to_write_is_the_agents_trouble_and_no_devices() {
    let bench = Bench::new(SHOW, APPLY, "old\n", "new\n");
    let apply = bench.folder.path().join("apply");
    std::fs::set_permissions(&apply, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::AgentError, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("cannot be started"), "{}", outcome.message);
    assert!(outcome.hint.contains("run it by hand"), "{}", outcome.hint);
}

#[tokio::test]
async fn a_merge_is_refused_where_a_program_shows_and_takes_the_whole() {
    let mut bench = Bench::new(SHOW, APPLY, "old\n", "new\n");
    bench.task.work = Work::Driver(Arc::new(procedure(Mode::Merge)));
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, bench.has().as_str()), (Class::PrecheckFailed, "old\n"), "{outcome:?}");
    assert!(outcome.hint.contains("mode: replace"), "{}", outcome.hint);
    assert_eq!((bench.gates.0.load(Ordering::SeqCst), bench.gates.1.load(Ordering::SeqCst)), (0, 0));
}
