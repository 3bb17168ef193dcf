//! Every command against a fake coordinator.

use crate::exit::Exit;
use crate::fake::{Ended, Fake, Step, dark_site, running, state_changed, surroundings};
use std::path::Path;
use switchyard_proto::v1::rollout::State;
use tonic::Status;

const SPEC: &str = "api_version: switchyard/v1
kind: Rollout
metadata: {name: ntp}
spec:
  change:
    ssh: {command: load}
    templates: {default: motd.cfg.j2}
    vars_files: [vars.yaml]
  targets: {filter: 'site = \"lon\"'}
";

const INVENTORY: &str = "api_version: switchyard/v1
kind: Inventory
defaults:
  username: netops
  credential_ref: \"file:keys/netops\"
  host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]
sites: {lab: {}}
devices:
  dev001: {hostname: 127.10.0.1, site: lab}
";

#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

async fn offline(args: &[&str]) -> Ended {
    let (around, streams) = surroundings();
    let exit =
        super::run(std::iter::once("switchyard").chain(args.iter().copied()).map(Into::into), around).await;
    Ended { exit, out: streams.out.text(), err: streams.err.text() }
}

pub(super) async fn within(fake: &Fake, folder: &Path, args: &[&str]) -> Ended {
    let (mut around, streams) = surroundings();
    around.cwd = folder.to_owned();
    fake.run_within(args, around, streams).await
}

pub(super) fn spec_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(&dir.path().join("ntp.yaml"), SPEC);
    write(&dir.path().join("motd.cfg.j2"), "hello");
    write(&dir.path().join("vars.yaml"), "a: 1");
    dir
}

#[tokio::test]
async fn bad_flags_are_64_and_help_is_0() {
    for args in [
        &["frobnicate"][..],
        &["watch"],
        &[],
        &["rollout", "devices", "r", "--state", "odd"],
        &["watch", "r", "--timeout", "5"],
    ] {
        let ended = offline(args).await;
        assert_eq!(ended.exit, Exit::Usage, "{args:?}: {ended:?}");
        assert_eq!(ended.out, "", "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["watch", "--help"], &["help", "apply"]] {
        let ended = offline(args).await;
        assert_eq!(ended.exit, Exit::Ok, "{args:?}: {ended:?}");
        assert!(!ended.out.is_empty() && ended.err.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn no_coordinator_is_69_and_says_how_to_start_one() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("it");
    let ended = offline(&["--server", &format!("http://{free}"), "status", "ntp"]).await;
    assert_eq!(ended.exit, Exit::Unavailable, "{ended:?}");
    assert!(ended.err.contains("switchyard serve --data DIR"), "{ended:?}");
    let nothing = offline(&["status", "ntp"]).await;
    assert_eq!(nothing.exit, Exit::Usage, "{nothing:?}");
    assert!(nothing.err.contains("--context DIR/operator/context.toml"), "{nothing:?}");
}

#[tokio::test]
async fn wait_waits_for_a_coordinator_that_is_about_to_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut around, streams) = surroundings();
    around.cwd = dir.path().to_owned();
    let line = ["switchyard", "--context", "data/context.toml", "--wait", "60s", "agent", "list"];
    let waiting = super::run(line.map(Into::into), around);
    let starting = async {
        let fake = Fake::start(running(2)).await;
        std::fs::create_dir(dir.path().join("data")).expect("a folder");
        write(&dir.path().join("data/context.toml"), &format!("server = \"{}\"", fake.url));
    };
    let (exit, ()) = tokio::join!(waiting, starting);
    assert_eq!(exit, Exit::Ok, "{}", streams.err.text());
    let at_once = offline(&["--context", "/nonexistent/context.toml", "agent", "list"]).await;
    assert_eq!(at_once.exit, Exit::Usage);
    assert!(at_once.err.contains("--wait 30s"), "{at_once:?}");
}

#[tokio::test]
async fn planning_sends_the_spec_with_its_files_and_vars() {
    let fake = Fake::start(running(2)).await;
    let dir = spec_folder();
    for args in [&["plan", "-f", "ntp.yaml", "--var", "n=3"][..], &["plan", "ntp.yaml", "--var", "n=3"]] {
        let ended = within(&fake, dir.path(), args).await;
        assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
        assert!(ended.out.starts_with("Plan plans/ntp-7f3a"), "{ended:?}");
        assert!(ended.out.contains("\nNext: switchyard apply ntp-7f3a"), "{ended:?}");
    }
    assert_eq!(fake.state().asked, vec!["plan ntp.yaml motd.cfg.j2,vars.yaml {\"n\":3}"; 2]);
    let changes = within(&fake, dir.path(), &["plan", "ntp.yaml", "--detailed-exitcode", "-o", "json"]).await;
    assert_eq!(changes.exit, Exit::Changes, "{changes:?}");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&changes.out).expect("JSON")["name"],
        "plans/ntp-7f3a"
    );
}

