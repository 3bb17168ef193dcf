//! Devices over RESTCONF that show stars in the place of passwords: nobody asks for what cannot be seen, and stars are
//! never written.

use super::Bench;
use crate::executor::http::RESTCONF;
use crate::simulator::http::Store;
use serde_json::{Value, json};
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::task::Purpose;

fn content() -> Value {
    json!({"x:system": {"name": "r1", "user": [{"name": "bob", "level": 1, "password": "of-bob"}]}})
}

async fn bench() -> Bench {
    let mut store = Store::new(&content());
    store.masks = true;
    Bench::new(store, RESTCONF).await
}

fn has(bench: &Bench) -> Value {
    serde_json::from_str(&bench.device.running()).unwrap()
}

#[tokio::test]
async fn a_password_that_nobody_could_read_back_is_refused_before_a_word_is_written() {
    let bench = bench().await;
    for (number, name) in [(1, "bob"), (2, "eve")] {
        let change = json!({"x:system": {"user": [{"name": name, "password": "new"}]}}).to_string();
        let outcome = bench.attempt(Purpose::Apply, &change, number).await;
        assert_eq!(
            (outcome.class, outcome.left_as),
            (Class::PrecheckFailed, LeftAs::Unchanged),
            "{outcome:?}"
        );
        assert!(outcome.message.contains("cannot be used: the device shows no password"), "{outcome:?}");
    }
    assert_eq!((bench.device.writes().len(), has(&bench)), (0, content()));
}

#[tokio::test]
async fn a_password_that_was_taken_away_and_was_never_shown_is_not_put_back_as_stars() {
    let bench = bench().await.replaces();
    let change = r#"{"x:system": {"name": "r2"}}"#;
    let outcome = bench.apply(change).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{outcome:?}");
    let (left, written) = (has(&bench), bench.device.writes().len());
    let back = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    let outcome = bench.attempt(back, change, 2).await;
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Changed), "{outcome:?}");
    assert!(outcome.message.contains("failed to put back password"), "{outcome:?}");
    assert_eq!((has(&bench), bench.device.writes().len()), (left, written));
}
