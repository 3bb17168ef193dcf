//! Secrets of a real OpenBao, for the login and for the configuration: used at the device, seen nowhere.
#![expect(clippy::disallowed_methods, reason = "it looks through every file")]

use std::path::{Path, PathBuf};
use switchyard_tests::frr::FrrRouter;
use switchyard_tests::openbao::OpenBao;
use switchyard_tests::world::{World, document, text};

const ROOT: &str = "canary-root-4b1d";
const TOKEN: &str = "canary-agent-77c2";
const OLD: &str = "canary-old-9e3a";
const NEW: &str = "canary-new-51f0";
/// In a line that no platform takes for one with a secret.
const OLD_NOTE: &str = "canary-old-note-2a6b";
const NEW_NOTE: &str = "canary-new-note-83d7";

const TEMPLATE: &str = "router bgp 65001\n neighbor 10.0.0.2 password {{ secrets.bgp }}\n";
const NOTE: &str = " neighbor 10.0.0.2 description {{ secrets.note }}\n";

/// The world with one FRR router whose login and whose neighbor's password are in `bao`.
fn lab(bao: &OpenBao, router: &FrrRouter) -> World {
    let mut world = World::new();
    let token = bao.token_file(TOKEN);
    let words = ["env".into(), "SWITCHYARD_LOG=debug".into(), format!("VAULT_ADDR={}", bao.address)];
    let words = words.into_iter().chain([format!("VAULT_TOKEN_FILE={}", token.display())]).collect();
    world.before.insert("lab".into(), words);
    world.before.insert("coordinator".into(), vec!["env".into(), "SWITCHYARD_LOG=debug".into()]);
    world.start_coordinator();
    world.start_agent("lab");
    let known =
        router.ssh.inventory_yaml().replace(&router.ssh.credential_ref(), "vault:kv/net/svc-switchyard");
    let driven = |line: &str| match line.strip_suffix('}').filter(|_| line.starts_with("  dev")) {
        Some(start) => format!("{start}, platform: frr, transport: ssh_cli}}\n"),
        None => format!("{line}\n"),
    };
    let inventory: String = known.lines().map(driven).collect();
    world.import(&world.write("inventory.yaml", &inventory));
    world
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Where `canary` is found: in a file below the world's folder, or in what a program printed.
fn found(world: &World, screens: &[String], canary: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
    let mut places: Vec<String> = files(&world.path(""))
        .into_iter()
        .filter(|path| std::fs::read(path).is_ok_and(|bytes| holds(&bytes)))
        .map(|path| path.display().to_string())
        .collect();
    let logs = world.agents.values().chain(&world.coordinator).map(|program| program.output().join("\n"));
    places.extend(logs.filter(|log| holds(log.as_bytes())).map(|log| format!("a log: {log}")));
    places.extend(screens.iter().filter(|screen| holds(screen.as_bytes())).cloned());
    places
}

#[test]
#[ignore = "needs openbao, frr: use tests/run"]
fn the_login_and_a_secret_come_from_openbao_and_are_seen_nowhere() {
    let bao = OpenBao::start(ROOT);
    bao.token(TOKEN, "60s");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let neighbor = " neighbor 10.0.0.2";
    let before = format!(
        "router bgp 65001\n{neighbor} remote-as 65002\n{neighbor} password {OLD}\n{neighbor} description {OLD_NOTE}\n"
    );
    let router = runtime.block_on(FrrRouter::start(&before)).expect("a router");
    let reference = router.ssh.credential_ref();
    let key = reference.strip_prefix("file:").expect("a file");
    bao.put("net/svc-switchyard", &[&format!("private_key=@{key}")]);
    bao.put("net/bgp", &[&format!("password={NEW}"), &format!("note={NEW_NOTE}")]);
    let world = lab(&bao, &router);
    world.write("bgp.j2", &[TEMPLATE, NOTE].concat());
    let spec = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: bgp}\nspec:\n  change:\n    \
                templates: {default: bgp.j2}\n    secrets: {bgp: {secret_ref: \"vault:kv/net/bgp#password\"}, \
                note: {secret_ref: \"vault:kv/net/bgp#note\"}}\n";
    let spec = world.write("bgp.yaml", spec).display().to_string();

    let planned = world.run(&["plan", "-f", &spec]);
    let applied = world.run(&["apply", "-f", &spec, "-o", "json"]);
    assert_eq!(applied.status.code(), Some(0), "{}", text(&applied));
    assert!(
        router.running().contains(&format!(" neighbor 10.0.0.2 password {NEW}\n")),
        "{}",
        router.running()
    );
    let again = world.run(&["apply", "-f", &spec, "-o", "json"]);
    assert_eq!(document(&again)["devices"]["unchanged"], 1, "{}", text(&again));

    let mut screens = vec![text(&planned), text(&applied), text(&again)];
    for words in [
        &["rollout", "get", "bgp", "-o", "json"][..],
        &["rollout", "diff", "bgp"],
        &["rollout", "devices", "bgp", "-o", "json"],
        &["watch", "bgp", "--since", "0", "--exit-on-block", "-o", "jsonl"],
        &["plan", "-f", &spec, "-o", "json"],
        &["breaker", "list", "-o", "json"],
    ] {
        screens.push(text(&world.run(words)));
    }
    for hidden in ["password (secret)", "description (secret)"] {
        let line = format!("neighbor 10.0.0.2 {hidden}");
        assert!(screens[0].contains(&line), "the diff is shown: {}", screens[0]);
    }
    let pem = std::fs::read_to_string(key).expect("the key");
    let middle = pem.lines().nth(2).expect("a line of the key");
    let places = |canary: &str| found(&world, &screens, canary);
    for canary in [TOKEN, ROOT, NEW, NEW_NOTE, middle] {
        assert_eq!(places(canary), Vec::<String>::new(), "{canary}");
    }
    // What the device had is kept for the way back, at its site alone.
    let at_site = |place: &String| place.contains("agent-lab/snapshots/");
    for canary in [OLD, OLD_NOTE] {
        let kept = places(canary);
        assert!(!kept.is_empty() && kept.iter().all(at_site), "{canary}: {kept:?}");
    }

    let renewed = || bao.look_up(TOKEN)["data"]["last_renewal_time"].as_u64();
    switchyard_tests::wait::until("the agent renews its token", renewed);
}

#[test]
#[ignore = "needs openbao, frr: use tests/run"]
fn a_secret_that_openbao_does_not_have_stops_the_device_before_any_write() {
    let bao = OpenBao::start(ROOT);
    bao.token(TOKEN, "10m");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let before = "router bgp 65001\n neighbor 10.0.0.2 remote-as 65002\n";
    let router = runtime.block_on(FrrRouter::start(before)).expect("a router");
    let reference = router.ssh.credential_ref();
    let key = reference.strip_prefix("file:").expect("a file");
    bao.put("net/svc-switchyard", &[&format!("private_key=@{key}")]);
    bao.put("net/bgp", &["password=x1y2z3"]);
    let world = lab(&bao, &router);
    world.write("bgp.j2", TEMPLATE);
    let running = router.running();
    for (name, reference, said) in [
        ("nokey", "vault:kv/net/bgp#pasword", "it has password"),
        ("nopath", "vault:kv/net/gone#password", "there is no such path"),
        ("nomount", "vault:other/net/bgp#password", "permission denied"),
    ] {
        let spec = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: {name}}}\nspec:\n  change:\n    \
             templates: {{default: bgp.j2}}\n    secrets: {{bgp: {{secret_ref: \"{reference}\"}}}}\n"
        );
        let spec = world.write(&format!("{name}.yaml"), &spec).display().to_string();
        world.run(&["apply", "-f", &spec, "--timeout", "60s", "-o", "json"]);
        let devices = world.document(&["rollout", "devices", name, "-o", "json"]);
        let outcome = &devices["items"][0]["outcome"];
        assert_eq!(outcome["class"], "PRECHECK_FAILED", "{devices}");
        let message = outcome["message"].as_str().unwrap_or_default();
        assert!(message.contains(said) && message.contains(reference), "{outcome}");
        let login =
            world.run(&["breaker", "get", "credential/lab/vault:kv/net/svc-switchyard", "-o", "json"]);
        assert!(!String::from_utf8_lossy(&login.stdout).contains("\"OPEN\""), "{login:?}");
    }
    assert_eq!(router.running(), running);
}
