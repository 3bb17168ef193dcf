//! What is said to a shell does what it promises, in the shell of this machine.
#![expect(clippy::disallowed_methods, reason = "a test's own folder")]

use super::super::seen::Seen;
use super::*;
use crate::clock::SystemClock;
use crate::executor::{AttemptContext, GateRefused};
use crate::platform::{Definition, decode};
use futures_util::future::BoxFuture;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use switchyard_shared::outcome::Phase;

struct OpenGate;

impl AttemptContext for OpenGate {
    fn progress(&self, _: Phase) {}

    fn open_write_gate(&self, _: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        Box::pin(async { Ok(()) })
    }
}

/// A folder with the file of a definition.
struct Host {
    folder: tempfile::TempDir,
    platform: FilePlatform,
    pass: WritePass,
}

impl Host {
    /// With more of the definition's `file`, in which `@` is the folder.
    async fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().display().to_string();
        let more = more.replace('@', &at);
        let definition = format!(
            "api_version: switchyard/v1\nkind: Platform\nname: mine\nfile:\n  path: {at}/conf\n{more}"
        );
        let Ok(Definition::File(platform)) = decode("mine.yaml", &definition) else { panic!("a file") };
        let pass = WritePass::ask(&OpenGate, SystemClock::shared(), None).await.expect("an open gate");
        Self { folder, platform: *platform, pass }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, text: &str) {
        std::fs::write(self.path("conf"), text).expect("a file");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The names in the folder, in their order.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Runs what is said: its status, and what it prints and complains of. Programs are those of `bin` first.
    fn run(&self, say: &Say<'_>, input: &str) -> (Option<i32>, String) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(say.line(&self.platform)).stdin(Stdio::piped());
        shell.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
        child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("a reader");
        let output = child.wait_with_output().expect("an end");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    fn reads(&self) -> String {
        self.run(&Say::Read { mark: "M" }, "").1
    }

    fn stage(&self, text: &str, check: &str) -> (Option<i32>, String) {
        self.run(&Say::Stage { _pass: &self.pass, bytes: text.len(), check }, text)
    }

    /// Installs what is staged in the place of `was`.
    fn install(&self, was: Option<&str>, check: &str) -> (Option<i32>, String) {
        let sum = Seen { text: was, is_finished: true }.sum();
        self.run(&Say::Install { _pass: &self.pass, sum: &sum, check }, "")
    }

    fn remove(&self, was: &str) -> Option<i32> {
        let sum = Seen { text: Some(was), is_finished: true }.sum();
        self.run(&Say::Remove { _pass: &self.pass, sum: &sum }, "").0
    }
}

fn status(status: u32) -> Option<i32> {
    i32::try_from(status).ok()
}

#[tokio::test]
async fn a_text_that_does_not_arrive_whole_never_takes_the_place_of_the_old_one() {
    let host = Host::new("").await;
    host.put("old\n");
    let half = host.run(&Say::Stage { _pass: &host.pass, bytes: 8, check: "" }, "half");
    assert_eq!(half, (Some(1), "4 of 8 bytes arrived\n".into()));
    assert_eq!(host.names(), ["conf"], "nothing is left of it");
    assert_eq!(host.install(Some("old\n"), "").0, status(UNTOUCHED), "nothing is there to install");
    assert_eq!(host.run(&Say::Read { mark: "M" }, ""), (Some(0), "M+old\n0M".into()));
    assert_eq!(host.stage("new\n", ""), (Some(0), String::new()));
    assert_eq!(host.reads(), "M+old\n0M", "it only lies beside");
    assert_eq!(host.install(Some("old\n"), ""), (Some(0), String::new()));
    assert_eq!((host.reads(), host.names()), ("M+new\n0M".into(), vec!["conf".into()]));
    assert_eq!(host.remove("new\n"), Some(0));
    assert_eq!((host.reads(), host.names()), ("M-0M".into(), vec![]));
}

#[tokio::test]
async fn what_somebody_else_did_since_the_reading_is_never_overwritten_or_removed() {
    let host = Host::new("").await;
    for (was, is) in [(Some("old\n"), "theirs\n"), (Some("old\n"), "olD\n"), (None, "theirs\n")] {
        host.put(is);
        assert_eq!(host.stage("new\n", "").0, Some(0));
        assert_eq!(host.install(was, "").0, status(CHANGED_SINCE));
        assert_eq!((host.reads(), host.names()), (format!("M+{is}0M"), vec!["conf".into()]));
    }
    assert_eq!(host.remove("old\n"), status(CHANGED_SINCE));
    assert_eq!(host.reads(), "M+theirs\n0M");
    std::fs::remove_file(host.path("conf")).expect("no file");
    assert_eq!(host.stage("new\n", "").0, Some(0));
    assert_eq!(host.install(Some("theirs\n"), "").0, status(CHANGED_SINCE), "it stays away");
    assert_eq!(host.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_file_has_the_mode_of_its_definition_and_nobody_reads_it_before_it_is_there() {
    for (more, mode) in [("", 0o644), ("  mode: 0600\n", 0o600), ("  mode: \"755\"\n", 0o755)] {
        let host = Host::new(more).await;
        let watched = format!("ls -l {}/.conf.switchyard >&2; exit 1", host.folder.path().display());
        let bin = host.path("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let fake = bin.join("wc");
        std::fs::write(&fake, format!("#!/bin/sh\n{watched}\n")).expect("a program");
        std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let (_, said) = host.stage("new\n", "");
        assert!(said.starts_with("-rw------- "), "while it arrives: {said}");
        std::fs::remove_file(&fake).expect("no program");
        assert_eq!(host.stage("new\n", ""), (Some(0), String::new()));
        assert_eq!(host.install(None, ""), (Some(0), String::new()));
        let is = host.path("conf").metadata().expect("a file").permissions().mode() & 0o777;
        assert_eq!(is, mode, "{more:?}");
    }
}

#[tokio::test]
async fn a_file_whose_owner_or_mode_would_not_stay_is_not_replaced() {
    let host = Host::new("").await;
    host.put("old\n");
    std::fs::set_permissions(host.path("conf"), std::fs::Permissions::from_mode(0o640)).expect("a mode");
    assert_eq!(host.stage("new\n", ""), (Some(0), String::new()));
    std::fs::create_dir(host.path("bin")).expect("a folder");
    let fake = host.path("bin/cp");
    std::fs::write(&fake, "#!/bin/sh\n/bin/cp -- \"$3\" \"$4\"\n").expect("a program");
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let (status, said) = host.stage("new\n", "");
    assert_eq!(status, Some(1));
    assert!(said.starts_with("its owner and mode would not stay: -rw-r-----"), "{said}");
    assert_eq!(host.names(), ["bin", "conf"], "nothing is left of it");
}

#[tokio::test]
async fn a_text_that_its_check_refuses_beside_the_file_is_thrown_away() {
    let host = Host::new("").await;
    host.put("old\n");
    for check in ["! grep nonsense {new}", "exit 3", "if ("] {
        let (got, said) = host.stage("nonsense\n", check);
        assert_eq!((got, host.names()), (status(REFUSED_BY_CHECK), vec!["conf".to_owned()]), "{said}");
    }
    assert_eq!(host.stage("fine\n", "grep -c fine {new}; cat {path}"), (Some(0), "1\nold\n".into()));
}

#[tokio::test]
async fn a_reading_tells_of_a_service_that_was_not_told_until_it_is() {
    let told = "  reload: test -e @/works && cat {path} >> @/log\n";
    let host = Host::new(told).await;
    host.put("old\n");
    assert_eq!(host.stage("new\n", "").0, Some(0));
    let (got, _) = host.install(Some("old\n"), "");
    assert_eq!((got, host.reads()), (status(NOT_RELOADED), "M+new\n1M".into()));
    assert_eq!(host.names(), [".conf.switchyard-pending", "conf"]);
    assert_eq!(host.install(Some("new\n"), "").0, status(UNTOUCHED), "nothing is there to install");
    assert_eq!(host.reads(), "M+new\n1M", "what was pending is not forgotten for it");
    std::fs::write(host.path("works"), "").expect("a file");
    assert_eq!(host.stage("new\n", "").0, Some(0));
    assert_eq!(host.install(Some("new\n"), "").0, Some(0));
    assert_eq!((host.reads(), host.log()), ("M+new\n0M".into(), "new\n".into()));
    assert_eq!(host.stage("newer\n", "").0, Some(0));
    let (got, said) = host.install(Some("new\n"), "echo line 1 is bad >&2; exit 9");
    assert_eq!((got, said.as_str()), (status(REFUSED_BY_CHECK), "line 1 is bad\n"));
    assert_eq!((host.reads(), host.log()), ("M+newer\n1M".into(), "new\n".into()), "it was not reloaded");
}

#[tokio::test]
async fn a_change_goes_on_to_its_end_when_its_session_is_gone_and_is_pending_when_it_is_killed() {
    for (reload, is_done, reads, log) in [
        ("kill -HUP $PPID; echo told >> @/log", true, "M+new\n0M", "told\n"),
        ("kill -9 $PPID", false, "M+new\n1M", ""),
    ] {
        let host = Host::new(&format!("  reload: {reload}\n")).await;
        host.put("old\n");
        assert_eq!(host.stage("new\n", "").0, Some(0));
        assert_eq!(host.install(Some("old\n"), "").0 == Some(0), is_done);
        assert_eq!((host.reads().as_str(), host.log().as_str()), (reads, log));
    }
}

#[tokio::test]
async fn of_two_changes_the_earlier_one_does_not_call_the_later_one_finished() {
    let host = Host::new("  reload: echo 999999 > @/.conf.switchyard-pending\n").await;
    host.put("old\n");
    assert_eq!(host.stage("new\n", "").0, Some(0));
    assert_eq!(host.install(Some("old\n"), "").0, Some(0));
    assert_eq!(host.reads(), "M+new\n1M", "the mark of the later one stands");
}

#[test]
fn a_command_with_quotes_is_one_word() {
    assert_eq!(quoted("a 'b' $c"), r"'a '\''b'\'' $c'");
}
