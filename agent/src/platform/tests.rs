//! Promises of the definitions and of what reads them.

mod secrets;

use super::*;
use crate::fs::RealFs;
use std::collections::BTreeSet;

fn said(document: &str) -> Vec<String> {
    decode("p.yaml", document).expect_err("a wrong definition").iter().map(ToString::to_string).collect()
}

const SMALL: &str = "api_version: switchyard/v1\nkind: Platform\nname: mine\n\
    prompts: {ready: '^(?P<name>\\w+)#$', configure: '^(?P<name>\\w+)\\(c\\)#$'}\n\
    looks: {beginnings: [show]}\nrunning: {command: show all}\ndialect: {sections: flat, takes_back: {before: 'no '}}\n\
    configure: {enter: [edit], leave: [quit]}\n";

#[test]
fn every_platform_that_comes_with_the_agent_can_be_used() {
    let platforms = Platforms::built_in();
    let names = ["arista_eos", "cisco_ios", "cisco_nxos", "frr", "juniper_junos", "linux", "nokia_srlinux"];
    assert_eq!(platforms.names(), names);
    assert_eq!(platforms.file("linux").unwrap().path, "/etc/switchyard.conf");
    for name in names.into_iter().filter(|name| *name != "linux") {
        let platform = platforms.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(platform.looks.allow(&platform.running.command), "{name}: its own reading only looks");
        for writes in platform.configure.enter.iter().chain(&platform.configure.leave).chain(&platform.save) {
            assert!(!platform.looks.allow(writes), "{name}: {writes} is a way to a change");
        }
    }
}

#[test]
fn a_plan_knows_the_platforms_that_come_with_the_agent_and_which_of_them_take_no_commit_back() {
    let platforms = Platforms::built_in();
    let (mut at_once, mut sectioned) = (BTreeSet::from(["linux", "unix"]), BTreeSet::new());
    for platform in platforms.names().into_iter().filter_map(|name| platforms.get(name)) {
        let names = || std::iter::once(&platform.name).chain(&platform.aliases);
        let names = || names().map(|name| &*name.clone().leak());
        let candidate = platform.configure.candidate.as_ref();
        if candidate.is_none_or(|candidate| candidate.confirmed.is_none()) {
            at_once.extend(names());
        }
        sectioned.extend(names());
    }
    assert_eq!(at_once, switchyard_shared::procedure::COMMIT_AT_ONCE.into());
    assert_eq!(sectioned, switchyard_shared::procedure::SECTIONED.into());
}

#[test]
fn lines_that_close_a_section_are_no_configuration_of_a_platform_that_shows_them() {
    for name in ["cisco_ios", "frr"] {
        let dialect = &Platforms::built_in().get(name).unwrap().dialect;
        for end in
            ["exit-address-family", "exit-af-interface", "exit-af-topology", "exit-peer-policy", "exit-vrf"]
        {
            let blocks =
                switchyard_shared::configuration::parse(&format!("router a\n b\n  c\n {end}\n"), dialect);
            assert_eq!(
                switchyard_shared::configuration::print(&blocks),
                "router a\n b\n  c\n",
                "{name}: {end}"
            );
        }
    }
}

#[test]
fn the_same_vlans_of_a_trunk_are_the_same_on_every_platform_that_lists_them() {
    let platforms = Platforms::built_in();
    for name in ["arista_eos", "cisco_ios", "cisco_nxos"] {
        let dialect = &platforms.get(name).unwrap().dialect;
        let trunk = |list: &str| {
            let text = format!("interface Ethernet1\n switchport trunk allowed vlan {list}\n");
            switchyard_shared::configuration::parse(&text, dialect)
        };
        assert_eq!(trunk("20,10,11,12"), trunk("10-12,20"), "{name}");
    }
}