#[tokio::test]
async fn a_broken_spec_is_13_with_every_problem_and_no_call() {
    let fake = Fake::start(running(2)).await;
    let dir = spec_folder();
    write(&dir.path().join("bad.yaml"), &SPEC.replace("metadata", "metadat").replace("ssh:", "shs:"));
    let ended = within(&fake, dir.path(), &["plan", "-f", "bad.yaml"]).await;
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    let placed = ended.err.lines().filter(|line| line.starts_with("bad.yaml:")).count();
    assert!(placed >= 2, "{ended:?}");
    assert!(ended.err.contains("bad.yaml:3:1"), "{ended:?}");
    assert!(fake.state().asked.is_empty());
}

#[tokio::test]
async fn a_template_that_is_not_there_is_named_with_the_line_of_the_spec() {
    let fake = Fake::start(running(2)).await;
    let dir = spec_folder();
    write(
        &dir.path().join("far.yaml"),
        &SPEC.replace("motd.cfg.j2", "none.j2").replace("vars.yaml", "gone.yaml"),
    );
    let ended = within(&fake, dir.path(), &["apply", "far.yaml"]).await;
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    assert!(ended.err.contains("far.yaml:7:") && ended.err.contains("none.j2"), "{ended:?}");
    assert!(ended.err.contains("far.yaml:8:") && ended.err.contains("gone.yaml"), "{ended:?}");
}

#[tokio::test]
async fn a_document_of_the_other_kind_is_sent_to_its_command() {
    let fake = Fake::start(running(2)).await;
    let dir = spec_folder();
    write(&dir.path().join("i.yaml"), INVENTORY);
    for args in [["plan", "i.yaml"], ["apply", "i.yaml"]] {
        let ended = within(&fake, dir.path(), &args).await;
        assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
        assert!(ended.err.contains("switchyard inventory import FILE"), "{ended:?}");
    }
    let ended = within(&fake, dir.path(), &["inventory", "import", "ntp.yaml"]).await;
    assert_eq!(ended.exit, Exit::Invalid, "{ended:?}");
    assert!(ended.err.contains("switchyard plan -f SPEC"), "{ended:?}");
}

#[tokio::test]
async fn an_empty_selection_is_9() {
    use tonic_types::{ErrorDetails, StatusExt as _};
    let fake = Fake::start(running(2)).await;
    let details = ErrorDetails::with_error_info("NO_TARGETS", "switchyard.dev", [] as [(String, String); 0]);
    fake.state().plan_error = Some(Status::with_error_details(
        tonic::Code::FailedPrecondition,
        "matches none of the 40 devices",
        details,
    ));
    let dir = spec_folder();
    let ended = within(&fake, dir.path(), &["plan", "ntp.yaml"]).await;
    assert_eq!(ended.exit, Exit::NoTargets, "{ended:?}");
}

