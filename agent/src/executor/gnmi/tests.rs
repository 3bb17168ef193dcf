//! Paths and trees, with and without the names of modules.

mod bad;
mod bench;
mod gate;
mod masked;
mod secrets;
mod target;
mod through;

use super::tree::Names;
use super::*;
use proptest::prelude::{any, proptest};
use serde_json::{Value, json};
use switchyard_shared::gnmi_path::Path;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn tree() -> Value {
    json!({"openconfig-interfaces:interfaces": {"interface": [
        {"name": "eth0", "config": {"name": "eth0", "mtu": 1500, "enabled": true}},
        {"name": "eth1", "config": {"name": "eth1", "mtu": 9000}},
    ]}, "openconfig-system:system": {"config": {"hostname": "r1", "boot-time": "1700000000"}}})
}

#[test]
fn a_path_is_read_and_written_back_the_same() {
    for text in ["/", "/a", "/a/b[name=eth 0/1]/c", "/a[k1=x][k2=y\\]z]/b", "/m:a/b"] {
        assert_eq!(path(text).to_string(), text);
    }
    assert_eq!(path("/a[k=x/y]/b").elems.len(), 2, "a slash within a key");
    for text in ["", "a", "/a/", "//a", "/a[k]", "/a[k=v", "/a[=v]", "/a[k=v]x", "/a[k=v][k=w]", "/a[k=\\"] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_of_paths_panic(text in any::<String>()) {
        if let Ok(path) = Path::parse(&text) {
            assert_eq!(Path::parse(&path.to_string()), Ok(path));
        }
    }
}

#[test]
fn what_stands_at_a_path_is_found_with_and_without_the_names_of_modules() {
    let tree = tree();
    let mtu = |text: &str| Names::default().find(&tree, &path(text)).cloned();
    assert_eq!(mtu("/interfaces/interface[name=eth1]/config/mtu"), Some(json!(9000)));
    assert_eq!(mtu("/openconfig-interfaces:interfaces/interface[name=eth0]/config/mtu"), Some(json!(1500)));
    assert_eq!(mtu("/other-module:interfaces/interface[name=eth0]/config/mtu"), None);
    assert_eq!(mtu("/interfaces/interface[name=eth2]"), None);
    assert_eq!(mtu("/"), Some(tree.clone()));
}

#[test]
fn a_device_has_what_is_wanted_whatever_the_order_and_the_way_numbers_are_written() {
    let tree = tree();
    let list = |value: Value| Names::default().contains(&tree, &json!({"interfaces": {"interface": value}}));
    assert!(list(json!([{"name": "eth1"}, {"name": "eth0", "config": {"mtu": 1500}}])));
    assert!(!list(json!([{"name": "eth0", "config": {"mtu": 9000}}])), "that is another entry's");
    assert!(Names::default().contains(&tree, &json!({"system": {"config": {"boot-time": 1_700_000_000}}})));
    assert!(!Names::default().contains(&tree, &json!({"system": {"config": {"domain": "x"}}})));
}

#[test]
fn a_change_of_one_leaf_touches_nothing_else_and_is_undone_by_the_tree_before() {
    let before = tree();
    let mut after = before.clone();
    Names::default().put(
        &mut after,
        &path("/interfaces/interface[name=eth0]/config"),
        &json!({"mtu": 9000}),
        false,
    );
    let mtu = path("/interfaces/interface[name=eth0]/config/mtu");
    assert_eq!(Names::default().find(&after, &mtu), Some(&json!(9000)));
    assert_eq!(
        Names::default().find(&after, &path("/interfaces/interface[name=eth0]/config/enabled")),
        Some(&json!(true))
    );
    Names::default().put(&mut after, &mtu, &json!(1500), false);
    assert_eq!(after, before);
    Names::default().put(
        &mut after,
        &path("/interfaces/interface[name=eth0]/config"),
        &json!({"name": "eth0"}),
        true,
    );
    assert_eq!(Names::default().find(&after, &mtu), None, "replaced");
}

