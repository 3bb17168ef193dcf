//! `device trust` against a fake coordinator: what is shown, written, and told by the exit code.

use crate::cli::tests::within;
use crate::exit::Exit;
use crate::fake::{Ended, Fake, running, surroundings};
use crate::session::Interrupt;
use serde_json::Value;
use switchyard_proto::v1::collect_host_keys_response::State;
use switchyard_proto::v1::{self, CollectHostKeysResponse};
use switchyard_shared::inventory::Inventory;
use tokio_util::sync::CancellationToken;

const OLD: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

fn key(fingerprint: &str, algorithm: &str) -> v1::HostKey {
    v1::HostKey { algorithm: algorithm.into(), fingerprint: fingerprint.into(), certificate: None }
}

/// The fingerprint of another key, one for each digit.
fn other(digit: u8) -> String {
    OLD.replace("47DEQ", &digit.to_string().repeat(5))
}

fn shows(device: &str, state: State, keys: Vec<v1::HostKey>, pinned: &[&str]) -> CollectHostKeysResponse {
    CollectHostKeysResponse {
        device: device.into(),
        site: "lon".into(),
        hostname: "192.0.2.1".into(),
        port: 22,
        state: state.into(),
        keys,
        pinned_keys: pinned.iter().map(|&pin| pin.into()).collect(),
        ..Default::default()
    }
}

fn unreachable(device: &str) -> CollectHostKeysResponse {
    let reason = format!("{device} (192.0.2.1:22) refused the connection");
    CollectHostKeysResponse { reason, ..shows(device, State::Unknown, vec![], &[]) }
}

async fn trust(devices: Vec<CollectHostKeysResponse>, args: &[&str]) -> (Fake, Ended, tempfile::TempDir) {
    let (fake, folder) = (Fake::start(running(1)).await, tempfile::tempdir().expect("a folder"));
    let count = u32::try_from(devices.len()).expect("few");
    fake.state().host_keys =
        devices.into_iter().map(|device| CollectHostKeysResponse { devices: count, ..device }).collect();
    let ended = within(&fake, folder.path(), &[&["device", "trust"], args].concat()).await;
    (fake, ended, folder)
}

fn pinned(device: &str) -> CollectHostKeysResponse {
    shows(device, State::Pinned, vec![key(OLD, "ssh-ed25519")], &[OLD])
}

fn new(device: &str) -> CollectHostKeysResponse {
    shows(device, State::New, vec![key(OLD, "ssh-ed25519"), key(&other(1), "ssh-rsa")], &[OLD])
}

fn changed(device: &str) -> CollectHostKeysResponse {
    shows(device, State::Changed, vec![key(&other(2), "ssh-ed25519")], &[OLD])
}

