//! Lines as a device shows them: a value on several lines, blanks that say nothing, an order of its own.

use super::*;
use std::collections::BTreeSet;

const TRUNK: &str = "switchport trunk allowed vlan";

fn sent(from: &str, to: &str) -> Vec<String> {
    let dialect = dialect();
    let (from, to) = (parse(from, &dialect), parse(to, &dialect));
    commands(&way(&from, &to, &dialect), &from, &dialect)
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
    assert_eq!(commands(&merged, &[], &dialect)[1], shorter, "a device that allows more has something else");
}

#[test]
fn what_adds_to_nothing_known_stays_a_line_of_its_own() {
    let dialect = dialect();
    for lines in [&["add 20"][..], &["none", "add 20"], &["1-30", "remove 20"]] {
        let blocks = parse(&trunk(lines), &dialect);
        assert_eq!(print(&blocks), trunk(lines));
        assert!(blocks[0].children.iter().any(|line| dialect.adds_alone(&line.line)));
    }
    let long = format!("{TRUNK} {}", ["1000-1001"; 50].join(","));
    let only_remove = Index::of(&[], &dialect).parts(&long, &dialect);
    assert_eq!(only_remove, [format!("{TRUNK} remove 1-999,1002-4094")], "what shows no list allows all");
    let unknown = Continued { by_default: None, ..dialect.continues[0].clone() };
    let dialect = Dialect { continues: vec![unknown], ..dialect };
    let parts = Index::of(&[], &dialect).parts(&long, &dialect);
    assert_eq!(parts.len(), 4, "{parts:?}");
    assert!(parts.iter().all(|part| part.len() <= 200) && parts[1].starts_with(&format!("{TRUNK} add 1000")));
}

/// The numbers of a list, as a device understands it.
fn vlans(list: &str) -> BTreeSet<u16> {
    let range = |item: &str| {
        let (from, to) = item.split_once('-').unwrap_or((item, item));
        from.parse::<u16>().unwrap()..=to.parse().unwrap()
    };
    list.split(',').flat_map(range).collect()
}

#[test]
fn a_change_of_a_long_list_takes_away_nothing_that_stays_not_even_between_two_lines() {
    let list = |numbers: std::ops::Range<u16>, step: u16| -> String {
        numbers.map(|number| (number * step).to_string()).collect::<Vec<_>>().join(",")
    };
    let (few, even, threes) = ("1,7-9,3000".to_owned(), list(1..300, 2), list(1..400, 3));
    let all = "all".to_owned();
    let (close, ranges) = (list(2..300, 2) + ",4000-4094", "1000-1100,".repeat(30) + "3000");
    for (from, to) in [
        (&even, &threes),
        (&threes, &even),
        (&few, &even),
        (&even, &few),
        (&even, &close),
        (&close, &even),
        (&few, &ranges),
        (&few, &few),
        (&all, &even),
        (&all, &close),
    ] {
        let (old, new) = (vlans(if *from == all { "1-4094" } else { from }), vlans(to));
        let (mut has, kept): (BTreeSet<u16>, Vec<u16>) =
            (old.clone(), old.intersection(&new).copied().collect());
        let [from, to] = [from, to].map(|list| trunk(&[list]));
        let (dialect, sent) = (dialect(), sent(&from, &to));
        let (before, mut played) = (parse(&from, &dialect), parse(&from, &dialect));
        for line in sent.iter().filter_map(|line| line.strip_prefix(TRUNK)) {
            assert!(TRUNK.len() + line.len() <= 200, "{line}");
            match line.trim_start().split_once(' ') {
                Some(("add", more)) => has.extend(vlans(more)),
                Some(("remove", gone)) => has = &has - &vlans(gone),
                Some(other) => panic!("{other:?}"),
                None => has = vlans(line.trim_start()),
            }
            assert!(kept.iter().all(|number| has.contains(number)), "{line} of {sent:#?}");
            let step = Block { children: vec![Block::line(format!("{TRUNK}{line}"))], ..before[0].clone() };
            played = after(&played, &[step], &dialect);
            assert_eq!(vlans(played[0].children[0].line.rsplit(' ').next().unwrap()), has, "it is played so");
        }
        assert_eq!(has, new, "{sent:#?}");
    }
}

#[test]
fn a_value_on_very_many_lines_is_read_in_time_that_grows_with_their_number() {
    let (dialect, adds) = (dialect(), format!(" {TRUNK} add 20\n").repeat(100_000));
    let whole = parse(&format!("interface Gi1\n {TRUNK} 1\n mtu 9000\n{adds}"), &dialect);
    assert_eq!((whole[0].children.len(), whole[0].children[0].line.as_str()), (2, &*format!("{TRUNK} 1,20")));
    let alone = parse(&format!("interface Gi1\n{adds}"), &dialect);
    assert_eq!(alone[0].children.len(), 100_000, "nobody knows what they add to");
    let all = trunk(&["1-4094"]) + &format!(" {TRUNK} add 1-4094\n").repeat(100_000);
    let even: Vec<String> = (1..100).map(|number| (2 * number).to_string()).collect();
    let sent = sent(&all, &trunk(&[&even.join(",")]));
    assert_eq!(sent.last().map(String::as_str), Some("exit"), "{sent:?}");
    assert!(sent.iter().any(|line| line.ends_with(",197,199-4094")), "{sent:?}");
}

#[test]
fn the_same_numbers_in_other_words_are_no_change() {
    let long: Vec<String> = (1..300).map(|number| (2 * number).to_string()).collect();
    let long = long.join(",");
    for (shown, wanted) in [
        ("10,11,12,20", "10-12,20"),
        ("10-12,20", "20,10-12,11"),
        (&*format!("10-12,{long}"), &*format!("10,11,12,{long}")),
    ] {
        assert_eq!(sent(&trunk(&[shown]), &trunk(&[wanted])), Vec::<String>::new(), "{shown}");
    }
    let words = format!("interface Gi1\n {TRUNK} 10,5000\n {TRUNK} 7-3\n {TRUNK} all\n");
    assert_eq!(print(&parse(&words, &dialect())), words, "what is no list of numbers stays as it is");
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
        commands(&missing(&parse(from, &dialect), &parse(to, &dialect), &dialect), &[], &dialect)
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
    assert_eq!(merged("ntp server 192.0.2.1\n", "no  ntp server 192.0.2.1\n"), ["no ntp server 192.0.2.1"]);
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
