//! What differs, what is shown of it and what would be sent, as pure functions of two texts.

use super::*;
use serde_json::json;

fn tree(value: Value) -> Tree {
    json::tree(&value.to_string()).unwrap()
}

fn have() -> Tree {
    tree(json!({
        "x:system": {"name": "r1", "mtu": 1500, "big": "5000000000",
            "interface": [{"name": "e1", "vlan": 10, "up": [null]}, {"name": "e2", "vlan": 20}],
            "dns": ["192.0.2.1"], "clock": {"zone": "UTC"}},
        "y:other": {"a": 1}
    }))
}

#[test]
fn a_device_that_holds_what_is_merged_does_not_differ_however_it_is_written() {
    for want in [
        json!({"x:system": {"mtu": 1500}}),
        json!({"x:system": {"x:mtu": 1500, "big": 5_000_000_000_u64}}),
        json!({"x:system": {"interface": [{"vlan": 20, "name": "e2"}]}}),
        json!({"x:system": {"interface": [{"name": "e1", "up": [null]}], "dns": ["192.0.2.1"]}}),
        json!({"x:system": {"gone": null, "clock": {"gone": null}}, "z:none": null}),
        json!({"z:none": {"gone": null}}),
    ] {
        let want = tree(want);
        assert_eq!(difference(&have(), &want, Mode::Merge), "", "{want:?}");
        assert_eq!(edits(&have(), &want, Mode::Merge), [], "{want:?}");
    }
}

#[test]
fn a_difference_shows_what_would_be_added_changed_and_taken_away() {
    let want = tree(json!({"x:system": {"mtu": 9000, "clock": null,
        "interface": [{"name": "e2", "vlan": 21}, {"name": "e3"}], "dns": ["192.0.2.2"]}}));
    let text = difference(&have(), &want, Mode::Merge);
    for line in [
        "-    \"mtu\": 1500",
        "+    \"mtu\": 9000",
        "-      \"zone\": \"UTC\"",
        "-        \"vlan\": 20",
        "+        \"vlan\": 21",
        "+        \"name\": \"e3\"",
        "+      \"192.0.2.2\"",
    ] {
        assert!(text.lines().any(|shown| shown.trim_end_matches(',') == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("y:other") && !text.contains("-        \"name\""), "{text}");
}

#[test]
fn what_is_sent_is_one_merge_of_each_node_and_the_removals() {
    let want = tree(json!({"x:system": {"mtu": 9000, "clock": {"zone": null}}, "y:other": null}));
    let clock = ["x:system", "clock", "zone"].map(str::to_owned).to_vec();
    assert_eq!(
        edits(&have(), &want, Mode::Merge),
        [
            Edit::Remove(clock),
            Edit::Merge("x:system".into(), json!({"mtu": 9000})),
            Edit::Remove(vec!["y:other".into()]),
        ]
    );
}

#[test]
fn a_replacement_is_all_of_the_nodes_that_it_names_and_of_no_others() {
    let same = tree(json!({"y:other": {"a": 1}}));
    assert_eq!(difference(&have(), &same, Mode::Replace), "");
    let want = tree(json!({"x:system": {"name": "r2"}, "y:other": {"a": 1}, "z:none": null}));
    let text = difference(&have(), &want, Mode::Replace);
    assert!(text.contains("-    \"mtu\": 1500") && !text.contains("\"a\": 2"), "{text}");
    assert_eq!(
        edits(&have(), &want, Mode::Replace),
        [Edit::Replace(vec!["x:system".into()], json!({"name": "r2"}))]
    );
    let order = tree(json!({"x:l": {"l": [2, 1]}}));
    let other = tree(json!({"x:l": {"l": [1, 2]}}));
    assert_ne!(difference(&order, &other, Mode::Replace), "", "the order of many lists counts");
}

#[test]
fn a_difference_shows_no_password_of_anybody() {
    let have = tree(json!({"x:users": {"user": [{"name": "anna", "password": "hash-anna"},
        {"name": "bert", "password": "hash-bert", "role": "read"}], "x:community": ["c-one", "c-two"]}}));
    let merge = tree(json!({"x:users": {"user": [{"name": "bert", "role": "write"}]}}));
    let replace = tree(json!({"x:users": {"user": [{"name": "bert", "password": "hash-new"}]}}));
    let taken = tree(json!({"x:users": {"user": [{"name": "dora", "password": "hash-new"}], "gone": null}}));
    for (want, mode) in [(&merge, Mode::Merge), (&replace, Mode::Replace), (&taken, Mode::Merge)] {
        let text = difference(&have, want, mode);
        assert!(text.contains("(secret)") && !text.contains("hash-") && !text.contains("\"c-"), "{text}");
    }
    let other = tree(json!({"x:users": {"user": [{"name": "bert", "password": "hash-new"}]}}));
    assert!(difference(&have, &other, Mode::Merge).contains("(another secret)"));
    let taken =
        tree(json!({"x:users": {"user": [{"name": "bert", "password": "hash-anna", "role": "write"}]}}));
    assert!(difference(&have, &taken, Mode::Merge).contains("(another secret)"), "beside another change");
}

#[test]
fn a_template_that_cannot_be_meant_is_refused() {
    for (text, why) in [
        ("[]", "it is a list"),
        ("{", "read JSON"),
        ("{}", "empty object"),
        (r#"{"system": {}}"#, "module of \"system\""),
        (r#"{"x:../y": {}}"#, "module of"),
        (r#"{"x:l": {"..": {"y:system": null}}}"#, "\"..\" is no name of YANG"),
        (r#"{"x:l": {"a/b?c": null}}"#, "is no name of YANG"),
        (r#"{"x:l": {"e": [{"name": "a", "v": null}]}}"#, "x:l/e: null within an entry"),
    ] {
        let said = wanted(text, Mode::Merge).unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
    }
    let said = wanted(r#"{"x:l": {"v": null}}"#, Mode::Replace).unwrap_err();
    assert!(said.contains("null means nothing"), "{said}");
    assert!(wanted(&format!("{}1{}", "{\"x:a\":".repeat(400), "}".repeat(400)), Mode::Merge).is_err());
}

#[test]
fn the_same_content_is_the_same_text() {
    let one = json::tree(r#"{"y:b": {"c": 1, "y:a": [1]}, "x:a": {}}"#).unwrap();
    let other = json::tree(r#"{"x:a":{},"y:b":{"y:a":[1],"y:c":1}}"#).unwrap();
    assert_eq!(*json::print(&one), *json::print(&other));
    assert_eq!(running(&json::print(&one)).unwrap(), one);
    assert_eq!(running("").unwrap(), Tree::new());
}
