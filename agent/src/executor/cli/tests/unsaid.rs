//! What is not said to a device, and what a device does that nobody tells anything more.

use super::bench::{Bench, Part};
use super::platforms::{PLATFORMS, Row, Way};
use crate::simulator::{Kind, Mode, Trick};
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::outcome::{Class, Found, LeftAs, Phase};
use switchyard_shared::procedure::{Check, Mode as Wants, Probe, Procedure};
use switchyard_shared::task::{Purpose, Task, Work};

fn part(row: &Row, mode: Mode) -> Part<'static> {
    Part { platform: row.platform, has: row.has, mode }
}

pub(super) fn looks(command: &str) -> Check {
    Check {
        name: "harmless".into(),
        probe: Probe::Command { command: command.into() },
        expectations: Vec::new(),
        save_as: None,
        initial_delay: Duration::ZERO,
        interval: Duration::ZERO,
        count: 1,
        failure_limit: 0,
    }
}

/// The task with another procedure.
fn with(mut task: Task, change: impl FnOnce(&mut Procedure)) -> Task {
    if let Work::Driver(procedure) = &mut task.work {
        change(Arc::make_mut(procedure));
    }
    task
}

#[tokio::test]
async fn a_check_that_could_change_a_device_is_not_said_to_it() {
    let parts: Vec<Part<'_>> = PLATFORMS.iter().map(|row| part(row, Mode::Good)).collect();
    let bench = Bench::new(&parts).await;
    for (number, row) in (1..).zip(PLATFORMS) {
        for command in
            ["reload", "configure terminal", "show version | redirect flash:x", "show version\nreload"]
        {
            let check = looks(command);
            let task = bench.task(number, row.platform, row.merge, row.change());
            let outcome = bench.attempt(&with(task, |procedure| procedure.pre = vec![check])).await;
            let got = (outcome.class, outcome.phase, outcome.left_as);
            assert_eq!(got, (Class::PrecheckFailed, Phase::Validate, LeftAs::Unchanged), "{outcome:?}");
            assert!(outcome.message.contains("not known to only look"), "{outcome:?}");
        }
        assert_eq!(bench.typed(number), Vec::<String>::new(), "{}", row.platform);
    }
}

#[tokio::test]
async fn what_cannot_be_typed_is_refused_before_anything_is_said() {
    let typed = || PLATFORMS.into_iter().filter(|row| row.way != Way::File);
    let bench = Bench::new(&typed().map(|row| part(&row, Mode::Good)).collect::<Vec<_>>()).await;
    for (number, row) in (1..).zip(typed()) {
        for (text, wants, why) in [
            ("set a \u{1b}[A\n", Wants::Merge, "control character"),
            ("set a \u{3}reload\n", Wants::Merge, "control character"),
            ("", Wants::Replace, "would take everything away"),
        ] {
            let outcome = bench.attempt(&bench.task(number, row.platform, text, wants)).await;
            assert_eq!((outcome.class, outcome.phase), (Class::PrecheckFailed, Phase::Read), "{outcome:?}");
            assert!(outcome.message.contains(why), "{}: {}", row.platform, outcome.message);
        }
        assert_eq!(bench.typed(number), Vec::<String>::new(), "{}", row.platform);
    }
}

#[tokio::test]
async fn a_template_with_braces_is_refused_before_anything_is_said_where_a_device_takes_set_lines() {
    let flat: Vec<Row> = PLATFORMS
        .into_iter()
        .filter(|row| ["juniper_junos", "nokia_srlinux"].contains(&row.platform))
        .collect();
    let bench = Bench::new(&flat.iter().map(|row| part(row, Mode::Good)).collect::<Vec<_>>()).await;
    for (number, row) in (1..).zip(flat) {
        let text = "system {\n    ntp {\n        server 192.0.2.10;\n    }\n}\n";
        let outcome = bench.attempt(&bench.task(number, row.platform, text, Wants::Merge)).await;
        let got = (outcome.class, outcome.phase, outcome.left_as);
        assert_eq!(got, (Class::PrecheckFailed, Phase::Read, LeftAs::Unchanged), "{outcome:?}");
        let said = "takes lines that begin with `set` or `delete`, and the template says system {";
        assert!(outcome.message.contains(said), "{}", outcome.message);
        assert_eq!(bench.typed(number), Vec::<String>::new(), "{}", row.platform);
    }
}

#[tokio::test]
async fn a_change_that_nobody_can_confirm_is_taken_back_by_the_device_and_found_so() {
    let confirming: Vec<Row> =
        PLATFORMS.into_iter().filter(|row| ["arista_eos", "nokia_srlinux"].contains(&row.platform)).collect();
    let mode = Mode::Trick(Trick::DropBeforeConfirm);
    let bench = Bench::new(&confirming.iter().map(|row| part(row, mode)).collect::<Vec<_>>()).await;
    for (number, row) in (1..).zip(confirming) {
        let task = bench.task(number, row.platform, row.merge, Wants::Merge);
        let task = bench.with_patience(&task, 2);
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, outcome.phase), (Class::LostAfterWrite, Phase::Confirm), "{outcome:?}");
        bench.until(number, Kind::Reverted).await;
        assert_eq!(bench.has(number), row.has, "{}", row.platform);
        let settled = bench.again(&task, Purpose::Settle { before: outcome.before }).await;
        assert_eq!((settled.found, settled.left_as), (Some(Found::NotApplied), LeftAs::Unchanged));
    }
}
