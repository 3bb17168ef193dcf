//! Host keys are collected without a login, within what agents have room for, and both ends are recorded.

use super::*;
use crate::api::Api;
use switchyard_proto::convert::link::Compared;
use switchyard_proto::v1;
use switchyard_proto::v1::collect_host_keys_response::State;
use switchyard_proto::v1::inventory_service_server::InventoryService as _;
use switchyard_shared::breaker::{self, Name};
use switchyard_shared::id::DeviceName;
use switchyard_shared::ssh::HostKey;
use switchyard_shared::task::{COMPARISON, Purpose, Task, Work};
use tokio_stream::StreamExt as _;

const PIN: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// No device of it has a key pinned but `b`; `g` has no SSH, and nobody is at `far`.
fn inventory() -> String {
    let head = INVENTORY.split("host_keys").next().unwrap().trim_end_matches(", ");
    format!(
        "{head}}}\nsites: {{lab: {{}}, far: {{}}}}\ndevices:\n  a: {{hostname: 127.0.0.1, site: lab}}\n  \
         b: {{hostname: 127.0.0.2, site: lab, host_keys: [\"{PIN}\"]}}\n  \
         f: {{hostname: 127.0.0.4, site: far}}\n  g: {{hostname: 127.0.0.3, site: lab, transport: gnmi}}\n  \
         o: {{hostname: 127.0.0.5, site: lab, status: offline}}\n"
    )
}

async fn api(store: &Arc<Fragile>) -> (Driver, Api) {
    let driver = started(store).await;
    let inventory = Inventory::parse(&inventory(), "i").unwrap();
    driver
        .ask(|world, turn| {
            world.import(inventory, turn);
            Ok(())
        })
        .await
        .unwrap();
    let api = Api::new(driver.clone(), None, CancellationToken::new());
    (driver, api)
}

type Answers = <Api as v1::inventory_service_server::InventoryService>::CollectHostKeysStream;

async fn collect(api: &Api, filter: &str, devices: &[&str]) -> Result<Answers, tonic::Status> {
    let devices = devices.iter().map(ToString::to_string).collect();
    let asked = v1::CollectHostKeysRequest { filter: filter.into(), devices };
    Ok(api.collect_host_keys(tonic::Request::new(asked)).await?.into_inner())
}

