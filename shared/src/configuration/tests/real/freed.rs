//! Addresses that move from one interface to another, over a device that refuses one which it has elsewhere.

use super::*;

fn addressed(last: &[Option<u8>]) -> String {
    let interface = |(number, last): (usize, &Option<u8>)| {
        let address = last.map(|last| format!(" ip address 10.0.0.{last} 255.255.255.0\n"));
        format!("interface Gi{number}\n mtu 9000\n{}", address.unwrap_or_default())
    };
    format!("{ROUTE}{}", last.iter().enumerate().map(interface).collect::<String>())
}

/// Goes from one to the other; every line that the device refuses is a failure. The lines that take an address away.
fn goes(from: &[Option<u8>], to: &[Option<u8>]) -> Vec<String> {
    let (dialect, mut device) = (dialect(), Device::new(&addressed(from)));
    let lines = commands(&way(&device.has, &parse(&addressed(to), &dialect), &dialect), &[], &dialect);
    for line in &lines {
        let is_elsewhere = |block: &Block| {
            Some(&block.line) != device.path.first() && block.children.iter().any(|has| has.line == *line)
        };
        let has_it = line.starts_with("ip address ") && device.has.iter().any(is_elsewhere);
        assert!(!has_it, "{line} of {lines:?}");
        device.hear(line);
    }
    assert!(way(&device.has, &parse(&addressed(to), &dialect), &dialect).is_empty(), "{}", device.text());
    lines.into_iter().filter(|line| line.starts_with("no ")).collect()
}

#[test]
fn addresses_that_moved_along_many_interfaces_move_back_in_one_round_and_no_interface_is_without() {
    let before: Vec<Option<u8>> = (0..40).map(Some).chain([None]).collect();
    let moved: Vec<Option<u8>> = [Some(99)].into_iter().chain((0..40).map(Some)).collect();
    assert_eq!(goes(&moved, &before), ["no ip address 10.0.0.39 255.255.255.0"], "that one goes for good");
    assert_eq!(goes(&before, &moved), Vec::<String>::new());
}

#[test]
fn of_interfaces_that_exchange_their_addresses_one_is_without_for_a_while() {
    let ring = |turn: u8| -> Vec<Option<u8>> { (0..7).map(|at| Some((at + turn) % 7)).collect() };
    assert_eq!(goes(&ring(0), &ring(1)).len(), 1);
    assert_eq!(goes(&ring(3), &ring(0)).len(), 1);
    assert_eq!(goes(&[Some(1), Some(2), Some(3)], &[Some(2), Some(1), Some(4)]).len(), 1);
}

#[test]
fn an_address_that_is_asked_for_is_nobodys_and_leaves_no_interface_without_one() {
    let address = "ip address 10.0.0.1 255.255.255.0";
    for asked in ["ip address dhcp", "ip address negotiated"] {
        let text = |one: &str, other: &str| format!("interface Gi0\n {one}\ninterface Gi1\n {other}\n");
        let (dialect, from, to) = (dialect(), text(asked, address), text(address, asked));
        let (from, to) = (parse(&from, &dialect), parse(&to, &dialect));
        let sent = commands(&way(&from, &to, &dialect), &from, &dialect);
        assert_eq!(sent, ["interface Gi1", asked, "exit", "interface Gi0", address, "exit"]);
    }
}

/// The tags of the subinterfaces of two ports, and the lines that lead from one to the other.
fn retags(from: &[u16], to: &[u16]) -> Vec<String> {
    let text = |tags: &[u16]| -> Vec<Block> {
        let of = |port: &str| -> String {
            let tag =
                |(at, tag): (usize, &u16)| format!("interface {port}.{at}\n encapsulation dot1Q {tag}\n");
            tags.iter().enumerate().map(tag).collect()
        };
        parse(&(of("Gi1") + &of("Gi2")), &dialect())
    };
    let (from, to, dialect) = (text(from), text(to), dialect());
    commands(&way(&from, &to, &dialect), &from, &dialect)
}

#[test]
fn tags_that_move_along_the_subinterfaces_of_a_port_are_free_before_they_are_taken() {
    let (one, other) = ([10, 20, 30, 40, 50], [20, 30, 40, 50, 60]);
    for (from, to) in [(one, other), (other, one)] {
        let sent = retags(&from, &to);
        for port in ["Gi1", "Gi2"] {
            let (mut has, mut here) = (from, None);
            for line in &sent {
                if let Some(name) = line.strip_prefix("interface ") {
                    here = name
                        .strip_prefix(port)
                        .and_then(|rest| rest.strip_prefix('.'))
                        .map(|at| at.parse::<usize>().unwrap());
                } else if let (Some(at), Some(tag)) = (here, line.strip_prefix("encapsulation dot1Q ")) {
                    let tag = tag.parse().unwrap();
                    assert!(!has.contains(&tag), "{line} of {sent:?}");
                    has[at] = tag;
                }
            }
            assert_eq!(has, to, "{sent:?}");
        }
    }
}

#[test]
fn tags_that_subinterfaces_exchange_are_never_taken_away() {
    let sent = retags(&[10, 20, 30], &[20, 30, 10]);
    assert_eq!(sent.iter().filter(|line| line.starts_with("encapsulation")).count(), 6, "{sent:?}");
    assert!(!sent.iter().any(|line| line.starts_with("no ")), "{sent:?}");
}
