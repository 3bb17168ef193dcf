//! Sessions with a scripted coordinator over a link in memory; time is paused.

use super::fake::{Peer, fake_coordinator};
use super::*;
use crate::clock::SystemClock;
use std::sync::Mutex;
use switchyard_proto::convert::link::{FromAgent, FromCoordinator, Hello, Welcome};
use switchyard_shared::id::AgentName;
use switchyard_shared::time::Timestamp;
use tonic::Code;

struct Bench {
    sessions: mpsc::Receiver<Peer>,
    driver: mpsc::Receiver<Message>,
    lease: Arc<Lease>,
    clock: Arc<dyn Clock>,
    _stop: tokio_util::sync::DropGuard,
}

fn bench(refuse: Option<Code>) -> Bench {
    let (connector, sessions) = fake_coordinator(refuse);
    let (driver_sender, driver) = mpsc::channel(16);
    let (lease, clock) = (Arc::new(Lease::default()), SystemClock::shared());
    let session = Session {
        site: SiteName::new("lon").unwrap(),
        connector,
        driver: driver_sender,
        lease: lease.clone(),
        clock: clock.clone(),
        backoff: Backoff::new(1),
    };
    let stop = CancellationToken::new();
    tokio::spawn(session.run(stop.clone()));
    Bench { sessions, driver, lease, clock, _stop: stop.drop_guard() }
}

fn welcome() -> Welcome {
    Welcome {
        site_epoch: 1,
        coordinator_epoch: 3,
        acked_sequence: 7,
        heartbeat_interval: Duration::from_secs(2),
        lease: Duration::from_secs(10),
        site: SiteName::new("lon").unwrap(),
        agent: AgentName::new("lon-1").unwrap(),
        results_at_once: 0,
    }
}

impl Bench {
    async fn answer_hello(&mut self) {
        let Message::HelloWanted(reply) = self.driver.recv().await.unwrap() else {
            panic!("a session begins with hello")
        };
        let hello = Hello {
            site_epoch: 1,
            last_sequence: None,
            site: SiteName::new("lon").unwrap(),
            version: "0".into(),
            in_hand: vec![],
            acked_sequence: 7,
            coordinator_epoch: 3,
            max_in_flight: 4,
            journal_id: "j".into(),
            former_journal_ids: Vec::new(),
            left_out: Vec::new(),
            calls_off_comparisons: true,
        };
        reply.send(hello).unwrap();
    }

    /// Plays both sides up to the welcome.
    async fn connected(&mut self) -> (Peer, mpsc::Sender<FromAgent>) {
        self.answer_hello().await;
        let mut peer = self.sessions.recv().await.unwrap();
        assert!(matches!(peer.hear().await, FromAgent::Hello(_)));
        peer.say(FromCoordinator::Welcome(welcome())).await;
        let Message::Connected(heard, up) = self.driver.recv().await.unwrap() else {
            panic!("the driver hears of the welcome")
        };
        assert_eq!(heard, welcome());
        (peer, up)
    }

    fn lease_left(&self) -> Duration {
        self.lease.until().since(self.clock.now())
    }
}

