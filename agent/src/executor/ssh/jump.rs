//! Jump hosts: one connection to each, shared by the devices behind it. What is wrong with one is no device's failure.

use super::connect::{self, Stage, StageCell};
use super::peer::Peer;
use super::{Door, Failure, explain, socket};
use crate::executor::{AttemptContext, GateRefused};
use futures_util::future::BoxFuture;
use russh::ChannelOpenFailure;
use russh::ChannelStream;
use russh::client::{Config, Handle, Msg};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::ssh::{JumpHost, SshSettings};
use switchyard_shared::task::{Endpoint, Task};
use switchyard_shared::time::{Timestamp, format_duration};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::DropGuard;

/// Most devices behind one connection at once.
const DEVICES_MAX: usize = 512;
/// Most jump hosts that are kept in mind.
const JUMP_HOSTS_MAX: usize = 256;
/// Packets held unread for one device: its own session reads them at once.
const PACKETS_UNREAD_MAX: usize = 64;
/// A connection that carries nothing for this long ends; sessions with devices ask for signs of life far more often.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Rest after a jump host could not be reached.
const REST: Duration = Duration::from_secs(5);
/// Rest after it refused the login or showed another key: every further try may lock the account.
const REST_AFTER_REFUSAL: Duration = Duration::from_secs(300);
/// The part of a device's connect deadline that its jump host may take, as one in so many.
const DEADLINE_SHARE: u32 = 2;

/// The connections that are open, by their jump hosts.
#[derive(Default)]
pub(super) struct Jumps(Mutex<BTreeMap<JumpHost, Arc<Place>>>);

/// One jump host: connected once, whoever asks first.
#[derive(Default)]
struct Place(OnceCell<Result<Live, Broken>>);

struct Live {
    handle: Handle<Peer>,
    room: Arc<Semaphore>,
    /// Ends the connection when the last device has let go.
    _cut: DropGuard,
}

/// Why there is no connection, for everybody who asks until then.
struct Broken {
    failure: Failure,
    until: Timestamp,
}

/// A way to one device.
pub(super) struct Passage {
    pub(super) stream: ChannelStream<Msg>,
    pub(super) lease: Lease,
}

/// Keeps a connection open, and a device's room in it.
pub(super) struct Lease {
    place: Arc<Place>,
    name: String,
    _room: OwnedSemaphorePermit,
}

impl Lease {
    /// The failure of a device whose session failed because of the connection under it.
    pub(super) fn to_blame(&self, task: &Task) -> Option<Failure> {
        let gone = self.place.live().is_none_or(|live| live.handle.is_closed());
        gone.then(|| {
            let message =
                format!("{} was lost on the way to {}; nothing was written", self.name, explain::place(task));
            Failure::new(Class::AgentError, Phase::Connect, message)
                .with_hint("it is no failure of the device: look at the jump host, then try the device again")
        })
    }
}

impl Place {
    fn live(&self) -> Option<&Live> {
        self.0.get().and_then(|known| known.as_ref().ok())
    }

    /// Whether it must be connected anew.
    fn is_over(&self, now: Timestamp) -> bool {
        match self.0.get() {
            None => false,
            Some(Ok(live)) => live.handle.is_closed(),
            Some(Err(broken)) => broken.until <= now,
        }
    }
}

impl Jumps {
    /// Opens a way through `jump` to the device of `task`; the caller bounds the time that all of it may take.
    pub(super) async fn through(
        &self,
        door: &Door,
        task: &Task,
        jump: &JumpHost,
    ) -> Result<Passage, Failure> {
        let now = door.clock.now();
        let place = self.place(jump, now);
        let known = place.0.get_or_init(|| connect(door, task, jump)).await;
        let live = known.as_ref().map_err(|broken| not_tried(task, broken, now))?;
        let room = live.room.clone().try_acquire_owned();
        let room = room.map_err(|_| full(task, jump))?;
        let endpoint = &task.endpoint;
        let opened = live.handle.channel_open_direct_tcpip(
            endpoint.hostname.as_str(),
            u32::from(endpoint.port),
            "127.0.0.1",
            0,
        );
        let channel = opened.await.map_err(|error| not_let_through(task, jump, &error))?;
        let lease = Lease { place: place.clone(), name: name(jump), _room: room };
        Ok(Passage { stream: channel.into_stream(), lease })
    }

    fn place(&self, jump: &JumpHost, now: Timestamp) -> Arc<Place> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, place| !place.is_over(now));
        if places.len() >= JUMP_HOSTS_MAX && !places.contains_key(jump) {
            // Those who use it keep it.
            places.pop_first();
        }
        places.entry(jump.clone()).or_default().clone()
    }
}

