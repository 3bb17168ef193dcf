//! Ways back of devices over real SSH: what is hidden stays what it is, what cannot be told is not written, order counts.

use crate::executor::cli::tests::bench::{Bench, Part};
use crate::simulator::{Mode, Trick};
use std::sync::Arc;
use switchyard_shared::outcome::{Class, LeftAs, Outcome};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task, Work};

const HAS: &str = "<system xmlns=\"urn:x\">\n  <hostname>r1</hostname>\n  <user>\n    <name>bob</name>\n    \
    <password>of-bob</password>\n    <level>1</level>\n  </user>\n  <rule>\n    <name>a</name>\n  </rule>\n  <rule>\n    \
    <name>b</name>\n  </rule>\n</system>\n";

/// A device that shows stars for passwords, after an accepted change.
async fn changed(platform: &str, change: &str, wants: Wants) -> (Arc<Bench>, Task, Outcome) {
    let mode = Mode::Trick(Trick::Masked);
    let bench = Bench::new(&[Part { platform, has: HAS, mode }]).await;
    let mut task = bench.task(1, platform, change, wants);
    if let Work::Driver(procedure) = &mut task.work {
        Arc::make_mut(procedure).commit.save = true;
    }
    let outcome = bench.attempt(&task).await;
    (bench, task, outcome)
}

async fn back(bench: &Bench, task: &Task, applied: &Outcome) -> Outcome {
    assert_eq!((applied.class, applied.left_as), (Class::Ok, LeftAs::Changed), "{applied:?}");
    let purpose =
        Purpose::Restore { attempt: task.op.attempt, before: applied.before.clone(), overwrite: false };
    bench.again(task, purpose).await
}

#[tokio::test]
async fn a_way_back_keeps_the_passwords_that_a_device_shows_as_stars_and_the_order_of_its_lists() {
    for platform in ["netconf", "netconf-1.0"] {
        for change in [
            "<hostname>r2</hostname><user><name>bob</name><level>2</level></user>",
            "<user><name>eve</name><level>1</level></user><rule nc:operation=\"delete\"><name>a</name></rule>",
        ] {
            let change = format!("<system xmlns=\"urn:x\">{change}</system>");
            let (bench, task, applied) = changed(platform, &change, Wants::Merge).await;
            assert!(bench.has(1).contains("of-bob") && bench.has(1) != HAS, "{}", bench.has(1));
            let outcome = back(&bench, &task, &applied).await;
            assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Reverted), "{outcome:?}");
            assert_eq!(bench.has(1), HAS, "{platform} {change}");
        }
    }
}

#[tokio::test]
async fn a_password_that_was_taken_away_and_was_never_shown_is_not_put_back_as_stars() {
    for platform in ["netconf", "netconf-1.0"] {
        let change = "<system xmlns=\"urn:x\"><hostname>r2</hostname></system>";
        let (bench, task, applied) = changed(platform, change, Wants::Replace).await;
        let left = bench.has(1);
        let outcome = back(&bench, &task, &applied).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Changed), "{outcome:?}");
        assert!(outcome.message.contains("put back <password>"), "{}", outcome.message);
        assert!(outcome.hint.contains("by hand"), "{}", outcome.hint);
        assert_eq!(bench.has(1), left);
    }
}

#[tokio::test]
async fn a_password_that_nobody_could_read_back_is_refused_before_a_word_is_written() {
    let change = "<system xmlns=\"urn:x\"><user><name>bob</name><password>new</password></user></system>";
    let (bench, _, outcome) = changed("netconf", change, Wants::Merge).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("shows no <password>"), "{}", outcome.message);
    assert!(bench.typed(1).is_empty() && bench.has(1) == HAS, "{:?}", bench.typed(1));
}

#[tokio::test]
async fn a_device_without_startup_is_not_said_to_be_saved() {
    let change = "<system xmlns=\"urn:x\"><hostname>r2</hostname></system>";
    let (bench, task, outcome) = changed("netconf", change, Wants::Merge).await;
    assert_eq!(outcome.class, Class::Ok, "{outcome:?}");
    assert!(outcome.message.contains("not known to be saved for the next boot"), "{}", outcome.message);
    let again = bench.again(&task, Purpose::Apply).await;
    assert_eq!(again.class, Class::Unchanged, "{again:?}");
    assert!(again.message.contains("not known to be saved for the next boot"), "{}", again.message);
}
