//! Ways back on the real server: entries by their keys, nothing replaced whole, and what it cannot do is told.

use super::*;

/// Something of every kind, and changes of it. None adds to the leaf-list: this server (netconfd 2.13) does not confirm a
/// commit that does.
const FULL: &str = "<hostname>r1</hostname><mtu>1500</mtu><dns>192.0.2.1</dns><dns>192.0.2.2</dns>\
    <interface><name>e1</name><description>core</description><vlan>10</vlan></interface>\
    <interface><name>e3</name><vlan>30</vlan></interface>\
    <rule><name>a</name><action>drop</action></rule><rule><name>b</name><action>pass</action></rule>\
    <rule><name>c</name><action>drop</action></rule>\
    <unit><name>1</name><tag>x</tag><mtu>1400</mtu><opts><vlan>1</vlan></opts></unit>\
    <unit><name>1</name><tag>y</tag></unit><aaa><level>1</level><realm>lab</realm></aaa>";
const CHANGES: [(Mode, &str); 7] = [
    (Mode::Merge, "<mtu>9000</mtu>"),
    (
        Mode::Merge,
        "<interface nc:operation=\"delete\"><name>e1</name></interface><rule nc:operation=\"delete\"><name>c</name></rule>\
         <dns nc:operation=\"delete\">192.0.2.2</dns><unit><name>2</name><tag>x</tag></unit>\
         <interface><name>e2</name><vlan>20</vlan></interface>",
    ),
    (
        Mode::Merge,
        "<unit><name>1</name><tag>x</tag><mtu>1300</mtu><opts><vlan nc:operation=\"delete\"/></opts></unit>\
         <unit nc:operation=\"delete\"><name>1</name><tag>y</tag></unit>",
    ),
    (Mode::Merge, "<aaa nc:operation=\"delete\"/><hostname>r9</hostname>"),
    (
        Mode::Replace,
        "<hostname>r9</hostname><dns>192.0.2.1</dns><rule><name>a</name><action>pass</action></rule>",
    ),
    (
        Mode::Replace,
        "<hostname>r9</hostname><unit><name>1</name><tag>z</tag><mtu>1400</mtu></unit><aaa><level>2</level></aaa>",
    ),
    (
        Mode::Replace,
        "<interface><name>e1</name></interface><interface><name>e3</name><vlan>30</vlan></interface>\
         <interface><name>e4</name></interface>",
    ),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn what_a_change_added_took_away_and_moved_is_put_back_to_the_byte() {
    let system = |inner: &str| format!("<system xmlns=\"urn:switchyard:test\">{inner}</system>");
    let full = system(FULL);
    for datastore in ["candidate", "running"] {
        let mut bench = Bench::with(datastore).await;
        let mut other = bench.peer.other().await;
        is(&bench.apply(1, &full).await, Class::Ok, Phase::Verify, LeftAs::Changed);
        let running = other.data("running").await;
        for (attempt, (mode, change)) in (2..).zip(CHANGES) {
            bench.procedure.mode = mode;
            let outcome = bench.apply(attempt, &system(change)).await;
            assert_eq!(outcome.class, Class::Ok, "{datastore} {mode:?} {change}: {outcome:?}");
            assert_ne!(other.data("running").await, running);
            let purpose = Purpose::Restore { attempt, before: None, overwrite: false };
            let said = bench.peer.said().len();
            let back = bench.attempt(50 + attempt, purpose, change).await;
            let said = bench.peer.said().split_off(said);
            is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
            assert_eq!(other.data("running").await, running, "{datastore} {mode:?} {change}\n{said}");
            assert!(!said.contains("operation=\"replace\""), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs netconfd: use tests/run"]
async fn an_order_that_a_device_cannot_put_back_is_told() {
    let bench = Bench::new().await;
    let mut other = bench.peer.other().await;
    let system = |inner: &str| format!("<system xmlns=\"urn:switchyard:test\">{inner}</system>");
    is(&bench.apply(1, &system(FULL)).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let had = other.data("running").await;
    let change = system("<rule nc:operation=\"delete\"><name>a</name></rule>");
    is(&bench.apply(2, &change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let purpose = Purpose::Restore { attempt: 2, before: None, overwrite: false };
    let back = bench.attempt(3, purpose, &change).await;
    is(&back, Class::Ok, Phase::Revert, LeftAs::Reverted);
    assert!(bench.peer.said().contains("yang:insert=\"last\""), "it was asked to: this server moves nothing");
    assert!(back.message.contains("in another order than then"), "{}", back.message);
    let has = other.data("running").await;
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(lines(&has), lines(&had));
}
