//! The order in which lines are said, and the order in which a device holds them, over real SSH.

use super::bench::{Bench, Part};
use crate::simulator::Mode;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

const ROUTE: &str = "ip route 0.0.0.0 0.0.0.0 10.0.0.1\n";

async fn device(platform: &str, has: &str) -> std::sync::Arc<Bench> {
    Bench::new(&[Part { platform, has, mode: Mode::Good }]).await
}

#[tokio::test]
async fn a_replacement_puts_a_line_of_a_list_where_it_was_asked_for() {
    let list = |lines: &str| format!("hostname r1\nip access-list extended EDGE\n{lines}");
    let (has, wanted) = (list(" permit a\n deny any\n"), list(" permit a\n permit b\n deny any\n"));
    let bench = device("cisco_ios", &has).await;
    let task = bench.task(1, "cisco_ios", &wanted, Wants::Replace);
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, bench.has(1)), (Class::Ok, wanted), "{outcome:?}");
    let typed = bench.typed(1);
    let again = bench.again(&task, Purpose::Apply).await;
    assert_eq!((again.class, bench.typed(1)), (Class::Unchanged, typed));
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    assert_eq!((back.left_as, bench.has(1)), (LeftAs::Reverted, has), "{back:?}");
}

#[tokio::test]
async fn a_way_back_that_leaves_only_another_order_is_back_and_takes_nothing_down() {
    let has = "hostname r1\nntp server 192.0.2.1\nrouter bgp 1\n neighbor 10.0.0.2 remote-as 2\ninterface Gi1\n mtu 9000\n";
    let bench = device("cisco_ios", has).await;
    let wanted = has.replace("ntp server 192.0.2.1\n", "");
    let task = bench.task(1, "cisco_ios", &wanted, Wants::Replace);
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, bench.has(1)), (Class::Ok, wanted.clone()), "{outcome:?}");
    let before = bench.typed(1).len();
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    let typed = bench.typed(1).split_off(before);
    assert_eq!(typed, ["configure terminal", "ntp server 192.0.2.1", "end"]);
    assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{back:?}");
    assert!(back.message.contains("in another order"), "{back:?}");
    assert_eq!(bench.has(1), format!("{wanted}ntp server 192.0.2.1\n"));
}

#[tokio::test]
async fn a_new_default_route_is_there_before_the_old_one_goes() {
    for platform in ["cisco_ios", "frr", "cisco_nxos"] {
        let is_ios = platform == "cisco_ios";
        let route = |via: &str| match is_ios {
            true => ROUTE.replace("10.0.0.1", via),
            false => format!("ip route 0.0.0.0/0 {via}\n"),
        };
        let bench = device(platform, &format!("hostname r1\n{}", route("10.0.0.1"))).await;
        let wanted = format!("hostname r1\n{}", route("10.0.0.2"));
        let outcome = bench.attempt(&bench.task(1, platform, &wanted, Wants::Replace)).await;
        assert_eq!((outcome.class, bench.has(1)), (Class::Ok, wanted), "{outcome:?}");
        let typed = bench.typed(1);
        let at = |line: String| typed.iter().position(|typed| *typed == line.trim_end());
        let [new, old] = [at(route("10.0.0.2")), at(format!("no {}", route("10.0.0.1")))];
        assert!(new.is_some() && new < old, "{platform}: {typed:?}");
    }
}

