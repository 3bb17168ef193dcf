//! A device that plays its platform's command line over SSH: a shell with a terminal, as its maker's words have it.

mod memory;
mod session;
mod vendor;

pub(super) use memory::Memory;
pub(super) use vendor::Vendor;

use super::Mode;
use super::device::Device;
use super::trick::Trick;
use crate::platform::Platform;
use russh::Channel;
use russh::ChannelMsg;
use russh::server::Msg;
use session::{Out, Session};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a device knows of the platform that it plays, and what outlives its sessions.
pub(super) struct Cli {
    pub(super) vendor: &'static Vendor,
    pub(super) platform: Arc<Platform>,
    pub(super) memory: Memory,
    sessions: AtomicU64,
}

impl Cli {
    /// A device that starts with `running`, as text.
    pub(super) fn new(vendor: &'static Vendor, platform: Arc<Platform>, running: &str) -> Self {
        let memory = Memory::new(switchyard_shared::configuration::parse(running, &platform.dialect));
        Self { vendor, platform, memory, sessions: AtomicU64::new(0) }
    }
}

/// A shell that a client asked for.
pub(super) struct Call {
    pub(super) device: Arc<Device>,
    pub(super) cli: Arc<Cli>,
    pub(super) client: SocketAddr,
    pub(super) cut: CancellationToken,
    pub(super) stop: CancellationToken,
    pub(super) slow_delay: Duration,
}

/// Plays one session to its end.
pub(super) async fn run(call: Call, mut channel: Channel<Msg>) {
    let number = call.cli.sessions.fetch_add(1, Ordering::Relaxed);
    let mut session = Session::new(&call, number);
    session.greet();
    loop {
        while let Some(out) = session.next() {
            if !utter(&call, &channel, out).await {
                return;
            }
        }
        let Some(message) = channel.wait().await else { return };
        if let ChannelMsg::Data { data } = &message {
            session.hear(data);
        }
        if matches!(message, ChannelMsg::Eof | ChannelMsg::Close) {
            return;
        }
    }
}

/// Says one thing; `false` when that was the last.
async fn utter(call: &Call, channel: &Channel<Msg>, out: Out) -> bool {
    match out {
        Out::Bytes(bytes) if call.device.mode() == Mode::Trick(Trick::OneByte) => {
            for byte in bytes {
                tokio::time::sleep(call.slow_delay).await;
                if channel.data_bytes(vec![byte]).await.is_err() {
                    return false;
                }
            }
            true
        }
        Out::Bytes(bytes) => channel.data_bytes(bytes).await.is_ok(),
        Out::Again(piece, times) => {
            for _ in 0..times {
                if channel.data_bytes(piece.clone()).await.is_err() {
                    return false;
                }
            }
            true
        }
        Out::Rest => {
            tokio::time::sleep(call.slow_delay).await;
            true
        }
        Out::Cut => {
            call.cut.cancel();
            false
        }
        Out::End => {
            let _ = channel.eof().await;
            let _ = channel.close().await;
            false
        }
        Out::TakeBackAfter(patience, which) => {
            tokio::spawn(take_back(
                call.device.clone(),
                call.cli.clone(),
                call.stop.clone(),
                patience,
                which,
            ));
            true
        }
    }
}

/// Takes a change back that is not confirmed in time.
async fn take_back(
    device: Arc<Device>,
    cli: Arc<Cli>,
    stop: CancellationToken,
    patience: Duration,
    which: u64,
) {
    if stop.run_until_cancelled(tokio::time::sleep(patience)).await.is_some()
        && let Some(running) = cli.memory.take_back(which)
    {
        device.takes_back(&running);
    }
}
