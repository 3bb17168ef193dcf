//! From nothing to an open channel: credential, TCP, handshake, pinned host key, authentication.

use super::certificate_names::CertificateNames;
use super::cut::CutStream;
use super::heard::{FirstWords, HeardStream};
use super::jump::{Lease, Passage};
use super::peer::{Peer, Record};
use super::{Door, Failure, algorithms, auth, explain, socket};
use crate::executor::{Asking, AttemptContext, Hearing};
use russh::Channel;
use russh::client::{Config, Handle, Msg, connect_stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::ssh::Algorithms;
use switchyard_shared::task::Task;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Output that a device may send ahead of us reading it, in bytes.
const WINDOW_BYTES: u32 = 256 * 1024;
/// Packets of output held unread for one device.
const PACKETS_UNREAD_MAX: usize = 8;
/// A device that says nothing for this long is asked for a sign of life; its answer only feeds the read
/// clock, so that a long command does not look like a cut link.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// Times that a channel is asked for after another one was closed.
const CHANNEL_TRIES_MAX: u32 = 10;
/// Rest between two of them.
const CHANNEL_REST: Duration = Duration::from_millis(100);

/// How far an attempt has come; what a timeout or a lost connection then means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Credential,
    Tcp,
    Handshake,
    Authenticate,
    OpenChannel,
    Open,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::Credential, Self::Tcp, Self::Handshake, Self::Authenticate, Self::OpenChannel, Self::Open];

    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Credential => Phase::Queue,
            Self::Tcp | Self::Handshake => Phase::Connect,
            Self::Authenticate | Self::OpenChannel | Self::Open => Phase::Authenticate,
        }
    }
}

/// The stage where whoever gives up on the attempt can still read it.
#[derive(Debug, Default)]
pub(super) struct StageCell(AtomicU8);

