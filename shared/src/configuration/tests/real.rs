//! Ways over a device that keeps lines as IOS and FRR do, and is gone once it has no route back to us.

use super::*;

mod freed;
mod gaps;
mod numbered;
mod shown;

fn dialect() -> Dialect {
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Dialect {
        single: texts(&[
            "hostname",
            "ip address -secondary",
            "maximum-paths -ibgp",
            "neighbor * timers -connect",
            "neighbor * remote-as",
            "neighbor * route-map = in",
            "neighbor * route-map = out",
            "ip access-group = in",
            "ip default-gateway",
            "encapsulation dot1Q",
            "switchport trunk allowed vlan -add -remove",
        ]),
        short: texts(&["switchport trunk allowed vlan"]),
        continues: vec![Continued {
            begins: "switchport trunk allowed vlan".into(),
            adds: "add".into(),
            removes: "remove".into(),
            by_default: Some("1-4094".into()),
        }],
        exclusive: texts(&["ip address -secondary -dhcp -negotiated"]),
        exclusive_of_port: texts(&["encapsulation dot1Q"]),
        padded: texts(&["permit", "deny", "-remark -description * deny", "access-list * deny"]),
        defines: texts(&["ip access-list standard", "ip access-list extended", "route-map"]),
        joins: texts(&["ip route vrf * * *", "ip route * *"]),
        ordered: texts(&["ip access-list extended", "policy-map"]),
        last: texts(&["class class-default"]),
        ..indented()
    }
}

/// A device at which every line works at once.
struct Device {
    has: Vec<Block>,
    path: Vec<String>,
    /// Whether it had no default route after some line, when it began with one.
    lost: bool,
}

impl Device {
    fn new(text: &str) -> Self {
        Self { has: parse(text, &dialect()), path: Vec::new(), lost: false }
    }

    fn hear(&mut self, line: &str) {
        let opens = ["interface ", "router ", "ip access-list ", "policy-map "];
        match line {
            "exit" => drop(self.path.pop()),
            _ if opens.iter().any(|word| line.starts_with(word)) => self.path = vec![line.to_owned()],
            _ if line.starts_with("class ") || line.starts_with("address-family ") => {
                self.path.push(line.to_owned());
            }
            _ => self.path.truncate(2),
        }
        let is_section = self.path.last().is_some_and(|open| open == line);
        let mut lines = &mut self.has;
        for open in &self.path {
            let at = lines.iter().position(|block| block.line == *open).unwrap_or_else(|| {
                lines.push(Block::line(open));
                lines.len() - 1
            });
            lines = &mut lines[at].children;
        }
        if line != "exit" && !is_section {
            keep(lines, line);
        }
        self.lost |= !self.has.iter().any(|block| block.line.starts_with("ip route 0.0.0.0 0.0.0.0 "));
    }

    /// Goes the way to `wanted`.
    fn goes_to(mut self, wanted: &str) -> Self {
        let dialect = dialect();
        let steps = way(&self.has, &parse(wanted, &dialect), &dialect);
        commands(&steps, &self.has.clone(), &dialect).iter().for_each(|line| self.hear(line));
        self
    }

    fn text(&self) -> String {
        print(&self.has)
    }
}

/// What a line does to a section: only one address is the first one, and only one pair of timers is kept.
fn keep(lines: &mut Vec<Block>, line: &str) {
    if let Some(gone) = line.strip_prefix("no ") {
        let is_it = |block: &Block| block.line == gone || block.line.starts_with(&format!("{gone} "));
        return lines.retain(|block| !is_it(block));
    }
    let words = |line: &str| -> Option<String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["ip", "address", ..] if !words.contains(&"secondary") => Some("address".into()),
            ["maximum-paths", number] if number.parse::<u8>().is_ok() => Some("paths".into()),
            ["ip", "default-gateway", _] => Some("gateway".into()),
            ["ip", "access-group", _, way] => Some(format!("access {way}")),
            ["neighbor", who, what @ "remote-as", _] | ["neighbor", who, what @ "route-map", _, "out"] => {
                Some(format!("{what} {who}"))
            }
            ["neighbor", who, "timers", hold, _] if hold.parse::<u8>().is_ok() => {
                Some(format!("timers {who}"))
            }
            _ => None,
        }
    };
    match lines.iter().position(|block| words(line).is_some_and(|place| words(&block.line) == Some(place))) {
        Some(at) => lines[at] = Block::line(line),
        None if lines.iter().any(|block| block.line == line) => {}
        None => lines.push(Block::line(line)),
    }
}

