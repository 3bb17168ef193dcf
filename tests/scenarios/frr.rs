//! A real FRR router through all layers: what plan shows, what apply does, and the way back.

use serde_json::Value;
use switchyard_tests::frr::FrrRouter;
use switchyard_tests::world::{World, document, text};
use tokio::runtime::Runtime;

const BGP: &str = "router bgp 65001\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as 65002\n";
const CHANGE: &str =
    "router bgp 65001\n neighbor 10.0.0.2 remote-as 65002\n neighbor 10.0.0.3 remote-as 65003\n";
const BROKEN: &str = "router bgp 65001\n neighbor 10.0.0.9 remote-as 65009\n neighbour 10.0.0.9 shutdown\n";

/// One router behind an agent of its own. The runtime carries the server in front of it.
struct Lab {
    router: FrrRouter,
    world: World,
    device: String,
    _runtime: Runtime,
}

impl Lab {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let router = runtime.block_on(FrrRouter::start(BGP)).expect("a router");
        let device = router.ssh.entries()[0].name.clone();
        let mut world = World::new();
        world.start_coordinator();
        world.start_agent("lab");
        let known = router.ssh.inventory_yaml();
        let driven = |line: &str| match line.strip_suffix('}').filter(|_| line.starts_with("  dev")) {
            Some(start) => format!("{start}, platform: frr, transport: ssh_cli}}\n"),
            None => format!("{line}\n"),
        };
        let inventory: String = known.lines().map(driven).collect();
        world.import(&world.write("inventory.yaml", &inventory));
        Self { router, world, device, _runtime: runtime }
    }

    /// A spec of this name with `template`; gives its path.
    fn spec(&self, name: &str, template: &str) -> String {
        self.world.write(&format!("{name}.j2"), template);
        let spec = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change: {{templates: \
             {{default: {name}.j2}}}}\n"
        );
        self.world.write(&format!("{name}.yaml"), &spec).display().to_string()
    }

    fn result(&self, rollout: &str) -> Value {
        self.world.document(&["rollout", "devices", rollout, "-o", "json"])["items"][0].clone()
    }

    /// How often somebody began to configure the router in the shells of its device.
    fn configured(&self) -> usize {
        self.router.typed().concat().matches("configure terminal").count()
    }
}

#[test]
#[ignore = "needs frr: use tests/run"]
fn plan_shows_the_true_diff_apply_makes_it_once_and_rollback_takes_it_back_byte_for_byte() {
    let lab = Lab::new();
    let (world, before) = (&lab.world, lab.router.running());
    let spec = lab.spec("bgp", CHANGE);
    let planned = world.run(&["plan", "-f", &spec, "--detailed-exitcode", "-o", "json"]);
    assert_eq!(planned.status.code(), Some(2), "{}", text(&planned));
    let comparison = document(&planned)["comparison"].clone();
    assert_eq!((&comparison["changes"], &comparison["unknown"]), (&1.into(), &0.into()), "{comparison}");
    let diff = comparison["groups"][0]["diff"].as_str().expect("a diff").to_owned();
    let changed: Vec<&str> = diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    assert_eq!(changed, ["+ neighbor 10.0.0.3 remote-as 65003"], "{diff}");
    assert_eq!((lab.router.running(), lab.configured()), (before.clone(), 0), "plan writes nothing");

    let applied = world.document(&["apply", "-f", &spec, "-o", "json"]);
    assert_eq!((&applied["state"], &applied["devices"]["succeeded"]), (&"SUCCEEDED".into(), &1.into()));
    let after = lab.router.running();
    let fresh: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert_eq!(fresh, [" neighbor 10.0.0.3 remote-as 65003"], "what was shown is what came");
    let again = world.document(&["apply", "-f", &spec, "-o", "json"]);
    assert_eq!(again["devices"]["unchanged"], 1, "{again}");
    assert_eq!(lab.configured(), 1, "the second apply writes nothing");
    let nothing = world.run(&["plan", "-f", &spec, "--detailed-exitcode"]);
    assert_eq!(nothing.status.code(), Some(0), "{}", text(&nothing));

    let refused = world.document(&["apply", "-f", &lab.spec("broken", BROKEN), "-o", "json"]);
    assert_eq!(refused["devices"]["failed"], 1, "{refused}");
    let outcome = lab.result("broken")["outcome"].clone();
    assert_eq!(
        (&outcome["class"], &outcome["left_as"]),
        (&"REJECTED".into(), &"REVERTED".into()),
        "{outcome}"
    );
    assert_eq!(lab.router.running(), after, "a rejected change leaves it as it was");

    let back = world.run(&["rollback", "bgp", "--device", &lab.device, "--reason", "a test", "-o", "json"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back));
    assert_eq!(document(&back)["state"], "ROLLED_BACK");
    assert_eq!(lab.router.running(), before, "byte for byte");
    let ended = world.document(&["rollout", "get", "bgp", "-o", "json"]);
    assert_eq!(
        (&ended["counts"]["rolled_back"], &ended["state"]),
        (&1.into(), &"SUCCEEDED".into()),
        "{ended}"
    );
    let twice = world.run(&["rollback", "bgp", "--device", &lab.device]);
    assert!(!twice.status.success() && text(&twice).contains("put back already"), "{}", text(&twice));
}
