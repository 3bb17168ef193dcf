//! Configurations of an indented platform (FRR's and IOS's way) and of a flat one (Junos's).

use super::*;

mod real;
mod texts;

fn indented() -> Dialect {
    Dialect {
        indented: true,
        comments: vec!["!".into(), "Building configuration".into(), "Current configuration".into()],
        ends: vec!["exit".into(), "end".into(), "exit-*".into()],
        leave: Some("exit".into()),
        single: vec!["hostname".into(), "banner *".into(), "neighbor * remote-as".into()],
        short: vec!["description".into(), "banner *".into(), "certificate * *".into()],
        texts: vec![
            Text { begins: "certificate".into(), ends: Some("quit".into()) },
            Text { begins: "banner *".into(), ends: None },
        ],
        ..Dialect::default()
    }
}

fn flat() -> Dialect {
    Dialect {
        indented: false,
        comments: vec!["#".into()],
        negation: Negation::Swap { adds: "set ".into(), removes: "delete ".into() },
        single: vec!["set system host-name".into()],
        ..Dialect::default()
    }
}

const RUNNING: &str = "Building configuration...\n\nCurrent configuration:\n!\nhostname r1\nno ipv6 forwarding\n!\n\
    interface lo\n ip address 10.0.0.1/32\nexit\n!\nrouter bgp 65001\n bgp router-id 1.1.1.1\n \
    neighbor 10.0.0.2 remote-as 65002\n !\n address-family ipv4 unicast\n  network 10.0.0.0/24\n exit-address-family\nexit\n!\nend\n";

fn to_send(running: &str, wanted: &str, dialect: &Dialect) -> Vec<String> {
    let (running, wanted) = (parse(running, dialect), parse(wanted, dialect));
    commands(&missing(&running, &wanted, dialect), &[], dialect)
}

#[test]
fn a_merge_sends_only_what_the_device_lacks_within_the_sections_it_belongs_to() {
    let wanted = "hostname r1\nrouter bgp 65001\n neighbor 10.0.0.2 remote-as 65002\n neighbor 10.0.0.3 remote-as 65003\n \
        address-family ipv4 unicast\n  network 10.1.0.0/24\n";
    let expected = [
        "router bgp 65001",
        "neighbor 10.0.0.3 remote-as 65003",
        "address-family ipv4 unicast",
        "network 10.1.0.0/24",
        "exit",
        "exit",
    ];
    assert_eq!(to_send(RUNNING, wanted, &indented()), expected);
    assert_eq!(to_send(RUNNING, RUNNING, &indented()), Vec::<String>::new(), "it has what it prints");
}

#[test]
fn a_line_that_closes_a_section_is_none_of_the_configuration() {
    let text = "router eigrp A\n address-family ipv4\n  af-interface Gi1\n   passive-interface\n  exit-af-interface\n \
        exit-address-family\n exit-word of another kind\n";
    let blocks = parse(text, &indented());
    let expected = "router eigrp A\n address-family ipv4\n  af-interface Gi1\n   passive-interface\n \
        exit-word of another kind\n";
    assert_eq!(print(&blocks), expected);
}

#[test]
fn a_line_that_takes_back_what_the_device_does_not_have_is_not_sent() {
    let dialect = indented();
    assert_eq!(to_send(RUNNING, "no ip http server\nno ipv6 forwarding\n", &dialect), Vec::<String>::new());
    assert_eq!(to_send(RUNNING, "no hostname\n", &dialect), ["no hostname"], "it goes on after the word");
    let running = "set system host-name r1\nset system services ssh\n";
    assert_eq!(to_send(running, "delete system services telnet\n", &flat()), Vec::<String>::new());
    assert_eq!(to_send(running, "delete system services ssh\n", &flat()), ["delete system services ssh"]);
}

#[test]
fn the_way_back_from_a_change_ends_where_it_began() {
    let dialect = indented();
    let changed = RUNNING
        .replace("hostname r1", "hostname r9")
        .replace("  network 10.0.0.0/24", "  network 10.9.0.0/24")
        .replace("interface lo\n ip address 10.0.0.1/32", "interface lo\n description x")
        .replace("no ipv6 forwarding\n", "ntp server 1.1.1.1\n");
    let (from, to) = (parse(&changed, &dialect), parse(RUNNING, &dialect));
    let steps = way(&from, &to, &dialect);
    let sent = commands(&steps, &[], &dialect);
    assert!(
        !sent.contains(&"no hostname r9".to_owned()) && sent.contains(&"no ntp server 1.1.1.1".to_owned()),
        "{sent:?}"
    );
    let sorted = |blocks: Vec<Block>| {
        let text = print(&blocks);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(after(&from, &steps, &dialect)), sorted(to));
}

#[test]
fn a_line_is_taken_back_by_its_short_form_where_the_platform_wants_that() {
    let dialect = indented();
    assert_eq!(dialect.negated("description to the core"), "no description");
    assert_eq!(dialect.negated("descriptions x"), "no descriptions x");
    assert_eq!(dialect.negated("no shutdown"), "shutdown");
    let from = parse("interface lo\n description x\n address-family v4\n  network y\n", &dialect);
    let step = emptied(&from[0], &dialect);
    assert_eq!(
        commands(&[step], &[], &dialect),
        ["interface lo", "no address-family v4", "no description", "exit"]
    );
}