#[tokio::test(start_paused = true)]
async fn messages_flow_both_ways_after_the_welcome() {
    let mut bench = bench(None);
    let (mut peer, up) = bench.connected().await;
    assert!(bench.lease_left() > Duration::from_secs(9));
    up.send(FromAgent::Credit(4)).await.unwrap();
    loop {
        match peer.hear().await {
            FromAgent::Credit(total) => break assert_eq!(total, 4),
            FromAgent::Heartbeat(_) => {}
            other @ (FromAgent::Hello(_)
            | FromAgent::Progress { .. }
            | FromAgent::Result { .. }
            | FromAgent::Results(_)
            | FromAgent::Compared(_)
            | FromAgent::Breaker(_)) => panic!("{other:?}"),
        }
    }
    peer.say(FromCoordinator::Ack(9)).await;
    let heard = bench.driver.recv().await.unwrap();
    assert!(matches!(heard, Message::Down(FromCoordinator::Ack(9))), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_of_an_old_session_that_is_replayed_changes_nothing() {
    let mut bench = bench(None);
    let (peer, _up) = bench.connected().await;
    peer.say_in(5, FromCoordinator::Ack(8)).await;
    peer.say(FromCoordinator::Ack(9)).await;
    let heard = bench.driver.recv().await.unwrap();
    assert!(matches!(heard, Message::Down(FromCoordinator::Ack(9))), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answered_heartbeat_renews_the_lease_from_when_it_was_sent() {
    let mut bench = bench(None);
    let (mut peer, _up) = bench.connected().await;
    for _ in 0..20 {
        let FromAgent::Heartbeat(count) = peer.hear().await else { panic!("only heartbeats") };
        let sent = bench.clock.now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        peer.say(FromCoordinator::HeartbeatReply(count)).await;
        while bench.lease.until() < sent.plus(Duration::from_secs(9)) {
            tokio::task::yield_now().await;
        }
        assert!(bench.lease_left() <= Duration::from_secs(9), "not from when the answer came");
    }
    assert!(bench.driver.try_recv().is_err(), "still connected after forty seconds");
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_stops_answering_is_left_when_the_lease_ends() {
    let mut bench = bench(None);
    let begun = bench.clock.now();
    let (_peer, _up) = bench.connected().await;
    assert!(matches!(bench.driver.recv().await.unwrap(), Message::Disconnected));
    let took = bench.clock.now().since(begun);
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(11), "{took:?}");
    assert!(!bench.lease.is_held(bench.clock.now()));
    bench.connected().await;
}

/// What is logged from now on in this thread.
fn logged() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    // Whoever first comes to what is logged notes for all threads whether somebody listens: so on each of them somebody does.
    static ELSEWHERE: std::sync::Once = std::sync::Once::new();
    ELSEWHERE.call_once(|| {
        let nowhere = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
        tracing::subscriber::set_global_default(nowhere).expect("nobody else sets one");
    });
    let text = Arc::new(Mutex::new(Vec::new()));
    let sink = text.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || Sink(sink.clone())).finish();
    (text, tracing::subscriber::set_default(subscriber))
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_lasted_is_dialled_again_soon() {
    let mut bench = bench(None);
    for _ in 0..8 {
        let (mut peer, up) = bench.connected().await;
        let begun = bench.clock.now();
        while bench.clock.now().since(begun) < LASTED_MIN {
            let FromAgent::Heartbeat(count) = peer.hear().await else { panic!("only heartbeats") };
            peer.say(FromCoordinator::HeartbeatReply(count)).await;
        }
        drop((peer, up));
        let cut = bench.clock.now();
        assert!(matches!(bench.driver.recv().await.unwrap(), Message::Disconnected));
        let (peer, _up) = bench.connected().await;
        assert!(bench.clock.now().since(cut) < Duration::from_millis(200), "the wait is short again");
        drop(peer);
        assert!(matches!(bench.driver.recv().await.unwrap(), Message::Disconnected));
    }
}

#[tokio::test(start_paused = true)]
async fn two_agents_with_one_identity_slow_down_and_say_so_once() {
    let (text, _guard) = logged();
    let mut bench = bench(None);
    let mut wait = Duration::ZERO;
    for _ in 0..12 {
        let begun = bench.clock.now();
        let (peer, _up) = bench.connected().await;
        wait = bench.clock.now().since(begun);
        tokio::time::sleep(WAIT_MAX).await;
        drop(peer);
        assert!(matches!(bench.driver.recv().await.unwrap(), Message::Disconnected));
    }
    assert!(wait >= WAIT_MAX / 2, "{wait:?}");
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    let said = text.matches("another process may be using this agent's identity").count();
    assert_eq!(said, 1, "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_older_coordinator_or_one_with_an_older_epoch_of_the_site_is_not_followed() {
    let mut bench = bench(None);
    let begun = bench.clock.now();
    for older in [Welcome { coordinator_epoch: 2, ..welcome() }, Welcome { site_epoch: 0, ..welcome() }] {
        bench.answer_hello().await;
        let mut peer = bench.sessions.recv().await.unwrap();
        peer.hear().await;
        peer.say(FromCoordinator::Welcome(older)).await;
    }
    bench.answer_hello().await;
    assert!(bench.clock.now().since(begun) >= WAIT_MAX * 2, "asked again, but slowly");
    assert_eq!(bench.lease.until(), Timestamp(0));
}

#[tokio::test(start_paused = true)]
async fn another_sites_identity_ends_the_agent_with_what_to_do() {
    let mut bench = bench(None);
    bench.answer_hello().await;
    let mut peer = bench.sessions.recv().await.unwrap();
    peer.hear().await;
    let other = Welcome { site: SiteName::new("ams").unwrap(), ..welcome() };
    peer.say(FromCoordinator::Welcome(other)).await;
    let Message::Fatal(message) = bench.driver.recv().await.unwrap() else { panic!("fatal") };
    assert!(message.contains("start it with --site ams"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_agent_only_when_dialling_again_is_pointless() {
    for (code, fatal) in [
        (Code::PermissionDenied, true),
        (Code::Unauthenticated, true),
        (Code::AlreadyExists, false),
        (Code::Unavailable, false),
    ] {
        let mut bench = bench(Some(code));
        bench.answer_hello().await;
        match bench.driver.recv().await.unwrap() {
            Message::Fatal(message) => assert!(fatal && message.contains("no"), "{code:?} {message}"),
            Message::HelloWanted(_) => assert!(!fatal, "{code:?}"),
            other @ (Message::Connected(..) | Message::Disconnected | Message::Down(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_welcome_is_given_up() {
    let mut bench = bench(None);
    bench.answer_hello().await;
    let begun = bench.clock.now();
    let _silent = bench.sessions.recv().await.unwrap();
    bench.answer_hello().await;
    assert!(bench.clock.now().since(begun) >= Duration::from_secs(10));
}
