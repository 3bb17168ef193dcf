//! Ways over a device on which the session itself, and what it filters, depends: each line is looked at as it is typed.

use super::*;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn sent(from: &str, to: &str) -> Vec<String> {
    let dialect = dialect();
    commands(&way(&parse(from, &dialect), &parse(to, &dialect), &dialect), &[], &dialect)
}

#[test]
fn a_line_that_holds_one_value_is_never_without_one() {
    let from = "ip default-gateway 10.0.0.254\nip http server\nrouter bgp 1\n neighbor a route-map A out\n";
    let to = "ip default-gateway 10.0.0.1\nrouter bgp 1\n neighbor a route-map B out\n neighbor a route-map A in\n";
    let expected = [
        "no ip http server",
        "ip default-gateway 10.0.0.1",
        "router bgp 1",
        "neighbor a route-map B out",
        "neighbor a route-map A in",
        "exit",
    ];
    assert_eq!(sent(from, to), expected);
    let gone = sent(from, "ip http server\nrouter bgp 1\n neighbor a route-map B in\n");
    let expected = [
        "router bgp 1",
        "no neighbor a route-map A out",
        "exit",
        "no ip default-gateway 10.0.0.254",
        "router bgp 1",
        "neighbor a route-map B in",
        "exit",
    ];
    assert_eq!(gone, expected, "the other direction is another place");
}

#[test]
fn a_line_that_differs_from_a_new_one_in_a_word_goes_right_before_that_one() {
    let from = "logging host 10.0.0.1\nsnmp location x\nip http server\nhostname r1\n";
    let to =
        "hostname r2\nntp server 10.0.0.9\nlogging host 10.0.0.2\nlogging host 10.0.0.3\nsnmp location y\n";
    let expected = [
        "no ip http server",
        "hostname r2",
        "ntp server 10.0.0.9",
        "no logging host 10.0.0.1",
        "logging host 10.0.0.2",
        "logging host 10.0.0.3",
        "no snmp location x",
        "snmp location y",
    ];
    assert_eq!(sent(from, to), expected);
}

#[test]
fn what_is_used_elsewhere_still_goes_before_anything_is_added() {
    let vrf = |name: &str| format!("vrf definition {name}\ninterface Gi1\n vrf forwarding {name}\n");
    assert_eq!(sent(&vrf("A"), &vrf("B"))[1], "no vrf forwarding A", "its vrf goes, too");
    let address = |one: &str, other: &str| {
        format!("interface Gi1\n ipv6 address {one}\ninterface Gi2\n ipv6 address {other}\n")
    };
    let moved = sent(&address("::1", "::2"), &address("::3", "::1"));
    assert_eq!(moved[1], "no ipv6 address ::1", "it is free before the other one takes it: {moved:?}");
    let longer = sent("snmp community a\n", "snmp community a ro\nsnmp community b\n");
    assert_eq!(longer[0], "no snmp community a", "afterwards it would take a new one away");
}

#[test]
fn what_others_name_is_there_before_it_is_named_and_goes_when_nothing_names_it_any_more() {
    let named = |name: &str| {
        format!("interface Gi1\n ip access-group {name} in\nip access-list extended {name}\n permit a\n")
    };
    let expected = [
        "ip access-list extended NEW",
        "permit a",
        "exit",
        "interface Gi1",
        "ip access-group NEW in",
        "exit",
        "no ip access-list extended OLD",
    ];
    assert_eq!(sent(&named("OLD"), &named("NEW")), expected);
    let policy = "interface Lo9\n mtu 9\nrouter bgp 1\n neighbor a route-map M out\nntp server a\n\
                  ip access-list extended L\n permit a\nroute-map M permit 10\n match ip address L\n";
    let firsts: Vec<String> =
        way(&[], &parse(policy, &dialect()), &dialect()).into_iter().map(|step| step.line).collect();
    let expected = [
        "interface Lo9",
        "ip access-list extended L",
        "route-map M permit 10",
        "router bgp 1",
        "ntp server a",
    ];
    assert_eq!(firsts, expected, "it may need what stands before it, so it is not moved further");
    let [from, to] = ["extended", "standard"].map(|kind| format!("ip access-list {kind} A\n permit a\n"));
    assert_eq!(sent(&from, &to)[0], "no ip access-list extended A", "one name is one list");
    let [from, to] = ["permit 10", "deny 10"].map(|entry| format!("route-map A {entry}\n"));
    assert_eq!(sent(&from, &to), ["no route-map A permit 10", "route-map A deny 10"]);
}

/// A configuration whose lines hang together.
#[derive(Debug, Clone)]
struct Router {
    gateway: Option<u8>,
    hosts: BTreeSet<u8>,
    lists: BTreeMap<u8, Vec<u8>>,
    /// Of each interface the list that it names, if there is one.
    interfaces: BTreeMap<u8, Option<usize>>,
    /// Of each neighbor what it is.
    neighbors: BTreeMap<u8, (u8, Option<usize>)>,
}

