//! Drafts outlive the sessions in which they were typed: what a lost write leaves is in nobody's way.

use super::bench::{Bench, Part};
use crate::simulator::Mode;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::procedure;
use switchyard_shared::task::Purpose;

const HAS: &str = "hostname r1\n";
const CHANGE: &str = "ntp server 192.0.2.7\nntp server 192.0.2.8\n";
/// More than an EOS keeps sessions that are neither committed nor aborted.
const LOST: u32 = 6;

#[tokio::test]
async fn an_eos_on_which_many_writes_were_lost_among_their_lines_has_room_for_the_next_one_and_its_way_back()
{
    let bench = Bench::new(&[Part { platform: "arista_eos", has: HAS, mode: Mode::Half }]).await;
    let mut task = bench.task(1, "arista_eos", CHANGE, procedure::Mode::Merge);
    for attempt in 1..=LOST {
        task.op.attempt = attempt;
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::LostAfterWrite, LeftAs::Unknown), "{outcome:?}");
    }
    bench.mends(&task).await;
    task.op.attempt = LOST + 1;
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    assert_eq!(bench.has(1), format!("{HAS}{CHANGE}"));

    // Its session is that of the attempt that it undoes, and was committed.
    let back = Purpose::Restore { attempt: LOST + 1, before: outcome.before, overwrite: false };
    let outcome = bench.again(&task, back).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{outcome:?}");
    assert_eq!(bench.has(1), HAS);
}
