//! A played jump host behind a valve: what goes through it flows, freezes or is cut.

use crate::clock::{Clock, SystemClock};
use russh::keys::{Algorithm, HashAlg, PrivateKey, key::safe_rng};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, Preferred};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use switchyard_shared::ssh::JumpHost;
use switchyard_shared::time::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What the valve does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Valve {
    Flows,
    /// Connections are accepted, and nothing comes or goes.
    Frozen,
    /// Connections end at once.
    Cut,
}

/// The jump host.
pub(super) struct Hop {
    pub(super) jump: JumpHost,
    valve: watch::Sender<Valve>,
    connects: Arc<AtomicUsize>,
    swallows: Arc<AtomicBool>,
    _serving: AbortOnDropHandle<()>,
}

/// One login.
struct Login {
    /// Channels to devices are neither opened nor refused.
    swallows: Arc<AtomicBool>,
    held: Vec<ChannelOpenHandle>,
}

impl Handler for Login {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _: &str, _: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.swallows.load(Ordering::SeqCst) {
            self.held.push(reply);
            return Ok(());
        }
        let port = u16::try_from(port).expect("a port");
        let mut device = TcpStream::connect((host, port)).await.expect("the device");
        reply.accept().await;
        tokio::spawn(async move {
            let _ = tokio::io::copy_bidirectional(&mut channel.into_stream(), &mut device).await;
        });
        Ok(())
    }
}

impl Hop {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other algorithms.
    pub(super) async fn with(change: impl FnOnce(&mut Preferred)) -> Self {
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).expect("a key");
        let print = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let mut config = Config { keys: vec![key], ..Config::default() };
        change(&mut config.preferred);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let (valve, watched) = watch::channel(Valve::Flows);
        let (connects, swallows) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, swallowing, config) = (connects.clone(), swallows.clone(), Arc::new(config));
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                counted.fetch_add(1, Ordering::SeqCst);
                let login = Login { swallows: swallowing.clone(), held: Vec::new() };
                tokio::spawn(serve(stream, config.clone(), login, watched.clone()));
            }
        });
        let jump = JumpHost {
            hostname: "127.0.0.1".into(),
            port,
            username: "hop".into(),
            credential_ref: String::new(),
            host_keys: vec![print],
            algorithms: JumpHost::algorithms_default(),
        };
        Self { jump, valve, connects, swallows, _serving: AbortOnDropHandle::new(serving) }
    }

    pub(super) fn turn(&self, valve: Valve) {
        self.valve.send_replace(valve);
    }

    /// From now on channels to devices are neither opened nor refused.
    pub(super) fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    pub(super) fn connects(&self) -> usize {
        self.connects.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, config: Arc<Config>, login: Login, mut valve: watch::Receiver<Valve>) {
    let (mut ours, its) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        if let Ok(session) = run_stream(config, its, login).await {
            let _ = session.await;
        }
    });
    loop {
        let now = *valve.borrow_and_update();
        let flowing = async {
            match now {
                Valve::Flows => tokio::io::copy_bidirectional(&mut stream, &mut ours).await.map(drop),
                Valve::Frozen => std::future::pending().await,
                Valve::Cut => Ok(()),
            }
        };
        tokio::select! {
            _ = flowing => return,
            turned = valve.changed() => if turned.is_err() { return },
        }
    }
}

/// A clock that can be moved on.
pub(super) struct MovedClock(Arc<dyn Clock>, AtomicI64);

impl MovedClock {
    pub(super) fn shared() -> Arc<Self> {
        Arc::new(Self(SystemClock::shared(), AtomicI64::new(0)))
    }

    pub(super) fn move_on(&self, by: Duration) {
        self.1.fetch_add(i64::try_from(by.as_micros()).expect("a short while"), Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now().0 + self.1.load(Ordering::SeqCst))
    }
}
