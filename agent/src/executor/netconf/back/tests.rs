//! Steps that lead back, played on a server that knows the data model which nobody here knows.

use super::*;
use crate::executor::netconf::compare::running;
use crate::executor::netconf::hello::BASE;
use crate::executor::netconf::xml::print;
use crate::simulator::netconf::edit::edit;
use proptest::prelude::*;

/// What nobody may see: each entry of the list `interface` has one.
const UNSEEN: &str = "unseen";

fn tree(text: &str) -> Vec<Element> {
    running(text).unwrap()
}

fn system(inner: &str) -> Vec<Element> {
    tree(&format!("<system xmlns=\"urn:x\">{inner}</system>"))
}

fn told(edits: &[Element]) -> String {
    print(edits, BASE)
        .lines()
        .map(str::trim)
        .collect::<String>()
        .replace(&format!(" xmlns:nc=\"{BASE}\""), "")
}

fn stepped(now: &str, then: &str) -> String {
    told(&step(&system(now), &system(then)).unwrap())
}

#[test]
fn one_changed_leaf_is_put_back_and_nothing_beside_it() {
    let secrets = "<user><name>bob</name><password>****</password></user>";
    for (now, then, edit) in [
        ("<mtu>9000</mtu>", "<mtu>1500</mtu>", "<mtu>1500</mtu>"),
        ("", "<mtu>1500</mtu>", "<mtu>1500</mtu>"),
        ("<mtu>9000</mtu>", "", "<mtu nc:operation=\"delete\">9000</mtu>"),
        (
            "<interface><name>e1</name><vlan>2</vlan></interface>",
            "<interface><name>e1</name><vlan>1</vlan></interface>",
            "<interface><name>e1</name><vlan>1</vlan></interface>",
        ),
    ] {
        let edits = stepped(&format!("{secrets}{now}"), &format!("{secrets}{then}"));
        assert_eq!(edits, format!("<system xmlns=\"urn:x\">{edit}</system>"));
    }
}

#[test]
fn an_entry_that_was_added_is_taken_away_by_its_keys_alone() {
    let first = "<unit><name>a</name><tag>x</tag><opts><o>1</o></opts></unit>";
    let added = "<unit><name>a</name><tag>y</tag><opts><o>1</o></opts><password>****</password></unit>";
    assert_eq!(
        stepped(&format!("{first}{added}"), first),
        "<system xmlns=\"urn:x\"><unit nc:operation=\"delete\"><name>a</name><tag>y</tag></unit></system>"
    );
}

#[test]
fn a_secret_that_the_device_does_not_show_is_never_written_as_it_shows_it() {
    for shown in ["****", "/* SECRET-DATA */"] {
        let bob = format!("<user><name>bob</name><password>{shown}</password></user>");
        let eve = "<user><name>eve</name></user>";
        for (now, then) in [
            (eve.to_owned(), format!("{bob}{eve}")),
            ("<user><name>bob</name></user>".into(), bob.clone()),
            ("<user><name>bob</name><password>clear</password></user>".into(), bob),
        ] {
            let error = step(&system(&now), &system(&then)).unwrap_err();
            assert!(error.contains("put back <password>"), "{error}");
        }
    }
    let level = |level: u8| format!("<auth><password>$9$shown</password><level>{level}</level></auth>");
    assert_eq!(
        stepped(&level(2), &level(1)),
        "<system xmlns=\"urn:x\"><auth><level>1</level></auth></system>",
        "a secret that did not change is not said again"
    );
}

#[test]
fn what_cannot_be_told_apart_or_put_back_is_refused() {
    let unnamed = |value: u8| format!("<e><c><v>{value}</v></c></e>");
    let (now, then) = (unnamed(1) + &unnamed(2), unnamed(1) + &unnamed(3));
    assert_eq!(step(&system(&now), &system(&then)), Err("tell the entries of <e> apart".into()));
    let marked = step(&system("<e inactive=\"inactive\"><v>1</v></e>"), &system("<e><v>1</v></e>"));
    assert_eq!(marked, Err("put back the attributes of <e>".into()));
}

/// A server with `has`, after `edits`.
fn serve(has: &[Element], edits: &[Element]) -> Result<Vec<Element>, String> {
    let mut has = has.to_vec();
    for wanted in edits {
        edit(&mut has, wanted, "").map_err(|refused| format!("{refused:?}: {}", told(edits)))?;
    }
    has.retain(|element| !element.children.is_empty());
    Ok(has)
}

