//! Lines as a device shows them: a value on several lines, blanks that say nothing, an order of its own.

use super::*;

const TRUNK: &str = "switchport trunk allowed vlan";

fn sent(from: &str, to: &str) -> Vec<String> {
    let dialect = dialect();
    commands(&way(&parse(from, &dialect), &parse(to, &dialect), &dialect), &dialect)
}

fn trunk(lines: &[&str]) -> String {
    lines.iter().fold("interface Gi1\n".to_owned(), |text, line| text + " " + TRUNK + " " + line + "\n")
}

#[test]
fn a_value_on_several_lines_is_one_and_no_change_of_a_part_cuts_off_the_rest() {
    let long = trunk(&["1-10,12", "add 20-30", "add 40"]);
    assert_eq!(sent(&long, &trunk(&["1-10,12,20-30,40"])), Vec::<String>::new());
    let whole = format!("{TRUNK} 1-11,20-30,40");
    let expected = ["interface Gi1", &whole, "exit"];
    assert_eq!(sent(&long, &trunk(&["1-11", "add 20-30", "add 40"])), expected);
    assert_eq!(sent(&trunk(&["1-11", "add 20-30"]), &trunk(&["1-11", "add 20-30,40"])), expected);
    let shorter = format!("{TRUNK} 1-10,12");
    assert_eq!(
        sent(&long, &trunk(&["1-10,12"])),
        ["interface Gi1", &shorter, "exit"],
        "the plan shows what goes"
    );
    let gone = format!("no {TRUNK}");
    assert_eq!(sent(&long, "interface Gi1\n mtu 1\n")[1], gone);
    let dialect = dialect();
    let merged = missing(&parse(&long, &dialect), &parse(&trunk(&["1-10,12"]), &dialect), &dialect);
    assert_eq!(commands(&merged, &dialect)[1], shorter, "a device that allows more has something else");
}

#[test]
fn what_adds_to_nothing_known_stays_a_line_of_its_own() {
    let dialect = dialect();
    for lines in [&["add 20"][..], &["none", "add 20"]] {
        let blocks = parse(&trunk(lines), &dialect);
        assert_eq!(print(&blocks), trunk(lines));
        assert!(blocks[0].children.iter().any(|line| dialect.adds_alone(&line.line)));
    }
    let parts = dialect.parts(&format!("{TRUNK} {}", ["1000-1001"; 50].join(",")));
    assert_eq!(parts.len(), 4, "{parts:?}");
    assert!(parts.iter().all(|part| part.len() <= 200) && parts[1].starts_with(&format!("{TRUNK} add 1000")));
}

#[test]
fn blanks_that_a_device_fills_up_with_say_nothing_and_those_of_a_text_stay() {
    let list = |line: &str| format!("ip access-list extended A\n {line}\n");
    for (shown, typed) in [
        ("deny   ip any any", "deny ip any any"),
        ("permit tcp any any   eq 22", "permit tcp any any eq 22"),
        ("20 deny   ip any any log", "20 deny ip any any log"),
    ] {
        assert_eq!(sent(&list(shown), &list(typed)), Vec::<String>::new());
    }
    assert_eq!(sent("access-list 700 deny   a\n", "access-list 700 deny a\n"), Vec::<String>::new());
    for line in ["remark  one   two", "description  one   two", "remark deny   all", "location  x"] {
        let dialect = dialect();
        assert_eq!(print(&parse(&list(line), &dialect)), list(line), "it is restored as it was");
    }
}

#[test]
fn a_line_that_takes_back_what_a_device_fills_up_with_blanks_is_said_and_not_called_unchanged() {
    let dialect = dialect();
    let merged = |from: &str, to: &str| {
        commands(&missing(&parse(from, &dialect), &parse(to, &dialect), &dialect), &dialect)
    };
    for shown in ["20 deny   ip any any", "20 deny ip any any"] {
        let has = format!("ip access-list extended A\n {shown}\naccess-list 701 {}\n", &shown[3..]);
        for blanks in [" ", "   "] {
            let list = format!("ip access-list extended A\n no 20 deny{blanks}ip any any\n");
            let expected = ["ip access-list extended A", "no 20 deny ip any any", "exit"];
            assert_eq!(merged(&has, &list), expected, "{shown}");
            for word in ["no", "no  "] {
                let alone = format!("{word} access-list 701 deny{blanks}ip any any\n");
                assert_eq!(merged(&has, &alone), ["no access-list 701 deny ip any any"], "{shown}");
            }
        }
    }
    let text = "no description  one   two\n";
    assert_eq!(print(&parse(text, &dialect)), text, "a text stays as it is");
}

#[test]
fn an_order_that_is_the_devices_own_is_named_where_lines_of_another_kind_changed_places() {
    let dialect = Dialect { sorted: vec!["ip access-list standard".into()], ..dialect() };
    let list = |lines: &str| -> Vec<Block> {
        let lines: String = lines.split(' ').map(|line| format!(" {}\n", line.replace('/', " "))).collect();
        parse(&format!("ip access-list standard 10\n{lines}"), &dialect)
    };
    let name = Some("ip access-list standard 10");
    for (shown, wanted, expected) in [
        ("permit/b deny/a permit/c", "deny/a permit/b permit/c", name),
        ("permit/b permit/a deny/c", "permit/a permit/b deny/c", None),
        ("permit/a deny/c", "permit/a permit/b deny/c", None),
        ("deny/c permit/a", "permit/a permit/b deny/c", name),
    ] {
        assert_eq!(not_compared(&list(shown), &list(wanted), &dialect), expected, "{shown}: {wanted}");
    }
}
