//! Devices that hide their defaults and show them when they are asked for all, over real SSH: asked once, before a write.

use super::bench::{Bench, Part};
use crate::simulator::{Mode, Trick};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Found, LeftAs, Outcome};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task};
use tokio::task::JoinSet;

/// Platforms that tell their defaults, and a line that takes one of them back.
const HIDING: [(&str, &str); 3] = [
    ("cisco_ios", "no ip proxy-arp"),
    ("cisco_nxos", "no snmp trap link-status"),
    ("arista_eos", "no lldp transmit"),
];
const HAS: &str = "hostname r1\nntp server 192.0.2.1\ninterface Loopback1\n description one\n";
/// The same with a section that shows nothing.
const EMPTY: &str = "hostname r1\nntp server 192.0.2.1\ninterface Loopback1\n";
const NOT_KNOWN: &str = "whether that is off there is not known";

fn restored(task: &Task, outcome: &Outcome) -> Purpose {
    Purpose::Restore { attempt: task.op.attempt, before: outcome.before.clone(), overwrite: false }
}

#[tokio::test]
async fn what_a_device_has_on_by_default_is_switched_off_once_and_comes_back() {
    let cells: Vec<_> = [HAS, EMPTY]
        .into_iter()
        .flat_map(|has| HIDING.map(|(platform, line)| (has, platform, line)))
        .collect();
    let parts = cells.iter().map(|(has, platform, _)| Part { platform, has, mode: Mode::Good });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    for (number, (has, platform, line)) in (1..).zip(cells) {
        let text = format!("no ntp server 192.0.2.9\ninterface Loopback1\n {line}\n");
        let task = bench.task(number, platform, &text, Wants::Merge);
        assert_eq!(bench.again(&task, Purpose::Compare).await.class, Class::Ok, "{platform}");
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, outcome.message.contains("neither")), (Class::Ok, false), "{outcome:?}");
        let typed = bench.typed(number);
        assert!(typed.iter().any(|typed| typed == line), "{typed:?}");
        assert_eq!(bench.has(number), format!("{has} {line}\n"));
        let second = bench.again(&task, Purpose::Apply).await;
        assert_eq!(
            (second.class, second.message.contains("neither")),
            (Class::Unchanged, false),
            "{second:?}"
        );
        assert_eq!(bench.typed(number), typed, "{platform}");
        let back = bench.again(&task, restored(&task, &outcome)).await;
        assert_eq!(
            (back.class, back.left_as, bench.has(number).as_str()),
            (Class::Ok, LeftAs::Reverted, has)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_does_not_tell_its_defaults_takes_the_rest_of_a_change_and_is_put_back() {
    let tricks = [Trick::DefaultsRefused, Trick::DefaultsSilent, Trick::DefaultsFlood, Trick::DefaultsHalf];
    let cells: Vec<_> =
        tricks.into_iter().flat_map(|trick| HIDING.map(|(platform, line)| (trick, platform, line))).collect();
    let parts =
        cells.iter().map(|(trick, platform, _)| Part { platform, has: HAS, mode: Mode::Trick(*trick) });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    let mut running = JoinSet::new();
    for (number, (trick, platform, line)) in (1..).zip(cells) {
        running.spawn(untold(bench.clone(), number, trick, (platform, line)));
    }
    running.join_all().await;
}

async fn untold(bench: Arc<Bench>, number: usize, trick: Trick, (platform, line): (&str, &str)) {
    let text = format!(
        "no ntp server 192.0.2.1\nntp server 192.0.2.2\ninterface Loopback1\n {line}\n no cdp enable\n"
    );
    let task = bench.task(number, platform, &text, Wants::Merge);
    let plan = bench.again(&task, Purpose::Compare).await;
    assert_eq!((plan.class, plan.message.contains(NOT_KNOWN)), (Class::Ok, true), "{trick} {plan:?}");
    assert!(plan.hint.starts_with("it shows neither ") && plan.hint.ends_with(NOT_KNOWN), "{}", plan.hint);
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{trick} {outcome:?}");
    let told = outcome.message.contains(&format!("`{line}`")) && outcome.message.contains(NOT_KNOWN);
    assert!(told && !outcome.message.contains("192.0.2.1`"), "{trick} {platform}: {}", outcome.message);
    let typed = bench.typed(number);
    let second = bench.again(&task, Purpose::Apply).await;
    assert_eq!((second.class, bench.typed(number)), (Class::Unchanged, typed), "{trick} {second:?}");
    let back = bench.again(&task, restored(&task, &outcome)).await;
    assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{trick} {platform} {back:?}");
}

#[tokio::test]
async fn a_change_that_shows_nothing_and_was_lost_before_it_was_said_is_settled_as_not_made() {
    let (platform, line) = HIDING[0];
    let bench = Bench::new(&[Part { platform, has: HAS, mode: Mode::Stall }]).await;
    let task = bench.task(1, platform, &format!("interface Loopback1\n {line}\n"), Wants::Merge);
    let lost = bench.attempt(&task).await;
    assert_eq!((lost.class, lost.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{lost:?}");
    bench.mends(&task).await;
    let settled = bench.again(&task, Purpose::Settle { before: lost.before }).await;
    assert_eq!(settled.found, Some(Found::NotApplied), "{settled:?}");
}

#[tokio::test]
async fn a_default_with_a_value_is_switched_off_once() {
    let bench = Bench::new(&[Part { platform: "cisco_ios", has: HAS, mode: Mode::Good }]).await;
    let text = "no logging console\ninterface Loopback1\n no keepalive\n";
    let task = bench.task(1, "cisco_ios", text, Wants::Merge);
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, outcome.message.contains("default")), (Class::Ok, false), "{outcome:?}");
    assert_eq!(bench.has(1), format!("{HAS} no keepalive\nno logging console\n"));
    let typed = bench.typed(1);
    let second = bench.again(&task, Purpose::Apply).await;
    assert_eq!((second.class, bench.typed(1)), (Class::Unchanged, typed), "{second:?}");
}

#[tokio::test]
async fn a_line_that_may_be_another_thing_than_the_default_it_begins_is_told_with_that_default() {
    let has = "hostname r1\n";
    let bench = Bench::new(&[Part { platform: "cisco_ios", has, mode: Mode::Good }; 2]).await;
    let family = bench.attempt(&bench.task(1, "cisco_ios", "no ntp\n", Wants::Merge)).await;
    assert_eq!((family.class, bench.typed(1).len()), (Class::Unchanged, 0), "{family:?}");
    let plan = bench.again(&bench.task(1, "cisco_ios", "no ntp\n", Wants::Merge), Purpose::Compare).await;
    assert!(plan.class == Class::Unchanged && plan.hint.starts_with("it shows neither `ntp` "), "{plan:?}");
    assert!(family.message.contains("`no ntp` (by default it has `ntp allow mode control 3`)"), "{family:?}");
    let task = bench.task(2, "cisco_ios", "no ntp allow\n", Wants::Merge);
    let half = bench.attempt(&task).await;
    assert_eq!((half.class, half.left_as), (Class::Ok, LeftAs::Changed), "{half:?}");
    let told =
        "it took `no ntp allow` (by default it has `ntp allow mode control 3`) and shows nothing of it";
    assert!(half.message.contains(told), "{}", half.message);
}

#[tokio::test]
async fn what_an_interface_would_show_is_a_default_of_other_sections() {
    let has = "interface Loopback1\n description one\nmanagement api http-commands\n protocol https\n";
    let bench = Bench::new(&[Part { platform: "arista_eos", has, mode: Mode::Good }; 2]).await;
    let api = bench.task(1, "arista_eos", "management api http-commands\n no shutdown\n", Wants::Merge);
    let outcome = bench.attempt(&api).await;
    assert_eq!((outcome.class, bench.has(1)), (Class::Ok, format!("{has} no shutdown\n")), "{outcome:?}");
    let typed = bench.typed(1);
    let second = bench.again(&api, Purpose::Apply).await;
    assert_eq!((second.class, bench.typed(1)), (Class::Unchanged, typed), "{second:?}");
    let port = bench.task(2, "arista_eos", "interface Loopback1\n no shutdown\n", Wants::Merge);
    let outcome = bench.attempt(&port).await;
    assert_eq!(
        (outcome.class, outcome.message.contains("neither")),
        (Class::Unchanged, false),
        "{outcome:?}"
    );
}
