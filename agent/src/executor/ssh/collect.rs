//! Host keys for a person to compare: one key exchange for each kind of key, and never a login.

use super::certificate::{Expected, refusal};
use super::connect::{self, Stage, StageCell, Stream};
use super::cut::CutStream;
use super::heard::{FirstWords, HeardStream};
use super::{Door, Failure, algorithms, explain, socket};
use crate::executor::AttemptContext;
use russh::client::{Config, Handler, connect_stream};
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Error};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use switchyard_shared::outcome::{Class, LeftAs, Outcome, Phase};
use switchyard_shared::ssh::{HostCertificate, HostKey};
use switchyard_shared::task::Task;
use tokio_util::sync::CancellationToken;

/// What a device has shown so far.
#[derive(Default)]
struct Found {
    keys: Vec<HostKey>,
    /// The kinds of keys that it offers, when it has none of a kind that it was asked for.
    theirs: Vec<String>,
}

impl Found {
    /// Whether it has told anything of its keys.
    fn has_answered(&self) -> bool {
        !(self.keys.is_empty() && self.theirs.is_empty())
    }
}

/// Asks the device for a key of every kind, each within the connect deadline. There is no way to a credential from
/// here but to that of its jump host.
pub(super) async fn collect(
    door: &Arc<Door>,
    task: &Task,
    context: &dyn AttemptContext,
    cancel: CancellationToken,
) -> Outcome {
    let mut found = Found::default();
    let asked = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(explain::cancelled(task, Stage::Handshake)),
        asked = ask_for_all(door, task, context, &mut found) => asked,
    };
    let count = found.keys.len();
    context.shows(found.keys);
    match asked {
        // What was shown before stays known.
        Err(failure) => failure.outcome(&*door.clock),
        Ok(()) if count == 0 => no_key(task, found.theirs).outcome(&*door.clock),
        Ok(()) => {
            let message = format!("{} showed {count} host keys", explain::place(task));
            Outcome::new(Class::Ok, Phase::Connect, LeftAs::Unchanged, &message, door.clock.now())
        }
    }
}

async fn ask_for_all(
    door: &Arc<Door>,
    task: &Task,
    context: &dyn AttemptContext,
    found: &mut Found,
) -> Result<(), Failure> {
    context.progress(Phase::Connect);
    let mut failed = None;
    for kind in algorithms::kinds_of_keys(task.endpoint.ssh.algorithms) {
        let stage = StageCell::default();
        let asking = ask(door, task, context, kind, &stage);
        let asked = tokio::time::timeout(task.timeouts.connect, asking).await;
        match asked.unwrap_or_else(|_| Err(explain::silence(task, stage.get()).into())) {
            Ok(key) => {
                context.answered(true);
                found.keys.push(key);
            }
            Err(NoKey::OfThisKind { theirs }) => found.theirs = theirs,
            // What is pinned may be of another kind.
            Err(NoKey::Failed(failure)) if found.has_answered() && is_of_one_exchange(&failure) => {
                failed.get_or_insert(*failure);
            }
            Err(NoKey::Failed(failure)) => return Err(*failure),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Whether the next exchange may end otherwise, and asking for it locks nobody out.
fn is_of_one_exchange(failure: &Failure) -> bool {
    matches!(failure.class, Class::Unreachable | Class::Timeout | Class::Overloaded)
}

/// Why one exchange gave no key.
enum NoKey {
    /// The device offers other ones.
    OfThisKind {
        theirs: Vec<String>,
    },
    Failed(Box<Failure>),
}

impl From<Failure> for NoKey {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

async fn ask(
    door: &Arc<Door>,
    task: &Task,
    context: &dyn AttemptContext,
    kind: Vec<Algorithm>,
    stage: &StageCell,
) -> Result<HostKey, NoKey> {
    stage.set(Stage::Tcp);
    let Some(jump) = &task.endpoint.ssh.jump else {
        let address = (task.endpoint.hostname.as_str(), task.endpoint.port);
        let stream = socket::connect(address).await.map_err(|error| explain::io(task, Stage::Tcp, &error))?;
        return exchange(door, stream, kind, task, context, stage).await;
    };
    let passage = door.jumps.through(door, task, jump).await;
    let passage = passage.inspect_err(|failure| {
        if failure.class == Class::AgentError {
            context.way_lost();
        }
    })?;
    let _room = passage.lease;
    exchange(door, passage.stream, kind, task, context, stage).await
}

/// One key exchange, which ends when the device has proved its key.
async fn exchange<S: Stream>(
    door: &Arc<Door>,
    stream: S,
    kind: Vec<Algorithm>,
    task: &Task,
    context: &dyn AttemptContext,
    stage: &StageCell,
) -> Result<HostKey, NoKey> {
    stage.set(Stage::Handshake);
    let token = CancellationToken::new();
    let _cut = token.clone().drop_guard();
    let onlooker = Onlooker { expected: Expected::of(task, door.clock.now()), seen: Arc::default() };
    let (seen, first_words) = (onlooker.seen.clone(), FirstWords::default());
    let stream = HeardStream::new(CutStream::new(stream, token), context.hearing(), first_words.clone());
    let ended = connect_stream(config(task, kind), stream, onlooker).await.err();
    if let Some(key) = seen.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Ok(key);
    }
    match (ended, first_words.before_greeting()) {
        (Some(Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. }), _) => {
            Err(NoKey::OfThisKind { theirs })
        }
        (_, Some(said)) if explain::is_too_much(&said) => {
            Err(explain::too_much(task, Stage::Handshake, &said).into())
        }
        (Some(error), _) => Err(explain::ssh(task, Stage::Handshake, &error).into()),
        (None, _) => Err(explain::lost(task, Stage::Handshake, "it showed no host key").into()),
    }
}

/// The task's profile, with keys of one kind; a certificate comes first where the device has one.
fn config(task: &Task, kind: Vec<Algorithm>) -> Arc<Config> {
    let mut config = connect::config(task.endpoint.ssh.algorithms, false);
    config.preferred.host_key_certificates = Cow::Owned(kind.clone());
    config.preferred.key = Cow::Owned(kind);
    Arc::new(config)
}

/// The device has keys, and the profile believes none of their kinds.
fn no_key(task: &Task, theirs: Vec<String>) -> Failure {
    let known = algorithms::kinds_of_keys(task.endpoint.ssh.algorithms);
    let ours = known.iter().flatten().map(|algorithm| algorithm.as_str().to_owned()).collect();
    explain::ssh(task, Stage::Handshake, &Error::NoCommonAlgo { kind: AlgorithmKind::Key, ours, theirs })
}

/// Notes the key that a device has proved to have, and goes no further.
struct Onlooker {
    expected: Expected,
    seen: Arc<Mutex<Option<HostKey>>>,
}

impl Handler for Onlooker {
    type Error = Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let (key, certificate) = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => (key.clone(), None),
            PublicKeyOrCertificate::Certificate(shown) => {
                let authority = shown.signature_key().fingerprint(HashAlg::Sha256).to_string();
                let certificate = HostCertificate { authority, refusal: refusal(shown, &self.expected) };
                (PublicKey::from(shown.public_key().clone()), Some(certificate))
            }
        };
        let (algorithm, fingerprint) =
            (key.algorithm().as_str().to_owned(), key.fingerprint(HashAlg::Sha256));
        let key = HostKey { algorithm, fingerprint: fingerprint.to_string(), certificate };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        Ok(false)
    }
}
