//! What becomes of a change over gNMI, from the comparison to the way back, with the target's ledger as the witness.

use super::bench::{Bench, CHANGE, first, is};
use crate::executor::gnmi::tree::Names;
use crate::simulator::gnmi::{GnmiFault, Told};
use crate::simulator::{Kind, read_ledger};
use serde_json::{Value, json};
use std::time::Duration;
use switchyard_shared::gnmi_path::Path;
use switchyard_shared::outcome::{Class, Found, LeftAs, Phase};
use switchyard_shared::procedure::{Check, Expectation, Mode, Probe};
use switchyard_shared::secret_text;
use switchyard_shared::task::Purpose;

fn at(tree: &Value, path: &str) -> Option<Value> {
    Names::default().find(tree, &Path::parse(path).unwrap()).cloned()
}

fn check(path: &str, expectation: Expectation) -> Check {
    Check {
        name: "look".into(),
        probe: Probe::GnmiGet { path: path.into() },
        expectations: vec![expectation],
        save_as: None,
        initial_delay: Duration::ZERO,
        interval: Duration::ZERO,
        count: 1,
        failure_limit: 0,
    }
}

#[tokio::test]
async fn a_comparison_shows_the_true_difference_and_not_one_set_leaves() {
    let bench = Bench::new().await;
    let outcome = bench.attempt(9, Purpose::Compare, CHANGE).await;
    is(&outcome, Class::Ok, Phase::Read, LeftAs::Unchanged);
    let diff = bench.diff();
    let lines: Vec<&str> = diff.lines().skip(2).filter(|line| line.starts_with(['+', '-'])).collect();
    let wanted = [
        "-          \"mtu\": 1500,",
        "+          \"mtu\": 9000,",
        "+      },",
        "+      {",
        "+        \"config\": {",
        "+          \"mtu\": 1500,",
        "+          \"name\": \"eth7\"",
        "+        },",
        "+        \"name\": \"eth7\"",
        "-      \"motd\": \"hello\",",
    ];
    assert_eq!(lines, wanted, "{diff}");
    bench.settle(CHANGE).await;
    assert_eq!(bench.target.told(), [], "not one Set");
    let ledger = read_ledger(&bench.folder.path().join("simulated"), "r1").unwrap();
    assert_eq!(ledger.iter().filter(|event| event.event == Kind::Read).count(), 2, "the recording works");
}

#[tokio::test]
async fn a_change_is_confirmed_over_a_new_session_and_the_second_time_nothing_is_written() {
    let bench = Bench::new().await;
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
    let told = bench.target.told();
    assert_eq!(
        told,
        [Told::ChangeUntil, Told::ConfirmNobodys, Told::Confirm],
        "the second one asks for nobody's commit"
    );
    assert!(!bench.target.waits());
    let has = bench.target.running();
    assert_eq!(at(&has, "/interfaces/interface[name=eth0]/config/mtu"), Some(json!(9000)));
    assert_eq!(
        at(&has, "/interfaces/interface[name=eth1]"),
        at(&first(), "/interfaces/interface[name=eth1]")
    );
    assert_eq!(at(&has, "/system/config/motd"), None);
    assert_eq!(outcome.message, format!("127.0.0.1:{} has the change", bench.endpoint.port));
    let ledger = read_ledger(&bench.folder.path().join("simulated"), "r1").unwrap();
    let clients: std::collections::BTreeSet<_> =
        ledger.iter().filter(|event| event.event == Kind::Login).map(|event| &event.client).collect();
    assert_eq!(clients.len(), 2, "one session wrote and another one confirmed");
    let again = bench.attempt(2, Purpose::Apply, CHANGE).await;
    is(&again, Class::Unchanged, Phase::Read, LeftAs::Unchanged);
    assert_eq!((bench.target.told(), bench.target.running()), (told, has));
}

#[tokio::test]
async fn a_slow_device_that_says_a_few_bytes_at_a_time_takes_a_change_like_any_other() {
    let bench = Bench::new().await;
    let outcome = bench.apply_with(GnmiFault::Drips, CHANGE).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
    assert_eq!(bench.target.told(), [Told::ChangeUntil, Told::ConfirmNobodys, Told::Confirm]);
}

