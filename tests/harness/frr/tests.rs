//! The command line driver against real FRR, believed by what FRR prints and by what was typed to it.

use super::FrrRouter;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchyard_agent::clock::SystemClock;
use switchyard_agent::executor::executors::Executors;
use switchyard_agent::executor::{AttemptContext, Executor, GateRefused};
use switchyard_agent::secrets::Secrets;
use switchyard_shared::id::{DeviceName, OpId, RolloutName};
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::{Mode, Procedure, Transport};
use switchyard_shared::task::{BreakerSettings, Endpoint, PoolSettings, Purpose, Task, Timeouts, Work};
use tokio_util::sync::CancellationToken;

/// A gate that is open, and what was told on the way.
#[derive(Default)]
struct Told {
    diff: Mutex<String>,
    before: Mutex<Option<String>>,
}

impl AttemptContext for Told {
    fn progress(&self, _phase: Phase) {}

    fn differs(&self, diff: String) {
        *self.diff.lock().expect("no test panics with it") = diff;
    }

    fn open_write_gate(&self, before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        *self.before.lock().expect("no test panics with it") = before;
        Box::pin(async { Ok(()) })
    }
}

/// One router and what it has at first.
struct Lab {
    router: FrrRouter,
    executors: Executors,
    data: tempfile::TempDir,
}

const BGP: &str = "router bgp 65001\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as 65002\n \
    neighbor 10.0.0.2 description the one behind the firewall\n address-family ipv4 unicast\n  \
    network 10.1.0.0/24\n  neighbor 10.0.0.2 route-map OUT out\n";
const ROUTE_MAP: &str = "route-map OUT permit 10\n match ip address prefix-list OURS\nexit\n\
    ip prefix-list OURS seq 5 permit 10.1.0.0/24\n";

impl Lab {
    async fn new() -> Self {
        let router = FrrRouter::start(&format!("{ROUTE_MAP}{BGP}")).await.expect("a router");
        let data = tempfile::tempdir().expect("a folder");
        let executors =
            Executors::new(data.path(), Secrets::new(data.path()), SystemClock::shared()).expect("executors");
        Self { router, executors, data }
    }

    fn task(&self, configuration: &str, purpose: Purpose) -> Task {
        let entry = &self.router.ssh.entries()[0];
        let long = Duration::from_secs(20);
        Task {
            op: OpId {
                rollout: RolloutName::new("bgp").expect("a name"),
                device: DeviceName::new(&entry.name).expect("a name"),
                attempt: 1,
            },
            endpoint: Endpoint {
                hostname: entry.address.ip().to_string(),
                port: entry.address.port(),
                username: self.router.ssh.username().into(),
                credential_ref: self.router.ssh.credential_ref(),
                host_keys: vec![self.router.ssh.host_key().into()],
                ssh: Default::default(),
                tls: Default::default(),
            },
            work: Work::Driver(Arc::new(Procedure::new(Transport::SshCli, "frr"))),
            purpose,
            configuration: configuration.as_bytes().into(),
            timeouts: Timeouts { connect: long, command: long },
            breakers: BreakerSettings::default(),
            pools: PoolSettings::default(),
        }
    }

    async fn run(&self, task: &Task) -> (Outcome, Told) {
        let told = Told::default();
        let outcome = self.executors.attempt(task, &told, CancellationToken::new()).await;
        (outcome, told)
    }

    async fn attempt(&self, configuration: &str, purpose: Purpose) -> (Outcome, Told) {
        self.run(&self.task(configuration, purpose)).await
    }

    async fn replace(&self, configuration: &str, purpose: Purpose) -> (Outcome, Told) {
        let mut task = self.task(configuration, purpose);
        let procedure = Procedure { mode: Mode::Replace, ..Procedure::new(Transport::SshCli, "frr") };
        task.work = Work::Driver(Arc::new(procedure));
        self.run(&task).await
    }
}

fn ended(outcome: &Outcome) -> (Class, LeftAs) {
    (outcome.class, outcome.left_as)
}

