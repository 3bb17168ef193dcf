//! Half a configuration and then the true prompt, where no last line tells that it is whole.

use super::bench::{Bench, Part};
use super::platforms::PLATFORMS;
use crate::simulator::{Mode, Trick};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

fn is_not_believed(outcome: &Outcome, left_as: LeftAs) {
    let ended = (outcome.class, outcome.phase, outcome.left_as);
    assert_eq!(ended, (Class::PrecheckFailed, Phase::Read, left_as), "{outcome:?}");
    assert!(outcome.message.contains("another configuration"), "{}", outcome.message);
    assert!(outcome.hint.contains("try again"), "{}", outcome.hint);
}

#[tokio::test]
async fn nothing_is_written_or_put_back_by_a_reading_that_does_not_come_twice() {
    let rows = PLATFORMS.into_iter().filter(|row| !row.tells_its_end);
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 3);
    let parts = rows.iter().map(|row| Part { platform: row.platform, has: row.has, mode: Mode::Good });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    for (number, row) in (1..).zip(rows) {
        let task = bench.task(number, row.platform, row.merge, Wants::Merge);
        let before = bench.attempt(&task).await.before;
        let (typed, has) = (bench.typed(number), bench.has(number));
        bench.becomes(&task, Mode::Trick(Trick::HalfReading)).await;
        let back = Purpose::Restore { attempt: task.op.attempt, before, overwrite: true };
        let replace = bench.task(number, row.platform, row.replace, Wants::Replace);
        for outcome in [bench.again(&task, back).await, bench.again(&replace, Purpose::Apply).await] {
            is_not_believed(&outcome, LeftAs::Unchanged);
        }
        assert_eq!((bench.typed(number), bench.has(number)), (typed, has), "{}", row.platform);
    }
}

#[tokio::test]
async fn a_reading_by_half_is_no_proof_that_a_device_has_a_change_already() {
    let rows = [
        ("juniper_junos", "set system host-name r1\nset system services ssh\nset system services telnet\n"),
        ("nokia_srlinux", "set / system name host-name r1\nset / system ssh\nset / system telnet\n"),
    ];
    let bench = Bench::new(&rows.map(|(platform, has)| Part { platform, has, mode: Mode::Good })).await;
    for (number, (platform, has)) in (1..).zip(rows) {
        let text = has.lines().last().unwrap_or_default().replace("set ", "delete ") + "\n";
        let task = bench.task(number, platform, &text, Wants::Merge);
        assert_eq!(bench.again(&task, Purpose::Compare).await.class, Class::Ok, "{platform}");
        bench.becomes(&task, Mode::Trick(Trick::HalfReading)).await;
        // Each of them reads twice, and first the half.
        for purpose in [Purpose::Compare, Purpose::Apply] {
            is_not_believed(&bench.again(&task, purpose).await, LeftAs::Unchanged);
        }
        let settled = bench.again(&task, Purpose::Settle { before: None }).await;
        is_not_believed(&settled, LeftAs::Unknown);
        assert_eq!(bench.has(number), has, "{platform}");
    }
}
