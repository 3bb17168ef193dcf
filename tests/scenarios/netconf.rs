//! A real NETCONF server through all layers: what plan shows, what apply does and the way back; an agent that is killed
//! before the confirmation, and a change that cuts the device off.

use serde_json::Value;
use std::time::Duration;
use switchyard_tests::netconfd::{Netconfd, Other};
use switchyard_tests::wait;
use switchyard_tests::world::{World, document, text};
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

const BEFORE: &str = "<system xmlns=\"urn:switchyard:test\"><hostname>r1</hostname><mtu>1500</mtu></system>";
const CHANGE: &str = "<system xmlns=\"urn:switchyard:test\"><hostname>r2</hostname><mtu>9000</mtu></system>";
/// The device's own word that it has taken an unconfirmed change back.
const TAKEN_BACK: &str = "Confirmed-commit timeout";
/// A look over the new session.
const MTU: &str = "post: [{name: mtu, type: netconf_get, initial_delay: 6s, matches: '\\d+', xpath: \
    \"/switchyard-test:system/switchyard-test:mtu\"}]";
/// A look before the change, and one after it that knows what was seen then.
const GROWS: &str = "pre: [{name: before, type: netconf_get, save_as: was, xpath: \
    \"/switchyard-test:system/switchyard-test:mtu\"}], post: [{name: grows, type: netconf_get, expect: \"> {{ was }}\", xpath: \
    \"/switchyard-test:system/switchyard-test:mtu\"}]";
/// Longest until a doubt is settled: the patience of a device that counts in minutes, and what it was told last.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// One device behind an agent of its own. The runtime carries the server in front of it.
struct Lab {
    runtime: Runtime,
    peer: Netconfd,
    other: Other,
    world: World,
}

impl Lab {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mut world = World::new();
        let folder = world.path("device");
        world.write("device/here", "");
        let peer = runtime.block_on(Netconfd::start(&folder, "candidate"));
        let other = runtime.block_on(peer.other());
        world.start_coordinator();
        world.start_agent("lab");
        let inventory = format!(
            "api_version: switchyard/v1\nkind: Inventory\nsites: {{lab: {{}}}}\ndevices:\n  r1: {{site: lab, hostname: \
             {}, port: {}, username: {}, credential_ref: \"{}\", host_keys: [\"{}\"], transport: netconf}}\n",
            peer.address().ip(),
            peer.address().port(),
            peer.user(),
            peer.credential_ref(),
            peer.host_key(),
        );
        world.import(&world.write("inventory.yaml", &inventory));
        let mut lab = Self { runtime, peer, other, world };
        let first = lab.spec("first", BEFORE, "10s", MTU);
        let applied = lab.world.document(&["apply", "-f", &first, "-o", "json"]);
        assert_eq!(applied["state"], "SUCCEEDED", "{applied}");
        assert!(lab.running().contains("<mtu>1500</mtu>"));
        lab
    }

    /// A spec of this name with `template`, whose change must pass `checks` and be confirmed within `patience`.
    fn spec(&self, name: &str, template: &str, patience: &str, checks: &str) -> String {
        self.world.write(&format!("{name}.xml"), template);
        let spec = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change:\n    transport: netconf\n    \
             commit: {{confirm_timeout: {patience}}}\n    templates: {{default: {name}.xml}}\n  timeouts: {{connect: 2s, \
             command: 5s}}\n  checks: {{{checks}}}\n"
        );
        self.world.write(&format!("{name}.yaml"), &spec).display().to_string()
    }

    fn running(&mut self) -> String {
        self.runtime.block_on(self.other.data("running"))
    }

    fn device(&self, rollout: &str) -> Value {
        self.world.document(&["rollout", "devices", rollout, "-o", "json"])["items"][0].clone()
    }

    /// Waits until the device has `count` commits that await a confirmation.
    fn until_committed(&self, count: usize) {
        wait::until("it is committed until it is confirmed", || {
            (self.peer.confirmed_commits() >= count).then_some(())
        });
    }

    fn until_taken_back(&self) {
        wait::until("the device takes it back", || (self.peer.logged(TAKEN_BACK) == 1).then_some(()));
    }
}

