//! Half a configuration and then the true prompt, where no last line tells that it is whole.

use super::bench::{Bench, Part};
use super::platforms::PLATFORMS;
use crate::simulator::{Mode, Trick};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

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
            let ended = (outcome.class, outcome.phase, outcome.left_as);
            assert_eq!(ended, (Class::PrecheckFailed, Phase::Read, LeftAs::Unchanged), "{outcome:?}");
            assert!(outcome.message.contains("another configuration"), "{}", outcome.message);
            assert!(outcome.hint.contains("try again"), "{}", outcome.hint);
        }
        assert_eq!((bench.typed(number), bench.has(number)), (typed, has), "{}", row.platform);
    }
}
