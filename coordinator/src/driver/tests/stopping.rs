//! The end of a coordinator, and a word that is answered only when it is durable.

use super::doubts::Bench;
use super::*;
use std::sync::Mutex;
use tokio::sync::Notify;

/// A store whose writes wait for the test, and whose answer to one of them can be lost.
#[derive(Default)]
struct Slow {
    inner: MemoryStore,
    is_slow: AtomicBool,
    let_go: Notify,
    waits: Notify,
    loses_answer: AtomicBool,
    written: Mutex<Vec<String>>,
}

impl Store for Slow {
    fn append(&self, batch: Batch) -> Answer<'_, ()> {
        Box::pin(async move {
            if self.is_slow.load(Ordering::SeqCst) {
                self.waits.notify_one();
                self.let_go.notified().await;
            }
            self.written.lock().unwrap().extend(batch.events.iter().map(|event| event.body.clone()));
            self.inner.append(batch).await?;
            if self.loses_answer.load(Ordering::SeqCst) {
                return Err(StoreError::Failed { place: "test".into(), cause: "its answer is lost".into() });
            }
            Ok(())
        })
    }
    reads_its_inner_store!();
}

fn word(name: &RolloutName, verb: Verb) -> Steer {
    Steer { name: name.to_string(), verb, by: "anna".into(), reason: "enough".into(), etag: String::new() }
}

#[tokio::test]
async fn an_abort_and_a_pause_are_answered_only_when_they_are_durable() {
    for (verb, event) in [(Verb::Abort, "aborted"), (Verb::Pause, "paused")] {
        let store: Arc<Slow> = Arc::default();
        let driver = start(store.clone(), SystemClock::shared(), CancellationToken::new()).await.unwrap().0;
        let name = rollout(&driver).await;
        store.is_slow.store(true, Ordering::SeqCst);
        let (asked, steer) = (driver.clone(), word(&name, verb));
        let answer = tokio::spawn(async move { asked.command(move |w, t| w.steer(&steer, t)).await });
        store.waits.notified().await;
        assert!(!answer.is_finished(), "nothing is said before it is durable");
        assert!(!store.written.lock().unwrap().iter().any(|body| body.contains(event)));
        store.is_slow.store(false, Ordering::SeqCst);
        store.let_go.notify_one();
        answer.await.unwrap().unwrap();
        assert!(store.written.lock().unwrap().iter().any(|body| body.contains(event)), "{event}");
    }
}

#[tokio::test]
async fn an_abort_whose_answer_the_store_lost_is_not_confirmed_and_holds_after_the_restart() {
    let store: Arc<Slow> = Arc::default();
    let (driver, running) =
        start(store.clone(), SystemClock::shared(), CancellationToken::new()).await.unwrap();
    let name = rollout(&driver).await;
    store.loses_answer.store(true, Ordering::SeqCst);
    let steer = word(&name, Verb::Abort);
    let answer = driver.command(move |world, turn| world.steer(&steer, turn)).await;
    assert!(matches!(answer, Err(Refused::Stopping)), "{answer:?}");
    assert!(running.await.unwrap().is_err(), "a coordinator that does not know what is durable ends");
    store.loses_answer.store(false, Ordering::SeqCst);
    let driver = start(store, SystemClock::shared(), CancellationToken::new()).await.unwrap().0;
    assert_eq!(state(&driver, &name).await.0, RolloutState::Aborted);
}

#[tokio::test]
async fn at_its_end_a_coordinator_hands_out_nothing_more_keeps_all_it_answered_and_ends_well() {
    let store: Arc<Fragile> = Arc::default();
    let stop = CancellationToken::new();
    let (driver, running) = start(store.clone(), SystemClock::shared(), stop.clone()).await.unwrap();
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    let op = agent.ops().await.remove(0);
    agent.report(&driver, 1, &op, Class::Ok).await;
    agent.ack().await;
    driver.ask(|_, _| Ok(())).await.unwrap();
    while agent.inbox.try_recv().is_ok() {}
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(matches!(driver.ask(|_, _| Ok(())).await, Err(Refused::Stopping)), "nobody is left waiting");
    assert!(agent.inbox.try_recv().is_err(), "nothing is handed out at the end");
    let driver = started(&store).await;
    assert_eq!(state(&driver, &name).await.1, 1, "what was acknowledged is there");
}

#[tokio::test]
async fn what_is_in_flight_at_the_end_is_waited_for_after_the_restart() {
    let mut bench = Bench::new(SPEC).await;
    bench.driver = bench.restarted().await;
    bench.agent = connect(&bench.driver, "one", hello(vec![bench.op.clone()])).await.unwrap();
    bench.agent.report(&bench.driver, 1, &bench.op.clone(), Class::Ok).await;
    assert_eq!(bench.agent.ack().await, 1);
    bench.driver.ask(|_, _| Ok(())).await.unwrap();
    assert_eq!(state(&bench.driver, &bench.name).await.0, RolloutState::Succeeded);
}

#[tokio::test]
async fn a_turn_is_decided_while_the_one_before_it_is_written_and_tells_nobody_before_that_one_is_durable() {
    let store: Arc<Slow> = Arc::default();
    let (driver, running) =
        start(store.clone(), SystemClock::shared(), CancellationToken::new()).await.unwrap();
    let name = rollout(&driver).await;
    // What the rollout decides by itself is written before anything waits.
    driver.ask(|_, _| Ok(())).await.unwrap();
    store.is_slow.store(true, Ordering::SeqCst);
    let (asked, steer) = (driver.clone(), word(&name, Verb::Pause));
    let pause = tokio::spawn(async move { asked.command(move |w, t| w.steer(&steer, t)).await });
    store.waits.notified().await;
    let (asked, (saw, seen)) = (driver.clone(), tokio::sync::oneshot::channel());
    let look = tokio::spawn(async move {
        let look = move |world: &mut World, _: &mut Turn| {
            let _ = saw.send(world.rollout("test")?.rollout.state);
            Ok(())
        };
        asked.ask(look).await
    });
    let seen = tokio::time::timeout(Duration::from_secs(30), seen).await.expect("decided meanwhile");
    assert_eq!(seen, Ok(RolloutState::Paused));
    assert!(!look.is_finished() && !pause.is_finished(), "what it saw may yet be lost");
    store.loses_answer.store(true, Ordering::SeqCst);
    store.let_go.notify_one();
    assert!(matches!(pause.await.unwrap(), Err(Refused::Stopping)));
    assert!(matches!(look.await.unwrap(), Err(Refused::Stopping)), "not even what needed no writing");
    assert!(running.await.unwrap().is_err());
}
