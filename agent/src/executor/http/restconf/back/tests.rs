//! What leads back, as a pure function of two trees.

use super::*;
use crate::executor::http::json;
use serde_json::json;

fn tree(value: Value) -> Tree {
    json::tree(&value.to_string()).unwrap()
}

fn then() -> Tree {
    tree(json!({
        "x:system": {"name": "r1", "mtu": 1500, "password": "********", "dns": ["192.0.2.1"], "up": [null],
            "clock": {"zone": "UTC"}, "y:acl": {"rule": [{"order": 2}, {"order": 1}], "on": true},
            "interface": [{"name": "e1", "vlan": 10, "key": "********", "ip": {"mtu": 9, "psk": "****"}},
                {"name": "e2", "vlan": 20}]},
        "y:other": {"a": 1}
    }))
}

fn back(change: impl FnOnce(&mut Value)) -> Result<(Value, Vec<Vec<Step>>), String> {
    let mut now = Value::Object(then());
    change(&mut now);
    let way = way(now.as_object().unwrap(), &then())?;
    Ok((Value::Object(way.merged), way.removed))
}

fn member(name: &str) -> Step {
    Step::Member(name.to_owned())
}

#[test]
fn only_what_differs_is_put_back_and_nothing_beside_it_is_written() {
    assert_eq!(back(|_| {}), Ok((json!({}), vec![])));
    let (merged, removed) = back(|now| {
        now["x:system"]["mtu"] = 9000.into();
        now["x:system"]["new"] = json!({"a": 1});
        now["n:new"] = json!({});
        now["x:system"].as_object_mut().unwrap().remove("clock");
        now["x:system"]["interface"][0]["vlan"] = 11.into();
        now["x:system"]["interface"][0]["ip"]["mtu"] = 10.into();
    })
    .unwrap();
    let system = json!({"mtu": 1500, "clock": {"zone": "UTC"},
        "interface": [{"name": "e1", "vlan": 10, "ip": {"mtu": 9}}]});
    assert_eq!(merged, json!({"x:system": system}));
    assert_eq!(removed, [vec![member("x:system"), member("new")], vec![member("n:new")]]);
}

#[test]
fn entries_are_put_back_one_by_one_and_a_list_never_whole() {
    let entry = |list: &str, entry: Value| vec![member("x:system"), Step::Entry(list.to_owned(), entry)];
    let (merged, removed) = back(|now| {
        let system = &mut now["x:system"];
        system["interface"].as_array_mut().unwrap().pop();
        system["interface"].as_array_mut().unwrap().push(json!({"name": "e3", "vlan": 30}));
        system["interface"][0]["mtu"] = 9.into();
        system["dns"] = json!(["192.0.2.1", "192.0.2.2"]);
        system["new"] = json!([{"name": "a"}]);
        system.as_object_mut().unwrap().remove("up");
    })
    .unwrap();
    assert_eq!(merged, json!({"x:system": {"up": [null], "interface": [{"name": "e2", "vlan": 20}]}}));
    let mut e1 = then()["x:system"]["interface"][0].clone();
    e1["mtu"] = 9.into();
    let mut within = entry("interface", e1);
    within.push(member("mtu"));
    assert_eq!(
        removed,
        [
            entry("dns", json!("192.0.2.2")),
            within,
            entry("interface", json!({"name": "e3", "vlan": 30})),
            entry("new", json!({"name": "a"})),
        ]
    );
    assert_eq!(
        back(|now| now["x:system"]["y:acl"]["rule"].as_array_mut().unwrap().swap(0, 1)),
        Ok((json!({}), vec![]))
    );
}

#[test]
fn stars_in_the_place_of_a_secret_are_never_written_and_another_kind_is_left_alone() {
    for (change, why) in [
        (
            (|now: &mut Value| drop(now["x:system"]["interface"].as_array_mut().unwrap().remove(0)))
                as fn(&mut Value),
            "put back key, whose value",
        ),
        (|now| now["x:system"]["password"] = "new".into(), "put back password, whose value"),
        (|now| now["x:system"]["clock"] = 7.into(), "another kind"),
    ] {
        let said = back(change).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn each_entry_of_a_long_list_is_found_by_its_key_however_its_number_is_written() {
    // Looked for among all others, one by one, they would take very long.
    let list = |number: &dyn Fn(u32) -> Value, mtu: u32| -> Value {
        let entries = (0..4_000).map(|at| json!({"id": number(at), "mtu": mtu, "up": true}));
        json!({"x:list": {"entry": entries.collect::<Vec<_>>()}})
    };
    let (now, then) = (list(&|at| at.to_string().into(), 9000), list(&|at| at.into(), 1500));
    let way = way(now.as_object().unwrap(), then.as_object().unwrap()).unwrap();
    let merged = way.merged["x:list"]["entry"].as_array().unwrap();
    assert_eq!((merged.len(), &way.removed[..]), (4_000, &[][..]));
    assert_eq!(merged[7], json!({"id": 7, "mtu": 1500, "up": true}));
}
