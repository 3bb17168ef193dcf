//! What the driver expects of a device and what a target makes of it, worked out apart from each other.

use super::super::back::{Known, way};
use super::super::change::Change;
use super::super::compare::{self, Order};
use super::super::tree::Names;
use crate::executor::json_order;
use crate::simulator::gnmi::Store;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use switchyard_proto::gnmi::{Encoding, SetRequest};
use switchyard_shared::gnmi_path::Path;
use switchyard_shared::procedure::Mode;

/// Most Sets of a way back.
const WAYS_MAX: usize = 3;

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3u8).prop_map(Value::from),
        "[ab]".prop_map(Value::from),
        any::<bool>().prop_map(Value::from)
    ]
}

fn some(
    name: &'static str,
    value: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Map<String, Value>> {
    proptest::option::of(value)
        .prop_map(move |value| value.map(|value| (name.to_owned(), value)).into_iter().collect())
}

fn object(members: Vec<BoxedStrategy<Map<String, Value>>>) -> BoxedStrategy<Value> {
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
}

fn config() -> BoxedStrategy<Value> {
    let list = proptest::sample::subsequence(vec![1, 2, 3], 0..=3).prop_shuffle();
    object(vec![
        some("mtu", (1500..1503).prop_map(Value::from)).boxed(),
        some("d", leaf()).boxed(),
        some("l", list.prop_filter_map("none is no list", |l| (!l.is_empty()).then(|| json!(l)))).boxed(),
    ])
}

fn list(key: &'static str, names: Vec<Value>) -> impl Strategy<Value = Value> {
    let most = names.len();
    let names = proptest::sample::subsequence(names, 1..=most).prop_shuffle();
    names
        .prop_flat_map(move |names| {
            names
                .into_iter()
                .map(|name| config().prop_map(move |config| json!({key: name, "config": config})))
                .collect::<Vec<_>>()
        })
        .prop_map(Value::Array)
}

/// A configuration of a model with containers, leaves, a leaf-list and two kinds of lists.
fn tree() -> BoxedStrategy<Value> {
    let interfaces = list("name", vec!["e0".into(), "e1".into(), "e2".into(), "e3".into()]);
    let vlans = list("id", vec![1.into(), 2.into(), 3.into()]);
    let inner = object(vec![
        some("interface", interfaces).boxed(),
        some("config", config()).boxed(),
        some("leaf", leaf()).boxed(),
    ]);
    object(vec![
        some("m:a", inner.clone()).boxed(),
        some("m:b", inner).boxed(),
        some("n:vlan", vlans).boxed(),
    ])
}

/// Paths and values that fit that model.
fn item() -> impl Strategy<Value = (Path, Option<Value>)> {
    let path = |text: &str| Path::parse(text).unwrap();
    let of = |paths: Vec<&str>, value: BoxedStrategy<Value>| {
        let paths: Vec<Path> = paths.into_iter().map(path).collect();
        (proptest::sample::select(paths), proptest::option::weighted(0.7, value)).boxed()
    };
    prop_oneof![
        of(
            vec!["/a/interface[name=e0]", "/b/interface[name=e1]", "/vlan[id=2]", "/a/interface[name=e7]"],
            object(vec![some("config", config()).boxed()])
        ),
        of(vec!["/a/interface[name=e0]/config", "/a/config", "/b/config", "/vlan[id=1]/config"], config()),
        of(vec!["/a/leaf", "/b/leaf", "/a/config/d", "/a/interface[name=e1]/config/d"], leaf().boxed()),
        of(
            vec!["/a", "/b"],
            object(vec![
                some("interface", list("name", vec!["e0".into(), "e1".into(), "e7".into()])).boxed(),
                some("leaf", leaf()).boxed(),
                some("config", config()).boxed()
            ])
        ),
    ]
}

/// Without the difference between a number and its text, and without lists that have no entries.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let there =
                members.iter().filter(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()));
            Value::Object(there.map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(plain).collect()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

/// `tree` with a password in every container of its own, which the driver does not see.
fn with_hidden(tree: &Value) -> Value {
    let mut tree = tree.clone();
    for name in ["m:a", "m:b"] {
        let Some(top) = tree.get_mut(name) else { continue };
        top["password"] = "hidden".into();
        if let Some(config) = top.get_mut("config") {
            config["password"] = "hidden".into();
        }
    }
    tree
}

fn without_hidden(tree: &Value) -> Value {
    let mut tree = tree.clone();
    for name in ["m:a", "m:b"] {
        let Some(top) = tree.get_mut(name).and_then(Value::as_object_mut) else { continue };
        top.shift_remove("password");
        if let Some(config) = top.get_mut("config").and_then(Value::as_object_mut) {
            config.shift_remove("password");
        }
    }
    tree
}

proptest! {
    #[test]
    fn a_target_makes_of_a_change_what_the_driver_expects(
        before in tree(), items in proptest::collection::vec(item(), 1..4), replaces in any::<bool>(),
    ) {
        let mode = if replaces { Mode::Replace } else { Mode::Merge };
        let change = Change { items };
        let mut target = Store::new(before.clone());
        let refused = target.set(&compare::request(&change, mode, Encoding::JsonIetf), None).is_err();
        let expected = compare::after(&before, &change, (mode, Order::Counts), &Names::default());
        if let (Ok(expected), false) = (expected, refused) {
            prop_assert_eq!(plain(&with_modules(target.running())), plain(&with_modules(&expected)), "{:?}", change);
        }
    }

    #[test]
    fn a_way_back_ends_at_what_was_there_but_for_its_order_and_leaves_alone_what_nobody_sees(
        now in tree(), then in tree(),
    ) {
        let mut target = Store::new(with_hidden(&now));
        go_back(&mut target, &then, &Known::default())?;
        prop_assert!(json_order::same(&without_hidden(target.running()), &then), "{:?}", target.running());
        for (top, below) in [("m:a", ""), ("m:b", ""), ("m:a", "/config"), ("m:b", "/config")] {
            let of = |tree: &Value| tree.get(top).and_then(|top| top.pointer(below).cloned());
            if of(&now).is_some() && of(&then).is_some() {
                prop_assert_eq!(&of(target.running()).unwrap()["password"], "hidden");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_way_back_of_what_was_replaced_whole_ends_at_what_was_there_to_the_order(now in tree(), then in tree()) {
        let mut target = Store::new(now);
        go_back(&mut target, &then, &Known::default().replacing([&Path::default()]))?;
        prop_assert_eq!(target.running(), &then);
    }
}

fn go_back(target: &mut Store, then: &Value, known: &Known) -> Result<(), TestCaseError> {
    for _ in 0..WAYS_MAX {
        let seen = without_hidden(target.running());
        let request = way(&seen, then, (known, 0), &Names::default(), Encoding::JsonIetf).unwrap();
        if request == SetRequest::default() {
            break;
        }
        let done = target.set(&request, None);
        prop_assert!(done.is_ok(), "{:?} {:?}", done, request);
    }
    Ok(())
}

/// The driver makes a member that is missing without the name of its module; a target knows it.
fn with_modules(tree: &Value) -> Value {
    let Some(members) = tree.as_object() else { return tree.clone() };
    let full = |name: &str| match name {
        "a" | "b" => format!("m:{name}"),
        "vlan" => "n:vlan".to_owned(),
        name => name.to_owned(),
    };
    Value::Object(members.iter().map(|(name, value)| (full(name), value.clone())).collect())
}
