//! Lists whose lines each say the number of their list.

use super::*;
use std::collections::BTreeSet;

fn ios() -> Dialect {
    let numbered = |from, to, kind: &str| Numbered {
        begins: "access-list".into(),
        from,
        to,
        section: format!("ip access-list {kind}"),
    };
    Dialect {
        numbered: vec![numbered(1, 99, "standard"), numbered(100, 199, "extended")],
        sorted: vec!["ip access-list standard".into()],
        lists: vec!["access-list".into()],
        short: vec!["access-list *".into()],
        ..dialect()
    }
}

fn sent(from: &str, to: &str) -> Vec<String> {
    let ios = ios();
    commands(&way(&parse(from, &ios), &parse(to, &ios), &ios), &[], &ios)
}

#[test]
fn a_line_of_a_numbered_list_stands_where_it_was_asked_for_and_goes_alone() {
    let list =
        |lines: &[&str]| -> String { lines.iter().map(|line| format!("access-list 101 {line}\n")).collect() };
    let short = list(&["permit tcp any any eq 22", "deny ip any any"]);
    let long = list(&["permit tcp any any eq 22", "permit udp any any eq 53", "deny ip any any"]);
    let expected = [
        "ip access-list extended 101",
        "no deny ip any any",
        "permit udp any any eq 53",
        "deny ip any any",
        "exit",
    ];
    assert_eq!(sent(&short, &long), expected);
    let expected = ["ip access-list extended 101", "no permit udp any any eq 53", "exit"];
    assert_eq!(sent(&long, &short), expected, "and not the whole list");
    assert_eq!(sent(&long, "hostname r1\n"), ["hostname r1", "no ip access-list extended 101"]);
    let ios = ios();
    let merge = |text: &str| commands(&missing(&parse(&long, &ios), &parse(text, &ios), &ios), &[], &ios);
    assert_eq!(merge("no access-list 101 permit udp any any eq 53\n"), expected);
    assert_eq!(merge("no access-list 101\n"), ["no ip access-list extended 101"]);
    assert_eq!(merge(&short), Vec::<String>::new(), "it has those");
    let named = "ip access-list extended 101\n permit tcp any any eq 22\n deny ip any any\n";
    assert_eq!(sent(&short, named), Vec::<String>::new(), "two ways to say one list");
}

#[test]
fn what_must_stand_behind_a_new_line_of_a_list_in_an_order_of_its_own_is_typed_anew() {
    let from = "access-list 10 permit 10.0.0.5\naccess-list 10 permit 10.1.0.0 0.0.255.255\naccess-list 10 deny any\n";
    let wanted = "access-list 10 permit 10.2.0.0 0.0.255.255\naccess-list 10 permit 10.1.0.0 0.0.255.255\n\
        access-list 10 deny any\n";
    let expected = [
        "ip access-list standard 10",
        "no deny any",
        "no permit 10.0.0.5",
        "permit 10.2.0.0 0.0.255.255",
        "deny any",
        "exit",
    ];
    assert_eq!(sent(from, wanted), expected);
    let other = "access-list 10 deny any\naccess-list 10 permit 10.1.0.0 0.0.255.255\naccess-list 10 permit 10.0.0.5\n";
    assert_eq!(sent(from, other), Vec::<String>::new(), "the device shows what order it likes");
}

#[test]
fn a_list_of_which_no_line_can_be_taken_back_alone_is_not_torn() {
    let ios = ios();
    let list = |lines: &[&str]| -> Vec<Block> {
        lines.iter().map(|line| Block::line(format!("access-list 700 {line}"))).collect()
    };
    let has = list(&["permit a", "deny b"]);
    assert_eq!(torn(&has, &list(&["permit a"]), &ios), Some("access-list 700 permit a"));
    assert_eq!(
        torn(&has, &list(&["permit c", "permit a", "deny b"]), &ios),
        Some("access-list 700 permit c")
    );
    for whole in [list(&[]), has.clone(), list(&["permit a", "deny b", "permit c"])] {
        assert_eq!(torn(&has, &whole, &ios), None);
    }
    assert_eq!(commands(&way(&has, &[], &ios), &[], &ios)[0], "no access-list 700");
}

#[test]
fn a_way_back_leaves_a_list_that_it_would_tear_and_goes_all_the_rest() {
    let ios = ios();
    let before = parse("access-list 700 permit a\naccess-list 701 permit a\nntp server 192.0.2.1\n", &ios);
    let text = "access-list 700 permit a\naccess-list 700 permit b\nntp server 192.0.2.9\naccess-list 702 permit a\n";
    let now = parse(text, &ios);
    let (then, stays) = spared(&now, &before, &ios);
    assert_eq!(stays, ["access-list 700 permit a"]);
    let expected =
        ["no access-list 702", "access-list 701 permit a", "no ntp server 192.0.2.9", "ntp server 192.0.2.1"];
    let sent = commands(&way(&now, &then, &ios), &[], &ios);
    assert_eq!(BTreeSet::from_iter(sent.iter().map(String::as_str)), BTreeSet::from(expected), "{sent:?}");
    assert_eq!(spared(&before, &before, &ios), (before.clone(), Vec::new()));
}
