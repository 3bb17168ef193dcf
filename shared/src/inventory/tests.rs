//! Promises of the inventory.

use super::*;
use crate::filter::Filter;
use crate::ssh::Algorithms;
use crate::tls::Protection;
use proptest::prelude::{prop_assert, proptest};
use std::fmt::Write as _;

const MINIMAL: &str = include_str!("../../tests/contract/minimal-inventory.yaml");
const FULL: &str = include_str!("../../tests/contract/inventory.yaml");
const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
const HEAD: &str = "api_version: switchyard/v1\nkind: Inventory\n\
    defaults: {username: u, credential_ref: \"env:KEY\", site: lab}\nsites: {lab: {region: emea}}\n";

fn parsed(rest: &str) -> Inventory {
    match Inventory::parse(&format!("{HEAD}{rest}"), "inventory.yaml") {
        Ok(inventory) => inventory,
        Err(problems) => panic!("{problems:?}"),
    }
}

fn problems(text: &str) -> Vec<String> {
    let problems = Inventory::parse(text, "inventory.yaml").expect_err("an inventory with problems");
    problems.iter().map(Problem::to_string).collect()
}

fn said(rest: &str) -> Vec<String> {
    problems(&format!("{HEAD}{rest}"))
}

#[test]
fn the_smallest_inventory_reads() {
    let inventory = Inventory::parse(MINIMAL, "inventory.yaml").expect("the contract's own file");
    assert_eq!(inventory.devices.len(), 2);
    let device = inventory.device("dev002").expect("dev002");
    assert_eq!((device.hostname.as_str(), device.port, device.status.as_str()), ("127.10.0.2", 22, "active"));
    assert_eq!(device.platform.as_deref(), Some("frr"));
    assert_eq!(device.labels["rack"], "r2");
    assert_eq!(device.host_keys, [KEY]);
    assert_eq!(device.credential_ref, "file:keys/netops_ed25519");
}

#[test]
fn keys_of_the_full_format_that_are_not_built_are_refused_by_name() {
    let said = problems(FULL);
    assert!(
        said.iter().any(|line| line.starts_with("inventory.yaml:19:1: sources: not supported yet")),
        "{said:#?}"
    );
}

#[test]
fn groups_lie_over_defaults_in_order_and_the_device_over_all() {
    let inventory = parsed(
        "groups:\n  a: {platform: ios, port: 1, labels: {x: a, y: a}, data: {role: access, n: 1}}\n  \
         b: {platform: eos, labels: {y: b}, data: {role: edge}}\n\
         devices:\n  d1: {hostname: h1, groups: [a, b], labels: {z: own}}\n  d2: {hostname: h2, groups: [b, a], role: spine}\n",
    );
    let one = inventory.device("d1").expect("d1");
    assert_eq!((one.platform.as_deref(), one.port, one.role.as_deref()), (Some("eos"), 1, Some("edge")));
    assert_eq!(one.labels, [("x", "a"), ("y", "b"), ("z", "own")].map(|(k, v)| (k.into(), v.into())).into());
    assert_eq!(one.data["n"], serde_json::json!(1));
    let two = inventory.device("d2").expect("d2");
    assert_eq!((two.platform.as_deref(), two.role.as_deref()), (Some("ios"), Some("spine")));
    assert_eq!(two.data["role"], serde_json::json!("spine"));
}

#[test]
fn each_way_to_a_device_has_its_own_port_and_ssh_its_profile() {
    use crate::ssh::Algorithms;
    let inventory = parsed(
        "groups:\n  old: {connection_options: {ssh: {algorithms: legacy, port: 2022}, netconf: {port: 831}}}\n\
         devices:\n  d1: {hostname: h1}\n  d2: {hostname: h2, port: 22, groups: [old]}\n  \
         d3: {hostname: h2, port: 22, groups: [old], connection_options: {ssh: {algorithms: modern, port: 2023}}}\n",
    );
    let ports = |name: &str| {
        let device = inventory.device(name).expect(name);
        let ways = [None, Some(Transport::SshCli), Some(Transport::Netconf), Some(Transport::Gnmi)];
        (ways.map(|way| device.port_of(way)), device.connections.ssh.algorithms)
    };
    assert_eq!(ports("d1"), ([22, 22, 830, 9339], Algorithms::Compat), "nobody named a port");
    assert_eq!(ports("d2"), ([2022, 2022, 831, 22], Algorithms::Legacy));
    assert_eq!(ports("d3"), ([2023, 2023, 831, 22], Algorithms::Modern), "the device over its group");
    let json = serde_json::to_string(&inventory).expect("json");
    assert_eq!(serde_json::from_str::<Inventory>(&json).expect("the same"), inventory);
}