fn router() -> impl Strategy<Value = Router> {
    let gateway = option::of(0..3_u8);
    let lists = btree_map(0..4_u8, vec(0..4_u8, 1..4), 0..4);
    let interfaces = btree_map(0..3_u8, option::of(0..4_usize), 0..4);
    let neighbors = btree_map(0..3_u8, (0..2_u8, option::of(0..4_usize)), 0..4);
    (gateway, btree_set(0..5_u8, 0..4), lists, interfaces, neighbors).prop_map(
        |(gateway, hosts, lists, interfaces, neighbors)| Router {
            gateway,
            hosts,
            lists,
            interfaces,
            neighbors,
        },
    )
}

impl Router {
    fn name(&self, list: Option<usize>) -> Option<u8> {
        self.lists.keys().nth(list?).copied()
    }

    fn text(&self) -> String {
        let mut text = String::from(ROUTE);
        for (number, list) in &self.interfaces {
            text.push_str(&format!("interface Gi{number}\n mtu 9000\n"));
            text.extend(self.name(*list).map(|name| format!(" ip access-group L{name} in\n")));
        }
        text.push_str("router bgp 1\n");
        for (number, (number_of_as, list)) in &self.neighbors {
            text.push_str(&format!(
                " neighbor n{number} remote-as {number_of_as}\n neighbor n{number} weight 1\n"
            ));
            text.extend(self.name(*list).map(|name| format!(" neighbor n{number} route-map L{name} out\n")));
        }
        text.push_str(" address-family ipv4\n");
        text.extend(self.neighbors.keys().map(|number| format!("  neighbor n{number} activate\n")));
        text.extend(self.gateway.map(|last| format!("ip default-gateway 10.0.0.{last}\n")));
        for (name, entries) in &self.lists {
            text.push_str(&format!("ip access-list extended L{name}\n"));
            let mut said = BTreeSet::new();
            let fresh = entries.iter().filter(|entry| said.insert(**entry));
            text.extend(fresh.map(|entry| format!(" permit e{entry}\n")));
        }
        text.extend(self.hosts.iter().map(|host| format!("logging host 10.0.0.{host}\n")));
        text
    }
}

impl Device {
    fn section(&self, name: &str) -> &[Block] {
        self.has.iter().find(|block| block.line == name).map_or(&[], |block| &block.children)
    }

    /// Why the device refuses `line`: what is said of a neighbor needs one.
    fn refuses(&self, line: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["no", "neighbor", name, ..] | ["neighbor", name, "weight" | "route-map" | "activate", ..] => {
                let is = format!("neighbor {name} remote-as ");
                !self.section("router bgp 1").iter().any(|block| block.line.starts_with(&is))
            }
            _ => false,
        }
    }

    /// A neighbor is what its lines hang on.
    fn forget_neighbor(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("no neighbor ") else { return };
        let Some((name, _)) = rest.split_once(" remote-as ") else { return };
        let is_of = |block: &Block| block.line.starts_with(&format!("neighbor {name} "));
        for block in self.has.iter_mut().filter(|block| block.line == "router bgp 1") {
            block.children.retain(|block| !is_of(block));
            block.children.iter_mut().for_each(|family| family.children.retain(|block| !is_of(block)));
        }
    }

    /// A list that is named and is not there.
    fn dangles(&self) -> Option<String> {
        let lines = self.has.iter().flat_map(|block| &block.children);
        let named = lines.filter_map(|block| {
            let words: Vec<&str> = block.line.split(' ').collect();
            match words[..] {
                ["ip", "access-group", name, "in"] | ["neighbor", _, "route-map", name, "out"] => Some(name),
                _ => None,
            }
        });
        let mut names = named.map(str::to_owned);
        names.find(|name| {
            let line = format!("ip access-list extended {name}");
            !self.has.iter().any(|block| block.line == line)
        })
    }
}

fn sorted_text(blocks: &[Block]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for block in blocks {
        lines.push(block.line.clone());
        lines.extend(sorted_text(&block.children).into_iter().map(|line| format!("{} / {line}", block.line)));
    }
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_way_ends_where_it_should_and_leaves_no_gap_on_its_way(from in router(), to in router()) {
        let dialect = dialect();
        let [before, then] = [&from, &to].map(|router| parse(&router.text(), &dialect));
        let steps = way(&before, &then, &dialect);
        prop_assert_eq!(sorted_text(&after(&before, &steps, &dialect)), sorted_text(&then));
        let mut device = Device::new(&from.text());
        for line in commands(&steps, &[], &dialect) {
            prop_assert!(!device.refuses(&line), "{} to {:?}", line, device.text());
            device.hear(&line);
            device.forget_neighbor(&line);
            prop_assert_eq!(device.dangles(), None, "after {} of {:?}", line, commands(&steps, &[], &dialect));
            let has_gateway = device.has.iter().any(|block| block.line.starts_with("ip default-gateway "));
            prop_assert!(has_gateway || from.gateway.is_none() || to.gateway.is_none(), "after {}", line);
        }
        prop_assert!(!device.lost);
        prop_assert_eq!(sorted_text(&device.has), sorted_text(&then));
        prop_assert_eq!(way(&device.has, &then, &dialect), []);
    }
}