/// `elements` as its server shows them.
fn shown(elements: &[Element]) -> Vec<Element> {
    let mut shown = elements.to_vec();
    shown.retain(|element| element.name != UNSEEN);
    shown.iter_mut().for_each(|element| element.children = self::shown(&element.children));
    shown
}

/// All that `elements` keep from who reads them, by the names of their entries.
fn unseen(elements: &[Element]) -> BTreeSet<String> {
    let own = elements.iter().filter(|element| element.name == UNSEEN).map(|leaf| leaf.text.to_string());
    own.chain(elements.iter().flat_map(|element| unseen(&element.children))).collect()
}

/// What a device that shows `now` has after the way back to what it showed `then`, and in how many steps.
fn back(mut has: Vec<Element>, then: &[Element]) -> Result<(Vec<Element>, usize), String> {
    let mut steps = 0;
    while !alike(&shown(&has), then) {
        steps += 1;
        if steps > 4 {
            return Err("it does not end".into());
        }
        has = serve(&has, &step(&shown(&has), then)?)?;
    }
    for moved in moves(&shown(&has), then) {
        // Lists in an order of the server's own refuse it.
        has = serve(&has, &moved).unwrap_or(has);
    }
    Ok((has, steps))
}

fn some_of(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(all, 0..=all.len()).prop_shuffle()
}

fn leaf(name: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), (1..4_u8).prop_map(move |value| format!("<{name}>{value}</{name}>"))]
}

/// A device of any kind, with leaves, a leaf-list, a list in an order of its own, one with another in it, and containers.
fn device() -> impl Strategy<Value = Vec<Element>> {
    let unit = (leaf("mtu"), leaf("vlan")).prop_map(|(mtu, vlan)| (mtu, vlan));
    let units = (some_of(&["1,x", "1,y", "2,x"]), proptest::collection::vec(unit, 3));
    let units = units.prop_map(|(keys, inner)| -> String {
        let of = |(key, (mtu, vlan)): (&str, (String, String))| {
            let (name, tag) = key.split_once(',').unwrap();
            format!("<unit><name>{name}</name><tag>{tag}</tag>{mtu}<opts><on>1</on>{vlan}</opts></unit>")
        };
        keys.into_iter().zip(inner).map(of).collect()
    });
    let interfaces = (some_of(&["e1", "e2", "e3"]), proptest::collection::vec((leaf("mtu"), units), 3));
    let interfaces = interfaces.prop_map(|(mut names, inner)| -> String {
        names.sort_unstable();
        let of = |(name, (mtu, units))| {
            format!("<interface><name>{name}</name>{mtu}<{UNSEEN}>of {name}</{UNSEEN}>{units}</interface>")
        };
        names.into_iter().zip(inner).map(of).collect()
    });
    let listed = |name: &'static str, all| {
        some_of(all).prop_map(move |some| -> String {
            some.into_iter().map(|value| format!("<{name}>{value}</{name}>")).collect()
        })
    };
    let rules = some_of(&["a", "b", "c"]).prop_map(|names| -> String {
        names.into_iter().map(|name| format!("<rule><name>{name}</name><on>1</on></rule>")).collect()
    });
    let aaa =
        (leaf("level"), leaf("mode")).prop_map(|(level, mode)| format!("<aaa>{level}{mode}<on>1</on></aaa>"));
    (leaf("hostname"), leaf("mtu"), listed("dns", &["1", "2", "3"]), rules, interfaces, aaa).prop_map(
        |(host, mtu, dns, rules, interfaces, aaa)| system(&[host, mtu, dns, rules, interfaces, aaa].concat()),
    )
}

proptest! {
    #[test]
    fn whatever_was_changed_the_way_back_ends_where_it_began_and_touches_nothing_unseen(
        then in device(),
        now in device(),
    ) {
        let (has, steps) = back(now.clone(), &shown(&then)).map_err(TestCaseError::fail)?;
        prop_assert!(alike(&shown(&has), &shown(&then)), "{}", &*print(&has, ""));
        prop_assert!(steps <= 4);
        for name in ["rule", "dns"] {
            let of = |elements: &[Element]| -> Vec<String> {
                let children = nodes(&elements[0].children).into_iter();
                children.filter(|child| child.element.name == name).map(|child| child.mark).collect()
            };
            prop_assert_eq!(of(&has), of(&then), "the order of {}", name);
        }
        let kept: BTreeSet<String> = unseen(&now).intersection(&unseen(&then)).cloned().collect();
        prop_assert_eq!(unseen(&has), kept, "of entries that were there all the time");
    }
}