#[test]
fn a_jump_host_has_its_own_keys_and_the_login_of_the_device_unless_it_says_another() {
    let inventory = parsed(
        "groups:\n  far: {connection_options: {ssh: {host_ca: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"], \
         jump: {hostname: hop, host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]}}}}\n\
         devices:\n  d1: {hostname: h1, groups: [far], username: ops}\n  d2: {hostname: h1, username: ops}\n  \
         d3: {hostname: h2, groups: [far], connection_options: {ssh: {jump: {hostname: hop, port: 2022, username: x, algorithms: legacy, \
         credential_ref: \"ssh-agent:\", host_keys: [\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"]}}}}\n",
    );
    let of = |name: &str| inventory.device(name).expect(name).clone();
    let jump = |name: &str| {
        let jump = of(name).connections.ssh.jump;
        jump.map(|jump| (jump.port, jump.username, jump.credential_ref, jump.algorithms))
    };
    let own = of("d1").credential_ref;
    assert_eq!(jump("d1"), Some((22, "ops".into(), own, Algorithms::Modern)));
    assert_eq!(jump("d2"), None, "the same address without a jump host is another device");
    assert_eq!(jump("d3"), Some((2022, "x".into(), "ssh-agent:".into(), Algorithms::Legacy)));
    assert_eq!(of("d1").connections.ssh.host_ca.len(), 1);
    let json = serde_json::to_string(&inventory).expect("json");
    assert_eq!(serde_json::from_str::<Inventory>(&json).expect("the same"), inventory);
}

#[test]
fn a_jump_host_without_a_pinned_key_is_refused() {
    let said = said(
        "devices:\n  d1: {hostname: h1, connection_options: {ssh: {jump: {hostname: hop, hostkey: x}}}}\n",
    );
    let all = said.join("\n");
    assert!(
        all.contains(
            "devices.d1.connection_options.ssh.jump: a jump host needs its hostname and its host_keys"
        ),
        "{all}"
    );
    assert!(all.contains("connection_options.ssh.jump.hostkey"), "{all}");
}

#[test]
fn a_profile_or_a_port_that_is_none_is_refused_with_its_place() {
    let said = said(
        "devices:\n  d1: {hostname: h1, connection_options: {ssh: {algorithms: moderm, port: 0}, telnet: {}}}\n",
    );
    let all = said.join("\n");
    for want in [
        "devices.d1.connection_options.ssh.algorithms: must be modern or compat or legacy, not \"moderm\" (did you mean modern?)",
        "devices.d1.connection_options.ssh.port: must be a whole number from 1 to 65535",
        "devices.d1.connection_options.telnet: the key \"telnet\" is not known here",
    ] {
        assert!(all.contains(want), "no {want} in\n{all}");
    }
}

