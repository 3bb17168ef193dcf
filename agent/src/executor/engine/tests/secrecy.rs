//! No secret leaves with an outcome: not in a check's words, and not in halves.

use super::fake::Bench;
use super::*;
use switchyard_shared::outcome::MESSAGE_BYTES_MAX;
use switchyard_shared::procedure::Expectation;
use switchyard_shared::secret_text::named;

#[tokio::test(start_paused = true)]
async fn what_the_platform_marks_as_secret_is_in_no_message_of_a_check() {
    for fails_before in [true, false] {
        let mut bench = Bench::new("old", "new");
        let check = command("show run", Expectation::Contains("established".into()));
        match fails_before {
            true => bench.procedure.pre = vec![check],
            false => bench.procedure.post = vec![check],
        }
        bench.shows("password marked");
        let outcome = bench.apply().await;
        assert!(outcome.message.contains("password (secret)"), "{}", outcome.message);
        assert!(!outcome.message.contains("marked"), "{}", outcome.message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_hidden_before_a_message_is_cut_in_its_middle() {
    let secret = "c4n4ry".repeat(30);
    for room in [20, 100, 150] {
        let mut bench = Bench::new("old", "new");
        let reference = bench.secret("k", &secret);
        bench.procedure.secrets.insert("k".into(), reference);
        bench.task.configuration = format!("key {}", named("k")).into_bytes().into();
        bench.refuses_with(&format!("{}{secret}", "x".repeat(MESSAGE_BYTES_MAX - room)));
        let outcome = bench.apply().await;
        assert_eq!(outcome.class, Class::Rejected, "{}", outcome.message);
        assert!(!outcome.message.contains("c4n4"), "{}", outcome.message);
    }
}

#[tokio::test]
async fn a_stop_is_heard_while_the_secrets_are_fetched() {
    let mut bench = Bench::new("old", &format!("key {}\n", named("k")));
    bench.secret("secret-commands.yaml", "slow: {argv: [/bin/sleep, '60']}\n");
    bench.procedure.secrets.insert("k".into(), "exec:slow".into());
    let stop = async { bench.cancel.cancel() };
    let (outcome, ()) = tokio::join!(bench.apply(), stop);
    assert_eq!((outcome.class, outcome.phase), (Class::Cancelled, Phase::Queue), "{}", outcome.message);
    assert_eq!(bench.deeds(), [], "the device was never asked");
}

#[tokio::test(start_paused = true)]
async fn a_device_is_said_to_be_asked_once_the_secrets_of_its_change_are_there() {
    let mut bench = Bench::new("old", "new");
    bench.apply().await;
    assert_eq!(bench.connects(), 0, "it was asked at once");
    let reference = bench.secret("k", "c4n4ry");
    bench.procedure.secrets.insert("k".into(), reference);
    bench.apply().await;
    assert_eq!(bench.connects(), 1);
    bench.procedure.secrets.insert("k".into(), "file:nowhere".into());
    bench.task.configuration = format!("key {}", named("k")).into_bytes().into();
    bench.apply().await;
    assert_eq!(bench.connects(), 1, "without them nobody asks it");
}