#[test]
fn tags_and_addresses_that_move_are_freed_first_on_the_platforms_that_refuse_them_twice() {
    let platforms = Platforms::built_in();
    for (name, tag) in [("cisco_ios", "encapsulation dot1Q"), ("cisco_nxos", "encapsulation dot1q")] {
        let dialect = &platforms.get(name).unwrap().dialect;
        let parsed = |one: u8, other: u8| {
            let of = |number: u8, last: u8| {
                format!("interface E1.{number}\n {tag} {last}\n ip address 10.0.0.{last} 255.255.255.0\n")
            };
            switchyard_shared::configuration::parse(&(of(1, one) + &of(2, other)), dialect)
        };
        let way = switchyard_shared::configuration::way(&parsed(10, 20), &parsed(20, 30), dialect);
        let first: Vec<&str> = way.iter().map(|step| step.line.as_str()).collect();
        assert_eq!(first, ["interface E1.2", "interface E1.1"], "{name}");
    }
}

#[test]
fn a_platform_is_found_by_its_short_names_too() {
    let platforms = Platforms::built_in();
    for (alias, name) in [
        ("ios", "cisco_ios"),
        ("nxos", "cisco_nxos"),
        ("eos", "arista_eos"),
        ("junos", "juniper_junos"),
        ("srl", "nokia_srlinux"),
        ("vtysh", "frr"),
    ] {
        assert_eq!(platforms.get(alias).unwrap().name, name);
    }
    assert!(platforms.get("ios_").is_none());
}

#[test]
fn a_wrong_definition_is_refused_with_the_place_of_every_problem() {
    let wrong = SMALL.replace("^(?P<name>\\w+)#$", "^(?P<name>\\w+#$").replace("running:", "runnning:");
    let said = said(&wrong);
    assert!(
        said.iter().any(|line| line.starts_with("p.yaml:4:18: prompts.ready: is not a regular expression:")),
        "{said:?}"
    );
    assert!(
        said.iter().any(
            |line| line.starts_with("p.yaml:6:1: runnning:") && line.ends_with("(did you mean running?)")
        ),
        "{said:?}"
    );
    assert!(said.iter().any(|line| line.contains("running is missing")), "{said:?}");
}

#[test]
fn what_a_definition_may_hold_has_bounds() {
    for (wrong, expected) in [
        (
            SMALL.replace("name: mine", &format!("name: {}", "x".repeat(600))),
            "has 600 bytes, more than the 512",
        ),
        (SMALL.replace("\\w+)#", "(\\w{999}){999})#"), "is not a regular expression"),
        (
            SMALL.replace("[edit]", &format!("[{}]", vec!["x"; 200].join(","))),
            "has 200 items, more than the 128",
        ),
        (SMALL.replace("(?P<name>\\w+)#", "\\w+#"), "has no group called name"),
        (SMALL.replace("show all", "print all"), "running.command is not among the words that only look"),
        (
            format!(
                "{SMALL}http: {{path: /x, proof: clock, look: {{method: m, params: ['{{lines}}']}}, text: t, errors: e}}\n"
            ),
            "http.proof is not among the words that only look",
        ),
        (SMALL.replace("[edit]", "[]"), "enter is missing"),
    ] {
        let said = said(&wrong);
        assert!(said.iter().any(|line| line.contains(expected)), "{expected}: {said:?}");
    }
    assert!(decode("p.yaml", SMALL).is_ok());
}

#[test]
fn the_definitions_of_a_folder_win_over_those_that_come_with_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let mut file = crate::fs::Fs::create(&RealFs, &folder.path().join(name)).unwrap();
        file.append(text.as_bytes()).unwrap();
    };
    write("frr.yaml", &SMALL.replace("name: mine", "name: frr\naliases: [zebra]"));
    write("notes.txt", "not a definition");
    let platforms = Platforms::built_in().with_folder(folder.path(), &RealFs).unwrap();
    assert_eq!(platforms.get("zebra").unwrap().running.command, "show all");
    assert_eq!(platforms.get("frr").unwrap().running.command, "show all");
    write("other.yaml", "kind: Platform\n");
    let error = Platforms::built_in().with_folder(folder.path(), &RealFs).unwrap_err().to_string();
    assert!(error.contains("other.yaml:1:1: api_version is missing"), "{error}");
    assert!(Platforms::built_in().with_folder(&folder.path().join("none"), &RealFs).is_ok());
}