#[tokio::test]
async fn what_is_pinned_or_new_ends_well_what_changed_needs_a_person_and_what_was_not_reached_is_told() {
    for (devices, exit) in [
        (vec![pinned("a"), new("b")], Exit::Ok),
        (vec![pinned("a"), unreachable("b")], Exit::RolloutFailed),
        (vec![changed("a"), unreachable("b"), new("c")], Exit::Blocked),
    ] {
        let (_, ended, _) = trust(devices, &[]).await;
        assert_eq!(ended.exit, exit, "{ended:?}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_before_all_devices_were_asked_is_not_well_and_writes_nothing() {
    let (fake, folder) = (Fake::start(running(1)).await, tempfile::tempdir().expect("a folder"));
    fake.state().host_keys = vec![CollectHostKeysResponse { devices: 3, ..new("a") }];
    fake.state().stops = true;
    let args = ["device", "trust", "--write", "keys.yaml"];
    let ended = within(&fake, folder.path(), &args).await;
    assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
    assert!(ended.err.contains("the coordinator stopped with 2 devices not asked"), "{ended:?}");
    assert!(!folder.path().join("keys.yaml").exists());
    fake.state().host_keys = Vec::new();
    let ended = within(&fake, folder.path(), &args).await;
    assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
}

#[tokio::test]
async fn a_changed_key_stands_beside_the_pinned_one_and_no_fingerprint_is_cut() {
    let (fake, ended, _) =
        trust(vec![unreachable("c"), changed("b"), pinned("a")], &["-l", "site = \"lon\""]).await;
    assert_eq!(fake.state().asked[0], "collect \"site = \\\"lon\\\"\" ");
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[1].starts_with("a       lon   192.0.2.1:22  ssh-ed25519  SHA256:47DEQ"), "{ended:?}");
    assert!(lines[1].ends_with("  pinned"), "{ended:?}");
    assert!(lines[2].ends_with(&format!("{}  CHANGED: pinned is {OLD}", other(2))), "{ended:?}");
    assert!(lines[3].ends_with("UNKNOWN: refused the connection"), "{ended:?}");
    assert_eq!(lines[5], "3 devices   1 pinned   1 CHANGED   1 not reached");
    assert!(ended.err.contains("b shows none of the keys that are pinned for it"), "{ended:?}");
}

#[tokio::test]
async fn keys_of_a_device_that_was_not_asked_for_every_kind_are_neither_new_nor_changed() {
    let reason = "a (192.0.2.1:22) turned the connection away".to_owned();
    let asked_in_part = CollectHostKeysResponse {
        reason,
        ..shows("a", State::Unknown, vec![key(&other(2), "ssh-ed25519")], &[OLD])
    };
    let (_, ended, folder) = trust(vec![asked_in_part], &["--write", "keys.yaml"]).await;
    assert_eq!(ended.exit, Exit::RolloutFailed, "{ended:?}");
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[1].ends_with(&format!("{}  UNKNOWN: it is not pinned", other(2))), "{ended:?}");
    assert!(lines[2].ends_with("not all: turned the connection away"), "{ended:?}");
    assert!(!folder.path().join("keys.yaml").exists(), "nobody is asked to accept them");
}

#[tokio::test]
async fn scripts_get_every_device_in_one_document_or_line_by_line() {
    let (fake, ended, _) = trust(vec![new("b"), changed("a")], &["-o", "json"]).await;
    let shown: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!((&shown["counts"]["new"], &shown["counts"]["changed"]), (&1.into(), &1.into()));
    let keys = &shown["devices"][1]["keys"];
    assert_eq!((&keys[0]["pinned"], &keys[1]["pinned"]), (&true.into(), &false.into()), "{shown}");
    assert_eq!(shown["devices"][0]["state"], "CHANGED");
    let lines = fake.run(&["device", "trust", "a", "b", "-o", "jsonl"]).await;
    assert_eq!(lines.out.lines().count(), 2, "{lines:?}");
    assert_eq!(fake.state().asked[1], "collect \"\" a,b");
}

/// What `text` pins in an inventory of these devices.
fn pins(text: &str, devices: &[&str]) -> Vec<Vec<String>> {
    let entries: String = devices.iter().map(|name| format!("  {name}: {{hostname: {name}}}\n")).collect();
    let head = "api_version: switchyard/v1\nkind: Inventory\nsites: {lon: {}}\n\
                defaults: {site: lon, username: u, credential_ref: \"env:K\"}\ndevices:\n";
    let mut inventory = Inventory::parse(&format!("{head}{entries}"), "i.yaml").expect("an inventory");
    inventory.pin(text, "keys.yaml").expect("it can be imported as it is");
    inventory.devices.into_iter().map(|device| device.host_keys).collect()
}

