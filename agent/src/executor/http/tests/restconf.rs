//! Promises of RESTCONF: what differs, what is asked for, what a device is left with.

use super::Bench;
use crate::executor::http::RESTCONF;
use crate::simulator::http::{HttpFault, Store};
use serde_json::{Value, json};
use switchyard_shared::outcome::{Class, Found, LeftAs};
use switchyard_shared::procedure::{Check, Expectation, Probe};
use switchyard_shared::task::Purpose;

const MTU: &str = r#"{"x:system": {"mtu": 9000}}"#;

fn content() -> Value {
    json!({
        "y:other": {"a": 1},
        "x:system": {"name": "r1", "mtu": 1500, "clock": {"zone": "UTC"},
            "interface": [{"name": "e1", "vlan": 10}]}
    })
}

async fn bench(change: impl FnOnce(&mut Store)) -> Bench {
    let mut store = Store::new(&content());
    change(&mut store);
    Bench::new(store, RESTCONF).await
}

fn methods(bench: &Bench) -> Vec<String> {
    bench.device.writes().iter().map(|noted| format!("{} {}", noted.method, noted.path)).collect()
}

fn has(bench: &Bench) -> Value {
    serde_json::from_str(&bench.device.running()).unwrap()
}

#[tokio::test]
async fn a_device_is_compared_changed_once_and_then_left_alone() {
    let bench = bench(|_| {}).await;
    let (outcome, diff) = bench.compare(MTU).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Unchanged), "{}", outcome.message);
    assert!(diff.contains("-    \"mtu\": 1500") && diff.contains("+    \"mtu\": 9000"), "{diff}");
    assert_eq!(bench.device.writes(), [], "a comparison asks for no change");

    let outcome = bench.apply(MTU).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    assert!(outcome.message.contains("for good at once"), "{}", outcome.message);
    assert_eq!(has(&bench)["x:system"]["mtu"], 9000);
    assert_eq!(has(&bench)["x:system"]["interface"], content()["x:system"]["interface"]);
    assert_eq!(methods(&bench), ["PATCH /restconf/data"]);
    assert!(bench.device.connections() >= 2, "it is looked at over a new connection");
    assert_eq!(*bench.told.answered.lock().unwrap(), [true, true, true]);

    let outcome = bench.attempt(Purpose::Apply, MTU, 2).await;
    assert_eq!(outcome.class, Class::Unchanged, "{}", outcome.message);
    assert_eq!(methods(&bench).len(), 1, "nothing more was written");
}

#[tokio::test]
async fn check_mode_asks_for_no_change_whatever_the_template_says() {
    let bench = bench(|_| {}).await.replaces();
    for template in [MTU, r#"{"x:system": null}"#, r#"{"z:new": {"a": 1}, "y:other": null}"#] {
        let (outcome, _) = bench.compare(template).await;
        assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
        let settle = bench.attempt(Purpose::Settle { before: None }, template, 1).await;
        assert_eq!(settle.found, Some(Found::Different), "{}", settle.message);
    }
    assert_eq!(bench.device.writes(), []);
    assert!(!bench.device.ledger().is_empty());
}

#[tokio::test]
async fn a_rejected_change_leaves_the_device_as_it_was() {
    let bench = bench(|_| {}).await;
    let outcome = bench.apply(r#"{"x:system": {"mtu": 9000, "name": "bad"}}"#).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Unchanged), "{}", outcome.message);
    assert!(outcome.message.contains("invalid-value: /x:system/name may not be"), "{}", outcome.message);
    assert_eq!(has(&bench), content());
    assert_eq!(methods(&bench).len(), 1);
}

#[tokio::test]
async fn a_device_gets_back_what_it_had_to_the_byte() {
    for (yang_patch, put_whole) in [(true, true), (true, false), (false, false)] {
        let bench = bench(|store| (store.yang_patch, store.put_whole) = (yang_patch, put_whole)).await;
        let change = r#"{"x:system": {"mtu": 9000, "clock": null}, "y:other": null, "z:new": {"b": 2}}"#;
        let outcome = bench.apply(change).await;
        assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
        assert_eq!(has(&bench)["z:new"], json!({"b": 2}));
        assert_eq!(has(&bench)["x:system"].get("clock"), None);
        let outcome =
            bench.attempt(Purpose::Restore { attempt: 1, before: None, overwrite: false }, change, 2).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
        assert_eq!(has(&bench), content(), "{yang_patch} {put_whole}");
        let outcome =
            bench.attempt(Purpose::Restore { attempt: 1, before: None, overwrite: false }, change, 3).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Unchanged, LeftAs::Reverted));
    }
}

