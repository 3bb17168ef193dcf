//! The one way by which words reach a device: in an attempt that only reads, none goes it that can write.

use super::super::CliDriver;
use super::bench::{Bench, Part};
use super::platforms::{PLATFORMS, Row};
use crate::clock::SystemClock;
use crate::executor::WritePass;
use crate::executor::device::{Driver as _, Job, Running, Session, WriteEnd};
use crate::executor::played::OpenGate;
use crate::executor::ssh::Door;
use crate::executor::wanted::{Redactor, Wanted};
use crate::platform::Platforms;
use crate::secrets::{Secret, Secrets, SiteKey};
use crate::simulator::Mode;
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task, Work};

async fn session(task: &Task) -> Box<dyn Session> {
    let Work::Driver(procedure) = &task.work else { panic!("a driver's task") };
    let data = tempfile::tempdir().expect("a folder");
    let door = Door::new(Secrets::new(data.path()), SiteKey::of(data.path()), SystemClock::shared());
    let job = Job {
        task,
        procedure,
        context: &OpenGate,
        redactor: Redactor::of(Vec::new()),
        unshown: Default::default(),
    };
    CliDriver::new(door, Platforms::built_in()).connect(&job).await.expect("a session")
}

/// Says with a pass in hand all that a session has to say; gives the end of the write.
async fn says_everything(task: &Task, row: &Row) -> Result<(), WriteEnd> {
    let pass = WritePass::ask(&OpenGate, SystemClock::shared(), None).await.expect("an open gate");
    let mut session = session(task).await;
    let running = session.read().await.expect("a reading");
    let wanted = Wanted::new(Secret::new(row.replace.into()), Vec::new(), Wants::Replace);
    let _ = session.confirm(&pass).await;
    let _ = session.cancel(&pass).await;
    let _ = session.save(&pass).await;
    let _ = session.restore(&pass, &running, &Running(row.replace.to_owned().into())).await;
    let written = session.write(&pass, &running, &wanted).await;
    session.close().await;
    written.map(drop)
}

#[tokio::test]
async fn not_one_word_that_writes_leaves_an_attempt_that_reads_though_it_has_the_pass_of_the_gate() {
    let parts = PLATFORMS.map(|row| Part { platform: row.platform, has: row.has, mode: Mode::Good });
    let bench = Bench::new(&parts).await;
    for (number, row) in (1..).zip(&PLATFORMS) {
        let mut task = bench.task(number, row.platform, row.replace, Wants::Replace);
        for purpose in [Purpose::Compare, Purpose::Settle { before: None }] {
            task.purpose = purpose;
            let end = says_everything(&task, row).await.expect_err("it is kept back");
            assert_eq!(end.to_string(), "this attempt only reads", "{}", row.platform);
        }
        assert_eq!((bench.typed(number), bench.has(number).as_str()), (vec![], row.has), "{}", row.platform);
        task.purpose = Purpose::Apply;
        let _ = says_everything(&task, row).await;
        assert!(!bench.typed(number).is_empty(), "{}: what writes is noted", row.platform);
    }
}
