//! A full disk: no word that is not durable, everything can be looked at, and it goes on by itself.

use super::*;
use tokio::sync::watch;

/// A store whose disk is full until it has room.
struct Cramped {
    inner: MemoryStore,
    full: watch::Sender<bool>,
}

impl Default for Cramped {
    fn default() -> Self {
        Self { inner: MemoryStore::default(), full: watch::Sender::new(false) }
    }
}

impl Store for Cramped {
    fn append(&self, batch: Batch) -> Answer<'_, ()> {
        let mut full = self.full.subscribe();
        Box::pin(async move {
            full.wait_for(|full| !full).await.unwrap();
            self.inner.append(batch).await
        })
    }
    fn full(&self) -> Option<String> {
        self.full.borrow().then(|| "write the database d: the disk is full".to_owned())
    }
    reads_its_inner_store!();
}

/// What an operator is shown that the rollout waits for.
async fn blocked_on(driver: &Driver, name: &RolloutName) -> Vec<String> {
    let name = name.to_string();
    let shown = driver.look(move |world, now| world.shown(&name, now));
    let within = tokio::time::timeout(Duration::from_secs(30), shown).await;
    within.expect("a look waits for no disk").unwrap().blocked_on
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_said_that_is_not_durable_all_can_be_looked_at_and_it_goes_on_by_itself() {
    let store: Arc<Cramped> = Arc::default();
    let stop = CancellationToken::new();
    let (driver, running) = start(store.clone(), SystemClock::shared(), stop.clone()).await.unwrap();
    let name = rollout(&driver).await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    driver.deliver(agent.session, FromAgent::Credit(1)).await.unwrap();
    let op = agent.ops().await.remove(0);
    store.full.send_replace(true);
    agent.report(&driver, 1, &op, Class::Ok).await;
    driver.deliver(agent.session, FromAgent::Credit(9)).await.unwrap();
    driver.deliver(agent.session, FromAgent::Heartbeat(1)).await.unwrap();
    let waits = blocked_on(&driver, &name).await;
    assert!(waits[0].contains("the disk is full") && waits[0].contains("nothing is started"), "{waits:?}");
    let pause = driver.command(|_, _| Ok(())).await;
    assert!(matches!(&pause, Err(Refused::DiskFull(why)) if why.contains("the disk is full")), "{pause:?}");
    let other = connect(&driver, "one", hello(vec![])).await.err();
    assert!(matches!(other, Some(Refused::DiskFull(_))), "{other:?}");
    assert!(agent.nothing_waits(), "no acknowledgement, no work, no lease");
    store.full.send_replace(false);
    assert_eq!(agent.ack().await, 1);
    assert!(!agent.ops().await.is_empty(), "it goes on");
    assert!(blocked_on(&driver, &name).await.iter().all(|line| !line.contains("full")));
    store.full.send_replace(true);
    driver.deliver(agent.session, FromAgent::Heartbeat(2)).await.unwrap();
    blocked_on(&driver, &name).await;
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(30), running).await;
    ended.expect("it does not wait for room to end").unwrap().unwrap();
}
