//! Devices over real SSH that sort their lists: a change of them is there in whatever order they show it.

use crate::executor::cli::tests::bench::{Bench, Part};
use crate::simulator::{Mode, Trick};
use switchyard_shared::outcome::{Class, Found, LeftAs};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

const HAS: &str = "<system xmlns=\"urn:x\"><interface><name>e0</name></interface></system>";

fn interfaces(names: &[&str], attribute: &str) -> String {
    let entry = |name: &&str| format!("<interface><name>{name}</name><dns>2</dns><dns>1</dns></interface>");
    format!("<system xmlns=\"urn:x\"{attribute}>{}</system>", names.iter().map(entry).collect::<String>())
}

#[tokio::test]
async fn a_device_that_sorts_a_list_has_the_change_and_its_order_is_told() {
    let mode = Mode::Trick(Trick::Sorted);
    let bench = Bench::new(&[Part { platform: "netconf", has: HAS, mode }]).await;
    for (wants, attribute) in [(Wants::Replace, ""), (Wants::Merge, " nc:operation=\"replace\"")] {
        let task = |names: &[&str]| bench.task(1, "netconf", &interfaces(names, attribute), wants);
        let outcome = bench.attempt(&task(&["e2", "e1", "e0"])).await;
        let again = bench.again(&task(&["e2", "e1", "e0"]), Purpose::Apply).await;
        for outcome in [outcome, again] {
            assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
            assert!(outcome.message.contains("in another order"), "never said to be as asked: {outcome:?}");
        }
        let settled = bench.again(&task(&["e2", "e1", "e0"]), Purpose::Settle { before: None }).await;
        assert_eq!(settled.found, Some(Found::Applied), "{settled:?}");
        let lacks = bench.again(&task(&["e1", "e0"]), Purpose::Settle { before: None }).await;
        assert_eq!(lacks.found, Some(Found::Different), "{lacks:?}");
    }
    let in_order =
        interfaces(&["e0", "e1"], "").replace("<dns>2</dns><dns>1</dns>", "<dns>1</dns><dns>2</dns>");
    let in_order = bench.task(1, "netconf", &in_order, Wants::Replace);
    assert!(!bench.attempt(&in_order).await.message.contains("another order"));
    assert_eq!(bench.again(&in_order, Purpose::Apply).await.class, Class::Unchanged);
}
