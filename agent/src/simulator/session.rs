//! One command on a simulated device: takes a configuration or not, or shows the one in force, and answers.

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

/// The command that prints the configuration in force.
const SHOW: &str = "show";

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
    if call.command.trim() == SHOW {
        return show(&call, channel).await;
    }
    let configuration = match read(&mut channel).await {
        Ok(configuration) => configuration,
        Err(taken) => return unchanged(&call, Kind::Abandoned, taken),
    };
    let bytes = configuration.len();
    match call.device.mode() {
        Mode::Reject => reject(&call, &channel, bytes).await,
        Mode::SlowFailure => {
            tokio::time::sleep(call.slow_delay).await;
            reject(&call, &channel, bytes).await;
        }
        Mode::Stall => {
            unchanged(&call, Kind::Stall, bytes);
            while channel.wait().await.is_some() {}
        }
        Mode::Slow => {
            tokio::time::sleep(call.slow_delay).await;
            take(&call, &channel, &configuration).await;
        }
        Mode::Wait => wait(&call, &mut channel, &configuration).await,
        Mode::Half => {
            if let Err(error) = call.device.take_half(call.client, &call.command, &configuration) {
                tracing::error!("failed to write the ledger of {}: {error}", call.device.name);
            }
            call.cut.cancel();
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
        | Mode::Close
        | Mode::NoRead
        | Mode::StuckRead
        | Mode::HalfRead
        | Mode::Trick(_) => take(&call, &channel, &configuration).await,
        Mode::StallAfterWrite => {
            if let Err(error) = call.device.apply(call.client, &call.command, &configuration) {
                tracing::error!("failed to write the ledger of {}: {error}", call.device.name);
            }
            while channel.wait().await.is_some() {}
        }
    }
    if call.cut_after.is_set() {
        // The client has its answer by then: the link is cut between two devices, not within one.
        let left = async { while channel.wait().await.is_some() {} };
        let _ = tokio::time::timeout(LEAVE_WAIT, left).await;
        call.cut_after.one_more();
    }
}

/// Takes the configuration once the device behaves otherwise, if its client is still there then.
async fn wait(call: &Call, channel: &mut Channel<Msg>, configuration: &[u8]) {
    note(&call.device, Kind::Waiting, call.client, &call.command);
    let mut modes = call.device.modes();
    let is_told = tokio::select! {
        biased;
        () = async { while channel.wait().await.is_some() {} } => false,
        other = modes.wait_for(|mode| *mode != Mode::Wait) => other.is_ok(),
    };
    match is_told {
        true => take(call, channel, configuration).await,
        false => unchanged(call, Kind::Abandoned, configuration.len()),
    }
}

/// Notes a session that took `bytes` of a configuration and changed nothing.
fn unchanged(call: &Call, kind: Kind, bytes: usize) {
    if let Err(error) = call.device.refuse(kind, call.client, &call.command, bytes) {
        tracing::error!("failed to write the ledger of {}: {error}", call.device.name);
    }
}

async fn reject(call: &Call, channel: &Channel<Msg>, bytes: usize) {
    unchanged(call, Kind::Reject, bytes);
    answer(channel, b"error: line 1: syntax error, configuration not applied\n", 1).await;
}

/// The whole of standard input; what came of it if the client left before its end or sent too much.
pub(super) async fn read(channel: &mut Channel<Msg>) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::new();
    loop {
        let message = channel.wait().await.ok_or(bytes.len())?;
        if let ChannelMsg::Data { data } = &message {
            bytes.extend_from_slice(data);
        }
        if matches!(message, ChannelMsg::Close) || bytes.len() > CONFIGURATION_BYTES_MAX {
            return Err(bytes.len());
        }
        if matches!(message, ChannelMsg::Eof) {
            return Ok(bytes);
        }
    }
}

async fn show(call: &Call, mut channel: Channel<Msg>) {
    let mode = call.device.mode();
    if mode == Mode::NoRead {
        return answer(&channel, b"% Authorization failed\n", 1).await;
    }
    if mode == Mode::StuckRead {
        while channel.wait().await.is_some() {}
        return;
    }
    if mode == Mode::HalfRead {
        let running = call.device.running().unwrap_or_default();
        let _ = channel.data_bytes(running[..running.len() / 2].to_vec()).await;
        let _ = channel.exit_status(0).await;
        return call.cut.cancel();
    }
    match call.device.show(call.client, &call.command) {
        Ok(_) if mode == Mode::Flood => flood(&channel).await,
        Ok(running) => answer(&channel, &running, 0).await,
        Err(error) => answer(&channel, format!("error: {error}\n").as_bytes(), 74).await,
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
        | Mode::Wait
        | Mode::Reject
        | Mode::Stall
        | Mode::Hang
        | Mode::Refuse
        | Mode::Auth
        | Mode::Overloaded
        | Mode::SlowFailure
        | Mode::Cut
        | Mode::Busy
        | Mode::StallAfterWrite
        | Mode::Half
        | Mode::NoCommand
        | Mode::Close
        | Mode::NoRead
        | Mode::StuckRead
        | Mode::HalfRead
        | Mode::Trick(_) => {
            let text = format!("{}: apply {number}, {} bytes\n", call.device.name, configuration.len());
            answer(channel, text.as_bytes(), 0).await;
        }
    }
}

pub(super) async fn flood(channel: &Channel<Msg>) {
    for _ in 0..FLOOD_BYTES / FLOOD_PIECE_BYTES {
        if channel.data_bytes(vec![b'x'; FLOOD_PIECE_BYTES]).await.is_err() {
            return;
        }
    }
    answer(channel, b"", 0).await;
}

/// Output, exit status, end. A client that has left by then has had its answer in the ledger.
pub(super) async fn answer(channel: &Channel<Msg>, output: &[u8], status: u32) {
    let _ = channel.data_bytes(output.to_vec()).await;
    let _ = channel.exit_status(status).await;
    let _ = channel.eof().await;
    let _ = channel.close().await;
}