#[test]
fn only_what_is_known_to_look_looks() {
    let looks = Looks { beginnings: vec!["show".into(), "ping".into()], pipes: vec!["include".into()] };
    for line in ["show", "show version", "show run | include ntp", "ping 10.0.0.1"] {
        assert!(looks.allow(line), "{line}");
    }
    for line in [
        "",
        "showdown",
        "configure terminal",
        " show version",
        "show run | redirect flash:x",
        "show run | include a | tee b",
        "show run |",
        "show version\nreload",
        "show version; reload",
        "show version & reload",
        "show tech > x",
        "show `reload`",
        "show $(reload)",
        "show ?",
        "show\trun",
    ] {
        assert!(!looks.allow(line), "{line}");
    }
}

#[test]
fn secrets_of_lines_are_hidden_and_the_rest_is_not() {
    let frr = Platforms::built_in().get("frr").unwrap();
    let text = "+ neighbor 10.0.0.2 password s3cret\n-password 8 abc\n ip ospf message-digest-key 1 md5 k3y\n neighbor x\n";
    let hidden = "+ neighbor 10.0.0.2 password (secret)\n-password 8 (secret)\n ip ospf message-digest-key 1 md5 (secret)\n neighbor x\n";
    assert_eq!(frr.redact(text), hidden);
    assert_eq!(frr.redact("no newline"), "no newline");
}

#[test]
fn a_file_is_a_platform_whose_path_means_nothing_to_a_shell() {
    let small =
        |file: &str| format!("api_version: switchyard/v1\nkind: Platform\nname: mine\nfile: {file}\n");
    let chrony = "{path: /etc/chrony/chrony.conf, check: 'chronyd -p -f {new}', become: sudo -n}";
    let Ok(Definition::File(platform)) = decode("p.yaml", &small(chrony)) else { panic!("a file") };
    assert_eq!((platform.becomes.as_str(), platform.reload), ("sudo -n", None));
    assert_eq!(platform.mode, "0644");
    for (wrong, expected) in [
        ("{path: etc/x}", "path must be absolute"),
        ("{path: '/etc/$(reload)'}", "path must be absolute"),
        ("{path: /etc/}", "path must be absolute"),
        ("{path: /etc/x, become: 'sudo; reload'}", "become must be plain words"),
        ("{path: /etc/x, reload: \"a\\nb\"}", "reload must be one line"),
        ("{path: /etc/x, reload: 'a {new}'}", "reload must not name {new}"),
        ("{path: /etc/x, mode: rw}", "mode must be three octal digits"),
        ("{path: /etc/x, mode: 4755}", "mode must be three octal digits"),
        ("{path: /etc/x, mode: 0689}", "mode must be three octal digits"),
        ("{path: /etc/x, checks: a}", "did you mean check?"),
        ("{check: a}", "path is missing"),
    ] {
        let said = said(&small(wrong));
        assert!(said.iter().any(|line| line.contains(expected)), "{expected}: {said:?}");
    }
    let said = said(&small("{path: /etc/x}\nprompts: {}"));
    assert!(said.iter().any(|line| line.contains("prompts")), "{said:?}");
}

#[test]
fn secrets_of_a_file_are_hidden_in_its_differences() {
    let linux = Platforms::built_in().file("linux").unwrap();
    assert_eq!(
        linux.redact("+db_password = s3cret\n token: \"t0ken\"\n"),
        "+db_password = (secret)\n token: \"(secret)\"\n"
    );
}
