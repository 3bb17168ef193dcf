//! Jump hosts: one connection to each, shared by the devices behind it. What is wrong with one is no device's failure.

mod blame;
mod connection;

use super::{Door, Failure, explain};
use connection::{Broken, Connection, DEVICES_MAX, Shut, as_jump_host, name, seen_as_device};
use russh::ChannelOpenFailure;
use russh::ChannelStream;
use russh::client::Msg;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use switchyard_shared::id::OpId;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::ssh::JumpHost;
use switchyard_shared::task::Task;
use switchyard_shared::time::{Timestamp, format_duration};
use tokio::sync::OwnedSemaphorePermit;

/// Most jump hosts that are kept in mind.
const JUMP_HOSTS_MAX: usize = 256;
/// The part of a device's connect deadline for which it waits for its jump host, and then for the channel to the
/// device, as one in so many.
const DEADLINE_SHARE: u32 = 2;
/// A rest of a jump host that is longer is told.
const REST_TOLD: Duration = Duration::from_secs(5);
/// What to do about one.
const LOOK_AT_IT: &str = "it is no failure of the device: look at the jump host, then try the device again";

/// The connections to jump hosts, and the attempts that go over them.
#[derive(Default)]
pub(super) struct Jumps {
    connections: Mutex<BTreeMap<JumpHost, Connection>>,
    /// Of each attempt that runs, the connection that it went over last.
    ways: Mutex<BTreeMap<OpId, Option<Connection>>>,
}

/// A way to one device.
pub(super) struct Passage {
    pub(super) stream: ChannelStream<Msg>,
    pub(super) lease: Lease,
}

/// Keeps a connection open, and a device's room in it.
pub(super) struct Lease {
    _connection: Arc<connection::Live>,
    _room: OwnedSemaphorePermit,
}

impl Jumps {
    /// Opens a way through `jump` to the device of `task`.
    pub(super) async fn through(
        &self,
        door: &Arc<Door>,
        task: &Task,
        jump: &JumpHost,
    ) -> Result<Passage, Failure> {
        let (connection, first) = self.connection(door, task, jump);
        self.goes_over(&task.op, &connection);
        let patience = task.timeouts.connect / DEADLINE_SHARE;
        let live = connection.live(first, patience).await;
        let live = live.map_err(|shut| not_tried(task, jump, shut, door.clock.now()))?;
        let room = live.room.clone().try_acquire_owned().map_err(|_| full(task, jump))?;
        let endpoint = &task.endpoint;
        let opening = live.handle.channel_open_direct_tcpip(
            endpoint.hostname.as_str(),
            u32::from(endpoint.port),
            "127.0.0.1",
            0,
        );
        let opened = tokio::time::timeout(patience, opening).await;
        let channel = match opened {
            Ok(opened) => opened.map_err(|error| not_let_through(task, jump, &error))?,
            Err(_) => return Err(no_answer_behind(task, jump, patience)),
        };
        let lease = Lease { _connection: live, _room: room };
        Ok(Passage { stream: channel.into_stream(), lease })
    }

    /// The connection to `jump`, and whether it is made for this caller.
    fn connection(&self, door: &Arc<Door>, task: &Task, jump: &JumpHost) -> (Connection, bool) {
        let now = door.clock.now();
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(jump).filter(|known| !known.is_over(now)) {
            return (known.clone(), false);
        }
        let before = all.remove(jump).and_then(Connection::broken);
        if all.len() >= JUMP_HOSTS_MAX {
            all.retain(|_, known| !known.is_over(now));
        }
        if all.len() >= JUMP_HOSTS_MAX {
            // Those who use it keep it.
            all.pop_first();
        }
        let new = Connection::begin(door, task, jump, before);
        all.insert(jump.clone(), new.clone());
        (new, true)
    }
}

/// Nobody asked the device: the way to it is closed.
fn not_tried(task: &Task, jump: &JumpHost, shut: Shut, now: Timestamp) -> Failure {
    let (place, name) = (explain::place(task), name(jump));
    let failed = |message: String, hint: String| {
        Failure::new(Class::AgentError, Phase::Connect, message).with_hint(hint)
    };
    match shut {
        Shut::Broken(Broken { failure: Failure { class, message, hint, .. }, until, .. }) => {
            let message =
                format!("{message}; {place} is behind it and was not tried ({class} of the jump host)");
            let after = match until.since(now) {
                rest if rest > REST_TOLD => format!("; it is tried again after {}", format_duration(rest)),
                _ => String::new(),
            };
            failed(message, format!("{hint}{after}"))
        }
        Shut::NotYet(stage, waited) => {
            let mut its = seen_as_device(task, jump);
            its.timeouts.connect = waited;
            let Failure { message, hint, .. } = as_jump_host(explain::silence(&its, stage), &its, &name);
            failed(format!("{message}; {place} is behind it and was not tried"), hint)
        }
        Shut::Silent(silent) => {
            let silent = format_duration(silent);
            let message = format!("{name} gives no sign of life since {silent}; {place} was not tried");
            failed(message, LOOK_AT_IT.into())
        }
    }
}

/// The channel did not open. Whether the jump host is silent too is asked before anybody is blamed.
fn no_answer_behind(task: &Task, jump: &JumpHost, waited: Duration) -> Failure {
    let (place, waited) = (explain::place(task), format_duration(waited));
    let message = format!("{place} gave no answer to {} within {waited}", name(jump));
    Failure::new(Class::Timeout, Phase::Connect, message).with_hint(
        "look from the jump host: is the device's address right, is it up, is there a firewall on the way to it?",
    )
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
        return failed(Class::AgentError, message, LOOK_AT_IT);
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
