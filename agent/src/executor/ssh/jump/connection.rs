//! One connection to a jump host: made once for everybody who asks, watched while it lasts, and left alone for a while
//! when it could not be made.

use crate::clock::Clock;
use crate::executor::ssh::connect::{self, Session, Stage, StageCell};
use crate::executor::ssh::peer::Peer;
use crate::executor::ssh::{Door, Failure, explain, socket};
use crate::executor::{AttemptContext, GateRefused, Hearing};
use futures_util::future::{BoxFuture, FutureExt, Shared};
use russh::client::{Config, Handle};
use std::sync::{Arc, Weak};
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::ssh::{Algorithms, JumpHost, SshSettings};
use switchyard_shared::task::{Endpoint, Task};
use switchyard_shared::time::{Timestamp, format_duration};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Most devices behind one connection at once.
pub(super) const DEVICES_MAX: usize = 512;
/// Packets held unread for one device: its own session reads them at once.
const PACKETS_UNREAD_MAX: usize = 64;
/// Longest try to connect and log in, whatever the deadlines of the devices are.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Rest after a jump host could not be reached; twice as long after each further try.
const REST: Duration = Duration::from_secs(5);
/// The longest such rest.
const REST_MAX: Duration = Duration::from_secs(30);
/// Rest after it refused the login or showed another key: every further try may lock the account.
const REST_AFTER_REFUSAL: Duration = Duration::from_secs(300);
/// How often a connection is asked for a sign of life.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// A jump host from which nothing came for this long is asked to carry nobody else.
const SILENT_MAX: Duration = Duration::from_secs(12);
/// Its connection is ended after this, as the system does with one of which nothing is acknowledged: until then the
/// sessions that it carries may live on.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// A connection that carries nobody for this long ends.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Longest wait for a sign of life when a device has failed.
const ANSWER_MAX: Duration = Duration::from_secs(2);

type Made = Result<Arc<Live>, Broken>;

/// A connection, or the try to make it: for all who ask meanwhile, and nobody's attempt ends it.
#[derive(Clone)]
pub(super) struct Connection {
    made: Shared<BoxFuture<'static, Made>>,
    stage: Arc<StageCell>,
    /// How the try before ended, when that was badly: nobody but whoever asked first waits for the next one.
    before: Option<Broken>,
}

/// An open connection.
pub(super) struct Live {
    pub(super) handle: Handle<Peer>,
    pub(super) room: Arc<Semaphore>,
    heard: Arc<Hearing>,
    clock: Arc<dyn Clock>,
    /// Ends the connection, at the latest when the last device has let go.
    cut: CancellationToken,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}

/// Why there is no connection, for everybody who asks until then.
#[derive(Clone)]
pub(super) struct Broken {
    pub(super) failure: Failure,
    pub(super) until: Timestamp,
    rest: Duration,
}

/// Why nobody goes through now.
pub(super) enum Shut {
    Broken(Broken),
    /// It was waited for so long at this stage.
    NotYet(Stage, Duration),
    /// Nothing came from it for so long.
    Silent(Duration),
}

impl Connection {
    /// Begins to connect, after what is known of the try before.
    pub(super) fn begin(door: &Arc<Door>, task: &Task, jump: &JumpHost, before: Option<Broken>) -> Self {
        let stage = Arc::new(StageCell::default());
        let rest = before.as_ref().map_or(REST, |before| (before.rest * 2).min(REST_MAX));
        let trying = make(door.clone(), seen_as_device(task, jump), name(jump), stage.clone(), rest);
        let made = trying.boxed().shared();
        tokio::spawn(made.clone());
        Self { made, stage, before }
    }

    /// Whether it must be made anew.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        match self.made.peek() {
            None => false,
            Some(Ok(live)) => live.handle.is_closed(),
            Some(Err(broken)) => broken.until <= now,
        }
    }

    /// Why it could not be made, once that is known.
    pub(super) fn broken(self) -> Option<Broken> {
        self.made.peek().cloned().and_then(Result::err)
    }

    /// The open connection; `first` waits also for a jump host that was found dead before.
    pub(super) async fn live(&self, first: bool, patience: Duration) -> Result<Arc<Live>, Shut> {
        let made = match (self.made.peek(), &self.before) {
            (Some(made), _) => made.clone(),
            (None, Some(before)) if !first => Err(before.clone()),
            (None, _) => {
                let waited = tokio::time::timeout(patience, self.made.clone()).await;
                waited.map_err(|_| Shut::NotYet(self.stage.get(), patience))?
            }
        };
        let live = made.map_err(Shut::Broken)?;
        match live.silent_for() {
            silent if silent >= SILENT_MAX => Err(Shut::Silent(silent)),
            _ => Ok(live),
        }
    }

    /// Whether what failed over it may have failed because of it: it is gone, or gives no sign of life now.
    pub(super) async fn is_lost(&self) -> bool {
        match self.made.peek() {
            Some(Ok(live)) => !live.gives_a_sign().await,
            Some(Err(_)) | None => true,
        }
    }
}

impl Live {
    fn silent_for(&self) -> Duration {
        self.clock.now().since(self.heard.last())
    }

