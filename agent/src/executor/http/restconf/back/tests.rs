//! What is sent to put a device back, as a pure function of two trees.

use super::*;
use crate::executor::http::json;
use serde_json::json;

fn tree(value: Value) -> Tree {
    json::tree(&value.to_string()).unwrap()
}

fn then() -> Tree {
    tree(json!({
        "x:system": {"name": "r1", "mtu": 1500, "password": "********", "dns": ["192.0.2.1"],
            "clock": {"zone": "UTC"}, "y:acl": {"rule": [{"order": 2}, {"order": 1}], "on": true},
            "interface": [{"name": "e1", "vlan": 10, "key": "********", "ip": {"mtu": 9, "psk": "****"}},
                {"name": "e2", "vlan": 20}]},
        "y:other": {"a": 1}
    }))
}

fn path(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

fn back(change: impl FnOnce(&mut Value)) -> Vec<Edit> {
    let mut now = Value::Object(then());
    change(&mut now);
    way(now.as_object().unwrap(), &then(), Lists::Merged)
}

#[test]
fn only_what_differs_is_put_back_and_nothing_beside_it_is_written() {
    assert_eq!(back(|_| {}), []);
    let edits = back(|now| {
        now["x:system"]["mtu"] = 9000.into();
        now["x:system"]["new"] = json!({"a": 1});
        now["n:new"] = json!({});
        now["x:system"].as_object_mut().unwrap().remove("clock");
        now["x:system"]["interface"][0]["vlan"] = 11.into();
        now["x:system"]["interface"][0]["ip"]["mtu"] = 10.into();
    });
    let merged = json!({"mtu": 1500, "clock": {"zone": "UTC"},
        "interface": [{"name": "e1", "vlan": 10, "ip": {"mtu": 9}}]});
    assert_eq!(
        edits,
        [
            Edit::Remove(path("n:new")),
            Edit::Remove(path("x:system/new")),
            Edit::Merge("x:system".into(), merged)
        ]
    );
    assert_eq!(
        way(&Tree::new(), &tree(json!({"y:other": {}})), Lists::Merged),
        [Edit::Merge("y:other".into(), json!({}))]
    );
}

#[test]
fn an_entry_that_is_gone_is_merged_at_the_end_of_its_list() {
    let edits = back(|now| drop(now["x:system"]["interface"].as_array_mut().unwrap().pop()));
    let merged = json!({"interface": [{"name": "e2", "vlan": 20}]});
    assert_eq!(edits, [Edit::Merge("x:system".into(), merged)]);
}

#[test]
fn a_list_that_merging_cannot_make_goes_with_the_smallest_object_that_holds_it() {
    let whole = |name: &str| then()["x:system"][name].clone();
    for change in [
        |now: &mut Value| now["x:system"]["y:acl"]["rule"].as_array_mut().unwrap().push(json!({"order": 3})),
        |now: &mut Value| now["x:system"]["y:acl"]["rule"].as_array_mut().unwrap().swap(0, 1),
        |now: &mut Value| drop(now["x:system"]["y:acl"]["rule"].as_array_mut().unwrap().remove(0)),
    ] {
        assert_eq!(back(change), [Edit::Replace(path("x:system/y:acl"), whole("y:acl"))]);
    }
    let system = Edit::Replace(path("x:system"), then()["x:system"].clone());
    let edits = back(|now| {
        now["x:system"]["new"] = 1.into();
        now["x:system"]["dns"] = json!(["192.0.2.1", "192.0.2.2"]);
    });
    assert_eq!(edits, [system], "what is put back whole is not taken away in part before");
    let one = back(|now| now["x:system"]["interface"][1]["vlan"] = 21.into());
    let mut now = Value::Object(then());
    now["x:system"]["interface"][1]["vlan"] = 21.into();
    let coarse = way(now.as_object().unwrap(), &then(), Lists::Whole);
    assert!(
        matches!(&one[..], [Edit::Merge(..)]) && matches!(&coarse[..], [Edit::Replace(..)]),
        "{coarse:?}"
    );
}
