//! What a way back says to a device, and what it leaves alone.

use super::*;
use serde_json::json;
use switchyard_proto::gnmi::{self, typed_value::Value as Typed};

/// What is deleted, and what is put where.
fn said(now: &Value, then: &Value, known: &Known) -> Vec<String> {
    request_said(&way(now, then, (known, 0), &Names::default(), Encoding::JsonIetf).unwrap())
}

fn request_said(request: &SetRequest) -> Vec<String> {
    let put = |kind: &str, update: &gnmi::Update| {
        let Some(Typed::JsonIetfVal(text)) = update.val.as_ref().and_then(|val| val.value.as_ref()) else {
            panic!("no JSON: {update:?}");
        };
        format!("{kind} {} {}", path(update.path.as_ref().unwrap()), String::from_utf8_lossy(text))
    };
    let deletes = request.delete.iter().map(|wire| format!("delete {}", path(wire)));
    let replaces = request.replace.iter().map(|update| put("replace", update));
    deletes.chain(replaces).chain(request.update.iter().map(|update| put("update", update))).collect()
}

fn path(wire: &gnmi::Path) -> Path {
    let elem = |elem: &gnmi::PathElem| Elem {
        name: elem.name.clone(),
        keys: elem.key.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    };
    Path { elems: wire.elem.iter().map(elem).collect() }
}

fn interfaces(entries: Value) -> Value {
    json!({"openconfig-interfaces:interfaces": {"interface": entries}, "openconfig-system:system": {"config": {"a": 1}}})
}

#[test]
fn only_what_was_changed_is_named_by_the_narrowest_path() {
    let then = interfaces(json!([
        {"name": "eth0", "config": {"name": "eth0", "mtu": 1500, "enabled": true}},
        {"name": "eth1", "config": {"name": "eth1", "password": "***"}},
    ]));
    let now = interfaces(json!([
        {"name": "eth1", "config": {"name": "eth1", "password": "***"}},
        {"name": "eth0", "config": {"name": "eth0", "mtu": 9000, "description": "new"}},
        {"name": "eth7", "config": {"name": "eth7"}},
    ]));
    assert_eq!(
        said(&now, &then, &Known::default()),
        [
            "delete /interfaces/interface[name=eth7]",
            "delete /interfaces/interface[name=eth0]/config/description",
            r#"update /interfaces/interface[name=eth0]/config {"mtu":1500,"enabled":true}"#,
        ]
    );
    assert_eq!(said(&then, &then, &Known::default()), [""; 0]);
}

#[test]
fn what_is_missing_is_merged_where_it_was_and_what_is_new_goes() {
    let then = json!({"m:a": {"b": {"c": 1}, "l": [1, 2]}, "m:list": [{"id": 1, "v": 1}], "m:leaf": 5});
    let now = json!({"m:a": {"d": {"e": 1}, "l": [2, 3]}, "n:other": {}});
    assert_eq!(
        said(&now, &then, &Known::default()),
        [
            "delete /other",
            "delete /a/d",
            "replace /a/l [1,2]",
            r#"update /a {"b":{"c":1}}"#,
            "update /leaf 5",
            r#"update / {"m:list":[{"id":1,"v":1}]}"#,
        ]
    );
    assert_eq!(
        said(&json!({"m:b": {"x": 1}, "n:b": {}}), &json!({"n:b": {}}), &Known::default()),
        ["delete /m:b"]
    );
}

#[test]
fn keys_are_those_that_somebody_wrote_then_those_of_openconfig_then_the_usual_ones() {
    let entry = |id: u32, name: &str| json!({"id": id, "name": name, "v": 1});
    let then = json!({"m:vlans": {"vlan": [entry(1, "a")]}});
    let now = json!({"m:vlans": {"vlan": [entry(1, "a"), entry(2, "b")]}});
    assert_eq!(said(&now, &then, &Known::default()), ["delete /vlans/vlan[name=b]"]);
    let written = Path::parse("/vlans/vlan[id=9]/v").unwrap();
    assert_eq!(said(&now, &then, &Known::of([&written])), ["delete /vlans/vlan[id=2]"]);
    let second = way(&now, &then, (&Known::default(), 1), &Names::default(), Encoding::JsonIetf).unwrap();
    assert_eq!(request_said(&second), ["delete /vlans/vlan[id=2]"], "the next guess");
    let protocol =
        |identifier: &str, name: &str| json!({"identifier": identifier, "name": name, "config": {}});
    let then = json!({"protocol": [protocol("BGP", "x")]});
    let now = json!({"protocol": [protocol("BGP", "x"), protocol("STATIC", "x")]});
    assert_eq!(said(&now, &then, &Known::default()), ["delete /protocol[identifier=STATIC][name=x]"]);
}

#[test]
fn a_list_whose_entries_cannot_be_told_apart_is_not_guessed_at() {
    let (now, then) = (json!({"a": {"l": [{"v": {}}, {"v": {"x": 1}}]}}), json!({"a": {"l": [{"v": {}}]}}));
    let why = way(&now, &then, (&Known::default(), 0), &Names::default(), Encoding::JsonIetf).unwrap_err();
    assert!(why.contains("/a/l"), "{why}");
}

#[test]
fn an_order_is_put_right_by_replacing_what_was_replaced_and_no_entry_ever_goes_for_it() {
    let replaced = |path: &str| Known::default().replacing([&Path::parse(path).unwrap()]);
    let rule = |id: u32, v: u32| json!({"id": id, "v": v});
    let list = |rules: Value| json!({"acl": {"rule": rules}, "other": 1});
    let then = list(json!([rule(1, 1), rule(2, 1), rule(3, 1)]));
    let now = list(json!([rule(1, 1), rule(3, 1), rule(2, 1)]));
    let whole = r#"{"rule":[{"id":1,"v":1},{"id":2,"v":1},{"id":3,"v":1}]}"#;
    assert_eq!(said(&now, &then, &replaced("/acl")), [format!("replace /acl {whole}")]);
    for known in [Known::default(), replaced("/other"), replaced("/acl/rule[id=2]")] {
        assert_eq!(said(&now, &then, &known), [""; 0], "what nobody sees beside it would go");
    }
    let and_more = list(json!([rule(1, 1), rule(3, 9), rule(2, 1)]));
    assert_eq!(said(&and_more, &then, &replaced("/acl")), [r#"update /acl/rule[id=3] {"v":1}"#]);
    let user = |name: &str| json!({"name": name, "password": "***"});
    let (then, now) = (json!([user("anna"), user("bob")]), json!([user("bob"), user("anna")]));
    assert_eq!(said(&list(now), &list(then), &replaced("/acl")), [""; 0], "stars would be written");
}

#[test]
fn stars_in_the_place_of_a_secret_are_never_written() {
    let user = |password: &str| json!({"name": "anna", "password": password, "role": "read"});
    let (stars, none) = (json!({"u": {"user": [user("****")], "key": ["***"]}}), json!({"u": {"user": []}}));
    let clear = json!({"u": {"user": [user("new")], "key": ["new"]}});
    let fewer = json!({"u": {"user": [user("****")]}});
    for now in [none, clear, fewer, json!({}), json!({"u": 1})] {
        let why =
            way(&now, &stars, (&Known::default(), 0), &Names::default(), Encoding::JsonIetf).unwrap_err();
        assert!(why.starts_with("put back ") && why.ends_with("the device does not show"), "{why}");
    }
    let mut now = stars.clone();
    now["u"]["user"][0]["role"] = "write".into();
    assert_eq!(said(&now, &stars, &Known::default()), [r#"update /u/user[name=anna] {"role":"read"}"#]);
}