const CHANGE: &str = "router bgp 65001\n neighbor 10.0.0.2 remote-as 65002\n neighbor 10.0.0.3 remote-as 65003\n \
    address-family ipv4 unicast\n  network 10.2.0.0/24\n";

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn the_difference_that_is_shown_is_the_one_that_the_device_then_has() {
    let lab = Lab::new().await;
    let before = lab.router.running();
    let (outcome, told) = lab.attempt(CHANGE, Purpose::Compare).await;
    assert_eq!(ended(&outcome), (Class::Ok, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(lab.router.running(), before);
    let (outcome, _) = lab.attempt(CHANGE, Purpose::Apply).await;
    assert_eq!(ended(&outcome), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    let after = lab.router.running();
    let fresh: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert_eq!(fresh, [" neighbor 10.0.0.3 remote-as 65003", "  network 10.2.0.0/24"]);
    let shown = told.diff.into_inner().expect("a difference");
    let mut changed: Vec<&str> = shown.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["+  network 10.2.0.0/24", "+ neighbor 10.0.0.3 remote-as 65003"], "{shown}");
}

/// What was typed that is not known to only look.
fn writing_words(router: &FrrRouter) -> Vec<String> {
    let typed = router.typed().concat();
    let looks = ["", "terminal length 0", "show running-config"];
    typed.lines().map(str::trim).filter(|line| !looks.contains(line)).map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn a_second_apply_says_nothing_that_could_change_the_device() {
    let lab = Lab::new().await;
    let (first, _) = lab.attempt(CHANGE, Purpose::Apply).await;
    assert_eq!(ended(&first), (Class::Ok, LeftAs::Changed), "{first:?}");
    let said = writing_words(&lab.router);
    assert_eq!(
        said,
        [
            "configure terminal",
            "router bgp 65001",
            "neighbor 10.0.0.3 remote-as 65003",
            "address-family ipv4 unicast",
            "network 10.2.0.0/24",
            "exit",
            "exit",
            "end"
        ],
        "the recording works"
    );
    let (second, _) = lab.attempt(CHANGE, Purpose::Apply).await;
    assert_eq!(ended(&second), (Class::Unchanged, LeftAs::Unchanged), "{second:?}");
    assert_eq!(writing_words(&lab.router), said, "nothing more");
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn not_one_writing_word_leaves_while_a_device_is_only_looked_at() {
    let lab = Lab::new().await;
    let before = lab.router.running();
    for configuration in [CHANGE, "hostname r9\nno router bgp 65001\n", "nonsense\n"] {
        for purpose in [Purpose::Compare, Purpose::Settle { before: None }] {
            let (outcome, told) = lab.attempt(configuration, purpose.clone()).await;
            assert_eq!(outcome.class, Class::Ok, "{purpose:?}: {outcome:?}");
            assert_eq!(*told.before.lock().expect("no test panics with it"), None, "the gate stayed shut");
            let (outcome, _) = lab.replace(configuration, purpose.clone()).await;
            assert_eq!(outcome.class, Class::Ok, "{purpose:?}: {outcome:?}");
        }
    }
    assert_eq!(lab.router.typed().len(), 12);
    assert_eq!(writing_words(&lab.router), Vec::<String>::new());
    assert_eq!(lab.router.running(), before);
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn a_refused_line_leaves_the_device_as_it_was() {
    let lab = Lab::new().await;
    let before = lab.router.running();
    let broken = "router bgp 65001\n neighbor 10.0.0.9 remote-as 65009\n neighbour 10.0.0.9 shutdown\n";
    let (outcome, _) = lab.attempt(broken, Purpose::Apply).await;
    assert_eq!(ended(&outcome), (Class::Rejected, LeftAs::Reverted), "{outcome:?}");
    assert!(
        outcome.message.contains("% Unknown command: neighbour 10.0.0.9 shutdown"),
        "{}",
        outcome.message
    );
    assert_eq!(lab.router.running(), before);
    let (outcome, _) = lab.attempt("nonsense\n", Purpose::Apply).await;
    assert_eq!(ended(&outcome), (Class::Rejected, LeftAs::Unchanged), "{outcome:?}");
    assert_eq!(lab.router.running(), before);
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn a_section_that_the_device_will_not_let_go_is_a_refusal() {
    let lab = Lab::new().await;
    lab.router.load("interface lo\ndescription stays").expect("a change");
    let before = lab.router.running();
    let (outcome, _) = lab.attempt("no interface lo\n", Purpose::Apply).await;
    assert_eq!(ended(&outcome), (Class::Rejected, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("only inactive interfaces can be deleted"), "{}", outcome.message);
    assert_eq!(lab.router.running(), before);
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn what_a_device_had_comes_back_byte_for_byte() {
    let changes = [
        CHANGE,
        "router bgp 65001\n bgp router-id 10.9.9.9\n neighbor 10.0.0.2 remote-as 65022\n",
        "no router bgp 65001\nno route-map OUT\n",
        "router bgp 65001\n address-family ipv4 unicast\n  no network 10.1.0.0/24\n  network 10.9.0.0/24\n",
        "interface lo\n description switchyard\nip prefix-list OURS seq 5 permit 10.9.0.0/24\n",
        "interface dummy7\n description gone again\nroute-map NEW permit 10\n set metric 7\n",
    ];
    let lab = Lab::new().await;
    let before = lab.router.running();
    for change in changes {
        let (applied, _) = lab.attempt(change, Purpose::Apply).await;
        assert_eq!(ended(&applied), (Class::Ok, LeftAs::Changed), "{change}: {applied:?}");
        assert_ne!(lab.router.running(), before, "{change}");
        let mut back = lab.task(change, Purpose::Restore { attempt: 1, before: None, overwrite: false });
        back.op.attempt = 2;
        let (back, _) = lab.run(&back).await;
        assert_eq!(ended(&back), (Class::Ok, LeftAs::Reverted), "{change}: {back:?}");
        assert_eq!(lab.router.running(), before, "{change}");
        forget_snapshots(&lab);
    }
}

/// The attempts of this test all bear one name, and the first snapshot of an attempt stays.
fn forget_snapshots(lab: &Lab) {
    std::fs::remove_dir_all(lab.data.path().join("snapshots")).expect("snapshots");
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn a_replacement_takes_away_what_it_does_not_name() {
    let lab = Lab::new().await;
    let wanted = "router bgp 65001\n bgp router-id 10.0.0.1\n neighbor 10.0.0.7 remote-as 65007\n";
    let (compared, told) = lab.replace(wanted, Purpose::Compare).await;
    assert_eq!(ended(&compared), (Class::Ok, LeftAs::Unchanged), "{compared:?}");
    let shown = told.diff.into_inner().expect("a difference");
    assert!(shown.contains("-route-map OUT permit 10\n") && shown.contains("+ neighbor 10.0.0.7"), "{shown}");
    let before = lab.router.running();
    let (replaced, _) = lab.replace(wanted, Purpose::Apply).await;
    assert_eq!(ended(&replaced), (Class::Ok, LeftAs::Changed), "{replaced:?}");
    let (again, _) = lab.replace(wanted, Purpose::Apply).await;
    assert_eq!(ended(&again), (Class::Unchanged, LeftAs::Unchanged), "{again:?}");
    let mut back = lab.task(wanted, Purpose::Restore { attempt: 1, before: None, overwrite: false });
    back.op.attempt = 2;
    let (back, _) = lab.run(&back).await;
    assert_eq!(ended(&back), (Class::Ok, LeftAs::Reverted), "{back:?}");
    assert_eq!(lab.router.running(), before);
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn what_a_neighbor_is_filtered_by_is_exchanged_and_never_gone() {
    let lab = Lab::new().await;
    let filters = "bgp as-path access-list PATH seq 5 permit 65001\naccess-list ACL seq 5 permit 10.1.0.0/24\n\
        router bgp 65001\naddress-family ipv4 unicast\nneighbor 10.0.0.2 prefix-list OURS in\n\
        neighbor 10.0.0.2 filter-list PATH out\nneighbor 10.0.0.2 distribute-list ACL out\n";
    lab.router.load(filters).expect("a change");
    let before = lab.router.running();
    let names = ["OUT", "OURS", "PATH", "ACL"];
    let renamed = |text: String, name: &&str| text.replace(&format!(" {name} "), &format!(" {name}2 "));
    let wanted = names.iter().fold(before.replace("prefix-list OURS\n", "prefix-list OURS2\n"), renamed);
    let (replaced, _) = lab.replace(&wanted, Purpose::Apply).await;
    assert_eq!(ended(&replaced), (Class::Ok, LeftAs::Changed), "{replaced:?}");
    let typed = writing_words(&lab.router);
    assert!(!typed.iter().any(|line| line.starts_with("no neighbor ")), "{typed:?}");
    let at = |line: &str| typed.iter().position(|typed| typed == line);
    let [new, used, old] =
        ["route-map OUT2 permit 10", "neighbor 10.0.0.2 route-map OUT2 out", "no route-map OUT permit 10"]
            .map(at);
    assert!(new.is_some() && new < used && used < old, "{typed:?}");
    let after = lab.router.running();
    for name in names {
        assert!(after.contains(&format!(" {name}2 ")) && !after.contains(&format!(" {name} ")), "{after}");
    }
    let (again, _) = lab.replace(&wanted, Purpose::Apply).await;
    assert_eq!(ended(&again), (Class::Unchanged, LeftAs::Unchanged), "{again:?}");
    let mut back = lab.task(&wanted, Purpose::Restore { attempt: 1, before: None, overwrite: false });
    back.op.attempt = 2;
    let (back, _) = lab.run(&back).await;
    assert_eq!(ended(&back), (Class::Ok, LeftAs::Reverted), "{back:?}");
    assert_eq!(lab.router.running(), before);
    assert!(!writing_words(&lab.router).iter().any(|line| line.starts_with("no neighbor ")));
}

#[tokio::test]
#[ignore = "needs frr: use tests/run"]
async fn a_doubt_is_settled_by_what_the_device_has() {
    let lab = Lab::new().await;
    let (applied, told) = lab.attempt(CHANGE, Purpose::Apply).await;
    assert_eq!(applied.class, Class::Ok, "{applied:?}");
    let before = told.before.into_inner().expect("no test panics with it");
    let (settled, _) = lab.attempt(CHANGE, Purpose::Settle { before: before.clone() }).await;
    assert_eq!(settled.found, Some(Found::Applied), "{settled:?}");
    lab.router
        .load("router bgp 65001\nno neighbor 10.0.0.3\naddress-family ipv4 unicast\nno network 10.2.0.0/24")
        .expect("a change");
    let (settled, _) = lab.attempt(CHANGE, Purpose::Settle { before: before.clone() }).await;
    assert_eq!(settled.found, Some(Found::NotApplied), "{settled:?}");
    lab.router.load("hostname other\nrouter bgp 65001\nbgp router-id 10.8.8.8").expect("a change");
    let (settled, _) = lab.attempt(CHANGE, Purpose::Settle { before }).await;
    assert_eq!((settled.found, settled.left_as), (Some(Found::Different), LeftAs::Unknown), "{settled:?}");
}
