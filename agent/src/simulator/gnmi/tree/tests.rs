//! The examples and the rules of the gNMI specification, §3.4.4 to §3.4.6.

use super::*;
use serde_json::json;
use switchyard_shared::gnmi_path::Path;

fn at(text: &str) -> Vec<PathElem> {
    let elems = Path::parse(text).unwrap().elems.into_iter();
    elems.map(|elem| PathElem { name: elem.name, key: elem.keys.into_iter().collect() }).collect()
}

fn tree() -> Value {
    json!({"m:a": {"rule": [{"id": 10, "v": "hello"}, {"id": 20, "v": "world"}], "b": false, "l": [1]}})
}

#[test]
fn an_update_touches_what_it_names_and_adds_entries_that_are_not_there() {
    let mut tree = tree();
    let value = json!({"a": {"rule": [{"id": 20, "v": "solar"}, {"id": 30, "v": "system"}], "l": [1, 2]}});
    put(&mut tree, &at("/"), value, false).unwrap();
    let rules = json!([{"id": 10, "v": "hello"}, {"id": 20, "v": "solar"}, {"id": 30, "v": "system"}]);
    assert_eq!(tree, json!({"m:a": {"rule": rules, "b": false, "l": [1, 2]}}));
}

#[test]
fn a_replace_takes_away_what_it_does_not_name_and_makes_what_is_missing() {
    let mut tree = tree();
    put(&mut tree, &at("/a"), json!({"b": true}), true).unwrap();
    put(&mut tree, &at("/d/interface[name=x]/config/mtu"), json!(1), true).unwrap();
    put(&mut tree, &at("/d/e"), json!({"vlan": []}), true).unwrap();
    let wanted =
        json!({"m:a": {"b": true}, "d": {"interface": [{"name": "x", "config": {"mtu": 1}}], "e": {}}});
    assert_eq!(tree, wanted);
}

#[test]
fn what_the_specification_calls_an_error_is_refused() {
    for (path, value, replaces) in [
        ("/p/protocol[name=x]", json!({"v": 1}), false),
        ("/a/rule[id=10]", json!({"id": 11}), false),
        ("/a/rule[id=10]", json!({}), true),
        ("/a/rule[key=10]", json!({"v": 1}), false),
        ("/a/rule/v", json!(1), false),
        ("/a/b", Value::Null, true),
        ("/a/b/c", json!(1), false),
        ("/a/b", json!({"c": 1}), false),
        ("/a", json!({"rule": [{"v": 1}]}), false),
        ("/", json!(1), false),
    ] {
        assert!(put(&mut tree(), &at(path), value, replaces).is_err(), "{path}");
    }
}

#[test]
fn a_delete_takes_all_that_is_meant_and_nothing_is_no_error() {
    for (path, left) in [
        ("/a/rule[id=10]", json!({"m:a": {"rule": [{"id": 20, "v": "world"}], "b": false, "l": [1]}})),
        ("/a/rule[id=*]", json!({"m:a": {"b": false, "l": [1]}})),
        ("/a/rule", json!({"m:a": {"b": false, "l": [1]}})),
        ("/a/rule/v", json!({"m:a": {"rule": [{"id": 10}, {"id": 20}], "b": false, "l": [1]}})),
        ("/a/l", json!({"m:a": {"rule": [{"id": 10, "v": "hello"}, {"id": 20, "v": "world"}], "b": false}})),
        ("/a", json!({})),
        ("/x/y[name=z]/q", tree()),
        ("/", json!({})),
    ] {
        let mut tree = tree();
        delete(&mut tree, &at(path)).unwrap();
        assert_eq!(tree, left, "{path}");
    }
    assert!(delete(&mut tree(), &at("/a/rule[name=x]")).is_err(), "that is no key of it");
}