#[tokio::test]
async fn a_refused_value_leaves_the_device_as_it_was_and_names_its_path() {
    let bench = Bench::new().await;
    for (bad, why) in [(json!(70_000), "mtu 70000 is out of range"), (json!("big"), "mtu is no whole number")]
    {
        let change =
            json!({"/system/config/motd": "new", "/interfaces/interface[name=eth1]/config/mtu": bad});
        let outcome = bench.apply(&change.to_string()).await;
        is(&outcome, Class::Rejected, Phase::Write, LeftAs::Unchanged);
        assert!(outcome.message.contains(why), "{}", outcome.message);
        assert!(!outcome.message.contains("method: direct"), "{}", outcome.message);
        assert!(
            outcome.message.contains("interfaces/interface[name=eth1]/config/mtu: "),
            "{}",
            outcome.message
        );
        assert_eq!(bench.target.running(), first());
    }
}

#[tokio::test]
async fn a_device_is_put_back_to_what_it_had_to_the_byte() {
    let mut bench = Bench::new().await;
    for (attempt, mode, change) in [
        (1, Mode::Merge, CHANGE),
        (
            2,
            Mode::Replace,
            r#"{"/interfaces": {"interface": []}, "/new:bgp": {"as": 65000}, "/system": null}"#,
        ),
        (3, Mode::Merge, r#"{"/vlan[id=7]": {"name": "lab"}}"#),
    ] {
        bench.procedure.mode = mode;
        let outcome = bench.attempt(attempt, Purpose::Apply, change).await;
        is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
        assert_ne!(bench.target.running(), first());
        let back = bench
            .attempt(9 + attempt, Purpose::Restore { attempt, before: None, overwrite: false }, change)
            .await;
        is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
        let sorted = super::super::value::sorted;
        assert_eq!(sorted(bench.target.running()).to_string(), sorted(first()).to_string());
    }
}

#[tokio::test]
async fn replace_is_all_that_stands_at_its_paths_and_touches_no_other() {
    let mut bench = Bench::new().await;
    bench.procedure.mode = Mode::Replace;
    let change = r#"{"/interfaces/interface[name=eth0]": {"config": {"name": "eth0"}}}"#;
    is(&bench.apply(change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let has = bench.target.running();
    let eth0 = at(&has, "/interfaces/interface[name=eth0]").unwrap();
    assert_eq!(super::super::value::sorted(eth0), json!({"config": {"name": "eth0"}, "name": "eth0"}));
    assert_eq!(at(&has, "/system"), at(&first(), "/system"));
    is(&bench.apply(change).await, Class::Unchanged, Phase::Read, LeftAs::Unchanged);
}

#[tokio::test]
async fn a_change_that_nobody_confirms_is_taken_back_by_the_device_and_settled_by_reading() {
    let mut bench = Bench::new().await;
    bench.procedure.commit.confirm_timeout = Duration::from_secs(2);
    let outcome = bench.apply_with(GnmiFault::DropBeforeConfirm, CHANGE).await;
    is(&outcome, Class::LostAfterWrite, Phase::Confirm, LeftAs::Unknown);
    assert_eq!(bench.settle(CHANGE).await.found, Some(Found::Applied), "it still waits");
    while bench.target.waits() {
        tokio::task::yield_now().await;
    }
    let settled = bench.settle(CHANGE).await;
    assert_eq!((settled.found, settled.left_as), (Some(Found::NotApplied), LeftAs::Unchanged), "{settled:?}");
    assert_eq!(bench.target.running(), first());
}

#[tokio::test]
async fn a_change_whose_check_fails_is_taken_back_at_once() {
    let mut bench = Bench::new().await;
    let mtu = "/interfaces/interface[name=eth0]/config/mtu";
    bench.procedure.pre = vec![check(mtu, Expectation::Expect("== 1500".into()))];
    bench.procedure.post = vec![check(mtu, Expectation::Expect("== 1500".into()))];
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
    assert_eq!(bench.target.told(), [Told::ChangeUntil, Told::ConfirmNobodys, Told::Cancel]);
    assert_eq!(bench.target.running(), first());
    bench.procedure.pre =
        vec![check("/interfaces/interface[name=eth9]", Expectation::Contains("eth9".into()))];
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::PrecheckFailed, Phase::Validate, LeftAs::Unchanged);
    assert!(outcome.message.contains("NOT_FOUND"), "{}", outcome.message);
}

#[tokio::test]
async fn a_device_without_the_extension_keeps_the_change_at_once_and_says_so() {
    for fault in [GnmiFault::NoExtension, GnmiFault::IgnoresExtension] {
        let mut bench = Bench::new().await;
        let outcome = bench.apply_with(fault, CHANGE).await;
        is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
        assert!(outcome.message.contains("for good at once"), "{}", outcome.message);
        assert!(!bench.target.told().contains(&Told::Confirm));
        bench.procedure.post = vec![check("/system/config/hostname", Expectation::Matches("^r9$".into()))];
        let had = bench.target.running();
        let outcome = bench.attempt(2, Purpose::Apply, r#"{"/system/config/motd": "again"}"#).await;
        is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
        assert_eq!(bench.target.running(), had, "{fault:?}: put back, as it does not do it by itself");
    }
}

#[tokio::test]
async fn secrets_reach_the_device_as_they_are_and_show_nowhere_neither_the_new_one_nor_the_old_one() {
    let mut bench = Bench::new().await;
    bench.keep_secret("root", "n\"w-s3cret\\\n");
    let template = format!("{{\"/system/config/password\": \"{}\"}}", secret_text::named("root"));
    let compared = bench.attempt(9, Purpose::Compare, &template).await;
    let diff = bench.diff();
    assert!(diff.contains("\"password\": (secret)") && !diff.contains("s3cret"), "{diff}{compared:?}");
    let outcome = bench.apply(&template).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
    assert_eq!(at(&bench.target.running(), "/system/config/password"), Some(json!("n\"w-s3cret\\")));
    assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
}

#[tokio::test]
async fn secrets_that_no_template_names_are_in_no_difference_and_that_they_change_is() {
    let bench = Bench::new().await;
    bench.attempt(9, Purpose::Compare, r#"{"/system/config/password": "an0ther-s3cret"}"#).await;
    let diff = bench.diff();
    assert!(diff.contains("-      \"password\": \"(secret)\""), "{diff}");
    assert!(diff.contains("+      \"password\": \"(another secret)\"") && !diff.contains("s3cret"), "{diff}");
    bench.attempt(9, Purpose::Compare, r#"{"/system/config/motd": "x"}"#).await;
    assert!(bench.diff().contains("motd") && !bench.diff().contains("s3cret"), "{}", bench.diff());
}

#[tokio::test]
async fn without_a_confirmed_commit_nothing_is_asked_and_the_change_is_one_set() {
    let mut bench = Bench::new().await;
    bench.procedure.commit.confirmed = false;
    bench.procedure.commit.save = true;
    let outcome = bench.apply(CHANGE).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
    assert!(outcome.message.contains("gNMI has no word for a save"), "{}", outcome.message);
    assert_eq!(bench.target.told(), [Told::Change]);
}

#[tokio::test]
async fn a_lost_answer_is_a_doubt_that_a_reading_settles() {
    let mut bench = Bench::new().await;
    bench.timeouts.command = Duration::from_secs(2);
    for fault in [GnmiFault::DropAfterWrite, GnmiFault::Breaks, GnmiFault::Silent] {
        bench.procedure.commit.confirmed = fault == GnmiFault::DropAfterWrite;
        let change = json!({"/system/config/motd": format!("{fault:?}")}).to_string();
        let outcome = bench.apply_with(fault, &change).await;
        is(&outcome, Class::LostAfterWrite, Phase::Write, LeftAs::Unknown);
        bench.target.behave(GnmiFault::None);
        assert_eq!(bench.settle(&change).await.found, Some(Found::Applied), "{fault:?}");
        if bench.target.waits() {
            bench = Bench::new().await;
            bench.timeouts.command = Duration::from_secs(2);
        }
    }
}

#[tokio::test]
async fn a_session_lost_with_the_change_is_a_doubt() {
    let mut bench = Bench::new().await;
    bench.procedure.commit.confirmed = false;
    let outcome = bench.apply_with(GnmiFault::DropBeforeWrite, CHANGE).await;
    is(&outcome, Class::LostAfterWrite, Phase::Write, LeftAs::Unknown);
    assert_eq!(bench.settle(CHANGE).await.found, Some(Found::NotApplied));
    bench.assert_untouched();
}

#[tokio::test]
async fn a_change_that_the_device_forgets_is_not_called_made() {
    let bench = Bench::new().await;
    let outcome = bench.apply_with(GnmiFault::Forgets, CHANGE).await;
    is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
}

#[tokio::test]
async fn what_nobody_may_see_beside_a_change_is_there_after_the_way_back() {
    let mut bench = Bench::new().await;
    bench.target.behave(GnmiFault::Hides);
    let change =
        r#"{"/system/config": {"motd": "new", "domain": "lab"}, "/interfaces/interface[name=eth1]": null}"#;
    is(&bench.apply(change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let back =
        bench.attempt(2, Purpose::Restore { attempt: 1, before: None, overwrite: false }, change).await;
    is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
    assert_eq!(bench.target.running(), first(), "its password as well");
    bench.procedure.commit.confirmed = false;
    bench.procedure.post = vec![check("/system/config/motd", Expectation::Matches("^old$".into()))];
    let outcome = bench.attempt(3, Purpose::Apply, change).await;
    is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
    assert_eq!(bench.target.running(), first(), "its password as well");
}

#[tokio::test]
async fn keys_that_were_guessed_wrong_are_guessed_again_and_harm_nothing() {
    let bench = Bench::new().await;
    let vlan = |id: u32, name: &str| json!({"id": id, "name": name});
    let one = json!({"/vlans": {"vlan": [vlan(1, "lab")]}}).to_string();
    is(&bench.apply(&one).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let had = bench.target.running();
    let two = json!({"/vlans": {"vlan": [vlan(2, "office")]}}).to_string();
    is(&bench.attempt(2, Purpose::Apply, &two).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let back = bench.attempt(3, Purpose::Restore { attempt: 2, before: None, overwrite: false }, &two).await;
    is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
    assert_eq!(bench.target.running(), had, "its vlans have the key id, and a name as well");
}

#[tokio::test]
async fn a_device_that_looks_at_no_ids_keeps_the_change_and_says_so() {
    let bench = Bench::new().await;
    let outcome = bench.apply_with(GnmiFault::LooseIds, CHANGE).await;
    is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
    assert!(outcome.message.contains("for good at once") && !bench.target.waits(), "{}", outcome.message);
}

#[tokio::test]
async fn an_order_that_is_replaced_is_written_and_a_device_that_sorts_has_it_all_the_same_and_says_so() {
    for (fault, class) in [(GnmiFault::None, Class::Unchanged), (GnmiFault::Sorts, Class::Ok)] {
        let mut bench = Bench::new().await;
        bench.procedure.mode = Mode::Replace;
        bench.target.behave(fault);
        let rules =
            |ids: [u32; 3]| json!({"/acl": {"rule": ids.map(|id| json!({"id": id, "v": 1}))}}).to_string();
        is(&bench.apply(&rules([1, 2, 3])).await, Class::Ok, Phase::Verify, LeftAs::Changed);
        let had = bench.target.running();
        let turned = rules([3, 1, 2]);
        bench.attempt(9, Purpose::Compare, &turned).await;
        assert!(!bench.diff().is_empty());
        let outcome = bench.attempt(2, Purpose::Apply, &turned).await;
        is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
        let shows_another = outcome.message.contains("in another order");
        assert_eq!(shows_another, fault == GnmiFault::Sorts, "{}", outcome.message);
        assert_eq!(bench.attempt(3, Purpose::Apply, &turned).await.class, class, "{fault:?}");
        let back =
            bench.attempt(4, Purpose::Restore { attempt: 2, before: None, overwrite: false }, &turned).await;
        assert_eq!(back.left_as, LeftAs::Reverted, "{back:?}");
        if fault == GnmiFault::None {
            assert_eq!(bench.target.running(), had);
        }
    }
}

#[tokio::test]
async fn a_device_that_lists_what_it_took_back_in_another_order_each_time_is_back() {
    // No number of looks brings the order of then back for all of them.
    for (confirmed, more) in [(true, 1), (true, 3), (false, 1), (false, 3)] {
        let mut bench = of_interfaces(more).await;
        let had = by_name(bench.target.running());
        bench.procedure.commit.confirmed = confirmed;
        bench.procedure.post = vec![check("/system/config/hostname", Expectation::Matches("^r9$".into()))];
        bench.target.behave(GnmiFault::Turns);
        let outcome = bench.attempt(2, Purpose::Apply, CHANGE).await;
        is(&outcome, Class::PostcheckFailed, Phase::Verify, LeftAs::Reverted);
        assert_eq!(by_name(bench.target.running()), had, "confirmed {confirmed}, {more} more");
    }
}

#[tokio::test]
async fn a_device_that_lists_entries_in_another_order_each_time_is_not_said_to_be_changed_since() {
    for more in [1, 3] {
        let mut bench = of_interfaces(more).await;
        let had = by_name(bench.target.running());
        bench.procedure.commit.confirmed = false;
        bench.target.behave(GnmiFault::Turns);
        let outcome = bench.attempt(2, Purpose::Apply, CHANGE).await;
        is(&outcome, Class::Ok, Phase::Verify, LeftAs::Changed);
        let before = bench.context.before.lock().unwrap().clone();
        let restore = Purpose::Restore { attempt: 2, before: before.clone(), overwrite: false };
        let back = bench.attempt(3, restore.clone(), CHANGE).await;
        is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
        assert_eq!(by_name(bench.target.running()), had);
        let settled = bench.attempt(4, Purpose::Settle { before }, CHANGE).await;
        assert_eq!(settled.found, Some(Found::NotApplied), "{settled:?}");
        assert_eq!(bench.attempt(5, restore, CHANGE).await.class, Class::Unchanged, "it is back already");
    }
}

/// A target with so many interfaces more.
async fn of_interfaces(more: u32) -> Bench {
    let bench = Bench::new().await;
    let all = (2..2 + more).map(|number| format!("eth{number}"));
    let all: Vec<Value> = all.map(|name| json!({"name": &name, "config": {"name": &name}})).collect();
    let change = json!({"/interfaces": {"interface": all}}).to_string();
    is(&bench.apply(&change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    bench
}

fn by_name(mut running: Value) -> Value {
    let interfaces = running.pointer_mut("/openconfig-interfaces:interfaces/interface").unwrap();
    interfaces.as_array_mut().unwrap().sort_by_key(|entry| entry["name"].to_string());
    running
}

#[tokio::test]
async fn an_order_that_only_a_replacement_could_say_is_left_and_told_and_no_entry_goes_for_it() {
    let mut bench = Bench::new().await;
    let rules = r#"{"/acl": {"rule": [{"id": 1, "v": 1}, {"id": 2, "v": 1}, {"id": 3, "v": 1}]}}"#;
    is(&bench.apply(rules).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    bench.procedure.commit.confirmed = false;
    let change = r#"{"/acl/rule[id=1]": null}"#;
    is(&bench.attempt(2, Purpose::Apply, change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let told = bench.target.told().len();
    let back =
        bench.attempt(3, Purpose::Restore { attempt: 2, before: None, overwrite: false }, change).await;
    is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
    assert!(back.message.contains("in another order than then"), "{}", back.message);
    assert_eq!(bench.target.told()[told..], [Told::Change], "the entry came back, and none went");
    let ids = at(&bench.target.running(), "/acl/rule").unwrap();
    let ids: Vec<_> = ids.as_array().unwrap().iter().map(|rule| rule["id"].clone()).collect();
    assert_eq!(ids, [2, 3, 1]);
}