#[tokio::test]
async fn what_is_new_is_written_for_review_and_a_changed_key_only_as_a_comment() {
    let first = shows("c", State::New, vec![key(&other(3), "ssh-ed25519")], &[]);
    let (_, ended, folder) =
        trust(vec![first, changed("b"), new("a"), pinned("d")], &["--write", "keys.yaml"]).await;
    assert_eq!(ended.exit, Exit::Blocked, "{ended:?}");
    let text = crate::files::read_text(&folder.path().join("keys.yaml"), 10_000).expect("the file");
    let none: Vec<String> = vec![];
    let all = ["a", "b", "c", "d"];
    assert_eq!(
        pins(&text, &all),
        [vec![OLD.to_owned(), other(1)], none.clone(), vec![other(3)], none],
        "{text}"
    );
    assert!(text.contains(&format!("# CHANGED: pinned is {OLD}.")), "{text}");
    let accepted =
        text.lines().map(|line| line.strip_prefix("#  ").map_or(line.into(), |line| format!("  {line}")));
    let accepted: Vec<String> = accepted.collect();
    let accepted: Vec<&str> =
        accepted.iter().map(String::as_str).filter(|line| !line.contains("inventory import")).collect();
    assert_eq!(pins(&accepted.join("\n"), &all)[1], [other(2)], "a person who means it uncomments it");
}

#[tokio::test]
async fn only_changed_keys_are_written_as_a_document_that_pins_nothing() {
    let (_, _, folder) = trust(vec![changed("b")], &["--write", "keys.yaml"]).await;
    let text = crate::files::read_text(&folder.path().join("keys.yaml"), 10_000).expect("the file");
    assert_eq!(pins(&text, &["b"]), [Vec::<String>::new()], "{text}");
}

#[tokio::test]
async fn a_file_that_is_there_is_never_written_over_and_nothing_new_writes_none() {
    let (fake, ended, folder) = trust(vec![pinned("a")], &["--write", "keys.yaml"]).await;
    assert!(
        ended.err.contains("no file was written") && !folder.path().join("keys.yaml").exists(),
        "{ended:?}"
    );
    switchyard_coordinator::files::write(&folder.path().join("keys.yaml"), b"reviewed").expect("a file");
    let asked = fake.state().asked.len();
    let ended = within(&fake, folder.path(), &["device", "trust", "--write", "keys.yaml"]).await;
    assert!(ended.exit == Exit::Error && ended.err.contains("is there already"), "{ended:?}");
    assert_eq!(fake.state().asked.len(), asked, "and no device is asked in vain");
}

#[tokio::test]
async fn ctrl_c_and_time_up_show_what_was_told_and_write_nothing() {
    let (fake, folder) = (Fake::start(running(1)).await, tempfile::tempdir().expect("a folder"));
    fake.state().host_keys = vec![CollectHostKeysResponse { devices: 3, ..new("a") }];
    let line = ["device", "trust", "--write", "keys.yaml", "--timeout", "1s"];
    let timed = within(&fake, folder.path(), &line).await;
    assert_eq!(timed.exit, Exit::Timeout, "{timed:?}");
    assert!(timed.err.contains("--timeout passed with 2 devices not asked"), "{timed:?}");
    assert!(timed.out.contains("NEW") && !folder.path().join("keys.yaml").exists(), "{timed:?}");
    let (mut around, streams) = surroundings();
    let token = CancellationToken::new();
    token.cancel();
    around.interrupt = Interrupt::Token(token);
    let stopped = fake.run_within(&["device", "trust"], around, streams).await;
    assert_eq!(stopped.exit, Exit::Interrupted, "{stopped:?}");
}

#[tokio::test]
async fn what_a_device_says_drives_no_terminal_and_breaks_no_document() {
    let evil = CollectHostKeysResponse {
        reason: "\x1b[2J\nline".into(),
        ..shows("a", State::New, vec![key(OLD, "x\n  b: {host_keys: []}\x1b[2J")], &[])
    };
    let (_, ended, folder) = trust(vec![evil], &["--write", "keys.yaml"]).await;
    assert!(!ended.out.contains('\x1b'), "{ended:?}");
    let text = crate::files::read_text(&folder.path().join("keys.yaml"), 10_000).expect("the file");
    assert_eq!(pins(&text, &["a"]), [vec![OLD.to_owned()]], "{text}");
}
