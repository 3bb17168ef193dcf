//! A watcher of breakers outlives its connection.

use crate::exit::Exit;
use crate::fake::{Fake, dark_site};

const WATCH: &[&str] = &["breaker", "watch", "-o", "jsonl", "--timeout", "10s"];

#[tokio::test]
async fn a_watcher_of_breakers_comes_back_after_a_restart_and_is_told_all_anew() {
    let fake = Fake::start(dark_site()).await;
    fake.state().breaker_watches = 3;
    let watched = fake.run(WATCH).await;
    let snapshots = watched.out.lines().filter(|line| line.starts_with("{\"snapshot\"")).count();
    assert_eq!(snapshots, 3, "{watched:?}");
    for said in ["reconnecting in ", "the coordinator closed the stream", "reconnected"] {
        assert!(watched.err.contains(said), "{said}: {watched:?}");
    }
    assert_eq!(watched.exit, Exit::Auth, "a refusal is not tried again: {watched:?}");
}

#[tokio::test]
async fn a_coordinator_that_was_never_there_is_not_waited_for() {
    let fake = Fake::start(dark_site()).await;
    fake.state().refuse = Some(tonic::Status::unavailable("starting"));
    let watched = fake.run(WATCH).await;
    assert_eq!(watched.exit, Exit::Unavailable, "{watched:?}");
    assert!(!watched.err.contains("reconnecting"), "{watched:?}");
}