    /// Asks, and waits for anything at all that comes from it.
    async fn gives_a_sign(&self) -> bool {
        let asked = self.clock.now();
        let _ = tokio::time::timeout(ANSWER_MAX, self.handle.send_ping()).await;
        !self.handle.is_closed() && self.heard.last() >= asked
    }

    fn is_idle(&self) -> bool {
        self.room.available_permits() == DEVICES_MAX
    }
}

/// Asks for signs of life as long as somebody holds the connection, and ends one that is dead or carries nobody.
async fn watch(live: Weak<Live>, name: String) {
    let mut idle = Duration::ZERO;
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        let Some(live) = live.upgrade().filter(|live| !live.handle.is_closed()) else { return };
        let silent = live.silent_for();
        if silent >= SILENT_MAX {
            tracing::warn!("{name} gave no sign of life for {}", format_duration(silent));
        }
        idle = if live.is_idle() { idle + ASK_EVERY } else { Duration::ZERO };
        if silent >= DEAD_AFTER || idle >= IDLE_MAX {
            live.cut.cancel();
            return;
        }
        let _ = tokio::time::timeout(ASK_EVERY, live.handle.send_keepalive(true)).await;
    }
}

/// The jump host as if it were a device, with its own pinned keys.
pub(super) fn seen_as_device(task: &Task, jump: &JumpHost) -> Task {
    let endpoint = Endpoint {
        hostname: jump.hostname.clone(),
        port: jump.port,
        username: jump.username.clone(),
        credential_ref: jump.credential_ref.clone(),
        host_keys: jump.host_keys.clone(),
        ssh: SshSettings { algorithms: jump.algorithms, ..SshSettings::default() },
        tls: Default::default(),
    };
    let mut its = Task { endpoint, configuration: Default::default(), ..task.clone() };
    its.timeouts.connect = CONNECT_MAX;
    its
}

async fn make(door: Arc<Door>, its: Task, name: String, stage: Arc<StageCell>, rest: Duration) -> Made {
    let opened = tokio::time::timeout(CONNECT_MAX, log_in(&door, &its, &stage)).await;
    let failure = match opened {
        Ok(Ok(live)) => {
            let live = Arc::new(live);
            tokio::spawn(watch(Arc::downgrade(&live), name));
            return Ok(live);
        }
        Ok(Err(failure)) => failure,
        Err(_) => explain::silence(&its, stage.get()),
    };
    let failure = as_jump_host(failure, &its, &name);
    let refused = matches!(failure.class, Class::AuthFailed | Class::HostKeyMismatch);
    let rest = if refused { REST_AFTER_REFUSAL } else { rest };
    tracing::warn!("{}; {}; tried again after {}", failure.message, failure.hint, format_duration(rest));
    Err(Broken { failure, until: door.clock.now().plus(rest), rest })
}

/// The words of a failure with the jump host in the place of the device.
pub(super) fn as_jump_host(failure: Failure, its: &Task, name: &str) -> Failure {
    let credential = format!(" of {}:", its.op.device);
    let message = failure.message.replacen(&explain::place(its), name, 1);
    let message = message.replacen(&credential, &format!(" of {name}:"), 1);
    let hint = Algorithms::ALL.iter().fold(failure.hint, |hint, profile| {
        let setting = format!("{{algorithms: {profile}}}");
        hint.replace(&setting, &format!("{{jump: {setting}}}"))
    });
    Failure { message, hint, ..failure }
}

async fn log_in(door: &Door, its: &Task, stage: &StageCell) -> Result<Live, Failure> {
    let heard = Arc::new(Hearing::new(door.clock.clone()));
    let context = OfJumpHost(heard.clone());
    let proof = connect::proof(door, its, &context, stage).await?;
    let address = (its.endpoint.hostname.as_str(), its.endpoint.port);
    let stream = socket::connect(address).await.map_err(|error| explain::io(its, Stage::Tcp, &error))?;
    let config = Config {
        channel_buffer_size: PACKETS_UNREAD_MAX,
        // It is asked by `watch`; this bounds a write that it takes no byte of.
        keepalive_interval: None,
        inactivity_timeout: Some(DEAD_AFTER),
        ..connect::config(its.endpoint.ssh.algorithms, false)
    };
    let session = connect::log_in(door, Arc::new(config), stream, proof, its, &context, stage).await?;
    let Session { handle, cut, .. } = session;
    let room = Arc::new(Semaphore::new(DEVICES_MAX));
    Ok(Live { handle, room, heard, clock: door.clock.clone(), cut: cut.disarm() })
}

/// `jump host 10.0.0.1:22`.
pub(super) fn name(jump: &JumpHost) -> String {
    format!("jump host {}:{}", jump.hostname, jump.port)
}

/// A login at a jump host tells no breaker of the device anything.
struct OfJumpHost(Arc<Hearing>);

impl AttemptContext for OfJumpHost {
    fn progress(&self, _phase: Phase) {}

    fn hearing(&self) -> Option<Arc<Hearing>> {
        Some(self.0.clone())
    }

    fn open_write_gate(&self, _before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        let message = "nothing is written to a jump host".to_owned();
        Box::pin(async { Err(GateRefused { class: Class::AgentError, message }) })
    }
}