#[test]
fn tls_of_a_device_is_laid_over_that_of_its_groups_key_by_key() {
    let inventory = parsed(
        "groups:\n  web: {connection_options: {http: {ca_ref: \"file:ca.pem\", tls: clear_on_loopback}}}\n\
         devices:\n  d1: {hostname: h1, groups: [web]}\n  \
         d2: {hostname: h2, groups: [web], connection_options: {http: {tls: verified, server_name: d2.lab}}}\n",
    );
    let tls = |name: &str, way| inventory.device(name).expect(name).connections.tls_of(way);
    let (d1, d2) = (tls("d1", Some(Transport::Http)), tls("d2", Some(Transport::Http)));
    assert_eq!((d1.protection, d1.server_name), (Protection::ClearOnLoopback, None));
    assert_eq!((d2.protection, d2.server_name.as_deref()), (Protection::Verified, Some("d2.lab")));
    assert_eq!((d1.ca_ref.as_deref(), d2.ca_ref.as_deref()), (Some("file:ca.pem"), Some("file:ca.pem")));
    assert!(tls("d1", Some(Transport::Gnmi)).is_default() && tls("d1", None).is_default());
    let said = said(
        "devices:\n  d1: {hostname: h1, connection_options: {http: {tls: off, ca_ref: ca.pem}, \
         gnmi: {ca_ref: \"vault:kv/ca\"}, netconf: {ca_ref: \"file:ca\"}}}\n",
    )
    .join("\n");
    for want in [
        "http.tls: must be verified or",
        "http.ca_ref: does not",
        "gnmi.ca_ref: must name one",
        "netconf.ca_ref: the key",
    ] {
        assert!(said.contains(want), "no {want} in\n{said}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let said = said(
        "groups: {edge: {platform: junos}}\ndevices:\n  \
         d1: {hostname: 10.0.0.1, site: lb, password: hunter2}\n  \
         d2: {hostname: 10.0.0.2, groups: [egde], plattform: ios}\n  \
         d3: {hostname: 10.0.0.3, host_keys: [MD5:aa, \"SHA256:short\"]}\n  \
         d4: {hostname: u@10.0.0.4, port: 0, status: activ}\n  \
         -d5: {hostname: 10.0.0.5, credential_ref: hunter2}\n  \
         d6: {hostname: 10.0.0.1, on: 1}\n  d7: {hostname: 10.0.0.1, port: 22, role: a, data: {role: b}}\n",
    );
    let all = said.join("\n");
    for want in [
        r#"7:38: devices.d1.password: a password does not belong in an inventory (put it behind credential_ref)"#,
        r#":7:34: devices.d1: there is no site "lb" (did you mean lab?)"#,
        r#"devices.d2.groups[0]: there is no group "egde" (did you mean edge?)"#,
        r#"devices.d2.plattform: the key "plattform" is not known here (did you mean platform?)"#,
        r#"devices.d3.host_keys[0]: "MD5:aa" is not a fingerprint (SHA256: and 43 characters, as ssh-keygen -lf prints it)"#,
        r#"devices.d3.host_keys[1]: "SHA256:short" is not a fingerprint"#,
        r#"devices.d4.hostname: "u@10.0.0.4" is not an address"#,
        r#"devices.d4.port: must be a whole number from 1 to 65535, not "0""#,
        r#"devices.d4.status: "activ" is no status (did you mean active?)"#,
        r#"devices.-d5: "-d5" is not a name"#,
        r#"devices.-d5.credential_ref: does not refer to a secret"#,
        r#"devices.d6.on: the key "on" is not known here"#,
        r#"devices.d7.role: differs from data.role at the same place"#,
        r#"devices.d7: d7 has the same hostname and port (10.0.0.1 port 22) as d1 at line 7 column 3"#,
    ] {
        assert!(all.contains(want), "no {want} in\n{all}");
    }
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn a_site_says_its_pool_its_rate_and_what_answers_while_its_link_works() {
    let text = |site: &str| format!("{HEAD}devices: {{}}\n").replace("{region: emea}", site);
    for sentinel in ["192.0.2.1:22", "gw.lab.example.net:443", "'[2001:db8::1]:22'"] {
        let site = format!("{{sentinel: {sentinel}, pools: {{max_in_flight: 40, connect_rate: 10/s}}}}");
        let inventory = Inventory::parse(&text(&site), "inventory.yaml").expect(sentinel);
        let site = inventory.sites.values().next().expect("lab");
        assert_eq!(site.sentinel.as_deref(), Some(sentinel.trim_matches('\'')));
        assert_eq!((site.max_in_flight, site.connect_rate), (Some(40), Some(Rate { per_1000s: 10_000 })));
    }
    for bad in
        ["gw", "':22'", "'gw:'", "gw:0", "gw:70000", "gw:+22", "'2001:db8::1:22'", "'g w:22'", "'[gw]:22'"]
    {
        let said = problems(&text(&format!("{{sentinel: {bad}, pools: {{max_in_flight: 0}}}}"))).join("\n");
        assert!(said.contains("sites.lab.sentinel: must be host:port, not"), "{bad}: {said}");
        assert!(said.contains("sites.lab.pools.max_in_flight: a pool of 0 starts nothing, ever"), "{said}");
    }
}

#[test]
fn what_a_device_needs_is_asked_for_by_name() {
    let said = problems("api_version: switchyard/v2\nkind: Rollout\nsites: {lab: ~}\ndevices: {d1: {}}\n");
    let all = said.join("\n");
    for want in [
        "inventory.yaml:1:14: api_version: must be switchyard/v1, not \"switchyard/v2\"",
        "kind: must be Inventory, not \"Rollout\"",
        "sites.lab: must be a mapping, not nothing (write {} for an empty one)",
        "devices.d1: hostname is missing",
        "devices.d1: site is missing: neither the device nor its groups nor defaults name it",
        "devices.d1: username is missing",
        "devices.d1: credential_ref is missing",
    ] {
        assert!(all.contains(want), "no {want} in\n{all}");
    }
}

fn selected(inventory: &Inventory, filter: &str) -> Result<Vec<usize>, String> {
    let filter = Filter::parse(filter).map_err(|error| error.to_string())?;
    select(inventory, &filter).map_err(|error| error.to_string())
}

#[test]
fn a_bare_name_is_a_field_then_a_label_then_data() {
    let inventory = parsed(
        "devices:\n  d1: {hostname: h1, labels: {rack: r1, site: other}, data: {slot: 4, bgp: {asn: 65001}, tags: [a, b]}}\n  \
         d2: {hostname: h2, role: edge, data: {rack: r2}}\n  d3: {hostname: h3, labels: {pod: a}, data: {pod: b}}\n",
    );
    for (filter, want) in [
        ("site = lab", vec![0, 1, 2]),
        ("labels.site = other", vec![0]),
        ("rack = r1", vec![0]),
        ("rack = \"r*\"", vec![0, 1]),
        ("slot > 3", vec![0]),
        ("data.bgp.asn = 65001", vec![0]),
        ("tags:b", vec![0]),
        ("region = emea", vec![0, 1, 2]),
        ("redundancy_group:*", vec![]),
        ("role = edge", vec![1]),
        ("port = 22 AND -name = d1", vec![1, 2]),
        ("labels:pod", vec![2]),
        ("labels.pod = a", vec![2]),
    ] {
        assert_eq!(selected(&inventory, filter), Ok(want), "{filter}");
    }
    let said = selected(&inventory, "pod = a").expect_err("ambiguous");
    assert!(
        said.contains("\"pod\" is ambiguous: on d3 label and data differ; write labels.pod or data.pod"),
        "{said}"
    );
    let said = selected(&inventory, "rak = r1").expect_err("unknown");
    assert!(
        said.contains("no device has a field, label or data called \"rak\"; did you mean rack?"),
        "{said}"
    );
}

#[test]
fn the_digest_follows_the_content_not_the_writing() {
    let one = parsed("devices: {d1: {hostname: h1, labels: {a: x, b: y}}}\n");
    let two = parsed("# the same\ndevices:\n  d1:\n    labels: {b: y, a: x}\n    hostname: h1\n");
    assert_eq!(one.digest(), two.digest());
    assert_ne!(one.digest(), parsed("devices: {d1: {hostname: h2, labels: {a: x, b: y}}}\n").digest());
    let stored: Inventory =
        serde_json::from_str(&serde_json::to_string(&one).expect("json")).expect("stored");
    assert_eq!(stored.digest(), one.digest());
}

#[test]
fn an_import_says_what_it_would_change() {
    let old = parsed("devices: {d1: {hostname: h1}, d2: {hostname: h2}, d3: {hostname: h3}}\n");
    let new = parsed("devices: {d4: {hostname: h4}, d3: {hostname: h3}, d2: {hostname: h2, port: 23}}\n");
    let names = |list: Vec<DeviceName>| list.iter().map(DeviceName::to_string).collect::<Vec<_>>().join(" ");
    let InventoryDiff { added, changed, removed } = diff(&old, &new);
    assert_eq!((names(added), names(changed), names(removed)), ("d4".into(), "d2".into(), "d1".into()));
}

#[test]
fn ten_thousand_devices_and_ten_megabytes_of_noise_are_both_answered() {
    let mut text = format!("{HEAD}devices:\n");
    for n in 0..10_000 {
        let _ = writeln!(
            text,
            "  dev{n:05}: {{hostname: 10.{}.{}.{}, host_keys: [\"{KEY}\"], platform: ios, labels: {{rack: r{}}}}}",
            n / 65_536,
            n / 256 % 256,
            n % 256,
            n % 40
        );
    }
    assert_eq!(Inventory::parse(&text, "i.yaml").map(|inventory| inventory.devices.len()), Ok(10_000));
    let noise: String = (0..100_000).map(|n| format!("key{n}: {}\n", "x".repeat(90))).collect();
    let said = problems(&noise);
    assert!(said.last().is_some_and(|line| line.contains("more problems")), "{:?}", said.last());
    assert!(problems(&"x".repeat(10_000_000))[0].contains("must be a mapping"));
    assert!(problems(&"x".repeat(17_000_000))[0].contains("more than the 16777216 allowed"));
}

proptest! {
    #[test]
    fn a_damaged_inventory_is_read_or_refused_but_never_a_panic(at in 0usize..2500, cut in 0usize..40, piece in ".{0,8}") {
        for whole in [MINIMAL, FULL] {
            let mut text: Vec<char> = whole.chars().collect();
            let from = at.min(text.len());
            text.splice(from..(from + cut).min(text.len()), piece.chars());
            match Inventory::parse(&text.into_iter().collect::<String>(), "i.yaml") {
                Ok(inventory) => prop_assert!(inventory.devices.iter().all(|device| device.port > 0)),
                Err(problems) => prop_assert!(!problems.is_empty()),
            }
        }
    }
}

const PINS: &str = "api_version: switchyard/v1\nkind: HostKeys\ndevices:\n";

#[test]
fn accepted_keys_take_the_place_of_those_that_were_pinned_and_leave_all_others() {
    let mut inventory = parsed(&format!(
        "devices:\n  a: {{hostname: h1, host_keys: [\"{KEY}\"]}}\n  b: {{hostname: h2, host_keys: [\"{KEY}\"]}}\n  c: {{hostname: h3}}\n"
    ));
    let other = KEY.replace("47DEQ", "00000");
    let text =
        format!("{PINS}  a: {{host_keys: [\"{other}\"]}}\n  c: {{host_keys: [\"{KEY}\", \"{other}\"]}}\n");
    inventory.pin(&text, "keys.yaml").expect("good pins");
    let keys = |name| inventory.device(name).expect("a device").host_keys.clone();
    assert_eq!((keys("a"), keys("b")), (vec![other.clone()], vec![KEY.to_owned()]));
    assert_eq!(keys("c"), [KEY.to_owned(), other]);
}

#[test]
fn pins_with_a_problem_pin_nothing_and_say_all_of_it() {
    let mut inventory = parsed("devices:\n  lon1: {hostname: h1}\n");
    let text = format!(
        "{PINS}  lon1: {{host_keys: [\"{KEY}\"]}}\n  lon2: {{host_keys: [\"{KEY}\"], port: 22}}\n  lon1x: {{host_keys: []}}\n"
    );
    let problems = inventory.pin(&text, "keys.yaml").expect_err("problems");
    let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert!(
        said.iter().any(|line| line.contains("no device \"lon2\"") && line.contains("did you mean lon1?")),
        "{said:?}"
    );
    assert!(said.iter().any(|line| line.contains("port")), "{said:?}");
    assert!(said.iter().any(|line| line.contains("no key would be pinned")), "{said:?}");
    assert!(inventory.device("lon1").expect("it").host_keys.is_empty(), "nothing of it is pinned");
    let wrong = inventory.pin("api_version: switchyard/v1\nkind: Inventory\ndevices: {}\n", "keys.yaml");
    assert!(wrong.is_err_and(|problems| problems[0].to_string().contains("HostKeys")));
}