async fn all(mut answers: Answers) -> Vec<v1::CollectHostKeysResponse> {
    let mut found = Vec::new();
    let end = async {
        while let Some(told) = answers.next().await {
            found.push(told.unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.expect("it ends");
    found.sort_by(|a, b| a.device.cmp(&b.device));
    found
}

async fn tasks(agent: &mut Agent) -> Vec<Task> {
    loop {
        if let FromCoordinator::Assignment(work) = agent.next().await {
            return work.tasks;
        }
    }
}

async fn tell(driver: &Driver, agent: &Agent, op: &OpId, class: Class, fingerprints: &[&str]) {
    let outcome = Outcome::new(class, Phase::Connect, LeftAs::Unchanged, "so it is", Timestamp(0));
    let key = |fingerprint: &&str| HostKey {
        algorithm: "ssh-ed25519".into(),
        fingerprint: (*fingerprint).into(),
        certificate: None,
    };
    let keys = fingerprints.iter().map(key).collect();
    let outcome = if class == Class::Ok { outcome } else { outcome.with_hint("do this") };
    let compared = Compared { op: op.clone(), outcome, diff: String::new(), keys };
    driver.deliver(agent.session, FromAgent::Compared(Box::new(compared))).await.unwrap();
}

/// What is recorded, in order.
async fn audited(store: &Arc<Fragile>) -> Vec<serde_json::Value> {
    let events = store.inner.read_all(0).await.unwrap();
    let audit = events.iter().filter(|event| event.stream.starts_with("audit/"));
    audit.map(|event| serde_json::from_str(&event.body).unwrap()).collect()
}

async fn recorded(store: &Arc<Fragile>, count: usize) -> Vec<serde_json::Value> {
    let enough = async {
        loop {
            let found = audited(store).await;
            if found.len() >= count {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), enough).await.expect("it is recorded")
}

#[tokio::test]
async fn agents_are_asked_without_a_login_and_each_device_is_told_against_its_pins() {
    let store: Arc<Fragile> = Arc::default();
    let (driver, api) = api(&store).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let answers = collect(&api, "", &[]).await.unwrap();
    let asked = recorded(&store, 1).await;
    assert_eq!((&asked[0]["action"], &asked[0]["devices"]), (&"host-keys.collect".into(), &4.into()));
    let tasks = tasks(&mut agent).await;
    assert_eq!(tasks.len(), 2, "neither the one without SSH nor the one that is offline");
    for task in &tasks {
        assert_eq!((&task.work, &task.purpose), (&Work::HostKeys, &Purpose::Compare));
        assert_eq!(task.op.attempt, COMPARISON);
        assert_eq!((task.endpoint.username.as_str(), task.endpoint.credential_ref.as_str()), ("", ""));
    }
    tell(&driver, &agent, &tasks[0].op, Class::Ok, &["SHA256:first"]).await;
    tell(&driver, &agent, &tasks[1].op, Class::Ok, &["SHA256:other"]).await;
    let found = all(answers).await;
    let states: Vec<(&str, State)> = found.iter().map(|one| (one.device.as_str(), one.state())).collect();
    let expected = [("a", State::New), ("b", State::Changed), ("f", State::Unknown), ("g", State::NoSsh)];
    assert_eq!(states, expected);
    assert!(found.iter().all(|one| one.devices == 4));
    assert_eq!(found[1].pinned_keys, [PIN]);
    assert_eq!(found[2].reason, "no agent of far is connected");
    assert!(found[3].reason.contains("its certificate is checked by its CA"));
    let end = recorded(&store, 2).await.remove(1);
    assert_eq!(end["action"], "host-keys.collected");
    let counts: Vec<_> = ["pinned", "new", "changed", "unknown", "no_ssh"].map(|key| end[key].clone()).into();
    assert_eq!(counts, [0, 1, 1, 1, 1].map(serde_json::Value::from));
    let lines = "a ssh-ed25519 SHA256:first\nb ssh-ed25519 SHA256:other";
    assert_eq!(end["keys"], switchyard_shared::digest::of_bytes(lines.as_bytes()));
    drop(driver);
    let again = started(&store).await;
    assert!(again.look(|world, _| Ok(world.rollouts.len())).await.is_ok_and(|count| count == 0));
}

#[tokio::test]
async fn what_was_shown_before_a_failure_is_kept_and_told_with_what_to_do() {
    let (driver, api) = api(&Arc::default()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let answers = collect(&api, "", &["b", "devices/a"]).await.unwrap();
    let tasks = tasks(&mut agent).await;
    tell(&driver, &agent, &tasks[0].op, Class::Unreachable, &[]).await;
    tell(&driver, &agent, &tasks[1].op, Class::Timeout, &[PIN]).await;
    let found = all(answers).await;
    assert_eq!((found[0].state(), found[0].reason.as_str()), (State::Unknown, "so it is: do this"));
    assert_eq!((found[1].state(), found[1].keys.len()), (State::Pinned, 1));
    assert_eq!(found[1].reason, "so it is: do this", "not every kind was asked for");
}

#[tokio::test]
async fn a_device_that_was_not_asked_for_every_kind_of_key_is_not_said_to_have_changed() {
    let (driver, api) = api(&Arc::default()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let answers = collect(&api, "", &["b"]).await.unwrap();
    let tasks = tasks(&mut agent).await;
    tell(&driver, &agent, &tasks[0].op, Class::Overloaded, &["SHA256:other"]).await;
    let found = all(answers).await;
    assert_eq!((found[0].state(), found[0].keys.len()), (State::Unknown, 1), "what it showed is told");
    assert_eq!(found[0].reason, "so it is: do this");
}

#[tokio::test]
async fn a_reader_that_goes_ends_it_and_that_is_recorded_too() {
    let store: Arc<Fragile> = Arc::default();
    let (driver, api) = api(&store).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let answers = collect(&api, "name = \"a\" OR name = \"b\"", &[]).await.unwrap();
    let first = tasks(&mut agent).await;
    assert_eq!(first.len(), 1, "within its credit");
    drop(answers);
    assert_eq!(recorded(&store, 2).await[1]["unknown"], 0, "nothing was told of it");
    let called_off = agent.abandoned("device-trust").await;
    assert_eq!(called_off, [first[0].op.device.to_string()], "and what is asked is called off");
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(agent.nothing_waits(), "the other device is not asked any more");
}

#[tokio::test]
async fn a_selection_that_is_wrong_or_empty_asks_nobody_and_records_nothing() {
    let store: Arc<Fragile> = Arc::default();
    let (_driver, api) = api(&store).await;
    let many: Vec<String> = (0..1001).map(|n| format!("d{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (filter, devices, code) in [
        ("site = \"lab\"", &["a"][..], tonic::Code::InvalidArgument),
        ("site = (", &[], tonic::Code::InvalidArgument),
        ("site = \"nowhere\"", &[], tonic::Code::FailedPrecondition),
        ("", &["nobody"], tonic::Code::NotFound),
        ("", &many, tonic::Code::InvalidArgument),
    ] {
        let refused = collect(&api, filter, devices).await.expect_err("a refusal");
        assert_eq!(refused.code(), code, "{refused:?}");
    }
    assert!(audited(&store).await.is_empty());
}

/// What an agent says of a device that showed a strange host key.
fn strange(device: &str) -> Report {
    let name = Name::Device(DeviceName::new(device).unwrap());
    let reason = "showed a host key that is not pinned: look".to_owned();
    let report =
        Report { state: breaker::State::Open, reason, ..Report::closed(name, Some(lab()), Timestamp(1)) };
    assert!(report.is_of_a_strange_key());
    report
}

async fn import(driver: &Driver, pin: &str) {
    let inventory = Inventory::parse(&inventory().replace(PIN, pin), "i").unwrap();
    let import = |world: &mut World, turn: &mut Turn| {
        world.import(inventory, turn);
        Ok(())
    };
    driver.ask(import).await.unwrap();
}

/// Whether the agent is told to try `b` again; whatever else it is told is passed over.
fn is_told_to_try_again(agent: &mut Agent) -> bool {
    std::iter::from_fn(|| agent.inbox.try_recv().ok()).any(|told| {
        matches!(
            told,
            FromCoordinator::Breaker { name: Name::Device(device), action: BreakerAction::Reset, reason, .. }
                if device.as_str() == "b" && reason == "other keys are pinned for it"
        )
    })
}

#[tokio::test]
async fn a_device_that_showed_a_strange_key_is_still_asked_for_its_keys_and_read_for_no_plan() {
    let (driver, api) = api(&Arc::default()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    driver.deliver(agent.session, FromAgent::Breaker(strange("b"))).await.unwrap();
    let answers = collect(&api, "", &["b"]).await.unwrap();
    let tasks = tasks(&mut agent).await;
    tell(&driver, &agent, &tasks[0].op, Class::Ok, &["SHA256:new"]).await;
    assert_eq!(all(answers).await[0].state(), State::Changed);
    let tripped = Report { state: breaker::State::ForcedOpen, ..strange("b") };
    driver.deliver(agent.session, FromAgent::Breaker(tripped)).await.unwrap();
    let found = all(collect(&api, "", &["b"]).await.unwrap()).await;
    assert!(found[0].reason.contains("device/b is open"), "an operator's word wins: {found:?}");
}

#[tokio::test]
async fn other_pins_have_a_device_tried_again_that_showed_a_strange_key_and_the_same_pins_do_not() {
    const OTHER: &str = "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDnVQSf6UCe0zu2Zq8";
    let (driver, _api) = api(&Arc::default()).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Breaker(strange("b"))).await.unwrap();
    import(&driver, PIN).await;
    assert!(!is_told_to_try_again(&mut agent), "nothing has changed");
    import(&driver, OTHER).await;
    assert!(is_told_to_try_again(&mut agent));
    let closed = Report::closed(strange("b").name, Some(lab()), Timestamp(2));
    driver.deliver(agent.session, FromAgent::Breaker(closed)).await.unwrap();
    driver.deliver(agent.session, FromAgent::Breaker(strange("b"))).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(!is_told_to_try_again(&mut agent), "it showed a strange key with the new pins, too");

    driver.close_session(agent.session).await;
    import(&driver, PIN).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Breaker(strange("b"))).await.unwrap();
    driver.ask(|_, _| Ok(())).await.unwrap();
    assert!(is_told_to_try_again(&mut agent), "its agent was away");
}