#[tokio::test]
async fn a_way_back_leaves_alone_what_its_user_may_not_see_and_what_was_not_changed() {
    for yang_patch in [true, false] {
        let mut content = content();
        content["x:system"]["aaa"] = json!({"user": "anna"});
        content["v:hidden"] = json!({"a": 1});
        let mut store = Store::new(&content);
        (store.yang_patch, store.unseen) = (yang_patch, vec!["aaa", "v:hidden"]);
        let mut bench = Bench::new(store, RESTCONF).await;
        bench.procedure.post = vec![check(Probe::Tcp { port: 1 })];
        let change = r#"{"x:system": {"mtu": 9000, "clock": null, "new": {"a": 1}}, "z:new": {"b": 2}}"#;
        let outcome = bench.apply(change).await;
        assert_eq!(outcome.class, Class::PostcheckFailed, "{}", outcome.message);
        assert_eq!((outcome.left_as, has(&bench)), (LeftAs::Reverted, content), "{}", outcome.message);
        assert!(methods(&bench).iter().all(|asked| asked != "PUT /restconf/data"));
        let written = bench.device.writes();
        assert!(written.iter().all(|asked| !asked.body.contains("r1")), "{written:?}");
    }
}

/// Its entries have a hidden one beside them, and hidden leaves in them.
fn with_hidden_entries(yang_patch: bool) -> (Store, Value) {
    let mut content = content();
    content["x:system"]["interface"] = json!([{"name": "e1", "vlan": 10, "psk-seen-by-none": "s1"},
        {"name": "h1", "vlan": 99}]);
    content["x:system"]["dns"] = json!(["192.0.2.1"]);
    let mut store = Store::new(&content);
    (store.yang_patch, store.unseen) = (yang_patch, vec!["psk-seen-by-none", "h1"]);
    (store, content)
}

const ENTRIES: &str = r#"{"x:system": {"interface": [{"name": "e1", "vlan": 11, "up": true},
    {"name": "e2/3", "vlan": 20}, {"name": "e4", "vlan": 40}], "dns": ["192.0.2.2", "2001:db8::1"]}}"#;

#[tokio::test]
async fn entries_that_a_change_added_are_taken_away_one_by_one_and_hidden_ones_beside_them_stay() {
    for yang_patch in [true, false] {
        let (store, content) = with_hidden_entries(yang_patch);
        let bench = Bench::new(store, RESTCONF).await;
        assert_eq!(bench.apply(ENTRIES).await.class, Class::Ok);
        let outcome =
            bench.attempt(Purpose::Restore { attempt: 1, before: None, overwrite: false }, ENTRIES, 2).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{}", outcome.message);
        assert_eq!(has(&bench), content, "{yang_patch}");
        let asked = methods(&bench);
        assert!(asked.iter().all(|asked| !asked.starts_with("PUT")), "{asked:?}");
        let gone = asked.iter().any(|asked| asked == "DELETE /restconf/data/x:system/interface=e2%2F3");
        assert_eq!(gone, !yang_patch, "{asked:?}");
    }
}

#[tokio::test]
async fn a_device_whose_entries_cannot_be_named_keeps_the_change_and_the_operator_is_told() {
    let (mut store, _) = with_hidden_entries(true);
    store.shows_entries = false;
    let mut bench = Bench::new(store, RESTCONF).await;
    bench.procedure.post = vec![check(Probe::Tcp { port: 1 })];
    let outcome = bench.apply(ENTRIES).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::PostcheckFailed, LeftAs::Changed),
        "{}",
        outcome.message
    );
    assert!(
        outcome.message.contains("was not put back: failed to name an entry of interface"),
        "{}",
        outcome.message
    );
    assert!(outcome.hint.contains("by hand"), "{}", outcome.hint);
    assert_eq!(methods(&bench), ["PATCH /restconf/data"], "nothing was put back, not even a part");
    let outcome =
        bench.attempt(Purpose::Restore { attempt: 1, before: None, overwrite: false }, ENTRIES, 2).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::RollbackFailed, LeftAs::Changed),
        "{}",
        outcome.message
    );
    assert_eq!(methods(&bench).len(), 1);
}

#[tokio::test]
async fn an_order_that_cannot_be_put_back_is_not_called_put_back() {
    let bench = in_order(false).await;
    assert_eq!(bench.apply(ORDER).await.class, Class::Ok);
    let outcome =
        bench.attempt(Purpose::Restore { attempt: 1, before: None, overwrite: false }, ORDER, 2).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::RollbackFailed, LeftAs::Changed),
        "{}",
        outcome.message
    );
    assert!(outcome.message.contains("only the order of entries"), "{}", outcome.message);
}