#[test]
#[ignore = "needs netconfd: use tests/run"]
fn over_netconf_plan_shows_the_true_diff_apply_makes_it_once_and_rollback_takes_it_back() {
    let mut lab = Lab::new();
    let (before, spec) = (lab.running(), lab.spec("mtu", CHANGE, "10s", GROWS));
    let planned = lab.world.run(&["plan", "-f", &spec, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let diff = document(&planned)["comparison"]["groups"][0]["diff"].as_str().expect("a diff").to_owned();
    let changed: Vec<&str> =
        diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).map(str::trim_end).collect();
    assert_eq!(
        changed,
        [
            "-  <hostname>r1</hostname>",
            "-  <mtu>1500</mtu>",
            "+  <hostname>r2</hostname>",
            "+  <mtu>9000</mtu>"
        ],
        "{diff}"
    );
    assert_eq!((lab.running(), lab.peer.confirmed_commits()), (before.clone(), 1), "plan writes nothing");

    for counted in ["succeeded", "unchanged"] {
        let applied = lab.world.document(&["apply", "-f", &spec, "-o", "json"]);
        assert_eq!(applied["devices"][counted], 1, "{applied}");
        assert!(lab.running().contains("<mtu>9000</mtu>"));
        assert_eq!(lab.peer.confirmed_commits(), 2, "the second apply writes nothing");
    }
    let after = lab.running();
    for (name, template, class, left_as) in [
        ("bad", CHANGE.replace("9000", "70000"), "REJECTED", "UNCHANGED"),
        ("shrinks", CHANGE.replace("9000", "1400"), "POSTCHECK_FAILED", "REVERTED"),
    ] {
        let refused =
            lab.world.document(&["apply", "-f", &lab.spec(name, &template, "10s", GROWS), "-o", "json"]);
        assert_eq!(refused["devices"]["failed"], 1, "{refused}");
        let outcome = lab.device(name)["outcome"].clone();
        assert_eq!((&outcome["class"], &outcome["left_as"]), (&class.into(), &left_as.into()), "{outcome}");
        assert_eq!(lab.running(), after, "it is as it was");
    }
    let back = lab.world.run(&["rollback", "mtu", "--device", "r1", "--reason", "a test", "-o", "json"]);
    assert_eq!((back.status.code(), lab.running()), (Some(0), before), "{}", text(&back));
}

#[test]
#[ignore = "needs netconfd: use tests/run"]
fn an_agent_killed_before_the_confirmation_leaves_a_device_that_heals_itself_and_a_doubt_that_is_settled() {
    let mut lab = Lab::new();
    // A port that is bound and closed: until the test opens it, the check fails and nothing is confirmed.
    let closed = TcpSocket::new_v4().expect("a socket");
    closed.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let port = closed.local_addr().expect("an address").port();
    let checks =
        format!("post: [{{name: port, type: tcp, port: {port}, count: 2, interval: 20s, failure_limit: 1}}]");
    let (before, spec) = (lab.running(), lab.spec("mtu", CHANGE, "20s", &checks));
    lab.world.say(&["apply", "-f", &spec, "--no-wait"]);
    lab.until_committed(2);
    lab.world.agents.get_mut("lab").expect("an agent").kill();
    assert!(lab.running().contains("<mtu>9000</mtu>"), "it has the change, and nobody confirms it");
    lab.until_taken_back();
    assert_eq!(lab.running(), before, "the device has taken itself back");

    let runtime = lab.runtime.enter();
    let _open = closed.listen(16).expect("the port opens");
    drop(runtime);
    lab.world.start_agent("lab");
    wait::until("its end is not known", || (lab.device("mtu")["state"] == "UNKNOWN").then_some(()));
    let shown = lab.device("mtu");
    assert_eq!(shown["outcome"]["left_as"], "UNKNOWN", "{shown}");
    assert_eq!(lab.peer.confirmed_commits(), 2, "before it is read nothing is said to it again");
    let settled = wait::within(SETTLED_WITHIN, || {
        let log = lab.world.log("mtu");
        log.iter().map(Value::to_string).find(|event| event.contains("it is as it was before the write"))
    });
    assert!(settled.is_some(), "{}", lab.device("mtu"));
    let end = wait::within(SETTLED_WITHIN, || {
        let device = lab.device("mtu");
        (device["state"] == "SUCCEEDED").then_some(device)
    });
    assert!(end.is_some(), "a new attempt has made the change: {}", lab.device("mtu"));
    assert!(lab.running().contains("<mtu>9000</mtu>"));
}

#[test]
#[ignore = "needs netconfd: use tests/run"]
fn a_change_that_breaks_reachability_reverts_by_itself_and_the_operator_is_told_so() {
    let mut lab = Lab::new();
    let (before, spec) = (lab.running(), lab.spec("cut", CHANGE, "10s", MTU));
    lab.peer.cut_off_at_commit(2);
    let mut applying = lab.world.background(&["apply", "-f", &spec]);
    lab.until_taken_back();
    lab.peer.heal();
    assert_eq!(applying.exit_status(), 3, "{:#?}", applying.output());
    assert_eq!(lab.running(), before);
    let device = lab.device("cut");
    assert_eq!(
        (&device["state"], &device["outcome"]["class"], &device["outcome"]["left_as"]),
        (&"FAILED".into(), &"POSTCHECK_FAILED".into(), &"REVERTED".into()),
        "{device}"
    );
    let said = device["outcome"]["message"].as_str().unwrap_or_default();
    assert!(said.contains("it is as it was before the change"), "{said}");
    let shown = lab.world.run(&["rollout", "devices", "cut"]);
    assert!(text(&shown).to_lowercase().contains("reverted"), "{}", text(&shown));
}