const ROUTE: &str = "ip route 0.0.0.0 0.0.0.0 10.0.0.1\n";

#[test]
fn another_order_at_the_top_takes_nothing_back() {
    let from = "hostname r1\ninterface Gi1\n mtu 9000\nip http server\nrouter bgp 1\n neighbor x\n";
    let to = "ip http server\nhostname r1\nrouter bgp 1\n neighbor x\ninterface Gi1\n mtu 9000\n";
    let (from, to) = (parse(from, &dialect()), parse(to, &dialect()));
    assert_eq!(way(&from, &to, &dialect()), []);
    assert!(differ_in_order_alone(&from, &to, &dialect()) && !differ_in_order_alone(&to, &to, &dialect()));
    let twice = [to.as_slice(), &to[..1]].concat();
    assert!(!differ_in_order_alone(&to, &twice, &dialect()), "a line more is more than another order");
}

#[test]
fn another_order_within_a_section_is_left_alone_unless_it_is_meaning() {
    let from = "interface Gi1\n mtu 9000\n shutdown\nrouter bgp 1\n neighbor a\n neighbor b\n";
    let to = "interface Gi1\n shutdown\n mtu 9000\nrouter bgp 1\n neighbor b\n neighbor a\n";
    assert_eq!(way(&parse(from, &dialect()), &parse(to, &dialect()), &dialect()), []);
}

#[test]
fn a_list_is_typed_anew_from_its_first_line_out_of_place_and_nothing_else_is() {
    let list =
        |lines: &str| format!("{ROUTE}ip access-list extended EDGE\n{lines}interface Gi1\n mtu 9000\n");
    let from = list(" permit a\n deny c\n permit b\n");
    let to = list(" permit a\n permit b\n deny c\n");
    let dialect = dialect();
    let sent = commands(&way(&parse(&from, &dialect), &parse(&to, &dialect), &dialect), &[], &dialect);
    let expected = ["ip access-list extended EDGE", "no permit b", "no deny c", "permit b", "deny c", "exit"];
    assert_eq!(sent, expected);
    assert_eq!(Device::new(&from).goes_to(&to).text(), to);
}

#[test]
fn a_new_line_of_a_list_stands_where_it_was_asked_for_and_not_behind_the_line_that_ends_the_list() {
    let list = |lines: &str| format!("{ROUTE}ip access-list extended EDGE\n{lines}");
    let (from, to) = (list(" permit a\n deny any\n"), list(" permit a\n permit b\n deny any\n"));
    assert_eq!(Device::new(&from).goes_to(&to).text(), to);
    let shorter = list(" permit b\n deny any\n");
    let sent =
        commands(&way(&parse(&to, &dialect()), &parse(&shorter, &dialect()), &dialect()), &[], &dialect());
    assert_eq!(sent, ["ip access-list extended EDGE", "no permit a", "exit"], "the rest stands right");
    assert_eq!(Device::new(&to).goes_to(&shorter).text(), shorter);
    let numbered = |lines: &str| list(lines).replace("permit", "10 permit").replace("deny", "20 deny");
    let [from, to] = [" deny any\n permit a\n", " permit a\n deny any\n"].map(numbered);
    assert_eq!(
        way(&parse(&from, &dialect()), &parse(&to, &dialect()), &dialect()),
        [],
        "numbers tell the order"
    );
}

