//! Lines as Cisco's devices show them, and templates that say the same in other words, over real SSH.

use super::bench::{Bench, Part};
use crate::simulator::Mode;
use switchyard_shared::outcome::Class;
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

const TRUNK: &str = "switchport trunk allowed vlan";

#[tokio::test]
async fn a_trunk_that_is_shown_on_several_lines_loses_none_of_them_to_a_change_of_one() {
    let trunk = |lines: &[&str]| -> String {
        lines.iter().fold("interface Gi1\n".to_owned(), |text, line| format!("{text} {TRUNK} {line}\n"))
    };
    let has = format!("hostname r1\n{}", trunk(&["1-10", "add 20-30"]));
    let part = |platform| Part { platform, has: &has, mode: Mode::Good };
    let platforms = ["cisco_ios", "cisco_nxos", "arista_eos"];
    let bench = Bench::new(&platforms.map(part)).await;
    for (number, platform) in (1..).zip(platforms) {
        let alone = bench.task(number, platform, &trunk(&["add 40"]), Wants::Merge);
        let outcome = bench.attempt(&alone).await;
        assert_eq!((outcome.class, bench.typed(number)), (Class::PrecheckFailed, vec![]), "{outcome:?}");
        assert!(outcome.message.contains("add 40` without the line that this adds to"), "{outcome:?}");
        let task = bench.task(number, platform, &trunk(&["1-11", "add 20-30"]), Wants::Merge);
        let outcome = bench.attempt(&task).await;
        assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
        let typed = bench.typed(number);
        assert!(typed.contains(&format!("{TRUNK} 1-11,20-30")), "{typed:?}");
        let again = bench.again(&task, Purpose::Apply).await;
        assert_eq!((again.class, bench.typed(number)), (Class::Unchanged, typed));
    }
}

/// What a plan says of a device with a standard list that is to have these entries.
async fn planned(entries: [&str; 2]) -> (Class, String) {
    let has = "hostname r1\nip access-list standard 10\n permit 10.0.0.5\n deny   10.0.0.0 0.0.0.255\n";
    let bench = Bench::new(&[Part { platform: "cisco_ios", has, mode: Mode::Good }]).await;
    let text = entries.map(|entry| format!("access-list 10 {entry}\n")).concat();
    let plan = bench.again(&bench.task(1, "cisco_ios", &text, Wants::Merge), Purpose::Compare).await;
    (plan.class, plan.hint)
}

#[tokio::test]
async fn a_list_that_differs_in_blanks_alone_is_unchanged() {
    let plan = planned(["permit 10.0.0.5", "deny 10.0.0.0 0.0.0.255"]).await;
    assert_eq!(plan, (Class::Unchanged, String::new()));
}

#[tokio::test]
async fn a_plan_names_a_list_whose_order_is_the_devices_own_and_another_one() {
    let plan = planned(["deny   10.0.0.0 0.0.0.255", "permit 10.0.0.5"]).await;
    let said = "the order of `ip access-list standard 10` is the device's own and is not compared";
    assert_eq!(plan, (Class::Unchanged, said.to_owned()));
}