#[tokio::test]
async fn what_is_taken_away_goes_in_one_patch_where_the_device_knows_it() {
    let change = r#"{"x:system": {"clock": {"zone": null}, "mtu": 9000}, "y:other": null}"#;
    let one = bench(|_| {}).await;
    assert_eq!(one.apply(change).await.class, Class::Ok);
    assert_eq!(methods(&one), ["PATCH /restconf/data"]);
    let several = bench(|store| store.yang_patch = false).await;
    assert_eq!(several.apply(change).await.class, Class::Ok);
    assert_eq!(
        methods(&several),
        [
            "DELETE /restconf/data/x:system/clock/zone",
            "DELETE /restconf/data/y:other",
            "PATCH /restconf/data"
        ]
    );
    assert_eq!(has(&one), has(&several));
}

#[tokio::test]
async fn a_replacement_takes_the_place_of_the_nodes_that_it_names() {
    let bench = bench(|store| store.yang_patch = false).await.replaces();
    let outcome = bench.apply(r#"{"x:system": {"name": "r2"}}"#).await;
    assert_eq!(outcome.class, Class::Ok, "{}", outcome.message);
    assert_eq!(has(&bench), json!({"y:other": {"a": 1}, "x:system": {"name": "r2"}}));
    assert_eq!(methods(&bench), ["PUT /restconf/data/x:system"]);
}

const ORDER: &str = r#"{"x:acl": {"rule": [{"name": "b"}, {"name": "a"}]}}"#;

async fn in_order(sorts: bool) -> Bench {
    let mut store = Store::new(&json!({"x:acl": {"rule": [{"name": "a"}, {"name": "b"}]}}));
    store.sorts = sorts;
    Bench::new(store, RESTCONF).await.replaces()
}

#[tokio::test]
async fn a_change_of_an_order_alone_is_seen_written_and_then_left_alone() {
    let bench = in_order(false).await;
    let (planned, diff) = bench.compare(ORDER).await;
    assert_eq!((planned.class, diff.is_empty()), (Class::Ok, false), "{}", planned.message);
    let outcome = bench.apply(ORDER).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
    assert!(!outcome.message.contains("another order"), "{}", outcome.message);
    assert_eq!(has(&bench), serde_json::from_str::<Value>(ORDER).unwrap());
    let outcome = bench.attempt(Purpose::Apply, ORDER, 2).await;
    assert_eq!(outcome.class, Class::Unchanged, "{}", outcome.message);
}

#[tokio::test]
async fn a_device_that_sorts_a_list_has_the_change_and_its_order_is_told() {
    let bench = in_order(true).await;
    let more = r#"{"x:acl": {"rule": [{"name": "c"}, {"name": "b"}, {"name": "a"}]}}"#;
    for (number, change) in [(1, more), (2, more)] {
        let outcome = bench.attempt(Purpose::Apply, change, number).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{}", outcome.message);
        assert!(
            outcome.message.contains("in another order"),
            "never said to be as asked: {}",
            outcome.message
        );
    }
    let settled = bench.attempt(Purpose::Settle { before: None }, more, 2).await;
    assert_eq!(settled.found, Some(Found::Applied), "{}", settled.message);
    let sorted = r#"{"x:acl": {"rule": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}}"#;
    assert_eq!(bench.attempt(Purpose::Apply, sorted, 3).await.class, Class::Unchanged);
    assert_eq!(methods(&bench).len(), 2);
    let lacks = r#"{"x:acl": {"rule": [{"name": "a"}]}}"#;
    let settled = bench.attempt(Purpose::Settle { before: None }, lacks, 3).await;
    assert_eq!(settled.found, Some(Found::Different), "{}", settled.message);
}

#[tokio::test]
async fn one_of_several_requests_that_is_refused_puts_all_of_them_back() {
    let bench = bench(|store| store.yang_patch = false).await.replaces();
    let outcome = bench.apply(r#"{"x:system": {"name": "r2"}, "y:other": {"a": "bad"}}"#).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Rejected, LeftAs::Reverted), "{}", outcome.message);
    assert_eq!(has(&bench), content());
}

#[tokio::test]
async fn a_change_is_not_laid_over_what_somebody_else_did_meanwhile() {
    let bench = bench(|_| {}).await;
    bench.device.break_with(HttpFault::ChangedMeanwhile);
    let outcome = bench.apply(MTU).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::Overloaded, LeftAs::Unchanged),
        "{}",
        outcome.message
    );
    assert!(outcome.message.contains("changed its configuration since it was read"), "{}", outcome.message);
    assert_eq!(has(&bench), content());
}

