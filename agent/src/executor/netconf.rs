//! NETCONF over SSH, RFC 6241 and 6242: candidate or running, committed until it is confirmed where the device can.

mod back;
mod compare;
pub(crate) mod framing;
mod fuzz;
mod hello;
mod node;
mod order;
mod picture;
mod places;
mod presence;
mod reply;
mod restore;
mod rpc;
mod secrecy;
mod session;
mod siblings;
mod trouble;
mod wire;
mod write;
pub(crate) mod xml;
mod xpath;

#[cfg(test)]
mod tests;

use super::Failure;
use super::device::{Driver, Job, Session};
use super::ssh::{self, Door};
use futures_util::future::BoxFuture;
pub use fuzz::fuzz;
pub(super) use picture::KEYS;
pub(super) use reply::is_busy;
use russh::ChannelMsg;
pub(super) use secrecy::{HIDDEN, Known, Within, is_masked, is_name, is_secret, unseen};
use session::NetconfSession;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, Phase};
use switchyard_shared::procedure::Procedure;
use wire::{Stream, Terms, Wire};
use zeroize::Zeroizing;

pub(crate) use back::YANG;
pub(crate) use hello::BASE;

/// `text` as XML holds it, printed by us the same.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    xml::escape(&mut escaped, text);
    escaped
}

/// The name of the subsystem, RFC 6242 section 3.
const SUBSYSTEM: &str = "netconf";
/// Messages of a channel that are passed over while the device answers whether it has the subsystem.
const PASSED_OVER_MAX: usize = 16;

/// The driver of NETCONF devices.
pub struct Netconf {
    door: Arc<Door>,
}

impl Netconf {
    /// A driver that opens its sessions through `door`.
    pub fn through(door: Arc<Door>) -> Self {
        Self { door }
    }

    async fn open(&self, job: &Job<'_>) -> Result<Box<dyn Session>, Failure> {
        let mut ssh = self.door.open(job.task, job.context).await?;
        let stream = subsystem(&mut ssh, &place(job)).await?;
        let mut session = greet(stream, job).await?;
        session.ssh = Some(ssh);
        Ok(Box::new(session))
    }
}

impl Driver for Netconf {
    fn connect<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(self.open(job))
    }

    fn lost_way<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Option<String>> {
        Box::pin(self.door.lost_way(job.task))
    }

    fn in_one_order(&self, _: &Procedure, text: &str) -> Option<Zeroizing<String>> {
        compare::running(text).ok().map(|elements| Zeroizing::new(back::mark(&elements)))
    }
}

/// How messages name the device of `job`.
fn place(job: &Job<'_>) -> String {
    let endpoint = &job.task.endpoint;
    format!("{} ({}:{})", job.task.op.device, endpoint.hostname, endpoint.port)
}

/// Says hello over `stream`.
async fn greet(stream: Box<dyn Stream>, job: &Job<'_>) -> Result<NetconfSession, Failure> {
    let place = place(job);
    let terms = Terms {
        may_write: job.task.purpose.writes(),
        patience: job.task.timeouts.command,
        redactor: job.redactor.clone(),
    };
    let opened = Wire::open(stream, terms).await;
    let (wire, abilities) = opened.map_err(|error| trouble::failure(error, Phase::Connect, &place))?;
    Ok(NetconfSession {
        wire,
        abilities,
        commit: job.procedure.commit.clone(),
        persist: job.task.op.to_string(),
        place,
        locked: Vec::new(),
        runs: None,
        ssh: None,
    })
}

async fn subsystem(ssh: &mut ssh::Session, place: &str) -> Result<Box<dyn Stream>, Failure> {
    let gone = || {
        let message = format!("{place} closed the session when it was asked for NETCONF");
        Failure::new(Class::Unreachable, Phase::Connect, message)
            .with_hint("look at the device's log and its session limit")
    };
    let mut channel = ssh.channel.take().ok_or_else(gone)?;
    channel.request_subsystem(true, SUBSYSTEM).await.map_err(|_| gone())?;
    for _ in 0..PASSED_OVER_MAX {
        let message = channel.wait().await.ok_or_else(gone)?;
        if matches!(message, ChannelMsg::Success) {
            return Ok(Box::new(channel.into_stream()));
        }
        if matches!(message, ChannelMsg::Failure) {
            let message = format!("{place} has no NETCONF over SSH: it refused the subsystem");
            return Err(Failure::new(Class::Unreachable, Phase::Connect, message)
                .with_hint("turn NETCONF on, or correct the port: 830 is usual (RFC 6242)"));
        }
        if matches!(message, ChannelMsg::Close) {
            return Err(gone());
        }
    }
    Err(gone())
}