#[test]
fn what_is_printed_is_read_back_the_same() {
    let blocks = parse(RUNNING, &indented());
    assert_eq!(parse(&print(&blocks), &indented()), blocks);
    assert_eq!(blocks.len(), 4, "{blocks:#?}");
}

#[test]
fn any_text_is_read_without_a_panic_and_nesting_has_a_bound() {
    let mut deep = String::new();
    for depth in 0..2000 {
        deep.push_str(&" ".repeat(depth));
        deep.push_str("x\n");
    }
    let mut blocks = &parse(&deep, &indented());
    let mut depth = 0;
    while let Some(last) = blocks.last() {
        blocks = &last.children;
        depth += 1;
    }
    assert!(depth <= DEPTH_MAX + 1, "{depth}");
    for text in
        ["", "\n\n", "   indented beneath nothing\nx", "\u{2003}wide blank\n\ty\n", " a\nb\n  c\n d\n"]
    {
        let _ = print(&parse(text, &indented()));
    }
}

#[test]
fn a_difference_is_short_and_says_what_it_leaves_out() {
    assert_eq!(unified("a\n", "a\n"), "");
    assert_eq!(unified("a\nb\n", "a\nc\n"), "--- running\n+++ planned\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    let long: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    let cut = unified("", &long);
    assert!(cut.len() <= DIFF_BYTES_MAX && cut.ends_with("lines more\n"), "{}", &cut[cut.len() - 100..]);
}

#[test]
fn a_difference_names_the_sections_it_stands_in_however_far_away_they_are() {
    let running = "hostname r1\nrouter bgp 65001\n address-family ipv4\n  a\n  b\n  c\n  d\n  e\n  f\n";
    let planned = running.replace("  f\n", "  g\n");
    let expected = "--- running\n+++ planned\n@@ -6,4 +6,4 @@\n router bgp 65001\n  address-family ipv4\n   …\n   c\n   d\n\
                    \u{20}  e\n-  f\n+  g\n";
    assert_eq!(unified(running, &planned), expected);
    let near = unified("interface a\n mtu 1\n", "interface a\n mtu 2\n");
    assert_eq!(near, "--- running\n+++ planned\n@@ -1,2 +1,2 @@\n interface a\n- mtu 1\n+ mtu 2\n");
}

#[test]
fn a_difference_of_very_long_lines_and_many_hunks_stays_small_while_it_is_made() {
    let lines = |value: u32| -> String {
        (0..40_000).map(|at| format!(" {}\n", at + value * (at % 10 / 9))).collect()
    };
    let section = "s".repeat(500_000);
    let text = |value| format!("{section}\n{}", lines(value));
    let diff = unified(&text(0), &text(1));
    assert!(diff.len() <= DIFF_BYTES_MAX && diff.contains("\n … 500000 bytes\n"), "{}", &diff[..200]);
    let left_out = diff.lines().last().unwrap().trim_start_matches("… ").trim_end_matches(" lines more");
    let (shown, hunks) = (diff.lines().count(), 4_000);
    let all = shown + left_out.parse::<usize>().unwrap();
    // A head and nine lines each; those that are shown have a section and a mark besides, which the others never get.
    assert!(all > hunks * 10 && all < hunks * 11, "{all} lines");
}

#[test]
fn a_line_of_which_there_is_one_takes_the_place_of_the_old_one() {
    let dialect = indented();
    let running = parse(RUNNING, &dialect);
    let wanted = parse(
        "hostname r9\nrouter bgp 65001\n neighbor 10.0.0.2 remote-as 65009\n neighbor 10.0.0.3 remote-as 3\n",
        &dialect,
    );
    let steps = missing(&running, &wanted, &dialect);
    let diff = unified(&print(&running), &print(&after(&running, &steps, &dialect)));
    let changed: Vec<&str> = diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    let expected = [
        "-hostname r1",
        "+hostname r9",
        "- neighbor 10.0.0.2 remote-as 65002",
        "+ neighbor 10.0.0.2 remote-as 65009",
        "+ neighbor 10.0.0.3 remote-as 3",
    ];
    assert_eq!(changed, expected);
    let back = commands(&way(&after(&running, &steps, &dialect), &running, &dialect), &[], &dialect);
    let expected = [
        "router bgp 65001",
        "no neighbor 10.0.0.3 remote-as 3",
        "exit",
        "hostname r1",
        "router bgp 65001",
        "neighbor 10.0.0.2 remote-as 65002",
        "exit",
    ];
    assert_eq!(back, expected, "a neighbor that is taken back would lose its other lines");
}

#[test]
fn what_a_short_line_takes_back_is_gone_afterwards() {
    let dialect = indented();
    let running = parse(RUNNING, &dialect);
    let steps = parse("router bgp 65001\n no neighbor 10.0.0.2\nipv6 forwarding\n", &dialect);
    let text = print(&after(&running, &steps, &dialect));
    assert!(!text.contains("neighbor") && text.contains("\nipv6 forwarding\n"), "{text}");
}

#[test]
fn what_needs_another_line_is_taken_back_before_it() {
    let dialect = indented();
    let from = parse(
        "route-map A\nrouter bgp 1\n neighbor x remote-as 2\n neighbor x timers 3\n address-family v4\n  neighbor x route-map A\n",
        &dialect,
    );
    let to = parse("router bgp 1\n address-family v4\n  neighbor y activate\n", &dialect);
    let sent = commands(&way(&from, &to, &dialect), &[], &dialect);
    let expected = [
        "router bgp 1",
        "address-family v4",
        "no neighbor x route-map A",
        "exit",
        "no neighbor x timers 3",
        "no neighbor x remote-as 2",
        "exit",
        "no route-map A",
        "router bgp 1",
        "address-family v4",
        "neighbor y activate",
        "exit",
        "exit",
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_merge_that_takes_back_what_it_sets_again_is_told_and_not_guessed() {
    let dialect = indented();
    let found = |text: &str| {
        let wanted = parse(text, &dialect);
        contradiction(&wanted, &dialect).map(|(back, again)| format!("{back} / {again}"))
    };
    let list = "no ip access-list extended EDGE\nip access-list extended EDGE\n permit ip any any\n";
    assert_eq!(
        found(list).as_deref(),
        Some("no ip access-list extended EDGE / ip access-list extended EDGE")
    );
    let nested = "interface lo\n no ip address\n ip address 10.0.0.1/32\n";
    assert_eq!(found(nested).as_deref(), Some("no ip address / ip address 10.0.0.1/32"));
    assert_eq!(
        found("no banner motd\nbanner motd @x\ny@\n").as_deref(),
        Some("no banner motd / banner motd ^Cx\ny^C")
    );
    assert_eq!(found("no ip http server\nip http server-name x\ninterface lo\n no shutdown\n"), None);
}

/// A device that has `lines` lines of one section, and the same with every other line another one.
fn endless(lines: usize) -> (Vec<Block>, Vec<Block>) {
    let text = |from: usize| -> String {
        let line = |number: usize| format!(" permit host 10.{}.{}.1\n", number / 256, number % 256);
        std::iter::once("ip access-list x\n".to_owned()).chain((from..from + lines).map(line)).collect()
    };
    (parse(&text(0), &indented()), parse(&text(lines / 2), &indented()))
}

#[test]
fn the_work_on_a_configuration_of_very_many_lines_grows_with_its_lines_and_not_with_their_square() {
    let work = |lines: usize| {
        let (has, wanted) = endless(lines);
        let (dialect, before) = (indented(), index::COMPARED.with(std::cell::Cell::get));
        let steps = way(&has, &wanted, &dialect);
        assert_eq!(steps.iter().map(|step| step.children.len()).sum::<usize>(), lines / 2 * 2);
        let then = after(&has, &steps, &dialect);
        assert_eq!(missing(&then, &wanted, &dialect), []);
        index::COMPARED.with(std::cell::Cell::get) - before
    };
    let (small, large) = (work(2_000), work(20_000));
    assert!(small > 2_000, "the work is counted: {small}");
    assert!(large < 15 * small, "ten times the lines: {small} and {large} comparisons");
}

#[test]
fn a_contradiction_is_looked_for_once_for_each_line_and_not_for_each_pair() {
    let work = |lines: usize| {
        let takes_back =
            |number: usize| format!("no ip route 10.{}.{}.0\nip name {number}\n", number / 256, number % 256);
        let text: String = (0..lines).map(takes_back).collect();
        let (dialect, before) = (indented(), index::COMPARED.with(std::cell::Cell::get));
        assert_eq!(contradiction(&parse(&text, &dialect), &dialect), None);
        index::COMPARED.with(std::cell::Cell::get) - before
    };
    let (small, large) = (work(2_000), work(20_000));
    assert!(small > 2_000, "the work is counted: {small}");
    assert!(large < 15 * small, "ten times the lines: {small} and {large} comparisons");
}

#[test]
fn very_many_lines_in_another_order_have_a_difference_all_the_same() {
    let lines =
        |step: usize| -> String { (0..50_021).map(|at| format!("line {}\n", at * step % 50_021)).collect() };
    let diff = unified(&lines(1), &lines(7_919));
    assert!(diff.len() > DIFF_BYTES_MAX / 2 && diff.len() <= DIFF_BYTES_MAX, "{}", diff.len());
}

#[test]
fn a_section_that_a_device_prints_in_two_pieces_is_one() {
    let (dialect, text) = (indented(), "router bgp 1\n a\nhostname r1\nrouter bgp 1\n b\n a\nx\nx\n");
    let blocks = parse(text, &dialect);
    assert_eq!(print(&blocks), "router bgp 1\n a\n b\n a\nhostname r1\nx\nx\n");
    assert_eq!((missing(&blocks, &blocks, &dialect), way(&blocks, &blocks, &dialect)), (vec![], vec![]));
    assert_eq!(to_send(text, "router bgp 1\n b\n", &dialect), Vec::<String>::new(), "it has that");
}