#[test]
fn classes_in_another_order_are_told_and_not_torn_down() {
    let policy = |classes: &str| {
        let class = |name: &str| format!(" class {name}\n  bandwidth 10\n");
        let classes: String = classes.split(' ').map(class).collect();
        parse(&format!("policy-map P\n{classes}"), &dialect())
    };
    let misplaced = |from: &str, to: &str| {
        let (from, to) = (policy(from), policy(to));
        misplaced(&from, &to, &dialect()).map(str::to_owned)
    };
    assert_eq!(way(&policy("a b"), &policy("b a"), &dialect()), []);
    for (from, to) in [("a b", "b a"), ("a b", "a c b"), ("a b c", "c b"), ("a b class-default", "c a")] {
        assert_eq!(misplaced(from, to).as_deref(), Some("policy-map P"), "{from}: {to}");
    }
    let default = "class-default";
    for (from, to) in [("a b", "a b"), ("a b", "a c"), ("a b", "b c"), ("b", "b a")] {
        assert_eq!(misplaced(from, to), None, "{from}: {to}");
        let [from, to] = [from, to].map(|classes| format!("{classes} {default}"));
        assert_eq!(misplaced(&from, &to), None, "{default} is last by itself");
    }
    let alone = |one: &str, other: &str| differ_in_order_alone(&policy(one), &policy(other), &dialect());
    assert!(!alone("a b", "b a"), "that order is meaning");
    assert!(alone("a class-default", "class-default a"));
    let (from, to) = (policy("a c b"), policy("a b c"));
    assert_eq!(out_of_order(&from, &to, &dialect()), Some("policy-map P"));
}

#[test]
fn a_line_goes_unless_a_new_one_takes_its_place() {
    let bgp = |lines: &str| format!("{ROUTE}router bgp 1\n{lines}");
    for (from, to) in [
        (" neighbor a timers 3 9\n neighbor a timers connect 10\n", " neighbor a timers 3 9\n"),
        (" neighbor a timers 3 9\n neighbor a timers connect 10\n", " neighbor a timers 5 15\n"),
        (" maximum-paths 4\n maximum-paths ibgp 4\n", " maximum-paths 8\n"),
        (" ip address 10.0.0.1/24\n ip address 10.0.1.1/24 secondary\n", " ip address 10.0.0.1/24\n"),
        (" ip address 10.0.0.1/24\n ip address 10.0.1.1/24 secondary\n", " ip address 10.0.0.9/24\n"),
        (" no ip address\n shutdown\n", " ip address 10.0.0.9/24\n"),
    ] {
        let (from, to) = (bgp(from), bgp(to));
        let there = Device::new(&from).goes_to(&to);
        assert_eq!(there.text().replace(" no ip address\n", ""), to, "{from}");
        let sent = commands(&way(&there.has, &there.has, &dialect()), &[], &dialect());
        assert_eq!(sent, Vec::<String>::new());
    }
    let two = "hostname r1\nhostname r2\n";
    let sent = commands(
        &way(&parse(two, &dialect()), &parse("hostname r3\n", &dialect()), &dialect()),
        &[],
        &dialect(),
    );
    assert_eq!(sent, ["no hostname r2", "hostname r3"], "one line takes the place of one");
    let sent = commands(
        &way(&parse(two, &dialect()), &parse("hostname r1\n", &dialect()), &dialect()),
        &[],
        &dialect(),
    );
    assert_eq!(sent, ["no hostname r2"], "the one that it had already takes no place");
}

#[test]
fn a_device_is_never_without_a_route_while_one_takes_the_place_of_another() {
    let with =
        |routes: &str| format!("interface Gi1\n mtu 9000\n{routes}ip route 10.0.0.0 255.0.0.0 Null0\n");
    let from = with(ROUTE);
    let to = with(&ROUTE.replace("10.0.0.1", "10.0.0.2"));
    for (from, to) in [(&from, &to), (&to, &from)] {
        let there = Device::new(from).goes_to(to);
        assert!(!there.lost, "the session is gone with the route: {}", there.text());
        let wanted = parse(to, &dialect());
        assert!(differ_in_order_alone(&there.has, &wanted, &dialect()) || there.text() == **to);
    }
    let dialect = dialect();
    let sent = |from: &str, to: &str| {
        commands(&way(&parse(from, &dialect), &parse(to, &dialect), &dialect), &[], &dialect)
    };
    let named = ROUTE.replace("10.0.0.1", "10.0.0.1 name up");
    let expected = ["no ip route 0.0.0.0 0.0.0.0 10.0.0.1", "ip route 0.0.0.0 0.0.0.0 10.0.0.1 name up"];
    assert_eq!(sent(ROUTE, &named), expected, "afterwards it would take the new one back");
    let other = "ip route 10.0.0.0 255.0.0.0 10.0.0.2\n";
    assert_eq!(
        sent(ROUTE, other)[0],
        "no ip route 0.0.0.0 0.0.0.0 10.0.0.1",
        "the way to elsewhere is no other way"
    );
}
