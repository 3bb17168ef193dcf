//! The accept loop against peers that are slow, silent, many or not there at all.

use super::*;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_stream::StreamExt;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(30);

fn tls() -> ListenMode {
    let dir = tempfile::tempdir().unwrap();
    let now = crate::clock::SystemClock::shared().now();
    let pki = crate::pki::Pki::open_or_create(dir.path(), &[], now).unwrap();
    ListenMode::Tls(pki.server_config().unwrap())
}

fn gate(mode: ListenMode, handshake_within: Duration, preface_within: Duration) -> Gate {
    Gate { mode, handshake_within, preface_within }
}

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

type Accepted = mpsc::Receiver<io::Result<ServerIo>>;

fn start(source: impl Accept + Send + Sync + 'static, gate: Gate, bounds: Bounds) -> Accepted {
    let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
    tokio::spawn(async move { run(&source, gate, bounds, &sender).await });
    accepted
}

async fn one(accepted: &mut Accepted) -> ServerIo {
    let next = tokio::time::timeout(LONG, accepted.recv()).await.expect("a connection comes");
    next.expect("the loop goes on").expect("no error is handed out")
}

async fn is_dropped(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    let end = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await;
    end.is_ok()
}

#[tokio::test]
async fn a_silent_connection_is_dropped_after_the_handshake_deadline_and_frees_its_place() {
    let (listener, address) = bind().await;
    let mut accepted = start(listener, gate(tls(), SHORT, LONG), Bounds::new(2, 1));
    for _ in 0..3 {
        let silent = TcpStream::connect(address).await.unwrap();
        assert!(is_dropped(silent).await);
    }
    assert!(accepted.try_recv().is_err());
}

#[tokio::test]
async fn a_peer_that_is_refused_can_read_why_though_it_still_speaks() {
    const ALERT: u8 = 0x15;
    let (listener, address) = bind().await;
    let mut accepted = start(listener, gate(tls(), LONG, LONG), Bounds::new(2, 1));
    let mut wrong = TcpStream::connect(address).await.unwrap();
    wrong.write_all(&b"GET / HTTP/1.1\r\n".repeat(2_000)).await.unwrap();
    wrong.shutdown().await.unwrap();
    let mut answer = Vec::new();
    wrong.read_to_end(&mut answer).await.expect("the connection ends in order, it is not reset");
    assert_eq!(answer.first(), Some(&ALERT));
    assert!(accepted.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_never_begins_to_speak_http2_fails_its_first_read() {
    for sent in [&b""[..], b"PRI * HTTP/2"] {
        let (listener, address) = bind().await;
        let mut accepted =
            start(listener, gate(ListenMode::InsecureLoopback, LONG, SHORT), Bounds::new(1, 1));
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(sent).await.unwrap();
        let mut rest = Vec::new();
        let mut io = one(&mut accepted).await;
        let read = tokio::time::timeout(LONG, io.read_to_end(&mut rest)).await.expect("the deadline ends it");
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(rest, sent);
    }
}

#[tokio::test]
async fn a_connection_that_has_begun_may_be_quiet_for_as_long_as_it_likes() {
    let (listener, address) = bind().await;
    let mut accepted = start(listener, gate(ListenMode::InsecureLoopback, LONG, SHORT), Bounds::new(1, 1));
    let mut quiet = TcpStream::connect(address).await.unwrap();
    quiet.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut io = one(&mut accepted).await;
    io.read_exact(&mut [0; 24]).await.unwrap();
    let read = tokio::time::timeout(SHORT * 3, io.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
}

#[tokio::test]
async fn no_more_connections_than_the_bound_are_open() {
    let (listener, address) = bind().await;
    let mut accepted = start(listener, gate(ListenMode::InsecureLoopback, LONG, LONG), Bounds::new(2, 2));
    let clients = [
        TcpStream::connect(address).await,
        TcpStream::connect(address).await,
        TcpStream::connect(address).await,
    ];
    let (first, _second) = (one(&mut accepted).await, one(&mut accepted).await);
    assert!(tokio::time::timeout(SHORT, accepted.recv()).await.is_err(), "a third one was let in");
    drop(first);
    one(&mut accepted).await;
    drop(clients);
}

struct Flaky {
    failures: Mutex<VecDeque<io::Error>>,
    listener: TcpListener,
}

impl Accept for Flaky {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let failure = self.failures.lock().unwrap().pop_front();
        match failure {
            Some(error) => Err(error),
            None => self.listener.accept().await,
        }
    }
}

#[tokio::test]
async fn errors_of_accept_never_end_the_loop() {
    const EMFILE: i32 = 24;
    let (listener, address) = bind().await;
    let failures = [io::Error::from_raw_os_error(EMFILE), io::ErrorKind::ConnectionAborted.into()];
    let flaky = Flaky { failures: Mutex::new(failures.into()), listener };
    let mut accepted = start(flaky, gate(ListenMode::InsecureLoopback, LONG, LONG), Bounds::new(1, 1));
    let _client = TcpStream::connect(address).await.unwrap();
    one(&mut accepted).await;
}

#[tokio::test]
async fn plaintext_is_not_served_where_others_can_reach_it() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let listener = TcpListener::bind(address).await.unwrap();
        let refused = incoming(listener, ListenMode::InsecureLoopback, CancellationToken::new()).err();
        let Some(ListenError::NotLoopback(_)) = refused else { panic!("{address} was served") };
    }
}

#[tokio::test]
async fn the_connections_end_at_a_shutdown() {
    let (listener, address) = bind().await;
    let shutdown = CancellationToken::new();
    let mut connections =
        Box::pin(incoming(listener, ListenMode::InsecureLoopback, shutdown.clone()).unwrap());
    let _client = TcpStream::connect(address).await.unwrap();
    assert!(connections.next().await.is_some());
    shutdown.cancel();
    let end = tokio::time::timeout(LONG, connections.next()).await.expect("the stream ends");
    assert!(end.is_none());
}