#[tokio::test]
async fn apply_plans_shows_starts_and_watches() {
    let fake = Fake::start(running(2)).await;
    fake.state().watches = [vec![Step::Send(state_changed(2, State::Succeeded, "", ""))]].into();
    let dir = spec_folder();
    let ended = within(&fake, dir.path(), &["apply", "-f", "ntp.yaml", "--timeout", "60s"]).await;
    assert!(ended.out.starts_with("Plan plans/ntp-7f3a"), "{ended:?}");
    assert!(!ended.out.contains("Next: switchyard apply"), "it is being applied: {ended:?}");
    assert!(ended.out.contains(" start    rollout=ntp"), "{ended:?}");
    let asked = fake.state().asked.clone();
    assert!(asked.contains(&"create plans/ntp-7f3a sha256:7f3a91c0".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn apply_of_a_plan_without_waiting_prints_the_document() {
    let fake = Fake::start(running(2)).await;
    let ended = fake.run(&["apply", "plans/ntp-7f3a", "--no-wait", "-o", "json"]).await;
    assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
    let document: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(document["state"], "RUNNING");
    assert_eq!(document["devices"]["planned"], 2);
    assert_eq!(fake.run(&["apply", "nope", "--no-wait"]).await.exit, Exit::NotFound);
}

#[tokio::test]
async fn apply_asks_on_a_terminal_and_a_no_starts_nothing() {
    let fake = Fake::start(running(2)).await;
    for (answer, flags, starts) in
        [("n\n", &[][..], false), ("y\n", &[], true), ("", &["--yes"], true), ("", &["--no-input"], true)]
    {
        fake.state().asked.clear();
        let (mut around, streams) = surroundings();
        around.input_is_terminal = true;
        around.input = Box::new(std::io::Cursor::new(answer));
        let args = [&["apply", "ntp-7f3a", "--no-wait"], flags].concat();
        let ended = fake.run_within(&args, around, streams).await;
        assert_eq!(ended.exit, if starts { Exit::Ok } else { Exit::Error }, "{ended:?}");
        assert_eq!(ended.err.contains("error: not applied"), !starts, "{ended:?}");
        let started = fake.state().asked.iter().any(|what| what.starts_with("create"));
        assert_eq!(started, starts, "{answer:?} {flags:?}: {ended:?}");
    }
}

#[tokio::test]
async fn status_shows_it_and_ends_with_its_code_when_asked() {
    let fake = Fake::start(dark_site()).await;
    assert_eq!(fake.run(&["status", "ntp"]).await.exit, Exit::Ok);
    assert_eq!(fake.run(&["status", "rollouts/ntp", "--exit-status"]).await.exit, Exit::RolloutFailed);
    fake.state().rollout = running(2);
    assert_eq!(fake.run(&["status", "ntp", "--exit-status"]).await.exit, Exit::Pending);
    assert_eq!(fake.run(&["status", "nope", "--exit-status"]).await.exit, Exit::NotFound);
}

#[tokio::test]
async fn steering_takes_both_kinds_of_names_and_sends_a_request_id() {
    let fake = Fake::start(running(2)).await;
    for verb in ["pause", "resume", "promote", "abort"] {
        for name in ["ntp", "rollouts/ntp"] {
            let ended = fake.run(&["rollout", verb, name, "--reason", "why not"]).await;
            assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
            assert!(ended.out.starts_with("rollouts/ntp is "), "{ended:?}");
        }
        let wanted = format!("{verb} rollouts/ntp why not 32");
        assert_eq!(fake.state().asked.iter().filter(|what| **what == wanted).count(), 2);
    }
}

#[tokio::test]
async fn lists_read_every_page_and_print_one_document() {
    let fake = Fake::start(dark_site()).await;
    let cases = [
        (&["rollout", "list"][..], 2),
        (&["rollout", "devices", "ntp"], 0),
        (&["plans", "list"], 1),
        (&["breaker", "list"], 1),
        (&["inventory", "list"], 1),
        (&["agent", "list"], 1),
    ];
    for (args, items) in cases {
        let ended = fake.run(&[args, &["-o", "json"]].concat()).await;
        let document: serde_json::Value = serde_json::from_str(&ended.out).expect("one document");
        assert_eq!(document["items"].as_array().expect("items").len(), items, "{args:?}");
        assert_eq!(document["next_page_token"], "");
        let lines = fake.run(&[args, &["-o", "jsonl"]].concat()).await;
        assert_eq!(lines.out.lines().count(), items, "{args:?}");
        assert_eq!(fake.run(args).await.exit, Exit::Ok, "{args:?}");
    }
}

#[tokio::test]
async fn devices_are_filtered_by_the_coordinator() {
    let fake = Fake::start(dark_site()).await;
    fake.run(&["rollout", "devices", "ntp", "--state", "failed", "--filter", "site = \"lon\""]).await;
    fake.run(&["rollout", "devices", "ntp", "--filter", "state = \"unknown\""]).await;
    let asked = fake.state().asked.clone();
    let lon_failed = "devices rollouts/ntp (site = \"lon\") AND (state = \"FAILED\")";
    assert_eq!(asked, [lon_failed, "devices rollouts/ntp (state = \"UNKNOWN\")"]);
    let odd = fake.run(&["rollout", "devices", "ntp", "--filter", "state = \"odd\""]).await;
    assert_eq!(odd.exit, Exit::Usage, "{odd:?}");
}

#[tokio::test]
async fn breakers_are_tripped_and_reset_with_a_reason() {
    let fake = Fake::start(dark_site()).await;
    let tripped = fake.run(&["breaker", "trip", "site/lon", "--reason", "fibre work"]).await;
    assert_eq!(tripped.out, "breaker site/lon is FORCED_OPEN\n", "{tripped:?}");
    fake.run(&["breaker", "reset", "breakers/site/lon", "--reason", "done"]).await;
    assert_eq!(fake.state().asked, ["trip site/lon fibre work", "reset site/lon done"]);
    assert_eq!(offline(&["breaker", "trip", "lon", "--reason", "x"]).await.exit, Exit::Usage);
    let kept = fake.run(&["breaker", "force-closed", "site/lon", "--reason", "known flaky"]).await;
    assert_eq!(kept.out, "breaker site/lon is FORCED_CLOSED\n", "{kept:?}");
    assert!(kept.err.contains("nothing protects it now"), "{kept:?}");
    for name in ["global", "group/os=17.9", "rollout/ntp/group/os=17.9", "credential/lon/file:k"] {
        let ended = fake.run(&["breaker", "trip", name, "--reason", "x"]).await;
        assert_eq!(ended.out, format!("breaker {name} is FORCED_OPEN\n"), "{ended:?}");
    }
    let reset = fake.run(&["breaker", "reset", "global", "--reason", "over"]).await;
    assert!(reset.err.contains("rollouts that it paused stay paused"), "{reset:?}");
    assert_eq!(offline(&["breaker", "trip", "site/lon"]).await.exit, Exit::Usage);
}

#[tokio::test]
async fn a_breaker_says_why_and_what_next_and_is_followed() {
    let fake = Fake::start(dark_site()).await;
    let shown = fake.run(&["breaker", "get", "site/lon"]).await;
    let line = "site/lon OPEN: 5 of the last 5 devices unreachable; does not heal with time; switchyard breaker reset \
                site/lon --reason WHY\n";
    assert_eq!(shown.out, line);
    assert_eq!(fake.run(&["breaker", "get", "site/ams"]).await.exit, Exit::NotFound);
    let listed = fake.run(&["breaker", "list"]).await;
    assert!(listed.out.contains("WHY, AND WHAT NEXT"), "{listed:?}");
    assert!(listed.out.contains("switchyard breaker reset site/lon"), "{listed:?}");
    fake.state().breaker_watches = 1;
    let watched = fake.run(&["breaker", "watch"]).await;
    assert_eq!(watched.exit, Exit::Auth, "{watched:?}");
    assert!(watched.out.starts_with(line), "{watched:?}");
    assert!(watched.out.trim_end().ends_with("site/lon CLOSED"), "{watched:?}");
    fake.state().breaker_watches = 1;
    let lines = fake.run(&["breaker", "watch", "-o", "jsonl"]).await.out;
    let parsed: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(parsed[0]["snapshot"]["breakers"][0]["name"], "site/lon");
    assert_eq!(parsed[1]["breaker"]["state"], "CLOSED");
}

#[tokio::test]
async fn an_inventory_is_checked_with_no_coordinator() {
    let dir = tempfile::tempdir().expect("a folder");
    write(&dir.path().join("good.yaml"), INVENTORY);
    write(
        &dir.path().join("bad.yaml"),
        &INVENTORY.replace("site: lab", "sit: lab").replace("netops\n", "[1\n"),
    );
    let check = async |args: &[&str]| {
        let (mut around, streams) = surroundings();
        around.cwd = dir.path().to_owned();
        let line = ["switchyard", "inventory", "validate"].iter().chain(args).map(Into::into);
        let exit = super::run(line.collect::<Vec<_>>(), around).await;
        Ended { exit, out: streams.out.text(), err: streams.err.text() }
    };
    for args in [&["good.yaml"][..], &["-f", "good.yaml"]] {
        let ended = check(args).await;
        assert_eq!(ended.exit, Exit::Ok, "{ended:?}");
        assert_eq!(ended.out, "good.yaml is valid: 1 device in 1 site\n");
    }
    let bad = check(&["bad.yaml"]).await;
    assert_eq!(bad.exit, Exit::Invalid, "{bad:?}");
    assert!(bad.err.contains("\nbad.yaml:"), "{bad:?}");
    let none = check(&["none.yaml"]).await;
    assert_eq!(none.exit, Exit::Invalid, "{none:?}");
    assert!(none.err.contains("none.yaml cannot be read"), "{none:?}");
}

#[tokio::test]
async fn an_import_shows_what_it_does_and_pruning_asks_first() {
    let fake = Fake::start(running(2)).await;
    let dir = tempfile::tempdir().expect("a folder");
    write(&dir.path().join("i.yaml"), INVENTORY);
    let dry = within(&fake, dir.path(), &["inventory", "import", "i.yaml", "--dry-run"]).await;
    assert!(dry.out.contains("would import 2 devices in 1 site\n  added 1: dev002"), "{dry:?}");
    let (mut around, streams) = surroundings();
    around.cwd = dir.path().to_owned();
    around.input_is_terminal = true;
    around.input = Box::new(std::io::Cursor::new("n\n"));
    let kept = fake.run_within(&["inventory", "import", "-f", "i.yaml", "--prune"], around, streams).await;
    assert!(kept.err.contains("old001") && kept.err.contains("nothing was imported"), "{kept:?}");
    let asked = fake.state().asked.clone();
    assert_eq!(asked, ["import i.yaml prune=false dry=true", "import i.yaml prune=true dry=true"]);
}

#[tokio::test]
async fn a_token_is_all_of_standard_output() {
    let fake = Fake::start(running(2)).await;
    let ended = fake.run(&["agent", "token", "create", "--site", "lon"]).await;
    assert_eq!(ended.out, "sy1.lon.s3cret.ab\n");
    assert!(
        ended.err.contains("switchyard-agent run --site lon") && !ended.err.contains("s3cret"),
        "{ended:?}"
    );
    assert_eq!(fake.state().asked, ["token lon Some(1800)"]);
}

#[tokio::test]
async fn a_refused_operator_is_4() {
    let fake = Fake::start(running(2)).await;
    fake.state().refuse = Some(Status::unauthenticated("show a client certificate"));
    let ended = fake.run(&["rollout", "list"]).await;
    assert_eq!(ended.exit, Exit::Auth, "{ended:?}");
    assert!(ended.err.contains("hint: use the credentials of this coordinator"), "{ended:?}");
}

#[tokio::test]
async fn completion_knows_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = offline(&["completion", shell]).await;
        assert!(ended.out.contains("breaker"), "{shell}");
    }
}