#[tokio::test]
async fn what_holds_one_value_is_never_without_one_on_the_way_there_and_back() {
    for (platform, has) in [
        (
            "cisco_ios",
            "ip default-gateway V1\nusername a privilege 15 secret 9 V1\ninterface Gi1\n ip access-group V1 in\n \
             encapsulation dot1Q V1\n switchport access vlan V1\n switchport trunk native vlan V1\ninterface Tunnel1\n \
             tunnel source V1\n tunnel destination V1\nline vty 0 4\n access-class V1 in\n transport input V1\n",
        ),
        (
            "cisco_nxos",
            "username a password 5 V1 role network-admin\ninterface Gi1\n ip access-group V1 in\n \
             encapsulation dot1q V1\n switchport access vlan V1\n switchport trunk native vlan V1\ninterface Tunnel1\n \
             tunnel source V1\n tunnel destination V1\nline vty\n access-class V1 in\n",
        ),
        ("frr", "router bgp 1\n neighbor 10.0.0.2 remote-as 2\n neighbor 10.0.0.2 route-map V1 out\n"),
    ] {
        let (has, wanted) =
            (format!("hostname r1\n{has}"), format!("hostname r1\n{}", has.replace("V1", "V2")));
        let bench = device(platform, &has).await;
        let task = bench.task(1, platform, &wanted, Wants::Replace);
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, bench.has(1)), (Class::Ok, wanted), "{outcome:?}");
        let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
        let back = bench.again(&task, restore).await;
        assert_eq!((back.left_as, bench.has(1)), (LeftAs::Reverted, has), "{back:?}");
        let typed = bench.typed(1);
        assert!(!typed.iter().any(|line| line.starts_with("no ")), "{platform}: {typed:?}");
    }
}

#[tokio::test]
async fn classes_in_another_order_are_refused_before_anything_is_said() {
    let policy = |one: &str, other: &str| {
        format!("hostname r1\npolicy-map P\n class {one}\n  police 1\n class {other}\n  police 1\n")
    };
    let bench = device("cisco_ios", &policy("a", "b")).await;
    let outcome = bench.attempt(&bench.task(1, "cisco_ios", &policy("b", "a"), Wants::Replace)).await;
    assert_eq!((outcome.class, bench.typed(1)), (Class::PrecheckFailed, vec![]), "{outcome:?}");
    assert!(outcome.message.contains("`policy-map P` holds its lines in another order"), "{outcome:?}");
}

fn classes(names: &str) -> String {
    let class = |name: &str| format!(" class {name}\n  police 1\n");
    format!("hostname r1\npolicy-map P\n{}", names.split(' ').map(class).collect::<String>())
}

#[tokio::test]
async fn a_class_that_could_not_stand_where_it_was_asked_for_is_refused_before_anything_is_said() {
    let parts = ["a b", "a class-default"].map(classes);
    let parts = parts.each_ref().map(|has| Part { platform: "cisco_ios", has, mode: Mode::Good });
    let bench = Bench::new(&parts).await;
    let outcome = bench.attempt(&bench.task(1, "cisco_ios", &classes("a c b"), Wants::Replace)).await;
    assert_eq!((outcome.class, bench.typed(1)), (Class::PrecheckFailed, vec![]), "{outcome:?}");
    assert!(outcome.message.contains("`policy-map P` holds its lines in another order"), "{outcome:?}");
    let task = bench.task(2, "cisco_ios", &classes("a c class-default"), Wants::Replace);
    let outcome = bench.attempt(&task).await;
    assert_eq!(outcome.class, Class::Ok, "that one is last by itself: {outcome:?}");
    assert_eq!(bench.again(&task, Purpose::Apply).await.class, Class::Unchanged);
}

#[tokio::test]
async fn a_way_back_that_leaves_classes_in_another_order_is_none_and_names_them() {
    let has = classes("a b c");
    let bench = device("cisco_ios", &has).await;
    let task = bench.task(1, "cisco_ios", "policy-map P\n no class b\n", Wants::Merge);
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, bench.has(1)), (Class::Ok, classes("a c")), "{outcome:?}");
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    assert_eq!((back.class, back.left_as), (Class::RollbackFailed, LeftAs::Unknown), "{back:?}");
    assert!(back.message.contains("`policy-map P` holds its lines in another order"), "{back:?}");
    assert_eq!(bench.has(1), classes("a c b"), "every line is back");
    assert_eq!(bench.typed(1).iter().filter(|line| *line == "end").count(), 2, "once there, once back");
}

