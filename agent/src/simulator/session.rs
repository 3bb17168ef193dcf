//! One command on a simulated device: reads the configuration, takes it or not, and answers.

use super::cut_after::CutAfter;
use super::device::Device;
use super::listener::note;
use super::{Kind, Mode};
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, Sig};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use switchyard_shared::task::CONFIGURATION_BYTES_MAX;
use tokio_util::sync::CancellationToken;

/// Output of a device in mode flood, in bytes.
const FLOOD_BYTES: usize = 100 * 1000 * 1000;
/// Bytes of one packet of it.
const FLOOD_PIECE_BYTES: usize = 32 * 1000;
/// What a device in mode garble prints: screen control, a bidirectional override, broken UTF-8, NUL.
const GARBLE: &[u8] = b"\x1b[2J\x1b]0;owned\x07\xe2\x80\xae\xff\xfe\x00\r\nend\n";

/// Longest wait for a client to leave with its answer.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// A command that a client asked for.
pub(super) struct Call {
    pub(super) device: Arc<Device>,
    pub(super) client: SocketAddr,
    pub(super) command: String,
    pub(super) handle: Handle,
    pub(super) cut: CancellationToken,
    pub(super) slow_delay: Duration,
    pub(super) cut_after: Arc<CutAfter>,
}

/// Carries out a call as the device's mode says.
pub(super) async fn run(call: Call, mut channel: Channel<Msg>) {
    let Some(configuration) = read(&mut channel).await else {
        note(&call.device, Kind::Abandoned, call.client, &call.command);
        return;
    };
    match call.device.mode() {
        Mode::Reject => reject(&call, &channel).await,
        Mode::SlowFailure => {
            tokio::time::sleep(call.slow_delay).await;
            reject(&call, &channel).await;
        }
        Mode::Stall => {
            note(&call.device, Kind::Stall, call.client, &call.command);
            while channel.wait().await.is_some() {}
        }
        Mode::Slow => {
            tokio::time::sleep(call.slow_delay).await;
            take(&call, &channel, &configuration).await;
        }
        Mode::Good
        | Mode::Hang
        | Mode::Refuse
        | Mode::Auth
        | Mode::Overloaded
        | Mode::Cut
        | Mode::DropAfterWrite
        | Mode::Flood
        | Mode::Garble
        | Mode::Mute
        | Mode::Signal
        | Mode::Busy
        | Mode::NoCommand
        | Mode::Close => take(&call, &channel, &configuration).await,
    }
    if call.cut_after.is_set() {
        // The client has its answer by then: the link is cut between two devices, not within one.
        let left = async { while channel.wait().await.is_some() {} };
        let _ = tokio::time::timeout(LEAVE_WAIT, left).await;
        call.cut_after.one_more();
    }
}

async fn reject(call: &Call, channel: &Channel<Msg>) {
    note(&call.device, Kind::Reject, call.client, &call.command);
    answer(channel, b"error: line 1: syntax error, configuration not applied\n", 1).await;
}

/// The whole of standard input; `None` if the client left before its end or sent too much.
async fn read(channel: &mut Channel<Msg>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let message = channel.wait().await?;
        if let ChannelMsg::Data { data } = &message {
            bytes.extend_from_slice(data);
        }
        if matches!(message, ChannelMsg::Close) || bytes.len() > CONFIGURATION_BYTES_MAX {
            return None;
        }
        if matches!(message, ChannelMsg::Eof) {
            return Some(bytes);
        }
    }
}

async fn take(call: &Call, channel: &Channel<Msg>, configuration: &[u8]) {
    let number = match call.device.apply(call.client, &call.command, configuration) {
        Ok(number) => number,
        Err(error) => return answer(channel, format!("error: {error}\n").as_bytes(), 74).await,
    };
    match call.device.mode() {
        Mode::DropAfterWrite => call.cut.cancel(),
        Mode::Signal => {
            let killed =
                call.handle.exit_signal_request(channel.id(), Sig::KILL, false, "killed".into(), "".into());
            let _ = killed.await;
            let _ = channel.close().await;
        }
        Mode::Flood => flood(channel).await,
        Mode::Garble => answer(channel, GARBLE, 0).await,
        Mode::Mute => answer(channel, b"", 0).await,
        Mode::Good
        | Mode::Slow
        | Mode::Reject
        | Mode::Stall
        | Mode::Hang
        | Mode::Refuse
        | Mode::Auth
        | Mode::Overloaded
        | Mode::SlowFailure
        | Mode::Cut
        | Mode::Busy
        | Mode::NoCommand
        | Mode::Close => {
            let text = format!("{}: apply {number}, {} bytes\n", call.device.name, configuration.len());
            answer(channel, text.as_bytes(), 0).await;
        }
    }
}

async fn flood(channel: &Channel<Msg>) {
    for _ in 0..FLOOD_BYTES / FLOOD_PIECE_BYTES {
        if channel.data_bytes(vec![b'x'; FLOOD_PIECE_BYTES]).await.is_err() {
            return;
        }
    }
    answer(channel, b"", 0).await;
}

/// Output, exit status, end. A client that has left by then has had its answer in the ledger.
async fn answer(channel: &Channel<Msg>, output: &[u8], status: u32) {
    let _ = channel.data_bytes(output.to_vec()).await;
    let _ = channel.exit_status(status).await;
    let _ = channel.eof().await;
    let _ = channel.close().await;
}
