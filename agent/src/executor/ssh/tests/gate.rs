//! The one exchange that sends a configuration: it never leaves an attempt that only reads.

use super::super::capture::Capture;
use super::super::exchange::{Ending, exchange};
use super::bench::Bench;
use crate::clock::SystemClock;
use crate::executor::WritePass;
use crate::simulator::{Kind, Mode};
use switchyard_shared::task::Purpose;

#[tokio::test]
async fn not_one_command_that_writes_leaves_an_attempt_that_reads_though_it_has_the_pass_of_the_gate() {
    let mut bench = Bench::new(Mode::Good).await;
    let pass = WritePass::ask(&bench.gate, SystemClock::shared(), None).await.expect("an open gate");
    let mut session = bench.executor.door.open(&bench.task, &bench.gate).await.expect("a session");
    let mut capture = Capture::default();
    for purpose in [Purpose::Compare, Purpose::Settle { before: None }] {
        bench.task.purpose = purpose;
        let kept_back = exchange(&mut session, &pass, &bench.task, &mut capture).await;
        assert_eq!(kept_back, Ending::NotSent("this attempt only reads".into()));
    }
    let kinds = bench.fleet.ledger("dev001").expect("a ledger").into_iter().map(|event| event.event);
    assert_eq!(kinds.collect::<Vec<_>>(), [Kind::Contact, Kind::Login], "nothing has left");
    assert!(session.channel.is_some(), "its channel is untouched");
    bench.task.purpose = Purpose::Apply;
    let ending = exchange(&mut session, &pass, &bench.task, &mut capture).await;
    assert_eq!(ending, Ending::Exit { status: 0, whole: true });
    assert_eq!(bench.count(Kind::Apply), 1, "what writes is noted");
}