#[tokio::test]
async fn a_line_of_a_numbered_list_goes_where_it_was_asked_for_and_alone() {
    let list = |lines: &str| format!("hostname r1\nip access-list extended 101\n{lines}");
    let has = "hostname r1\naccess-list 101 permit a\naccess-list 101 deny any\n";
    let wanted =
        "hostname r1\naccess-list 101 permit a\naccess-list 101 permit b\naccess-list 101 deny any\n";
    let bench = device("cisco_ios", has).await;
    let task = bench.task(1, "cisco_ios", wanted, Wants::Replace);
    let outcome = bench.attempt(&task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert_eq!(bench.has(1), list(" permit a\n permit b\n deny any\n"));
    assert_eq!(bench.again(&task, Purpose::Apply).await.class, Class::Unchanged);
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    assert_eq!((back.left_as, bench.has(1)), (LeftAs::Reverted, list(" permit a\n deny any\n")), "{back:?}");
    let typed = bench.typed(1);
    assert!(!typed.iter().any(|line| line.contains("access-list") && line.starts_with("no")), "{typed:?}");
}

#[tokio::test]
async fn a_list_that_would_go_with_any_of_its_lines_is_refused_and_left_as_it_is() {
    let list =
        |lines: &[&str]| -> String { lines.iter().map(|line| format!("access-list 700 {line}\n")).collect() };
    let has = format!("hostname r1\n{}", list(&["permit a", "deny b"]));
    let bench = device("cisco_ios", &has).await;
    let shorter = format!("hostname r1\n{}", list(&["permit a"]));
    for (wanted, mode) in [(shorter.as_str(), Wants::Replace), ("no access-list 700 deny b\n", Wants::Merge)]
    {
        let outcome = bench.attempt(&bench.task(1, "cisco_ios", wanted, mode)).await;
        assert_eq!((outcome.class, bench.typed(1)), (Class::PrecheckFailed, vec![]), "{outcome:?}");
        assert!(outcome.message.contains("`access-list 700 permit a`"), "{outcome:?}");
    }
    let task = bench.task(1, "cisco_ios", "access-list 700 permit c\n", Wants::Merge);
    let outcome = bench.attempt(&task).await;
    assert_eq!(outcome.class, Class::Ok, "at its end: {outcome:?}");
    let (has, typed) = (bench.has(1), bench.typed(1));
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    assert_eq!((back.class, back.left_as), (Class::RollbackFailed, LeftAs::Changed), "{back:?}");
    assert!(back.message.contains("`access-list 700 permit a`"), "{back:?}");
    assert_eq!((bench.has(1), bench.typed(1)), (has, typed), "nothing was typed");
}

#[tokio::test]
async fn a_list_that_no_way_back_can_have_is_named_by_the_plan_and_keeps_nothing_else_from_going_back() {
    let has = "hostname r1\naccess-list 700 permit a\nntp server 192.0.2.1\n";
    let bench = device("cisco_ios", has).await;
    let change = "access-list 700 permit b\nntp server 192.0.2.9\n";
    let task = bench.task(1, "cisco_ios", change, Wants::Merge);
    let plan = bench.again(&task, Purpose::Compare).await;
    assert!(plan.hint.contains("no way back puts back the list of `access-list 700 permit a`"), "{plan:?}");
    let outcome = bench.attempt(&task).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    let restore = Purpose::Restore { attempt: 1, before: outcome.before, overwrite: false };
    let back = bench.again(&task, restore).await;
    assert_eq!((back.class, back.left_as), (Class::RollbackFailed, LeftAs::Changed), "{back:?}");
    assert!(back.message.contains("the list of `access-list 700 permit a` stays as it is"), "{back:?}");
    assert_eq!(bench.has(1), format!("{has}access-list 700 permit b\n"), "the rest is back");
    let other = bench.task(1, "cisco_ios", "access-list 701 permit a\n", Wants::Merge);
    assert_eq!(bench.again(&other, Purpose::Compare).await.hint, "", "a new list goes whole");
}