#[test]
fn entries_are_added_merged_and_taken_away_by_their_keys() {
    let mut tree = tree();
    let interface =
        json!({"interface": [{"name": "eth0", "config": {"mtu": 1}}, {"name": "eth7", "config": {}}]});
    Names::default().put(&mut tree, &path("/interfaces"), &interface, false);
    let list = |tree: &Value| {
        Names::default()
            .find(tree, &path("/interfaces/interface"))
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    };
    assert_eq!(list(&tree), 3, "{tree}");
    Names::default().put(&mut tree, &path("/interfaces/interface[name=eth8]/config/mtu"), &json!(2), false);
    assert_eq!(
        Names::default().find(&tree, &path("/interfaces/interface[name=eth8]/name")),
        Some(&json!("eth8"))
    );
    Names::default().remove(&mut tree, &path("/interfaces/interface[name=eth8]"));
    assert_eq!(list(&tree), 3);
    Names::default().remove(&mut tree, &path("/interfaces/interface"));
    assert_eq!(list(&tree), 0);
    Names::default().remove(&mut tree, &path("/nowhere/at[k=all]/x"));
    assert!(Names::default().find(&tree, &path("/system/config/hostname")).is_some());
}

#[test]
fn a_colon_in_a_text_names_no_module_and_identities_are_the_same_with_and_without_theirs() {
    let names = Names::new(["acme-types".to_owned()]);
    for (has, wanted, is_same) in [
        ("old:core1", "core1", false),
        ("65000:100", "100", false),
        ("2001:db8::1", "1", false),
        ("x:abc", "abc", false),
        ("openconfig-policy-types:BGP", "BGP", true),
        ("BGP", "openconfig-policy-types:BGP", true),
        ("acme-types:FAST", "FAST", true),
        ("openconfig-policy-types:BGP", "ietf-bgp:BGP", false),
    ] {
        assert_eq!(names.contains(&json!({"v": has}), &json!({"v": wanted})), is_same, "{has} {wanted}");
    }
    let has = json!({"protocols": {"protocol": [
        {"identifier": "openconfig-policy-types:BGP", "name": "bgp", "config": {"enabled": true}}]}});
    let entry = path("/protocols/protocol[identifier=BGP][name=bgp]");
    assert!(names.find(&has, &entry).is_some());
    let mut after = has.clone();
    names.remove(&mut after, &entry);
    assert_eq!(after, json!({"protocols": {}}));
}

#[test]
fn what_a_template_takes_away_goes_before_what_it_sets_wherever_it_stands() {
    let names = Names::default();
    let change = super::change::parse(r#"{"/a/b": {"c": 1}, "/a": null}"#).unwrap();
    for has in [json!({}), json!({"a": {"x": 1}})] {
        let after = compare::after(
            &has,
            &change,
            (switchyard_shared::procedure::Mode::Merge, compare::Order::Counts),
            &names,
        );
        assert_eq!(after, Ok(json!({"a": {"b": {"c": 1}}})), "{has}");
    }
}

#[test]
fn a_connection_that_broke_is_a_doubt_whatever_code_that_is_called_by() {
    use super::trouble::{Refusal, failure, of_set};
    use crate::executor::device::WriteEnd;
    let redactor = crate::executor::wanted::Redactor::of(Vec::new());
    for code in [tonic::Code::ResourceExhausted, tonic::Code::Aborted, tonic::Code::Unknown] {
        let mut status = tonic::Status::new(code, "stream error");
        status.set_source(std::sync::Arc::new(std::io::Error::other("reset")));
        let refusal = Refusal::of(&status, &redactor);
        assert!(matches!(of_set(&refusal), WriteEnd::Lost(_)), "{code:?}");
    }
    let too_large = tonic::Status::out_of_range("Error, decoded message length too large: found 9 bytes");
    assert!(matches!(of_set(&Refusal::of(&too_large, &redactor)), WriteEnd::Lost(_)));
    let locked = tonic::Status::aborted("configuration is locked by session 7 (alice)");
    assert!(matches!(of_set(&Refusal::of(&locked, &redactor)), WriteEnd::Busy(who) if who.contains("alice")));
    let mut cut = tonic::Status::unknown("h2 protocol error");
    cut.set_source(std::sync::Arc::new(std::io::Error::other("broken pipe")));
    let reading = failure(&Refusal::of(&cut, &redactor), Phase::Read, "r1");
    assert_eq!(reading.class, switchyard_shared::outcome::Class::Unreachable, "it counts for the site");
    for refused in [tonic::Status::unauthenticated("no"), tonic::Status::permission_denied("no")] {
        let end = of_set(&Refusal::of(&refused, &redactor));
        let unchanged = switchyard_shared::outcome::LeftAs::Unchanged;
        assert!(matches!(end, WriteEnd::Rejected { left_as, .. } if left_as == unchanged), "{end:?}");
    }
}
