//! Devices over real SSH that boot with what was saved: a change is saved, and a save that was lost is made up for.

use crate::executor::cli::tests::bench::{Bench, Part};
use crate::simulator::{Mode, Trick};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task, Work};

const PLATFORM: &str = "netconf-startup";
const HAS: &str = "<system xmlns=\"urn:x\">\n  <hostname>r1</hostname>\n</system>\n";
const CHANGE: &str = "<system xmlns=\"urn:x\"><hostname>r2</hostname></system>";
const SAVED: &[&str] = &["discard-changes", "edit-config", "commit", "copy-config"];

/// A device and a change that is to be saved.
async fn device(mode: Mode) -> (Arc<Bench>, Task) {
    let bench = Bench::new(&[Part { platform: PLATFORM, has: HAS, mode }]).await;
    let mut task = bench.task(1, PLATFORM, CHANGE, Wants::Merge);
    if let Work::Driver(procedure) = &mut task.work {
        let commit = &mut Arc::make_mut(procedure).commit;
        (commit.save, commit.confirmed) = (true, false);
    }
    (bench, task)
}

#[tokio::test]
async fn a_change_is_saved_and_so_is_its_way_back_and_what_is_saved_is_not_saved_again() {
    let (bench, task) = device(Mode::Good).await;
    let outcome = bench.attempt(&task).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    assert!(!outcome.message.contains("saved"), "nothing is in doubt: {}", outcome.message);
    assert_eq!(bench.typed(1), SAVED);
    let again = bench.again(&task, Purpose::Apply).await;
    assert_eq!(again.class, Class::Unchanged, "{again:?}");
    assert_eq!(bench.typed(1), SAVED);
    let before = outcome.before.clone();
    let back = Purpose::Restore { attempt: task.op.attempt, before, overwrite: false };
    let back = bench.again(&task, back).await;
    assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{back:?}");
    assert!(back.message.contains("what it has now is saved for the next boot"), "{}", back.message);
    assert_eq!(bench.typed(1), [SAVED, SAVED].concat());
    assert_eq!(bench.has(1), HAS);
}

#[tokio::test]
async fn a_save_that_is_lost_fails_the_device_and_the_next_apply_makes_it() {
    let (bench, task) = device(Mode::Trick(Trick::DropBeforeConfirm)).await;
    let outcome = bench.attempt(&task).await;
    let expected = (Class::PostcheckFailed, Phase::Confirm, LeftAs::Changed);
    assert_eq!((outcome.class, outcome.phase, outcome.left_as), expected, "{outcome:?}");
    assert!(outcome.message.contains("it is not saved for the next boot"), "{}", outcome.message);
    bench.mends(&task).await;
    let planned = bench.again(&task, Purpose::Compare).await;
    assert!(planned.message.contains("it is not saved for the next boot, and would be"), "{planned:?}");
    assert_eq!(bench.typed(1), SAVED, "a comparison saves nothing");
    let again = bench.again(&task, Purpose::Apply).await;
    assert_eq!((again.class, again.left_as), (Class::Ok, LeftAs::Changed), "{again:?}");
    assert!(again.message.contains("it was not saved for the next boot, and is now"), "{}", again.message);
    let typed = bench.typed(1);
    assert_eq!(typed, [SAVED, &["copy-config"]].concat());
    let third = bench.again(&task, Purpose::Apply).await;
    assert_eq!((third.class, bench.typed(1)), (Class::Unchanged, typed), "{third:?}");
}