fn check(probe: Probe) -> Check {
    Check {
        name: "up".into(),
        probe,
        expectations: vec![Expectation::Contains("open".into())],
        save_as: None,
        initial_delay: std::time::Duration::ZERO,
        interval: std::time::Duration::ZERO,
        count: 1,
        failure_limit: 0,
    }
}

#[tokio::test]
async fn checks_of_pages_and_queries_are_asked_by_the_agent_without_the_login_of_the_device() {
    let mut bench = bench(|_| {}).await;
    let url = format!("http://{}", bench.device.address());
    for probe in [
        Probe::Http { url: url.clone(), status: 200, ca_ref: None },
        Probe::Prometheus { url: Some(url.clone()), query: "up".into(), ca_ref: None },
        Probe::Prometheus { url: None, query: "up".into(), ca_ref: None },
    ] {
        bench.procedure.pre = vec![check(probe)];
        let outcome = bench.apply(MTU).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged));
        let is_own = matches!(bench.procedure.pre[0].probe, Probe::Prometheus { url: None, .. });
        let why = if is_own { "this agent has none of its own" } else { "status 401" };
        assert!(outcome.message.contains(why), "{}", outcome.message);
        assert!(outcome.message.contains("the check up before the write failed"), "{}", outcome.message);
    }
    assert_eq!(bench.device.writes(), []);
}

#[tokio::test]
async fn a_change_that_fails_its_check_is_taken_back() {
    let mut bench = bench(|_| {}).await;
    bench.procedure.post = vec![check(Probe::Tcp { port: 1 })];
    let outcome = bench.apply(MTU).await;
    assert_eq!(
        (outcome.class, outcome.left_as),
        (Class::PostcheckFailed, LeftAs::Reverted),
        "{}",
        outcome.message
    );
    assert_eq!(has(&bench), content());
    assert_eq!(methods(&bench), ["PATCH /restconf/data", "PATCH /restconf/data"]);
}

#[tokio::test]
async fn a_lost_answer_is_a_doubt_that_a_reading_settles() {
    let after = [429, 500, 502, 503, 504].map(HttpFault::FailAfterWrite);
    for fault in [HttpFault::DropAfterWrite].into_iter().chain(after) {
        let bench = bench(|_| {}).await;
        bench.device.break_with(fault.clone());
        let outcome = bench.apply(MTU).await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::LostAfterWrite, LeftAs::Unknown),
            "{fault:?}: {}",
            outcome.message
        );
        assert_eq!(methods(&bench).len(), 1, "{fault:?}: never asked for twice");
        bench.device.break_with(HttpFault::None);
        let before = bench.told.before.lock().unwrap().clone();
        let settled = bench.attempt(Purpose::Settle { before }, MTU, 1).await;
        assert_eq!(settled.found, Some(Found::Applied), "{}", settled.message);
    }
    for status in [429, 502, 503] {
        let bench = bench(|_| {}).await;
        bench.device.break_with(HttpFault::RefusesWrites(status));
        let outcome = bench.apply(MTU).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{status}");
        assert!(outcome.message.contains(&format!("status {status}")), "{}", outcome.message);
        let before = bench.told.before.lock().unwrap().clone();
        let settled = bench.attempt(Purpose::Settle { before }, MTU, 1).await;
        assert_eq!(settled.found, Some(Found::NotApplied), "{}", settled.message);
    }
}

#[tokio::test]
async fn a_device_that_says_itself_that_it_has_no_room_is_tried_later_and_a_page_of_a_proxy_is_a_doubt() {
    let errors = |tag: &str| format!(r#"{{"ietf-restconf:errors":{{"error":[{{"error-tag":"{tag}"}}]}}}}"#);
    let (room, lost) = ((Class::Overloaded, LeftAs::Unchanged), (Class::LostAfterWrite, LeftAs::Unknown));
    for (words, expected) in [
        (errors("resource-denied"), room),
        (errors("operation-failed"), lost),
        ("<html>Service Unavailable</html>".into(), lost),
        (r#"{"errors": "no healthy upstream"}"#.into(), lost),
    ] {
        for status in [429, 503] {
            let bench = bench(|_| {}).await;
            bench.device.break_with(HttpFault::RefusesWritesSaying(status, words.clone()));
            let outcome = bench.apply(MTU).await;
            assert_eq!((outcome.class, outcome.left_as), expected, "{words}: {}", outcome.message);
        }
    }
}

#[tokio::test]
async fn a_device_without_tags_or_patches_is_changed_as_well() {
    let bench = bench(|store| (store.tags, store.yang_patch, store.put_whole) = (false, false, false)).await;
    assert_eq!(bench.apply(r#"{"x:system": {"mtu": 9000}, "y:other": null}"#).await.class, Class::Ok);
    assert_eq!(has(&bench).get("y:other"), None);
}