/// Logs in to the jump host as if it were a device, with its own pinned keys.
async fn connect(door: &Door, task: &Task, jump: &JumpHost) -> Result<Live, Broken> {
    let ssh = SshSettings { algorithms: task.endpoint.ssh.algorithms, ..SshSettings::default() };
    let endpoint = Endpoint {
        hostname: jump.hostname.clone(),
        port: jump.port,
        username: jump.username.clone(),
        credential_ref: jump.credential_ref.clone(),
        host_keys: jump.host_keys.clone(),
        ssh,
        tls: Default::default(),
    };
    let mut its = Task { endpoint, ..task.clone() };
    its.timeouts.connect = task.timeouts.connect / DEADLINE_SHARE;
    let stage = StageCell::default();
    let opened = tokio::time::timeout(its.timeouts.connect, log_in(door, &its, &stage)).await;
    let failure = match opened {
        Ok(Ok(live)) => return Ok(live),
        Ok(Err(failure)) => failure,
        Err(_) => explain::silence(&its, stage.get()),
    };
    let refused = matches!(failure.class, Class::AuthFailed | Class::HostKeyMismatch);
    let rest = if refused { REST_AFTER_REFUSAL } else { REST };
    let message = failure.message.replacen(&explain::place(&its), &name(jump), 1);
    Err(Broken { failure: Failure { message, ..failure }, until: door.clock.now().plus(rest) })
}

async fn log_in(door: &Door, its: &Task, stage: &StageCell) -> Result<Live, Failure> {
    let proof = connect::proof(door, its, &Unheard, stage).await?;
    let address = (its.endpoint.hostname.as_str(), its.endpoint.port);
    let stream = socket::connect(address).await.map_err(|error| explain::io(its, Stage::Tcp, &error))?;
    let config = Config {
        channel_buffer_size: PACKETS_UNREAD_MAX,
        keepalive_interval: None,
        inactivity_timeout: Some(IDLE_MAX),
        ..connect::config(its.endpoint.ssh.algorithms, false)
    };
    let session = connect::log_in(door, Arc::new(config), stream, proof, its, &Unheard, stage).await?;
    let room = Arc::new(Semaphore::new(DEVICES_MAX));
    Ok(Live { handle: session.handle, room, _cut: session.cut })
}

/// `jump host 10.0.0.1:22`.
fn name(jump: &JumpHost) -> String {
    format!("jump host {}:{}", jump.hostname, jump.port)
}

/// Nobody was asked: the way to the device is closed.
fn not_tried(task: &Task, broken: &Broken, now: Timestamp) -> Failure {
    let Failure { class, message, hint, .. } = &broken.failure;
    let place = explain::place(task);
    let message = format!("{message}; {place} is behind it and was not tried ({class} of the jump host)");
    let after = match broken.until.since(now) {
        rest if rest > REST => format!("; it is tried again after {}", format_duration(rest)),
        _ => String::new(),
    };
    Failure::new(Class::AgentError, Phase::Connect, message).with_hint(format!("{hint}{after}"))
}

fn full(task: &Task, jump: &JumpHost) -> Failure {
    let message = format!("{} carries {DEVICES_MAX} devices already: {}", name(jump), explain::place(task));
    Failure::new(Class::Overloaded, Phase::Connect, message).with_hint("lower max_parallel_per_site")
}

/// What a jump host says about a device that it does not reach is about the device; what it will not do is about itself.
fn not_let_through(task: &Task, jump: &JumpHost, error: &russh::Error) -> Failure {
    let (place, name) = (explain::place(task), name(jump));
    let failed =
        |class, message: String, hint: &str| Failure::new(class, Phase::Connect, message).with_hint(hint);
    let russh::Error::ChannelOpenFailure(reason) = error else {
        let message = format!("{name} was lost on the way to {place}: {error}");
        return failed(Class::AgentError, message, "look at the jump host, then try the device again");
    };
    let said = explain::first_words(reason.description()).to_lowercase();
    match reason {
        ChannelOpenFailure::ConnectFailed => failed(
            Class::Unreachable,
            format!("{place} cannot be reached from {name}: {said}"),
            "look from the jump host: is the device's address right, is it up, does it run SSH on this port?",
        ),
        ChannelOpenFailure::ResourceShortage => failed(
            Class::Overloaded,
            format!("{name} has no room for a connection to {place}: {said}"),
            "raise its limits, or lower max_parallel_per_site",
        ),
        ChannelOpenFailure::AdministrativelyProhibited
        | ChannelOpenFailure::UnknownChannelType
        | ChannelOpenFailure::Other { .. } => failed(
            Class::AgentError,
            format!("{name} lets nobody through to {place}: {said}"),
            "see AllowTcpForwarding and PermitOpen in its sshd_config; the device was not tried",
        ),
    }
}

/// A login at a jump host tells no breaker of the device anything.
struct Unheard;

impl AttemptContext for Unheard {
    fn progress(&self, _phase: Phase) {}

    fn open_write_gate(&self, _before: Option<String>) -> BoxFuture<'_, Result<(), GateRefused>> {
        let message = "nothing is written to a jump host".to_owned();
        Box::pin(async { Err(GateRefused { class: Class::AgentError, message }) })
    }
}
