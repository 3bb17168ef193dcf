//! What a rehearsal prints and how it ends, through the command line.

use crate::fake::{Ended, Fake, result, running, surroundings};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use switchyard_proto::v1::{DeviceState, OutcomeClass};

const SPEC: &str = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: ntp}\nspec:\n  \
    change: {ssh: {command: load}, templates: {default: motd.cfg.j2}}\n  timeouts: {command: 10m}\n";
const MODEL: &str = "api_version: switchyard/v1\nkind: RehearsalModel\nfleet:\n  devices: 300\n  sites: 6\n  pool: 10\n  \
    labels: {platform: {values: 3}}\nfailures: {overall: 0.3}\nrules: [brief]\n";

#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in
        [("ntp.yaml", SPEC), ("motd.cfg.j2", "hello"), ("model.yaml", MODEL)].iter().chain(files)
    {
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    dir
}

async fn offline(folder: &Path, args: &[&str]) -> Ended {
    let (mut around, streams) = surroundings();
    around.cwd = folder.to_owned();
    let args = ["switchyard", "rehearse", "-f", "ntp.yaml"].iter().chain(args).map(Into::into);
    let exit = crate::cli::run(args, around).await;
    Ended { exit, out: streams.out.text(), err: streams.err.text() }
}

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}\n{}", ended.out, ended.err))
}

#[tokio::test]
async fn a_rehearsal_needs_no_coordinator_and_says_what_each_rule_came_to() {
    let dir = folder(&[]);
    let args = ["--model", "model.yaml", "--trials", "5", "--seed", "3"];
    let ended = offline(dir.path(), &[&args[..], &["-o", "json"]].concat()).await;
    let document = document(&ended);
    assert_eq!(
        (ended.exit.code(), &document["kind"], &document["devices"]),
        (0, &"Rehearsal".into(), &300.into())
    );
    let (own, brief) = (&document["rules"][0], &document["rules"][1]);
    assert_eq!(
        (&own["name"], &own["spec"], &brief["name"]),
        (&"ntp.yaml".into(), &true.into(), &"brief".into())
    );
    let harm = |rule: &Value| rule["harmed"]["median"].as_f64().expect("a number");
    assert!(harm(own) < 20.0 && harm(own) < harm(brief), "{document:#}");
    let shown = offline(dir.path(), &args).await;
    assert!(shown.out.starts_with("RULE") && shown.out.contains("ntp.yaml"), "{}", shown.out);
    let again = offline(dir.path(), &[&args[..], &["-o", "json"]].concat()).await;
    assert_eq!(again.out, ended.out);
}

#[tokio::test]
async fn two_specs_stand_side_by_side_and_the_chart_is_drawn() {
    let careful = SPEC.replace("  timeouts", "  strategy: {budget: {devices: 2}}\n  timeouts");
    let dir = folder(&[("careful.yaml", &careful)]);
    let args = [
        "--model",
        "model.yaml",
        "--trials",
        "5",
        "--compare",
        "careful.yaml",
        "--chart",
        "out",
        "-o",
        "json",
    ];
    let ended = offline(dir.path(), &args).await;
    let document = document(&ended);
    let harm = |index: usize| document["rules"][index]["harmed"]["mean"].as_f64().expect("a number");
    assert!(harm(1) < harm(0), "a smaller budget: {document:#}");
    assert!(dir.path().join("out.svg").exists() && dir.path().join("out.png").exists(), "{}", ended.err);
}

#[tokio::test]
async fn a_bad_model_says_everything_that_is_wrong_with_it() {
    let bad = MODEL.replace("overall: 0.3", "overall: 3, where: [{labels: {platfrom: 1}, probability: 1}]");
    let dir = folder(&[("bad.yaml", &bad)]);
    let ended = offline(dir.path(), &["--model", "bad.yaml"]).await;
    assert_eq!(ended.exit.code(), 13);
    for want in ["2 problems", "bad.yaml:8:21: failures.overall", "did you mean platform?"] {
        assert!(ended.err.contains(want), "no {want} in {}", ended.err);
    }
    assert_eq!(offline(dir.path(), &[]).await.exit.code(), 64, "neither a model nor a replay");
}

#[tokio::test]
async fn a_recorded_rollout_is_replayed_under_a_budget_that_it_did_not_have() {
    let mut inventory = "api_version: switchyard/v1\nkind: Inventory\ndefaults: {username: u, credential_ref: \"env:K\", \
        site: lon, host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]}\nsites: {lon: {}}\ndevices:\n"
        .to_owned();
    let fake = Fake::start(running(200)).await;
    for number in 0..200 {
        let _ =
            writeln!(inventory, "  dev{number:03}: {{hostname: 10.0.0.{number}, platform: p{}}}", number % 2);
        let name = format!("dev{number:03}");
        let failed = result(&name, DeviceState::Failed, OutcomeClass::Rejected, "no");
        let ok = result(&name, DeviceState::Succeeded, OutcomeClass::Ok, "");
        fake.state().devices.push(if number % 2 == 0 { failed } else { ok });
    }
    let dir = folder(&[("inventory.yaml", &inventory)]);
    let args =
        ["rehearse", "-f", "ntp.yaml", "--replay", "ntp", "--inventory", "inventory.yaml", "--trials", "7"];
    let run = async |more: &[&str]| {
        let (mut around, streams) = surroundings();
        around.cwd = dir.path().to_owned();
        fake.run_within(&[&args[..], more].concat(), around, streams).await
    };
    let ended = run(&["-o", "json"]).await;
    let document = document(&ended);
    assert_eq!(document["replay"]["harmed"], 100, "{document:#}");
    assert!(document["rules"][0]["harmed"]["worst"].as_f64().expect("a number") < 20.0, "{document:#}");
    let told = run(&[]).await;
    assert!(told.out.contains("rollouts/ntp: 100 of 200 devices that it tried failed"), "{}", told.out);
    assert!(told.out.contains("not 100"), "{}", told.out);
}