impl StageCell {
    pub(super) fn set(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Stage {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        Stage::ALL.get(index).copied().unwrap_or(Stage::Open)
    }
}

/// An authenticated session with one open channel on which nothing has been asked yet. It serves all of an attempt up
/// to its write and is kept no longer: what a device has is believed only over a new one, another attempt comes a
/// permit later, and a session that stands idle holds a line of the device that people need.
pub(in crate::executor) struct Session {
    pub(super) handle: Handle<Peer>,
    pub(in crate::executor) channel: Option<Channel<Msg>>,
    pub(super) record: Record,
    /// Ends the session's task when dropped.
    pub(super) cut: DropGuard,
    /// The jump host under it.
    pub(super) lease: Option<Lease>,
    /// Its silence means something as long as it lives.
    pub(super) _asking: Option<Asking>,
}

/// The settings of a session with the algorithms of `profile`; `certificates`: the device may prove itself with one.
pub(super) fn config(profile: Algorithms, certificates: bool) -> Config {
    let mut preferred = algorithms::preferred(profile);
    if certificates {
        preferred.host_key_certificates = preferred.key.clone();
    }
    Config {
        nodelay: true,
        window_size: WINDOW_BYTES,
        channel_buffer_size: PACKETS_UNREAD_MAX,
        keepalive_interval: Some(ASK_AFTER),
        // Some devices never answer: their sessions must not be ended for it.
        keepalive_max: 0,
        preferred,
        gex: algorithms::groups(profile),
        ..Config::default()
    }
}

/// Opens a session; the caller bounds the time that all of it may take.
pub(super) async fn open(
    door: &Arc<Door>,
    task: &Task,
    context: &dyn AttemptContext,
    stage: &StageCell,
) -> Result<Session, Failure> {
    let proof = proof(door, task, context, stage).await?;
    context.progress(Phase::Connect);
    let Some(jump) = &task.endpoint.ssh.jump else {
        let address = (task.endpoint.hostname.as_str(), task.endpoint.port);
        let stream = socket::connect(address).await.map_err(|error| explain::io(task, Stage::Tcp, &error))?;
        let config = door.config(&task.endpoint.ssh);
        return with_channel(log_in(door, config, stream, proof, task, context, stage).await?, task, stage)
            .await;
    };
    let passage = door.jumps.through(door, task, jump).await;
    let Passage { stream, lease } = passage.inspect_err(|failure| {
        if failure.class == Class::AgentError {
            context.way_lost();
        }
    })?;
    let config = door.config(&task.endpoint.ssh);
    let session = log_in(door, config, stream, proof, task, context, stage).await?;
    let session = with_channel(session, task, stage).await?;
    Ok(Session { lease: Some(lease), ..session })
}

/// What is shown to the device, before anything is sent to it.
pub(super) async fn proof(
    door: &Door,
    task: &Task,
    context: &dyn AttemptContext,
    stage: &StageCell,
) -> Result<auth::Proof, Failure> {
    let credential = auth::credential(&door.secrets, task).await?;
    let text = door.key.fingerprint(&credential);
    let proof = auth::proof(credential, task).await?;
    context.secret(match &proof {
        auth::Proof::Agent(held) => door.key.fingerprint_of(&held.mark()),
        auth::Proof::Key(..) | auth::Proof::Password(_) => text,
    });
    stage.set(Stage::Tcp);
    Ok(proof)
}

/// From a connection to an accepted login; there is no channel yet.
pub(super) async fn log_in<S: Stream>(
    door: &Door,
    config: Arc<Config>,
    stream: S,
    proof: auth::Proof,
    task: &Task,
    context: &dyn AttemptContext,
    stage: &StageCell,
) -> Result<Session, Failure> {
    stage.set(Stage::Handshake);
    let token = CancellationToken::new();
    let cut = token.clone().drop_guard();
    let record = Record::default();
    let peer = Peer::of(task, door.clock.now(), record.clone());
    let first_words = FirstWords::default();
    let stream = HeardStream::new(CutStream::new(stream, token), context.hearing(), first_words.clone());
    let mut handle = connect_stream(config, stream, peer).await.map_err(|error| {
        match (record.refused_key(), first_words.before_greeting()) {
            (Some(shown), _) => explain::wrong_key(task, &shown),
            (None, Some(said)) if explain::is_too_much(&said) => {
                explain::too_much(task, Stage::Handshake, &said)
            }
            (None, _) => explain::ssh(task, Stage::Handshake, &error),
        }
    })?;

    stage.set(Stage::Authenticate);
    context.progress(Phase::Authenticate);
    let names = CertificateNames::of(first_words.greeting().as_deref());
    let login = auth::authenticate(&mut handle, proof, task, &record, names).await;
    match &login {
        Ok(()) => context.answered(true),
        Err(failure) if failure.class == Class::AuthFailed => context.answered(false),
        Err(_) => {}
    }
    login?;
    let asking = context.hearing().map(|hearing| hearing.asking());
    Ok(Session { handle, channel: None, record, cut, lease: None, _asking: asking })
}

async fn with_channel(session: Session, task: &Task, stage: &StageCell) -> Result<Session, Failure> {
    stage.set(Stage::OpenChannel);
    let channel = session.handle.channel_open_session().await;
    let channel = channel.map_err(|error| explain::ssh(task, Stage::OpenChannel, &error))?;
    stage.set(Stage::Open);
    Ok(Session { channel: Some(channel), ..session })
}

/// What carries a session.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Opens a channel after another one was closed. A device with room for one frees it some time after it has
/// said goodbye to the first, so one that refuses is asked again for a while; the caller bounds the whole.
pub(super) async fn open_again(handle: &Handle<Peer>) -> Result<Channel<Msg>, russh::Error> {
    for _ in 1..CHANNEL_TRIES_MAX {
        match handle.channel_open_session().await {
            Err(russh::Error::ChannelOpenFailure(_)) => tokio::time::sleep(CHANNEL_REST).await,
            opened_or_lost => return opened_or_lost,
        }
    }
    handle.channel_open_session().await
}

/// A TCP connection to the task's device, for transports without SSH; every sign of life is noted in `hearing`.
pub(in crate::executor) async fn dial(
    task: &Task,
    hearing: Option<Arc<Hearing>>,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, Failure> {
    let address = (task.endpoint.hostname.as_str(), task.endpoint.port);
    let stream = socket::connect(address).await.map_err(|error| explain::io(task, Stage::Tcp, &error))?;
    let stream = CutStream::new(stream, CancellationToken::new());
    Ok(HeardStream::new(stream, hearing, FirstWords::default()))
}
